"""What a run declares, in whatever form: names and paths of repositories, data and prevs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from naga.config.values import ResolvedData, ResolvedPrev
from naga.lock.digest import PathDigest
from naga.lock.inputs import checked_path, existing_path, read_data
from naga.lock.lineage import read_prev
from naga.lock.receipt import RECEIPT_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from naga.lock.lineage import Prev

__all__ = ["Data", "Place", "Places", "named_data", "named_folders", "named_prevs"]

T = TypeVar("T")
Place = str | os.PathLike[str]
Places = Place | Iterable[Place] | Mapping[str, Place]
Data = Places | PathDigest | Iterable[Place | PathDigest] | Mapping[str, Place | PathDigest]


def named_data(places: Data | None) -> dict[str, PathDigest]:
    """Digest declared data.

    Parameters
    ----------
    places : path, list of paths or mapping of names to paths, optional
        A name defaults to the stem of the path and is made unique. What `naga.hash_path` returned may stand for a path;
        it is not read again before the run ends.

    Returns
    -------
    dict
        Name -> digest.

    Raises
    ------
    NotFoundError, ConfigError
        As for `naga.lock.inputs.read_data`.
    """
    return _named(places, _read_data)


def named_prevs(places: Places | None) -> dict[str, Prev]:
    """Read the receipts of declared prevs.

    Parameters
    ----------
    places : path, list of paths or mapping of names to paths, optional
        A folder, a ``run.lock``, or a file whose folder holds one.

    Returns
    -------
    dict
        Name -> receipt.

    Raises
    ------
    NotFoundError, IntegrityError, ConfigError
        As for `naga.lock.lineage.read_prev`; a value that is no path is a ConfigError.
    """
    return _named(places, _read_prev)


def named_folders(places: Places | None) -> dict[str, Path]:
    """Check declared repositories.

    Parameters
    ----------
    places : path, list of paths or mapping of names to paths, optional
        Folders in repositories.

    Returns
    -------
    dict
        Name -> absolute folder.

    Raises
    ------
    NotFoundError, ConfigError
        A path does not exist, or a value is no path.
    """
    return _named(places, _existing_folder)


def _named(places: Any, read: Callable[[Any], tuple[str, T]]) -> dict[str, T]:
    """Read every place, under the name that it has or that its path gives it."""
    if places is None:
        return {}
    if isinstance(places, Mapping):
        return {str(name): read(place)[1] for name, place in places.items()}
    found: dict[str, T] = {}
    for place in places if isinstance(places, Sequence | Set) and not isinstance(places, str) else [places]:
        stem, value = read(place)
        name, number = stem, 2
        while name in found:
            name, number = f"{stem}_{number}", number + 1
        found[name] = value
    return found


def _read_data(place: Any) -> tuple[str, PathDigest]:
    if isinstance(place, PathDigest):
        return _stem(place.path), place
    entry = place.entry if isinstance(place, ResolvedData) else read_data(place)
    return _stem(entry.path), entry


def _read_prev(place: Any) -> tuple[str, Prev]:
    if isinstance(place, ResolvedPrev):
        return place.path.parent.name, place.prev
    path = checked_path(place, "prevs")
    return path.absolute().parent.name if path.name == RECEIPT_NAME else _stem(path), read_prev(path)


def _existing_folder(place: Any) -> tuple[str, Path]:
    path = existing_path(place, "repos")
    folder = path if path.is_dir() else path.parent
    return folder.resolve().name or "project", folder.absolute()


def _stem(path: Path) -> str:
    return Path(os.path.abspath(path)).stem  # noqa: PTH100 - a link keeps its own name
