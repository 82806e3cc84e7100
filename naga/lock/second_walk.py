"""The walk over a tree of very many files, by two processes: the order of the folders is that of one."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from naga.lock.filters import Folder, Selection, root_folder, scan
from naga.lock.second_reader import SecondReader

if TYPE_CHECKING:
    from pathlib import Path

    from naga.lock.folder_reading import Listing

__all__ = ["walk_together"]


def walk_together(root: Path, root_fd: int) -> list[Folder]:
    """List all entries of a tree, with their stat keys.

    Parameters
    ----------
    root, root_fd
        As for `naga.lock.filters.walk`, which also has the errors.

    Returns
    -------
    list of Folder
        What `naga.lock.filters.walk` yields without patterns.
    """
    everything = Selection.of(None, None)
    first = root_folder(root_fd, everything)
    inner: dict[str, list[Folder]] = {}
    waiting: deque[Folder] = deque([first])
    asked: dict[int, Folder] = {}

    def look(folder: Folder, answer: Listing | None = None) -> None:
        if answer is None:
            inner[folder.path] = scan(root, root_fd, folder, everything, with_keys=True)
        else:
            folders, folder.files, folder.links, folder.keys = answer
            inner[folder.path] = [
                Folder(folder.below(name), (device, inode), included=True) for name, device, inode in folders
            ]
        waiting.extend(inner[folder.path])

    with SecondReader(root_fd) as second:
        while waiting or asked:
            while len(waiting) > 1 and second.wants_more:
                folder = waiting.pop()
                number = len(inner) + len(asked)
                if second.ask(number, (folder.path, folder.identity, None, 0)):
                    asked[number] = folder
                else:
                    look(folder)
            if waiting:
                look(waiting.popleft())
            for number, answer in second.answers(wait=not waiting):
                look(asked.pop(number), answer)
    return _in_order(first, inner)


def _in_order(first: Folder, inner: dict[str, list[Folder]]) -> list[Folder]:
    ordered, waiting = [], [first]
    while waiting:
        folder = waiting.pop()
        waiting.extend(inner[folder.path])
        ordered.append(folder)
    return ordered
