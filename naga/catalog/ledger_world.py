"""The world as a librarian knows it: receipts out of the ledger instead of from the disk."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import xxhash

from naga.catalog.shelf import LateLineage
from naga.lock.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from naga.errors import NagaError
    from naga.lock.receipt import Receipt
    from naga.lock.world import Sighting

__all__ = ["LedgerWorld", "fingerprint", "folders_of", "with_lineage"]


class LedgerWorld(World):
    """The world, with the receipts that a ledger has.

    Parameters
    ----------
    find : callable
        Gets an absolute path, and returns the receipt that lies there.
    known : mapping
        As for `World`.
    """

    def __init__(self, find: Callable[[str], Receipt | NagaError | None], known: Mapping[str, Sighting]) -> None:
        super().__init__(known)
        self._find = find

    def receipt(self, path: str) -> Receipt | NagaError | None:
        """Return the receipt that lies at an absolute path now, see `World.receipt`."""
        if path not in self._receipts:
            self._receipts[path] = self._find(path)
        return self._receipts[path]


def with_lineage(path: str, receipt: Receipt) -> Receipt:
    """Give a receipt of nobody else's a lineage that is read from its file when somebody looks into it."""
    if receipt.prevs:
        # A copy of each of ten thousand takes a tenth of a second.
        object.__setattr__(receipt, "lineage", LateLineage(path))
    return receipt


def folders_of(path: str) -> Iterator[str]:
    """Yield the folders that a path is in, the nearest first."""
    while path := path.rpartition("/")[0]:
        yield path


def fingerprint(path: str, key: bytes) -> int:
    """Return what a receipt adds to the version of the whole."""
    return xxhash.xxh3_64_intdigest(os.fsencode(path) + b"\0" + key)
