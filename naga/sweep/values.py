"""What a main returned, kept beside its receipt: JSON where it is plain, else a pickle."""

from __future__ import annotations

import json
import os
import pickle
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from naga.errors import NotFoundError, RefusedError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PickledValue", "UnavailableValue", "keep_value", "load_value"]

_PLAIN, _PICKLED, _UNAVAILABLE = "value.json", "value.pickle", "value.problem"


@dataclass(frozen=True, slots=True)
class PickledValue:
    """A returned value that only Python can read; reading it can run code, so nobody does without being asked.

    Attributes
    ----------
    path : Path
        The file.
    kind : str
        The type of the value.
    """

    path: Path
    kind: str

    def load(self, *, trust: bool = False) -> Any:
        """Read the value.

        Parameters
        ----------
        trust : bool
            Read it although somebody else could have written the file.

        Returns
        -------
        object

        Raises
        ------
        RefusedError
            The file belongs to somebody else, or others may write to it.
        NotFoundError
            It is gone.
        """
        try:
            status = self.path.stat()
        except OSError as error:
            raise NotFoundError(f"no value at {self.path}", path=self.path) from error
        if not trust and (status.st_uid != os.geteuid() or status.st_mode & 0o022):
            hint = "load(trust=True) reads it all the same; reading a pickle can run any code"
            raise RefusedError(f"{self.path} may have been written by somebody else", hint=hint, path=self.path)
        with self.path.open("rb") as file:
            file.readline()
            return pickle.load(file)  # noqa: S301 - asked for, of a file of one's own


@dataclass(frozen=True, slots=True)
class UnavailableValue:
    """A returned value that could not be kept: its type, and why."""

    kind: str
    reason: str


def keep_value(folder: Path, value: Any) -> None:
    """Keep what a main returned, in the place of what was kept before.

    Parameters
    ----------
    folder : Path
        The folder of the run.
    value : object
        None leaves nothing. Tuples are kept as lists, and numbers of NumPy as numbers. What cannot be pickled is
        kept as the reason why.

    Raises
    ------
    OSError
        The disk does not allow it.
    """
    place = folder / ".naga"
    for name in (_PLAIN, _PICKLED, _UNAVAILABLE):
        with suppress(FileNotFoundError):
            (place / name).unlink()
    if value is None:
        return
    name, content = _encoded(value)
    place.mkdir(parents=True, exist_ok=True)
    # The receipt, which is written next, flushes the folder; until then nobody reads the value.
    with (place / name).open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def load_value(folder: Path) -> Any:
    """Return what a main returned.

    Parameters
    ----------
    folder : Path
        The folder of the run.

    Returns
    -------
    object
        A plain value, a `PickledValue`, an `UnavailableValue`, or None.
    """
    place = folder / ".naga"
    with suppress(FileNotFoundError):
        return json.loads((place / _PLAIN).read_bytes())
    with suppress(FileNotFoundError), (place / _PICKLED).open("rb") as file:
        return PickledValue(place / _PICKLED, file.readline(200).decode(errors="replace").strip())
    with suppress(FileNotFoundError):
        return UnavailableValue(**json.loads((place / _UNAVAILABLE).read_bytes()))
    return None


def _encoded(value: Any) -> tuple[str, bytes]:
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    try:
        return _PLAIN, json.dumps(_plain(value)).encode()
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        return _PICKLED, kind.encode() + b"\n" + _dumps(value)
    except Exception as error:  # noqa: BLE001 - objects raise whatever they like when they are pickled
        return _UNAVAILABLE, json.dumps({"kind": kind, "reason": f"{type(error).__name__}: {error}"[:1000]}).encode()


def _dumps(value: Any) -> bytes:
    try:
        import cloudpickle
    except ImportError:
        return pickle.dumps(value)
    # Classes of the script itself, which is no module that others could import, go along.
    content: bytes = cloudpickle.dumps(value)
    return content


def _plain(value: Any) -> Any:
    """Return a value that JSON gives back as it is."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) in (list, tuple):
        return [_plain(item) for item in value]
    if type(value) is dict and all(type(key) is str for key in value):
        return {key: _plain(item) for key, item in value.items()}
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == () and hasattr(value, "item"):
        return _plain(value.item())
    raise TypeError(f"{type(value).__name__} is not plain")
