"""The outputs of a run: whatever lies in its ``save_dir`` when it ends."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from naga.errors import NagaError
from naga.lock.digest import hash_path, hash_tree
from naga.lock.inputs import NOT_DATA
from naga.lock.receipt import RECEIPT_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from naga.lock.digest import PathDigest

__all__ = ["MOST_OUTPUTS", "hash_output", "hash_outputs"]

MOST_OUTPUTS: Final = 1000
"""How many files and folders of a ``save_dir`` are recorded one by one; more of them are recorded as one tree."""


def hash_outputs(save_dir: Path, receipt_path: Path | None) -> tuple[dict[str, PathDigest], NagaError | None]:
    """Digest what a run left.

    Parameters
    ----------
    save_dir : Path
        The folder; it need not exist.
    receipt_path : Path or None
        The receipt of the run itself, which is no output.

    Returns
    -------
    dict
        Name in `save_dir` -> digest, sorted; more than `MOST_OUTPUTS` are one tree under the name ``.``. What naga
        itself leaves there, the folders of other runs, and links that lead nowhere are left out.
    NagaError or None
        Why one of them could not be digested; the others were.
    """
    found: dict[str, PathDigest] = {}
    problem: NagaError | None = None
    names = [name for name in _names(save_dir) if save_dir / name != receipt_path]
    exclude: tuple[str, ...] = ()
    if len(names) > MOST_OUTPUTS:
        names, exclude = ["."], (*NOT_DATA, receipt_path.name) if receipt_path else NOT_DATA
    for name in names:
        try:
            found[name] = hash_output(save_dir / name, exclude)
        except NagaError as error:
            problem = problem or error
    return found, problem


def hash_output(path: Path, exclude: Iterable[str] = (), *, progress: bool = True) -> PathDigest:
    """Digest one output.

    Parameters
    ----------
    path : Path
        A file or a folder. Folders in it that have receipts of their own are left out.
    exclude : iterable of str
        As for `naga.lock.digest.hash_path`.
    progress : bool
        Whether to show a bar on standard error when it takes longer than a second.

    Returns
    -------
    PathDigest

    Raises
    ------
    NotFoundError, IntegrityError
        As for `naga.lock.digest.hash_path`.
    """
    if path.is_dir() and not path.is_symlink():
        return hash_tree(path, exclude=exclude, prune=lambda folder: _is_run(str(folder)), progress=progress)
    return hash_path(path, progress=progress)


def _names(save_dir: Path) -> list[str]:
    if not save_dir.is_dir():
        return []
    return sorted(entry.name for entry in os.scandir(save_dir) if _is_output(entry))


def _is_output(entry: os.DirEntry[str]) -> bool:
    if any(fnmatchcase(entry.name, pattern.strip("/")) for pattern in NOT_DATA):
        return False
    return os.path.exists(entry.path) and not _is_run(entry.path)  # noqa: PTH110 - called for each of many files


def _is_run(path: str) -> bool:
    return os.path.isfile(f"{path}/{RECEIPT_NAME}")  # noqa: PTH113
