"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["folder_lock", "write_atomically"]


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file `path` with `content` in one step that survives a crash.

    The bytes go to a temporary file in the same folder, are flushed to the disk, and take the place of
    `path` by a rename; then the folder itself is flushed. A reader sees the old content or the new one.

    Parameters
    ----------
    path : Path
        The file; its folder exists. The mode follows the umask.
    content : bytes
        All of the new content.

    Raises
    ------
    OSError
        A step failed. `path` is as it was, no temporary file is left, and `filename` names `path`.

    Notes
    -----
    The order write, fsync, rename, fsync of the folder is the one that rename(2) and fsync(2) of the Linux
    manual ask for: without the first flush a crash can leave a renamed file of zero bytes.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            _write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Keep other processes that take the same lock out of `folder` for the length of a block.

    Parameters
    ----------
    folder : Path
        An existing folder. Nothing is written into it: the lock is on the folder itself.

    Notes
    -----
    flock(2) releases the lock when the process ends in whatever way, so no stale lock can stay behind.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
