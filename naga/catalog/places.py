"""Where the catalog lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from naga.lock.cache_place import cache_folder, local_cache_folder, network_kind

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Place", "find_place"]

_NAME: Final = "ledger.sqlite"


class Place(NamedTuple):
    """Where the catalog lies.

    Attributes
    ----------
    path : Path or None
        The file, which need not exist; None for memory, where it is built anew by every process.
    problem : str or None
        Why it does not lie in the cache folder.
    """

    path: Path | None
    problem: str | None = None

    def given_up(self) -> Place:
        """Return what takes the place of a file that cannot be used.

        Returns
        -------
        Place
        """
        return Place(None, f"{self.path} cannot be written")


def find_place() -> Place:
    """Find a place for the catalog on a disk of this machine.

    Returns
    -------
    Place
        In the cache folder; where that is on a network mount, in a folder of the user's own among the temporary files;
        in memory when that is on one too, or belongs to somebody else.
    """
    chosen, found = cache_folder(), local_cache_folder()
    if found == chosen:
        return Place(chosen / _NAME)
    problem = f"{chosen} is on a network mount ({network_kind(chosen)})"
    if found is None:
        return Place(None, f"{problem}, and so are the temporary files, or our folder among them is not ours")
    return Place(found / _NAME, problem)
