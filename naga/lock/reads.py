"""The files that a run opened for reading, as Python itself reports them."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from naga.lock.frozen import frozen_codes, home_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

__all__ = ["undeclared_reads", "watched_reads"]

_WRITING = os.O_WRONLY | os.O_RDWR
_CODE = (".py", ".pyc", ".pyi", ".so", ".pth")
_INSTALLED = (
    "/site-packages/",
    "/dist-packages/",
    "/__pycache__/",
    "/.git/",
    "/.naga/",
    "/.ipynb_checkpoints/",
)

_opened: list[tuple[Any, ...]] = []
_watchers = 0
_is_hooked = False


@contextmanager
def watched_reads(found: set[str]) -> Iterator[None]:
    """Collect the files that are opened for reading in this process for the length of a block.

    Parameters
    ----------
    found : set of str
        Takes the paths as they were given to ``open`` when the block ends, in whatever way.

    Notes
    -----
    The source is the audit event ``open`` of PEP 578. It sees whatever Python opens. It does not see a C library that
    opens files itself, such as HDF5 or libpng, nor other processes. An audit hook cannot be taken back, so one hook
    serves all runs of a process and is switched off between them.
    """
    global _watchers
    _install()
    start = len(_opened)
    _watchers += 1
    try:
        yield
    finally:
        _watchers -= 1
        events = _opened[start:] if start else _opened
        names = {path for path, mode, flags in events if not flags & _WRITING and (not mode or mode[0] in "rbt")}
        found |= {name if type(name) is str else os.fsdecode(name) for name in names if name and type(name) is not int}
        if _watchers == 0:
            _opened.clear()


def undeclared_reads(opened: Collection[str], folder: Path, root: Path, declared: Collection[Path]) -> list[str]:
    """Tell which of the files that a run read it has not declared.

    Parameters
    ----------
    opened : collection of str
        What `watched_reads` collected.
    folder : Path
        Where relative paths count from.
    root : Path
        The root of the project; only what lies below it is of interest.
    declared : collection of Path
        Files, or folders with everything in them.

    Returns
    -------
    list of str
        Paths relative to `root`, sorted. Code, installed packages and files that are gone again do not count.
    """
    base = str(root).rstrip("/") + "/"
    known = {os.path.abspath(path) for path in declared}  # noqa: PTH100 - compared with what open() was given
    below = tuple(f"{path}/" for path in known)
    found = set()
    # A file of the repository that was read in the checkout that the code runs from.
    for name in map(home_of, opened) if frozen_codes() else opened:
        # Most files are elsewhere or declared, and as given; only the rest is worth the normalising.
        if name.endswith(_CODE) or name.startswith(below) or (name[0] == "/" and not name.startswith(base)):
            continue
        path = os.path.abspath(os.path.join(folder, name))  # noqa: PTH100, PTH118 - links are kept
        if path in known or path.startswith(below) or not path.startswith(base):
            continue
        if not any(part in path for part in _INSTALLED) and os.path.isfile(path):  # noqa: PTH113 - a path as text
            found.add(path[len(base) :])
    return sorted(found)


def _install() -> None:
    global _is_hooked
    if not _is_hooked:
        _is_hooked = True
        sys.addaudithook(_hook)


# Called for every audit event of the process, so it decides on the cheapest ground first and keeps no second copy.
def _hook(event: str, arguments: tuple[Any, ...], note: Any = _opened.append) -> None:
    if event == "open" and _watchers:
        note(arguments)
