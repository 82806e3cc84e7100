"""The data that a run declares: from a path to its digest."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from naga.errors import ConfigError, NotFoundError
from naga.lock.atomic import TEMPORARY
from naga.lock.digest import PathDigest, hash_path
from naga.lock.project import nearest_path
from naga.lock.receipt import RECEIPT_NAME

__all__ = ["KEPT", "NOT_DATA", "checked_path", "existing_path", "read_data"]

KEPT = ".naga"
"""The folder beside a receipt for what naga keeps of a run: cells, post-mortems, attestations."""

NOT_DATA = (RECEIPT_NAME, "/log.txt", f"{KEPT}/", TEMPORARY)
"""What naga itself leaves in the folder of a stage; it says nothing about the data in it."""


def read_data(place: Any) -> PathDigest:
    """Digest what a run declares as data.

    Parameters
    ----------
    place : str or Path
        A file or a folder. Of the folder of a stage, the files of naga itself do not count.

    Returns
    -------
    PathDigest

    Raises
    ------
    NotFoundError
        Nothing is there; the hint names the nearest path.
    ConfigError
        `place` is no path.
    """
    path = existing_path(place, "data")
    return hash_path(path, exclude=NOT_DATA if (path / RECEIPT_NAME).is_file() else None)


def existing_path(place: Any, key: str) -> Path:
    """Check that a value is a path at which something is.

    Parameters
    ----------
    place : object
        The value.
    key : str
        What it was given for.

    Returns
    -------
    Path

    Raises
    ------
    NotFoundError, ConfigError
        As for `read_data`.
    """
    path = checked_path(place, key)
    if os.path.exists(path):  # noqa: PTH110 - Path.exists raises where a name is too long
        return path
    found = nearest_path(path)
    hint = f"did you mean {found}?" if found else "check the path; relative paths count from the current folder"
    raise NotFoundError(f"no {key} at {path}", hint=hint, path=path, key=key)


def checked_path(place: Any, key: str) -> Path:
    """Check that a value is a path.

    Parameters
    ----------
    place : object
        The value.
    key : str
        What it was given for.

    Returns
    -------
    Path

    Raises
    ------
    ConfigError
        It is none.
    """
    text = os.fspath(place) if isinstance(place, str | os.PathLike) else None
    if isinstance(text, str) and text:
        return Path(text)
    message = f"{key} holds {place!r}, which is no path"
    raise ConfigError(message, hint=f"give {key} a path, a list of paths or a mapping of names to paths", key=key)
