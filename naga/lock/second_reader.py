"""A second process that reads files of a tree, for trees of so many files that reading them in one takes seconds.

What the process answers is checked in no other way than what is read here, so it changes the time that a digest takes
and nothing else.
"""

from __future__ import annotations

import xxhash

from naga.lock import folder_reading
from naga.lock.second_process import SecondProcess

__all__ = ["SecondReader"]


class SecondReader(SecondProcess):
    """The process, seen from the one that asks; see `naga.lock.folder_reading.main` for requests and answers.

    Parameters
    ----------
    root_fd : int
        The root of the tree, open.
    """

    def __init__(self, root_fd: int) -> None:
        super().__init__(folder_reading.__name__, [xxhash], argument=str(root_fd), descriptors=[root_fd], alone=True)
