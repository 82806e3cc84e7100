"""Where a project begins, and how its paths are written down."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from naga.errors import nearest
from naga.lock.frozen import home_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MARKS", "absolute_path", "find_project", "nearest_path", "portable_path", "resolve_path"]

MARKS = ("naga.toml", ".git")
"""What lies at the root of a project."""


def find_project(start: Path) -> Path:
    """Find the root of the project that a path belongs to.

    Parameters
    ----------
    start : Path
        A file or a folder; it need not exist.

    Returns
    -------
    Path
        The nearest folder at or above `start` that holds a ``naga.toml`` or a ``.git``; without one, the folder
        `start` itself or, for a file, the folder that holds it. Code that runs from a checkout belongs to the project
        that it was checked out for.
    """
    # Links are kept: the project is where the person sees it.
    absolute = Path(home_of(str(absolute_path(start))))
    for folder in (absolute, *absolute.parents):
        if any((folder / mark).exists() for mark in MARKS):
            return folder
    return absolute if absolute.is_dir() else absolute.parent


def portable_path(path: str | os.PathLike[str], root: Path) -> str:
    """Write a path relative to the root of the project, so that it is true on other machines too.

    Parameters
    ----------
    path : str or Path
        Relative paths count from the current folder.
    root : Path
        The root of the project.

    Returns
    -------
    str
        A POSIX path relative to `root` for what lies inside, else the absolute path. A path in a checkout that code
        runs from is written as that in the repository.

    Examples
    --------
    >>> portable_path("/project/data/raw.csv", Path("/project"))
    'data/raw.csv'
    >>> portable_path("/elsewhere/raw.csv", Path("/project"))
    '/elsewhere/raw.csv'
    """
    absolute = Path(home_of(str(absolute_path(path))))
    for base, place in _spellings(str(absolute), root):
        if place == base or place.startswith(base.rstrip("/") + "/"):
            return Path(os.path.relpath(place, base)).as_posix()
    return absolute.as_posix()


def absolute_path(path: str | os.PathLike[str]) -> Path:
    """Write a path in full, as a person would.

    Parameters
    ----------
    path : str or Path
        Relative paths count from the current folder.

    Returns
    -------
    Path
        Absolute and without ``..``; links keep their own names, unless ``..`` leads out of the folder that a link
        leads to.

    Examples
    --------
    >>> absolute_path("/project/code/../data/raw.csv")
    PosixPath('/project/data/raw.csv')
    """
    text = os.path.abspath(path)  # noqa: PTH100 - Path.resolve would follow links
    if ".." in Path(path).parts and os.path.realpath(text) != os.path.realpath(path):
        return Path(os.path.realpath(path))
    return Path(text)


def resolve_path(text: str, root: Path) -> Path:
    """Turn a path of a receipt into a path on this machine.

    Parameters
    ----------
    text : str
        What `portable_path` returned.
    root : Path
        The root of the project on this machine.

    Returns
    -------
    Path
        Absolute.
    """
    return root / text


def nearest_path(path: Path) -> Path | None:
    """Find the existing path that a person most likely meant by one that does not exist.

    Parameters
    ----------
    path : Path
        A path that does not exist.

    Returns
    -------
    Path or None
        A sibling of similar name at the first level that is missing.
    """
    missing = path
    # Of what is no path at all, such as a whole text, os.path says without an error that it does not exist.
    while missing.parent != missing and not os.path.exists(missing.parent):  # noqa: PTH110
        missing = missing.parent
    try:
        names = sorted(os.listdir(missing.parent))  # noqa: PTH208
    except OSError:
        return None
    found = nearest(missing.name, names)
    return missing.with_name(found) if found else None


def _spellings(absolute: str, root: Path) -> Iterator[tuple[str, str]]:
    """Yield root and path as they are spelled, then with the links above them resolved."""
    yield str(root), absolute
    real_root = os.path.realpath(root)
    yield real_root, absolute
    folder, name = os.path.split(absolute)
    yield real_root, os.path.join(os.path.realpath(folder), name)  # noqa: PTH118
