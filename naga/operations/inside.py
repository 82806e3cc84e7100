"""Reading files below a root, and nothing else, whoever asks for whatever."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from naga.errors import NotFoundError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["kind_inside", "list_inside", "read_inside", "size_inside"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Opening a fifo must not wait for somebody to write to it.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_inside(root: Path, path: str, most: int) -> bytes:
    """Read the beginning of a file.

    Parameters
    ----------
    root : Path
        Absolute; links above it and at its end are followed.
    path : str
        Relative to it. Not a single link in it is followed.
    most : int
        Bytes.

    Returns
    -------
    bytes

    Raises
    ------
    NotFoundError
        There is no such file, or it cannot be read.
    RefusedError
        The path leaves the root, goes through a link, or is no ordinary file.
    """
    with _opened(root, path) as descriptor:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise RefusedError(f"{path} is not an ordinary file", key=path)
        parts, size = [], 0
        while size < most and (part := os.read(descriptor, min(most - size, 2**20))):
            parts.append(part)
            size += len(part)
        return b"".join(parts)


def size_inside(root: Path, path: str) -> int:
    """Return the size of a file, in bytes; parameters and errors as for `read_inside`."""
    with _opened(root, path) as descriptor:
        return os.fstat(descriptor).st_size


def kind_inside(root: Path, path: str) -> str:
    """Tell what a path is: ``file``, ``folder`` or ``other``; parameters and errors as for `read_inside`."""
    with _opened(root, path) as descriptor:
        mode = os.fstat(descriptor).st_mode
    return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "other"


def list_inside(root: Path, path: str, most: int) -> list[tuple[str, str, int | None]]:
    """List a folder.

    Parameters
    ----------
    root, path
        As for `read_inside`.
    most : int
        Entries.

    Returns
    -------
    list of tuple
        Name, ``file``, ``folder``, ``link`` or ``other``, and of a file the size in bytes; sorted by name.

    Raises
    ------
    NotFoundError, RefusedError
        As for `read_inside`.
    """
    found: list[tuple[str, str, int | None]] = []
    with _opened(root, path) as descriptor, os.scandir(descriptor) as entries:
        for entry in sorted(entries, key=lambda each: each.name)[:most]:
            if entry.is_symlink():
                found.append((entry.name, "link", None))
            elif entry.is_dir():
                found.append((entry.name, "folder", None))
            elif entry.is_file():
                found.append((entry.name, "file", entry.stat(follow_symlinks=False).st_size))
            else:
                found.append((entry.name, "other", None))
    return found


@contextmanager
def _opened(root: Path, path: str) -> Iterator[int]:
    """Open a path one name after the other, so that no link can take the place of a folder meanwhile."""
    names = path.split("/")
    if any(name in ("", ".", "..") or "\0" in name for name in names):
        raise RefusedError(f"{path} is no path below the root", key=path)
    descriptor = -1
    try:
        descriptor = os.open(root, _FOLDER)
        for number, name in enumerate(names):
            flags = _FILE if number == len(names) - 1 else _FOLDER | os.O_NOFOLLOW
            inner = os.open(name, flags, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    except OSError as error:
        if error.errno == errno.ELOOP or _is_link(root, path):
            raise RefusedError(f"{path} goes through a link, which is not followed", key=path) from error
        raise NotFoundError(f"cannot read {path}: {error.strerror}", key=path) from error
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _is_link(root: Path, path: str) -> bool:
    """Tell whether a link is on the way; opening one as a folder says only that it is none."""
    names = path.split("/")
    return any(os.path.islink(root.joinpath(*names[: number + 1])) for number in range(len(names)))  # noqa: PTH114
