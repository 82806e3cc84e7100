"""The world as a librarian knows it: receipts out of the ledger instead of from the disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from naga.lock.receipt import Receipt
from naga.lock.world import World, receipt_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from naga.errors import NagaError
    from naga.lock.world import Known

__all__ = ["LateLineage", "LedgerWorld", "with_lineage"]


class LedgerWorld(World):
    """The world, with the receipts that a ledger has.

    Parameters
    ----------
    find : callable
        Gets an absolute path, and returns the receipt that lies there.
    known : Known
        As for `World`.
    progress : bool
        As for `World`.
    """

    def __init__(
        self, find: Callable[[str], Receipt | NagaError | None], known: Known, *, progress: bool = False
    ) -> None:
        super().__init__(known, progress=progress)
        self._find = find

    def receipt(self, path: str) -> Receipt | NagaError | None:
        """Return the receipt that lies at an absolute path now, see `World.receipt`."""
        if path not in self._receipts:
            self._receipts[path] = self._find(path)
        return self._receipts[path]


class LateLineage(Mapping[str, Receipt]):
    """A lineage that is read when somebody looks into it.

    Parameters
    ----------
    path : str
        The file of the receipt, absolute.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._found: Mapping[str, Receipt] | None = None

    def __getitem__(self, identifier: str) -> Receipt:
        return self._receipts()[identifier]

    def __iter__(self) -> Iterator[str]:
        return iter(self._receipts())

    def __len__(self) -> int:
        return len(self._receipts())

    def _receipts(self) -> Mapping[str, Receipt]:
        if self._found is None:
            receipt = receipt_at(self._path)
            self._found = receipt.lineage if isinstance(receipt, Receipt) else {}
        return self._found


def with_lineage(path: str, receipt: Receipt) -> Receipt:
    """Give a receipt of nobody else's a lineage that is read from its file when somebody looks into it.

    Parameters
    ----------
    path : str
        The file of the receipt, absolute.
    receipt : Receipt

    Returns
    -------
    Receipt
        The same.
    """
    if receipt.prevs:
        # A copy of each of ten thousand takes a tenth of a second.
        object.__setattr__(receipt, "lineage", LateLineage(path))
    return receipt
