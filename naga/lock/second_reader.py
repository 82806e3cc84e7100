"""A second process that reads files of a tree, for trees of so many files that reading them in one takes seconds.

What the process answers is checked in no other way than what is read here, so it changes the time that a digest takes
and nothing else.
"""

from __future__ import annotations

import os
import sys
from typing import Any, NamedTuple

import xxhash

from naga.lock.file_digest import digest_quiet_file
from naga.lock.filters import open_folder
from naga.lock.second_process import SecondProcess, serve

__all__ = ["Request", "SecondReader", "main"]

Answer = list[tuple[bytes, bytes] | None]


class Request(NamedTuple):
    """Files of one folder that are to be read.

    Attributes
    ----------
    path : str
        The folder, relative to the root.
    identity : tuple of int
        Its device and inode.
    names : list of str
    long_ago : int
        As for `naga.lock.file_digest.digest_quiet_file`.
    """

    path: str
    identity: tuple[int, int]
    names: list[str]
    long_ago: int

    def answer(self, root_fd: int) -> Answer:
        """Read the files.

        Parameters
        ----------
        root_fd : int
            The root, open.

        Returns
        -------
        list
            Stat key and digest of each file; None for one that wants more care.

        Raises
        ------
        OSError
            The folder or a file cannot be opened or read.
        """
        folder_fd = open_folder(root_fd, self.path, self.identity)
        try:
            return [digest_quiet_file(name, folder_fd, self.long_ago) for name in self.names]
        finally:
            os.close(folder_fd)


class SecondReader(SecondProcess):
    """The process, seen from the one that asks.

    Parameters
    ----------
    root_fd : int
        The root of the tree, open.
    """

    def __init__(self, root_fd: int) -> None:
        super().__init__(__name__, [xxhash], argument=str(root_fd), descriptors=[root_fd])


def main() -> None:
    """Answer requests until there are no more; the argument of the process is the number of the open root."""
    root_fd = int(sys.argv[1])

    def answer(request: tuple[Any, ...]) -> Answer | None:
        try:
            return Request._make(request).answer(root_fd)
        except OSError:
            return None

    serve(answer)
