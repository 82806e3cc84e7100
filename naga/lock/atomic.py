"""Files that appear whole or not at all, and folders that one process at a time writes to."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["TEMPORARY", "folder_lock", "read_file", "write_atomically"]

TEMPORARY = ".naga-*.tmp"
"""The names of temporary files; one may be left when a process is killed while it writes."""

# What disks of other machines say that can neither flush a folder nor lock it.
_NO_FLUSH = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS})
_NO_LOCK = _NO_FLUSH | {errno.EBADF, errno.ENOLCK}


def write_atomically(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Replace the file `path` with `content` in one step that survives a crash.

    The bytes go to a temporary file in the same folder, are flushed to the disk, and take the place of
    `path` by a rename; then the folder itself is flushed. A reader sees the old content or the new one.

    Parameters
    ----------
    path : Path
        The file; its folder exists.
    content : bytes
        All of the new content.
    mode : int
        The permissions of the file, minus the umask.

    Raises
    ------
    OSError
        A step failed. `path` is as it was and no temporary file is left; only when the last flush, that of the folder,
        fails is the new content there already. `filename` names `path`.

    Notes
    -----
    The order write, fsync, rename, fsync of the folder is the one that rename(2) and fsync(2) of the Linux
    manual ask for: without the first flush a crash can leave a renamed file of zero bytes.
    """
    temporary = path.with_name(TEMPORARY.replace("*", os.urandom(8).hex()))
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            _fill(descriptor, content, path)
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        _flush_folder(path.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def read_file(path: Path, limit: int) -> bytes:
    """Read the beginning of whatever lies at a path, without ever waiting for it.

    Parameters
    ----------
    path : Path
        A file, or a link to one.
    limit : int
        The most bytes to read.

    Returns
    -------
    bytes

    Raises
    ------
    OSError
        There is nothing, it cannot be read, or it is a folder, a pipe or a device; `filename` names `path`.
    """
    # A pipe would wait for somebody who writes.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "Not a file", str(path))
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(min(status.st_size + 1, limit))
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Keep other processes that take the same lock out of `folder` for the length of a block.

    Parameters
    ----------
    folder : Path
        An existing folder. Nothing is written into it: the lock is on the folder itself.

    Notes
    -----
    flock(2) releases the lock when the process ends in whatever way, so no stale lock can stay behind. On a network
    disk it may hold on this machine only, and where a disk knows no locks at all everybody passes.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with _unless(_NO_LOCK, folder):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # A process that was forked meanwhile holds the descriptor too, so closing it would not be enough.
            with _unless(_NO_LOCK, folder):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _fill(descriptor: int, content: bytes, path: Path) -> None:
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        with _unless(_NO_FLUSH, path):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with _unless(_NO_FLUSH, folder):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _unless(numbers: frozenset[int], path: Path) -> Iterator[None]:
    """Go on when the disk says that it cannot do such a thing at all; of any other error name the path."""
    try:
        yield
    except OSError as error:
        if error.errno not in numbers:
            raise OSError(error.errno, error.strerror, str(path)) from error
