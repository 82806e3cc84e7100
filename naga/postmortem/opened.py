"""Opening a post-mortem: the failure of a run that happened elsewhere, as if it had happened here."""

from __future__ import annotations

import pickle
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.errors import IntegrityError, NotFoundError
from naga.postmortem.document import SUFFIX, read_document
from naga.postmortem.failure import Failure
from naga.postmortem.frames import Frame
from naga.postmortem.saved import FOLDER

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from naga.postmortem.document import Header, SavedFailure, SavedFrame, SavedVariable

__all__ = ["NotSaved", "find_postmortem", "open_postmortem"]


class NotSaved:
    """What stands in a post-mortem for a value that is not in it.

    Attributes
    ----------
    type : str
        The name of the value's type.
    description : str
        A few words on it.
    reason : str
        Why it is not there.
    """

    def __init__(self, type: str, description: str, reason: str) -> None:  # noqa: A002 - what it is
        self.type = type
        self.description = description
        self.reason = reason

    def __repr__(self) -> str:
        said = f": {self.description}" if self.description else ""
        return f"<not saved, {self.reason}; {self.type}{said}>"


def open_postmortem(path: str | os.PathLike[str], *, trust: bool = False) -> Failure:
    """Open the post-mortem of a run or of a worker process.

    Parameters
    ----------
    path : path
        The file, the folder of the run, or its receipt.
    trust : bool
        Open it even if somebody else wrote it. Opening runs code from the file.

    Returns
    -------
    Failure
        A variable that was not saved, or that cannot be loaded here, is a `NotSaved`.

    Raises
    ------
    NotFoundError
        There is none.
    IntegrityError
        The file is no post-mortem, or is damaged.
    RefusedError
        Somebody else wrote it, and `trust` was not given.
    """
    file = find_postmortem(path)
    header, body = read_document(file, trust=trust)
    with _importing_from(header):
        return _Reader(file, body).failure(header.failure, _place(header))


def find_postmortem(path: str | os.PathLike[str]) -> Path:
    """Find the post-mortem that a path means.

    Parameters
    ----------
    path : path
        The file, a folder with a receipt, or a receipt.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    NotFoundError
        There is none.
    """
    from naga.lock.receipt import RECEIPT_NAME, read_receipt

    path = Path(path)
    if path.is_dir() and (path / RECEIPT_NAME).is_file():
        path = path / RECEIPT_NAME
    if path.is_dir():
        found = sorted([*path.glob(f"*{SUFFIX}"), *(path / FOLDER).glob(f"*{SUFFIX}")])
        if found:
            return found[-1]
    elif path.name == RECEIPT_NAME and path.is_file():
        receipt = read_receipt(path)
        file = path.parent / FOLDER / f"{receipt.id}{SUFFIX}"
        if file.is_file():
            return file
        raise NotFoundError(f"{path} has no post-mortem; the run is {receipt.status}", hint=_HINT, path=path)
    elif path.exists():
        return path
    raise NotFoundError(f"no post-mortem at {path}", hint=_HINT, path=path)


_HINT = "a run that fails saves one while the environment variable NAGA_DEBUG is 1"


class _Reader:
    def __init__(self, file: Path, body: bytes) -> None:
        self._file = file
        self._body = memoryview(body)
        self._loaded: dict[tuple[int, int], Any] = {}

    def failure(self, saved: SavedFailure, place: str = "") -> Failure:
        cause = self.failure(saved.cause) if saved.cause else None
        leaves = tuple(self.failure(leaf) for leaf in saved.leaves)
        return Failure(saved.type, tuple(map(self._frame, saved.frames)), cause, leaves, place)

    def _frame(self, saved: SavedFrame) -> Frame:
        variables = {variable.name: self._value(variable) for variable in saved.variables}
        return Frame(saved.name, saved.file, saved.line, variables, saved.user, saved.chosen)

    def _value(self, saved: SavedVariable) -> Any:
        if not saved.length:
            return NotSaved(saved.type, saved.description, saved.problem)
        end = saved.start + saved.length
        if saved.start < 0 or saved.length < 0 or end > len(self._body):
            raise IntegrityError(f"{self._file} says that {saved.name} lies where nothing is", path=self._file)
        key = (saved.start, end)
        if key not in self._loaded:
            try:
                self._loaded[key] = pickle.loads(self._body[saved.start : end])  # noqa: S301 - written here, or trusted
            except Exception as error:  # noqa: BLE001 - a value that cannot be loaded here costs only itself
                reason = f"cannot be loaded here: {type(error).__name__}: {error}"
                self._loaded[key] = NotSaved(saved.type, saved.description, reason)
        return self._loaded[key]


def _place(header: Header) -> str:
    return f"process {header.process} on {header.host}, {header.written}"


@contextmanager
def _importing_from(header: Header) -> Iterator[None]:
    """Find modules that the run imported from its own folder; what is found elsewhere comes first."""
    added = [folder for folder in header.path if folder not in sys.path]
    sys.path.extend(added)
    try:
        yield
    finally:
        for folder in added:
            if folder in sys.path:
                sys.path.remove(folder)
