"""Digests of bytes, files and trees.

A file's digest is that of its bytes, a tree's that of its manifest. docs/formats.md has the recipe, and says what
xxHash is not: a defence against a forger.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from naga.errors import IntegrityError
from naga.lock.file_digest import digest_file
from naga.lock.filters import Selection, opened_root, root_status, walk
from naga.lock.manifest import ALGORITHM, hash_bytes
from naga.lock.progress import ByteBar
from naga.lock.second_walk import walk_together
from naga.lock.stat_index import Known, Reading, StatIndex, stat_key
from naga.lock.tree_digest import MANY_FILES, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["ALGORITHM", "USER_INDEX", "PathDigest", "hash_bytes", "hash_file", "hash_path", "hash_tree"]

USER_INDEX: Final = StatIndex()
"""The index in the user's cache folder."""

_INDEXED: Final = 2**20
"""Bytes below which a file is read faster than it is found in the index."""


@dataclass(frozen=True, slots=True)
class PathDigest:
    """The digest of a file or a tree, with what is needed to compute it again.

    Attributes
    ----------
    path : Path
        As it was given.
    digest : str
        ``xxh3_128:`` and 32 hexadecimal digits.
    size : int
        Bytes of the file, or of all files of the tree.
    kind : {"file", "tree"}
        What it is.
    files : int or None
        Number of files, for trees only.
    include, exclude : tuple of str
        The patterns that chose the entries of a tree; empty for a file.
    """

    path: Path
    digest: str
    size: int
    kind: Literal["file", "tree"]
    files: int | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


def hash_path(
    path: str | os.PathLike[str],
    include: Iterable[str] | None = None,
    exclude: Iterable[str] | None = None,
    *,
    index: StatIndex | None = USER_INDEX,
    progress: bool = True,
) -> PathDigest:
    """Compute the digest of a file or of a tree.

    Parameters
    ----------
    path : str or path-like
        The file or folder, or a link to one.
    include, exclude : iterable of str, optional
        Which entries of a tree count, see `naga.lock.filters.Selection`; without an effect on a file.
    index : StatIndex or None, optional
        Where the digests of unchanged files are looked up; None reads every byte.
    progress : bool, optional
        Whether to show a bar on standard error when it takes longer than a second.

    Returns
    -------
    PathDigest

    Raises
    ------
    NotFoundError
        There is nothing at `path`.
    ChangedWhileReadError
        Something was written there at the same time.
    IntegrityError
        Something cannot be read, or is a socket, a fifo or a device.
    ConfigError
        A pattern can fit nothing.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "a.txt").write_text("naga")
    ...     hash_path(Path(folder) / "a.txt").digest
    'xxh3_128:0916dbe7a84548857c829f212249cbe6'
    """
    place = Path(path)
    selection = Selection.of(include, exclude)
    status = root_status(place)
    if stat.S_ISDIR(status.st_mode):
        return hash_tree(place, include=selection.include, exclude=selection.exclude, index=index, progress=progress)
    with ByteBar(place.name, shown=progress, total=status.st_size) as bar:
        if index is None or status.st_size < _INDEXED:
            status, digest = digest_file(place, bar)
        else:
            status, digest = _find_or_read(place, status, index, bar)
    return PathDigest(place, f"{ALGORITHM}:{digest.hex()}", status.st_size, "file")


def hash_file(path: str | os.PathLike[str]) -> str:
    """Compute the digest of a file by reading all of it; errors as for `hash_path`.

    Parameters
    ----------
    path : str or path-like
        The file, or a link to one.

    Returns
    -------
    str
        ``xxh3_128:`` and 32 hexadecimal digits.
    """
    place = Path(path)
    if stat.S_ISDIR(root_status(place).st_mode):
        raise IntegrityError(f"{place} is a folder, not a file", hint="folders are for hash_path", path=place)
    _, digest = digest_file(place, ByteBar(place.name, shown=False))
    return f"{ALGORITHM}:{digest.hex()}"


def hash_tree(
    root: str | os.PathLike[str],
    *,
    include: Iterable[str] | None = None,
    exclude: Iterable[str] | None = None,
    prune: Callable[[Path], bool] | None = None,
    index: StatIndex | None = USER_INDEX,
    progress: bool = True,
) -> PathDigest:
    """Compute the digest of a tree, and keep its manifest in the cache.

    Parameters
    ----------
    root : str or path-like
        The folder, or a link to one. Links below it are recorded and never followed.
    include, exclude, index, progress
        As for `hash_path`, which also has the errors.
    prune : callable, optional
        Gets the path of each folder below the root; True leaves it out with everything below it. Unlike the
        patterns it is no part of the digest: the tree is hashed as if the folder were not there.

    Returns
    -------
    PathDigest
        `naga.lock.manifest.load_manifest` finds the entries by the digest.
    """
    place = Path(root)
    selection = Selection.of(include, exclude)
    with opened_root(place) as root_fd, ByteBar(place.name, shown=progress) as bar:
        identity = _tree_identity(root_fd, selection)
        known = index.find(identity) if index else None
        if known and known.count >= MANY_FILES and not (selection.include or selection.exclude or prune):
            folders = walk_together(place, root_fd)
        else:
            with_keys = known is not None or bar.shown
            folders = list(walk(place, root_fd, selection, prune=prune, with_keys=with_keys))
        tree = Tree(place, root_fd, bar, folders)
        if known and tree.compare(known):
            summary = known.summary
        else:
            reading = Reading.begin() if index else Reading()
            tree.read(reading)
            summary = tree.keep_manifest(selection)
            if index:
                index.store(identity, tree.found(summary, reading, known))
    digest, files, size = summary.decode().split()
    return PathDigest(place, digest, int(size), "tree", int(files), selection.include, selection.exclude)


def _find_or_read(place: Path, status: os.stat_result, index: StatIndex, bar: ByteBar) -> tuple[os.stat_result, bytes]:
    key = stat_key(status)
    known = index.find(_file_identity(key))
    digest = known.settled().get(key) if known else None
    if digest is not None:
        return status, digest
    reading = Reading.begin()
    status, digest = digest_file(place, bar)
    key = stat_key(status)
    unsettled = reading.unsettled([key], known.unsettled if known else {})
    index.store(_file_identity(key), Known(b"", key, digest, unsettled))
    return status, digest


def _file_identity(key: bytes) -> bytes:
    return b"file" + key[:16]


def _tree_identity(root_fd: int, selection: Selection) -> bytes:
    patterns = os.fsencode(repr((selection.include, selection.exclude)))
    return b"tree" + stat_key(os.fstat(root_fd))[:16] + patterns
