"""The folders of a tree: which names they hold, and what is in small files that nobody has written to for long.

This is the program of the second process, too, which has to be there as soon as Python is: so it imports nothing of
naga, and of the rest only what costs nothing.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import sys
from operator import attrgetter

import xxhash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Final

    # Path and identity of a folder, names of files in it, and what `digest_small_file` calls `long_ago`. Without names
    # it is asked what the folder holds.
    Request = tuple[str, tuple[int, int], list[str] | None, int]
    # Stat key and digest of each file, None for one that wants more care.
    Answer = list[tuple[bytes, bytes] | None]
    # Name, device and inode of each folder; names of files and of links; stat keys of these files and links.
    Listing = tuple[list[tuple[str, int, int]], list[str], list[str], list[bytes]]

__all__ = ["SMALL", "digest_small_file", "open_folder", "pack_fields", "stat_fields", "stat_key"]

SMALL: Final = 64 * 2**10
"""Bytes that one read takes without mapping new memory for each file."""

READ_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
READ_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_LONGEST_PATH: Final = 1000
"""Bytes of a path that every system takes in one call: Linux takes 4,095, macOS 1,023."""

stat_fields: Callable[[os.stat_result], tuple[int, ...]] = attrgetter(
    "st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns", "st_mode"
)
"""What identifies one state of one file: numbers, bytes, and nanoseconds since 1970, UTC."""
KEY = struct.Struct("=QQqqqQ")
_NEVER: Final = 2**63 - 1
"""Stands for a time after the year 2262, which does not fit into a key. Nothing is ever older than it."""


def pack_fields(fields: tuple[int, ...]) -> bytes:
    """Pack `stat_fields` into the 48 bytes of a stat key."""
    try:
        return KEY.pack(*fields)
    except struct.error:
        device, inode, size, _, _, mode = fields
        return KEY.pack(device, inode, size, _NEVER, _NEVER, mode)


def stat_key(status: os.stat_result) -> bytes:
    """Pack what identifies one state of one file into the 48 bytes of a stat key."""
    return pack_fields(stat_fields(status))


def open_folder(root_fd: int, path: str, identity: tuple[int, int]) -> int:
    """Open a folder of a tree, at any depth, without following a link out of the tree.

    `path` is relative to the open root, with ``/``, and `identity` the device and inode that the folder must
    have: a link may have taken the place of a folder above it. The descriptor is for the caller to close.
    Raises OSError when the folder cannot be opened or another one is there now.
    """
    first, *rest = _steps(path)
    descriptor = os.open(first, READ_FOLDER | os.O_NOFOLLOW, dir_fd=root_fd)
    try:
        for step in rest:
            outer, descriptor = descriptor, os.open(step, READ_FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(outer)
        _check_identity(descriptor, identity)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def digest_small_file(name: str, folder_fd: int, long_ago: int) -> tuple[bytes, bytes] | None:
    """Read a file of a tree that is small and was not changed for long.

    Parameters
    ----------
    name : str
    folder_fd : int
        The open folder that holds it.
    long_ago : int
        Nanoseconds since 1970; a file that was not changed since then was not changed after the reading began, so one
        look at its status is enough.

    Returns
    -------
    tuple or None
        Its stat key and its digest; None where it wants `naga.lock.file_digest.digest_file`.
    """
    descriptor = os.open(name, READ_FILE | os.O_NOFOLLOW, dir_fd=folder_fd)
    try:
        data = os.read(descriptor, SMALL)
        fields = stat_fields(os.fstat(descriptor))
    finally:
        os.close(descriptor)
    _, _, size, mtime, ctime, mode = fields
    if len(data) != size or mtime >= long_ago or ctime >= long_ago or not stat.S_ISREG(mode):
        return None
    return pack_fields(fields), xxhash.xxh3_128_digest(data)


def list_folder(folder_fd: int) -> Listing | None:
    """List an open folder, with the status of each file and link.

    Returns
    -------
    tuple or None
        None when there is something else in it, or when it changed meanwhile.
    """
    folders, files, links = [], [], []
    keys, link_keys = [], []
    before = os.fstat(folder_fd)
    with os.scandir(folder_fd) as entries:
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                folders.append((entry.name, status.st_dev, status.st_ino))
            elif entry.is_file(follow_symlinks=False):
                files.append(entry.name)
                keys.append(stat_key(status))
            elif entry.is_symlink():
                links.append(entry.name)
                link_keys.append(stat_key(status))
            else:
                return None
    after = os.fstat(folder_fd)
    # An entry that is renamed during getdents(2) may be reported twice or not at all.
    if (before.st_mtime_ns, before.st_ctime_ns) != (after.st_mtime_ns, after.st_ctime_ns):
        return None
    return folders, files, links, keys + link_keys


def main(serve: Callable[[Callable[[Request], Answer | Listing | None], ModuleType], None]) -> None:
    """Answer what is asked, in a process of its own, whose argument is the number of the open root.

    The answer is None when the folder or a file cannot be opened or read.
    """
    import marshal

    root_fd = int(sys.argv[1])

    def answer(request: Request) -> Answer | Listing | None:
        path, identity, names, long_ago = request
        try:
            folder_fd = open_folder(root_fd, path, identity)
            try:
                if names is None:
                    return list_folder(folder_fd)
                return [digest_small_file(name, folder_fd, long_ago) for name in names]
            finally:
                os.close(folder_fd)
        except OSError:
            return None

    serve(answer, marshal)


def _check_identity(descriptor: int, identity: tuple[int, int]) -> None:
    status = os.fstat(descriptor)
    if (status.st_dev, status.st_ino) != identity:
        raise NotADirectoryError(errno.ENOTDIR, "another folder is there now")


def _steps(path: str) -> list[str]:
    if len(path) * 4 <= _LONGEST_PATH:
        return [path or "."]
    steps, step = [], ""
    for name in path.split("/"):
        longer = f"{step}/{name}" if step else name
        if len(os.fsencode(longer)) > _LONGEST_PATH:
            steps.append(step)
            longer = name
        step = longer
    return [*steps, step]
