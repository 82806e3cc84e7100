"""Where a project begins, and how its paths are written down."""

from __future__ import annotations

import os
from pathlib import Path

from naga.errors import nearest

__all__ = ["find_project", "nearest_path", "portable_path", "resolve_path"]

_MARKS = ("naga.toml", ".git")


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
        `start` itself or, for a file, the folder that holds it.
    """
    absolute = Path(os.path.abspath(start))  # noqa: PTH100 - links are kept: the project is where the person sees it
    for folder in (absolute, *absolute.parents):
        if any((folder / mark).exists() for mark in _MARKS):
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
        A POSIX path relative to `root` for what lies inside, else the absolute path.

    Examples
    --------
    >>> portable_path("/project/data/raw.csv", Path("/project"))
    'data/raw.csv'
    >>> portable_path("/elsewhere/raw.csv", Path("/project"))
    '/elsewhere/raw.csv'
    """
    absolute = os.path.abspath(path)  # noqa: PTH100 - links are kept, ".." is not
    for base in (str(root), os.path.realpath(root)):
        if absolute == base or absolute.startswith(base.rstrip("/") + "/"):
            return Path(os.path.relpath(absolute, base)).as_posix()
    return Path(absolute).as_posix()


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
    while missing.parent != missing and not missing.parent.exists():
        missing = missing.parent
    if not missing.parent.is_dir():
        return None
    found = nearest(missing.name, sorted(entry.name for entry in os.scandir(missing.parent)))
    return missing.with_name(found) if found else None
