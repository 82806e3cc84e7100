"""The files that a run opened for reading, as Python itself reports them."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
from typing import TYPE_CHECKING, Any

from naga.lock.filters import Selection
from naga.lock.frozen import frozen_codes, home_of
from naga.lock.inputs import NOT_DATA

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from naga.lock.digest import PathDigest

__all__ = ["undeclared_reads", "watched_reads"]

_WRITING = os.O_WRONLY | os.O_RDWR
_CODE = (".py", ".pyc", ".pyi", ".so", ".pth")
_FOLDERS = ("", ".", "..")
_INSTALLED = (
    "/site-packages/",
    "/dist-packages/",
    "/__pycache__/",
    "/.git/",
    "/.naga/",
    "/.ipynb_checkpoints/",
)

# How many entries of a folder are listed for each name that is looked for in it.
_LISTED = 4

_opened: list[tuple[Any, ...]] = []
_watchers = 0
_is_hooked = False


@contextlib.contextmanager
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
        found |= (
            names if set(map(type, names)) == {str} else {os.fsdecode(name) for name in names if type(name) is not int}
        )
        if _watchers == 0:
            _opened.clear()


def undeclared_reads(
    opened: Collection[str],
    folder: Path,
    root: Path,
    declared: Collection[Path],
    data: Collection[PathDigest] = (),
) -> list[str]:
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
    data : collection of PathDigest, optional
        Further files and folders; of a folder only what its patterns choose, and what naga itself leaves there.

    Returns
    -------
    list of str
        Paths relative to `root`, sorted. Code, installed packages and files that are gone again do not count.
    """
    base = str(root).rstrip("/") + "/"
    chosen = [entry for entry in data if entry.include or not set(entry.exclude) <= set(NOT_DATA)]
    wholes = [*declared, *(entry.path for entry in data if entry not in chosen)]
    known = {os.path.abspath(path) for path in wholes}  # noqa: PTH100 - compared with what open() was given
    below = tuple(f"{path}/" for path in known)
    places: dict[str, str] = {}
    found: dict[str, set[str]] = {}
    # A file of the repository that was read in the checkout that the code runs from.
    for name in map(home_of, opened) if frozen_codes() else opened:
        head, slash, tail = name.rpartition("/")
        place = places.get(head + slash)
        if place is None:
            # Many files of few folders: a folder is looked at once.
            place = os.path.abspath(os.path.join(folder, head + slash)).rstrip("/") + "/"  # noqa: PTH100, PTH118 - links are kept
            if not place.startswith(base) or place.startswith(below) or any(part in place for part in _INSTALLED):
                place = ""
            places[head + slash] = place
        if place and tail not in _FOLDERS and not tail.endswith(_CODE) and place + tail not in known:
            found.setdefault(place, set()).add(tail)
    paths = {place + tail for place, tails in found.items() for tail in _files_among(place, tails)}
    for entry in chosen:
        above, selection = f"{os.path.abspath(entry.path)}/", Selection(entry.include, entry.exclude)  # noqa: PTH100
        paths -= {path for path in paths if path.startswith(above) and selection.chooses(path[len(above) :])}
    return sorted(path[len(base) :] for path in paths)


def _files_among(folder: str, names: set[str]) -> set[str]:
    """Return those of some names of a folder that are files."""
    files: set[str] = set()
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        # To list a folder costs a tenth of asking for each name, unless it holds many others.
        for entry in itertools.islice(entries, _LISTED * len(names)):
            if entry.name in names and entry.is_file():
                files.add(entry.name)
    return files | {name for name in names - files if os.path.isfile(folder + name)}  # noqa: PTH113 - a path as text


def _install() -> None:
    global _is_hooked
    if not _is_hooked:
        _is_hooked = True
        sys.addaudithook(_hook)


# Called for every audit event of the process, so it decides on the cheapest ground first and keeps no second copy.
def _hook(event: str, arguments: tuple[Any, ...], note: Any = _opened.append) -> None:
    if event == "open" and _watchers:
        note(arguments)
