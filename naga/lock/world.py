"""The world as it is now, as far as receipts speak of it; each thing is looked at once."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from naga.errors import ChangedWhileReadError, NagaError, NotFoundError
from naga.lock.digest import hash_path
from naga.lock.outputs import hash_output
from naga.lock.project import MARKS, find_project
from naga.lock.receipt import read_receipt
from naga.lock.stat_index import Reading, stat_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from naga.lock.receipt import DataEntry, Receipt

__all__ = ["Sight", "Sighting", "World", "place_of", "receipt_at"]

_Patterns = tuple[str, ...]
_GONE = (FileNotFoundError, NotADirectoryError)


class Sight(NamedTuple):
    """What is at a path: its `digest`; or None, with the `problem` in words if there is something all the same."""

    digest: str | None
    problem: str | None = None
    is_changing: bool = False


class Sighting(NamedTuple):
    """A digest, and the stat key of the file as it was before it was read."""

    key: bytes
    digest: str


class World:
    """Answers what is on the disk, and remembers the answers for as long as one question is being worked out.

    Parameters
    ----------
    known : mapping, optional
        Absolute path of a file -> what was seen there at another time, when it was settled.
    progress : bool, optional
        Whether to show a bar for what takes longer than a second to read.
    """

    def __init__(self, known: Mapping[str, Sighting] | None = None, *, progress: bool = False) -> None:
        self._known = known or {}
        self._progress = progress
        self._sights: dict[tuple[str, _Patterns, _Patterns, bool], Sight] = {}
        self._receipts: dict[str, Receipt | NagaError | None] = {}
        self._marked: dict[str, bool] = {}
        self._roots: dict[str, str] = {}
        self._seen: dict[str, Sighting] = {}
        self._reading: Reading | None = None

    def look(self, path: str, include: _Patterns = (), exclude: _Patterns = ()) -> Sight:
        """Look at a file or a tree.

        Parameters
        ----------
        path : str
            Absolute.
        include, exclude : tuple of str
            As for `naga.hash_path`.

        Returns
        -------
        Sight
        """
        return self._look(path, include, exclude, is_output=False)

    def look_at(self, entry: DataEntry, root: str, *, is_output: bool = False) -> Sight:
        """Look at what a receipt speaks of.

        Parameters
        ----------
        entry : DataEntry
            What the receipt says of it.
        root : str
            The root of the receipt's project.
        is_output : bool
            Leave out the folders of other runs, as was done when the outputs were recorded.

        Returns
        -------
        Sight
        """
        return self._look(place_of(entry.path, root), entry.include, entry.exclude, is_output=is_output)

    def receipt(self, path: str) -> Receipt | NagaError | None:
        """Return the receipt that lies at a path now.

        Parameters
        ----------
        path : str
            Absolute.

        Returns
        -------
        Receipt, NagaError or None
            None when there is no file, the error when it cannot be read.
        """
        if path not in self._receipts:
            self._receipts[path] = receipt_at(path)
        return self._receipts[path]

    def remember(self, receipts: Mapping[str, Receipt | NagaError]) -> None:
        """Take over receipts that were read elsewhere, so that they are not read again.

        Parameters
        ----------
        receipts : mapping
            Absolute path -> receipt, or why it cannot be read.
        """
        self._receipts.update(receipts)

    def root_of(self, path: str, receipt: Receipt) -> str:
        """Find the root of the project that a receipt counts its paths from.

        Parameters
        ----------
        path : str
            The file of the receipt, absolute.
        receipt : Receipt

        Returns
        -------
        str
            Where the project is now, which need not be where it was: its outputs lie beside the receipt. For a receipt
            that lies outside of its project, the root that it recorded.
        """
        root = self._roots.get(path)
        if root is None:
            root = self._roots[path] = self._find_root(path, receipt)
        return root

    def learned(self) -> tuple[Reading, dict[str, Sighting]] | None:
        """Return what need not be read again as long as the files keep their stat keys, once they are settled.

        Returns
        -------
        tuple or None
            When the reading began, and absolute path -> sighting of the files that were read; None when none was.
        """
        return None if self._reading is None else (self._reading, self._seen)

    def _find_root(self, path: str, receipt: Receipt) -> str:
        folder = path.rpartition("/")[0]
        beside = _root_beside(folder, receipt)
        if beside is not None and self._is_project(beside):
            return beside
        recorded = receipt.caller.get("root")
        if isinstance(recorded, str) and path.startswith(recorded.rstrip("/") + "/"):
            return recorded
        if beside is not None:
            return beside
        found = str(find_project(Path(folder)))
        return recorded if isinstance(recorded, str) and not self._is_project(found) else found

    def _look(self, path: str, include: _Patterns, exclude: _Patterns, *, is_output: bool) -> Sight:
        question = path, include, exclude, is_output
        sight = self._sights.get(question)
        if sight is None:
            sight = self._sights[question] = self._see(path, include, exclude, is_output=is_output)
        return sight

    def _see(self, path: str, include: _Patterns, exclude: _Patterns, *, is_output: bool) -> Sight:
        try:
            status = os.stat(path)  # noqa: PTH116 - called for ten thousand paths given as text
            if not stat.S_ISREG(status.st_mode):
                return Sight(self._hash_other(Path(path), include, exclude, is_output=is_output))
            return Sight(self._hash_file(path, status))
        except (*_GONE, ValueError):
            return Sight(None)
        except OSError as error:
            return Sight(None, f"cannot be read: {error.strerror}")
        except NotFoundError:
            return Sight(None)
        except NagaError as error:
            return Sight(None, str(error), is_changing=isinstance(error, ChangedWhileReadError))

    def _hash_file(self, path: str, status: os.stat_result) -> str:
        key = stat_key(status)
        known = self._known.get(path)
        if known is not None and known.key == key:
            return known.digest
        if self._reading is None:
            self._reading = Reading.begin()
        digest = hash_path(path, progress=self._progress).digest
        self._seen[path] = Sighting(key, digest)
        return digest

    def _hash_other(self, path: Path, include: _Patterns, exclude: _Patterns, *, is_output: bool) -> str:
        if is_output:
            return hash_output(path, exclude, progress=self._progress).digest
        return hash_path(path, include, exclude, progress=self._progress).digest

    def _is_project(self, folder: str) -> bool:
        if folder not in self._marked:
            self._marked[folder] = any(os.path.lexists(f"{folder}/{mark}") for mark in MARKS)
        return self._marked[folder]


def receipt_at(path: str) -> Receipt | NagaError | None:
    """Read the receipt that lies at a path.

    Parameters
    ----------
    path : str
        Absolute; it may come from anybody's receipt.

    Returns
    -------
    Receipt, NagaError or None
        None when there is no file, the error when it cannot be read.
    """
    try:
        return read_receipt(Path(path))
    except NagaError as error:
        is_gone = isinstance(error, NotFoundError) and isinstance(error.__cause__, _GONE)
        return None if is_gone else error
    except ValueError:
        # A zero byte is in no path.
        return None


def place_of(path: str, root: str) -> str:
    """Turn a path of a receipt into a path on this machine.

    Parameters
    ----------
    path : str
        What `naga.lock.project.portable_path` returned.
    root : str
        The root of the project on this machine.

    Returns
    -------
    str
        Absolute.
    """
    if path == ".":
        return root
    return path if path.startswith("/") else f"{root.rstrip('/')}/{path}"


def _root_beside(folder: str, receipt: Receipt) -> str | None:
    """Return the root from which the outputs' paths lead to the folder of their receipt."""
    for name, entry in receipt.outputs.items():
        if entry.path.startswith("/"):
            return None
        # Very many outputs are recorded as one tree, under this name.
        save_dir = entry.path if name == "." else entry.path.rpartition("/")[0]
        if not save_dir:
            return folder
        if folder.endswith(f"/{save_dir}"):
            return folder[: -len(save_dir) - 1] or "/"
    return None
