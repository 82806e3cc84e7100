"""Reading many receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from naga.catalog.ledger_rows import Read, rows_of
from naga.lock.progress import watched
from naga.lock.stat_index import Reading
from naga.lock.world import receipt_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["read_receipts"]


def read_receipts(
    keys: Mapping[str, bytes], earlier: Mapping[bytes, int], *, progress: bool = False
) -> Iterator[tuple[str, Read]]:
    """Read receipts, and make the rows of the ledger of them.

    Parameters
    ----------
    keys : mapping
        Absolute path -> stat key before the reading.
    earlier : mapping
        Stat key -> since when it has been there, of those that could not be trusted when they were read before.
    progress : bool, optional
        Whether to show a bar on standard error when it takes longer than a second.

    Yields
    ------
    tuple
        Absolute path, and what was read. A file that is gone by now is left out.
    """
    reading = Reading.begin()
    unsettled = reading.unsettled(list(keys.values()), earlier)
    for path in watched(list(keys), "receipts", shown=progress):
        receipt = receipt_at(path)
        if receipt is not None:
            yield path, Read(keys[path], rows_of(receipt), unsettled.get(keys[path], 0))
