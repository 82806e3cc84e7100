"""All receipts below a folder, read from the catalog as far as they have not changed."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from naga.catalog.index import Filed
from naga.catalog.scan import scan_receipts
from naga.errors import NagaError
from naga.lock.progress import watched
from naga.lock.receipt import Receipt, receipt_digest
from naga.lock.stat_index import Reading
from naga.lock.verify import lineage_problems
from naga.lock.world import receipt_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from naga.catalog.index import Catalog

__all__ = ["LateLineage", "load_receipts", "paused_collector"]

_BATCH: Final = 256
"""Receipts that are held with their whole lineage at a time."""


def load_receipts(root: Path, catalog: Catalog, *, progress: bool = True) -> dict[str, Receipt | NagaError]:
    """Read all receipts below a folder.

    Parameters
    ----------
    root : Path
        Absolute.
    catalog : Catalog
        Open; what it does not know is read and put into it.
    progress : bool, optional
        Whether to show a bar on standard error when it takes longer than a second.

    Returns
    -------
    dict
        Absolute path of the receipt -> the receipt, or why it cannot be read; of a folder that cannot be listed -> why.
        Sorted by path. The receipts have no environment, and a lineage that is read when somebody looks into it.

    Raises
    ------
    NotFoundError
        There is no such folder.
    """
    scan = scan_receipts(root)
    known = catalog.files(str(root), scan.found)
    loaded: dict[str, Receipt | NagaError] = dict(scan.unlisted)
    loaded |= {path: _with_lineage(path, filed, catalog) for path, filed in known.items()}
    unknown = [path for path in scan.found if path not in known]
    if unknown:
        reader = _Reader(catalog, scan.found)
        for path in watched(unknown, "receipts", shown=progress):
            loaded.update(reader.read(path))
        reader.store()
    catalog.forget_others(str(root), scan.found)
    return dict(sorted(loaded.items()))


@contextmanager
def paused_collector() -> Iterator[None]:
    """Keep Python from looking for garbage for the length of a block.

    Ten thousand receipts are a million objects that all stay; to go through them again and again would take a third
    of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Reader:
    """Reads receipts, and puts them into the catalog some at a time."""

    def __init__(self, catalog: Catalog, keys: Mapping[str, bytes]) -> None:
        self._catalog = catalog
        self._keys = keys
        self._reading = Reading.begin()
        self._files: dict[str, Filed] = {}
        self._lineages: dict[str, dict[str, Receipt]] = {}

    def read(self, path: str) -> dict[str, Receipt | NagaError]:
        receipt = receipt_at(path)
        if receipt is None:
            return {}
        if isinstance(receipt, NagaError):
            return {path: receipt}
        digest, is_closed = receipt_digest(receipt), not lineage_problems(receipt)
        filed = self._files[path] = Filed(self._keys[path], digest, is_closed, _core(receipt))
        if is_closed:
            self._lineages[digest] = {key: _core(value) for key, value in receipt.lineage.items()}
        if len(self._files) == _BATCH:
            self.store()
        return {path: _with_lineage(path, filed._replace(receipt=_core(receipt)), self._catalog)}

    def store(self) -> None:
        unsettled = self._catalog.unsettled(self._reading, [filed.key for filed in self._files.values()])
        settled = {path: filed for path, filed in self._files.items() if filed.key not in unsettled}
        self._catalog.store(settled, self._lineages)
        self._files, self._lineages = {}, {}


class LateLineage(Mapping[str, Receipt]):
    """A lineage that is read when somebody looks into it.

    Parameters
    ----------
    path : str
        The file of the receipt, absolute.
    digest : str, optional
        Of the receipt.
    catalog : Catalog, optional
        Open, when it has the lineage.
    """

    def __init__(self, path: str, digest: str = "", catalog: Catalog | None = None) -> None:
        self._path, self._digest, self._catalog = path, digest, catalog
        self._found: Mapping[str, Receipt] | None = None

    def __getitem__(self, identifier: str) -> Receipt:
        return self._receipts()[identifier]

    def __iter__(self) -> Iterator[str]:
        return iter(self._receipts())

    def __len__(self) -> int:
        return len(self._receipts())

    def _receipts(self) -> Mapping[str, Receipt]:
        if self._found is None:
            self._found = self._catalog.ancestors(self._digest) if self._catalog else None
        if self._found is None:
            receipt = receipt_at(self._path)
            self._found = receipt.lineage if isinstance(receipt, Receipt) else {}
        return self._found


def _with_lineage(path: str, filed: Filed, catalog: Catalog) -> Receipt:
    if filed.receipt.prevs:
        lineage = LateLineage(path, filed.digest, catalog if filed.is_closed else None)
        # Nobody else has this receipt yet, and a copy of each of ten thousand takes a tenth of a second.
        object.__setattr__(filed.receipt, "lineage", lineage)
    return filed.receipt


def _core(receipt: Receipt) -> Receipt:
    """Leave out what takes most of the room, and is not asked for where there are many receipts."""
    return replace(receipt, lineage={}, environment={})
