"""The world as it is now, as far as receipts speak of it; each thing is looked at once."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import xxhash

from naga.errors import ChangedWhileReadError, NagaError, NotFoundError
from naga.lock.digest import hash_path
from naga.lock.filters import Selection, opened_root, walk
from naga.lock.outputs import hash_output
from naga.lock.project import MARKS, find_project
from naga.lock.receipt import RECEIPT_NAME, read_receipt
from naga.lock.stat_index import Reading, stat_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from naga.lock.receipt import DataEntry, Receipt

__all__ = ["Known", "Sight", "Sighting", "World", "place_of", "receipt_at"]

_Patterns = tuple[str, ...]
_GONE = (FileNotFoundError, NotADirectoryError)


class Sight(NamedTuple):
    """What is at a path: its `digest`; or None, with the `problem` in words if there is something all the same."""

    digest: str | None
    problem: str | None = None
    is_changing: bool = False


class Sighting(NamedTuple):
    """A digest, and what the status of a file, or of everything in a tree, was before it was read.

    Attributes
    ----------
    key : bytes
        The stat key of the file; of a tree the hash of all names and stat keys in it.
    digest : str
        What it was then.
    stat_keys : tuple of bytes
        Of the file, or of all files and links in the tree, for the judgement whether they were settled; empty when
        that has been judged.
    """

    key: bytes
    digest: str
    stat_keys: tuple[bytes, ...] = ()


class Known(Protocol):
    """What was seen before, such as a mapping."""

    def get(self, question: str, /) -> Sighting | None:
        """Return what is known for a question, see `World.learned`."""


class World:
    """Answers what is on the disk, and remembers the answers for as long as one question is being worked out.

    Parameters
    ----------
    known : Known, optional
        What `learned` returned at another time, as far as it was settled.
    progress : bool, optional
        Whether to show a bar for what takes longer than a second to read.
    """

    def __init__(self, known: Known | None = None, *, progress: bool = False) -> None:
        self._known: Known = {} if known is None else known
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
            When the reading began, and question -> sighting of the files and trees that were read; None when none was.
            A question is the absolute path, which is followed by a zero and the patterns for a tree.
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
            if stat.S_ISDIR(status.st_mode):
                return Sight(self._hash_tree(Path(path), include, exclude, is_output=is_output))
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
        self._begin_reading()
        digest = hash_path(path, progress=self._progress).digest
        self._seen[path] = Sighting(key, digest, (key,))
        return digest

    def _hash_tree(self, path: Path, include: _Patterns, exclude: _Patterns, *, is_output: bool) -> str:
        if is_output and path.is_symlink():
            return hash_output(path, progress=self._progress).digest
        question = f"{path}\0{include}{exclude}{is_output}"
        key, stat_keys = _list_tree(path, Selection.of(include, exclude), prune=_is_of_run if is_output else None)
        known = self._known.get(question)
        if known is not None and known.key == key:
            return known.digest
        self._begin_reading()
        if is_output:
            digest = hash_output(path, exclude, progress=self._progress).digest
        else:
            digest = hash_path(path, include, exclude, progress=self._progress).digest
        self._seen[question] = Sighting(key, digest, stat_keys)
        return digest

    def _begin_reading(self) -> None:
        if self._reading is None:
            self._reading = Reading.begin()

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


def _list_tree(
    root: Path, selection: Selection, *, prune: Callable[[Path], bool] | None
) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the hash of all names and stat keys that count in a tree, and the stat keys.

    This is the walk by which a tree is hashed; what it finds changes with everything that the digest depends on.
    """
    parts: list[bytes] = []
    stat_keys: list[bytes] = []
    with opened_root(root) as descriptor:
        for folder in walk(root, descriptor, selection, prune=prune, with_keys=True):
            listing = (
                folder.path,
                f"{folder.counts} {len(folder.files)} {len(folder.links)}",
                *folder.files,
                *folder.links,
            )
            parts += (os.fsencode("\0".join(listing)), *folder.keys)
            stat_keys += folder.keys
    return xxhash.xxh3_128_digest(b"\0".join(parts)), tuple(stat_keys)


def _is_of_run(folder: Path) -> bool:
    return (folder / RECEIPT_NAME).is_file()


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
