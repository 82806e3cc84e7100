"""Which entries of a tree count: include and exclude patterns, and the walk that applies them."""

from __future__ import annotations

import errno
import fnmatch
import os
import re
import stat
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from naga.errors import ChangedWhileReadError, ConfigError, IntegrityError, NotFoundError
from naga.lock.folder_reading import READ_FOLDER, open_folder, stat_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from naga.errors import NagaError

    _Matcher = Callable[[str], object]

__all__ = ["Selection", "walk"]

AGAIN = "wait until nothing writes there, then run it again"
_READABLE = "make it readable, or leave it out with an exclude pattern"
_OTHER_KIND = frozenset({errno.ELOOP, errno.ENXIO, errno.ESTALE})
"""What open(2) says of a link with O_NOFOLLOW and of a socket, and NFS of a file that is gone."""


class Selection(msgspec.Struct, frozen=True):
    """Include and exclude patterns, checked and in their canonical order.

    A pattern is a list of names joined by ``/``. In a name ``*`` stands for any characters, ``?`` for one,
    ``[...]`` for one of a set and ``[!...]`` for one outside of it; the name ``**`` stands for any number of
    folders, none included, and at the end of a pattern for everything below. A pattern without ``/``, or
    with one at its end only, fits at any depth; any other starts at the root. With a ``/`` at its end it fits
    folders only.

    Attributes
    ----------
    include : tuple of str
        Sorted by bytes, without repetition. When it is not empty, an entry counts only if a pattern fits it
        or a folder above it.
    exclude : tuple of str
        The same. What a pattern fits does not count, nor does anything below it; this wins over `include`.

    Examples
    --------
    >>> selection = Selection.of(include=["raw/**/*.csv"], exclude=[".git/"])
    >>> selection.includes("raw/2024/may/a.csv", folder=False), selection.includes("a.csv", folder=False)
    (True, False)
    >>> selection.excludes("deep/.git", folder=True)
    True
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @classmethod
    def of(cls, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None) -> Selection:
        """Check patterns and bring them into canonical order.

        Parameters
        ----------
        include, exclude : iterable of str, optional
            The patterns; None and nothing mean the same.

        Returns
        -------
        Selection

        Raises
        ------
        ConfigError
            A pattern is empty, has an empty name, ``.`` or ``..`` in it, or a single string was given.
        """
        return cls(_checked("include", include), _checked("exclude", exclude))

    def includes(self, path: str, *, folder: bool) -> bool:
        """Tell whether an include pattern fits `path` itself.

        Parameters
        ----------
        path : str
            Relative to the root, with ``/``.
        folder : bool
            Whether it is a folder.

        Returns
        -------
        bool
            True also when there are no include patterns.
        """
        return not self.include or _fits_any(self.include, path, folder=folder)

    def excludes(self, path: str, *, folder: bool) -> bool:
        """Tell whether an exclude pattern fits `path` itself; parameters as for `includes`."""
        return _fits_any(self.exclude, path, folder=folder)

    def chooses(self, path: str) -> bool:
        """Tell whether a file counts, with regard to the folders above it.

        Parameters
        ----------
        path : str
            Relative to the root, with ``/``.

        Returns
        -------
        bool
        """
        names = path.split("/")
        above = ["/".join(names[:count]) for count in range(1, len(names))]
        if self.excludes(path, folder=False) or any(self.excludes(name, folder=True) for name in above):
            return False
        return self.includes(path, folder=False) or any(self.includes(name, folder=True) for name in above)


class Folder(msgspec.Struct):
    """One folder of a tree, as the walk saw it.

    Attributes
    ----------
    path : str
        Relative to the root, with ``/``; empty for the root.
    identity : tuple of int
        Device and inode.
    included : bool
        Whether an include pattern fits it or a folder above it; True when there are none.
    files, links : list of str
        Names of the regular files and of the symbolic links that count, in the order of the file system.
    keys : list of bytes
        Stat keys of the files and then of the links; empty until somebody asked for them.
    """

    path: str
    identity: tuple[int, int]
    included: bool
    files: list[str] = msgspec.field(default_factory=list)
    links: list[str] = msgspec.field(default_factory=list)
    keys: list[bytes] = msgspec.field(default_factory=list)

    @property
    def counts(self) -> bool:
        """Whether the folder is an entry of the manifest itself."""
        return self.included and self.path != ""

    def below(self, name: str) -> str:
        """Return the path of an entry of this folder, relative to the root."""
        return f"{self.path}/{name}" if self.path else name


def walk(
    root: Path,
    root_fd: int,
    selection: Selection,
    *,
    prune: Callable[[Path], bool] | None = None,
    with_keys: bool = False,
) -> Iterator[Folder]:
    """List the entries of a tree that count, folder by folder, without following a link.

    Parameters
    ----------
    root : Path
        The tree, for messages and for `prune`.
    root_fd : int
        The open root.
    selection : Selection
        Which entries count.
    prune : callable, optional
        Gets the path of each folder below the root; True leaves the folder out with everything below it.
    with_keys : bool
        Whether to read the status of each file and link too.

    Yields
    ------
    Folder
        Each folder before the folders in it.

    Raises
    ------
    ChangedWhileReadError
        A folder changed during the walk.
    IntegrityError
        A folder cannot be read, or an entry that counts is neither file, folder nor link.
    """
    waiting = [root_folder(root_fd, selection)]
    while waiting:
        folder = waiting.pop()
        inner = scan(root, root_fd, folder, selection, with_keys=with_keys)
        waiting.extend(each for each in inner if prune is None or not prune(root / each.path))
        yield folder


def root_folder(root_fd: int, selection: Selection) -> Folder:
    """Return what the walk begins with."""
    status = os.fstat(root_fd)
    return Folder("", (status.st_dev, status.st_ino), included=not selection.include)


def scan(root: Path, root_fd: int, folder: Folder, selection: Selection, *, with_keys: bool) -> list[Folder]:
    """List one folder, note in it what counts, and return the folders in it; parameters and errors as for `walk`."""
    try:
        return _scan(root, root_fd, folder, selection, with_keys=with_keys)
    except OSError as error:
        raise read_error(root / folder.path, error) from error


def root_status(root: Path) -> os.stat_result:
    """Return the status of a file or a folder; a link is followed.

    Raises NotFoundError when nothing is there and IntegrityError when it is neither or cannot be reached.
    """
    try:
        status = root.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        hint = "it is a link to nowhere" if root.is_symlink() else "check the path"
        raise NotFoundError(f"there is nothing at {root}", hint=hint, path=root) from error
    except OSError as error:
        raise IntegrityError(f"{root} cannot be read: {error.strerror}", hint=_READABLE, path=root) from error
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise special_file_error(root)
    return status


@contextmanager
def opened_root(root: Path) -> Iterator[int]:
    """Open the folder `root` for the length of a block; a link is followed. Errors as for `root_status`."""
    if not stat.S_ISDIR(root_status(root).st_mode):
        raise IntegrityError(f"{root} is a file, not a folder", hint="files are for hash_path", path=root)
    try:
        descriptor = os.open(root, READ_FOLDER)
    except OSError as error:
        raise read_error(root, error) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def special_file_error(path: Path) -> IntegrityError:
    """Return the error for a path that is neither a file nor a folder nor a link."""
    hint = "leave it out with an exclude pattern"
    return IntegrityError(f"{path} is a socket, a fifo or a device and has no digest", hint=hint, path=path)


def read_error(path: Path, error: OSError) -> NagaError:
    """Turn what happened on reading `path`, which was there a moment ago, into the error for the person."""
    if isinstance(error, FileNotFoundError | NotADirectoryError) or error.errno in _OTHER_KIND:
        return ChangedWhileReadError(f"{path} went away while it was read", hint=AGAIN, path=path)
    return IntegrityError(f"{path} cannot be read: {error.strerror}", hint=_READABLE, path=path)


def _scan(root: Path, root_fd: int, folder: Folder, selection: Selection, *, with_keys: bool) -> list[Folder]:
    descriptor = open_folder(root_fd, folder.path, folder.identity)
    try:
        before = os.fstat(descriptor)
        with os.scandir(descriptor) as entries:
            inner = _sort_by_kind(root, folder, entries, selection, with_keys=with_keys)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    # An entry that is renamed during getdents(2) may be reported twice or not at all.
    if (before.st_mtime_ns, before.st_ctime_ns) != (after.st_mtime_ns, after.st_ctime_ns):
        path = root / folder.path
        raise ChangedWhileReadError(f"{path} changed while it was listed", hint=AGAIN, path=path)
    return inner


def _sort_by_kind(
    root: Path, folder: Folder, entries: Iterable[os.DirEntry[str]], selection: Selection, *, with_keys: bool
) -> list[Folder]:
    inner: list[Folder] = []
    link_keys: list[bytes] = []
    for entry in entries:
        is_folder = entry.is_dir(follow_symlinks=False)
        included = folder.included
        if selection.include or selection.exclude:
            path = folder.below(entry.name)
            if selection.excludes(path, folder=is_folder):
                continue
            included = included or selection.includes(path, folder=is_folder)
        if is_folder:
            status = entry.stat(follow_symlinks=False)
            inner.append(Folder(folder.below(entry.name), (status.st_dev, status.st_ino), included))
        elif not included:
            continue
        elif entry.is_file(follow_symlinks=False):
            folder.files.append(entry.name)
            if with_keys:
                folder.keys.append(stat_key(entry.stat(follow_symlinks=False)))
        elif entry.is_symlink():
            folder.links.append(entry.name)
            if with_keys:
                link_keys.append(stat_key(entry.stat(follow_symlinks=False)))
        else:
            raise special_file_error(root / folder.below(entry.name))
    folder.keys += link_keys
    return inner


def _checked(key: str, patterns: Iterable[str] | None) -> tuple[str, ...]:
    if isinstance(patterns, str):
        hint = f"write [{patterns!r}]"
        raise ConfigError(f"{key} is a text and not a list of patterns", hint=hint, key=key)
    found = set(patterns or ())
    for pattern in found:
        names = pattern.removeprefix("/").removesuffix("/").split("/")
        if "\0" in pattern or any(name in ("", ".", "..") for name in names):
            hint = "write names joined by '/', relative to the folder, without '.' and '..'"
            raise ConfigError(f"{key} has the pattern {pattern!r}, which can fit nothing", hint=hint, key=key)
    return tuple(sorted(found, key=os.fsencode))


def _fits_any(patterns: tuple[str, ...], path: str, *, folder: bool) -> bool:
    names = path.split("/")
    return any((folder or not pattern.endswith("/")) and _fits(names, _compile(pattern)) for pattern in patterns)


@lru_cache(maxsize=256)
def _compile(pattern: str) -> tuple[_Matcher | None, ...]:
    """Return one matcher a name, None for ``**``."""
    names = pattern.removesuffix("/").split("/")
    if len(names) == 1:
        names = ["**", *names]
    elif not names[0]:
        del names[0]
    if names[-1] == "**":
        names.append("*")
    return tuple(None if name == "**" else re.compile(fnmatch.translate(name)).match for name in names)


def _fits(names: list[str], matchers: tuple[_Matcher | None, ...]) -> bool:
    """Match names against matchers, going back only to the last ``**``: time stays below names x matchers."""
    at = step = 0
    restart: tuple[int, int] | None = None
    while at < len(names):
        matcher = matchers[step] if step < len(matchers) else _match_nothing
        if matcher is None:
            restart = at, step + 1
            step += 1
        elif matcher(names[at]):
            at, step = at + 1, step + 1
        elif restart is None:
            return False
        else:
            restart = restart[0] + 1, restart[1]
            at, step = restart
    return step == len(matchers)


def _match_nothing(_name: str) -> None:
    """Match no name: what stands behind the last matcher."""
