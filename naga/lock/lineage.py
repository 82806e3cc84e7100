"""Prevs and lineage: the receipts of the stages before, each ancestor once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from naga.errors import IntegrityError
from naga.lock.project import absolute_path
from naga.lock.receipt import PrevEntry, Receipt, find_receipt, read_receipt, receipt_digest

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["Prev", "collect_lineage", "read_prev"]


class Prev(msgspec.Struct, frozen=True):
    """The receipt of a stage whose outputs a run reads.

    Attributes
    ----------
    path : Path
        The file of the receipt, absolute.
    receipt : Receipt
        Its content when it was read.
    """

    path: Path
    receipt: Receipt

    def entry(self, path: str) -> PrevEntry:
        """Return what a receipt says of this prev.

        Parameters
        ----------
        path : str
            The path of the receipt as the receipt writes paths.

        Returns
        -------
        PrevEntry
        """
        return PrevEntry(id=self.receipt.id, digest=receipt_digest(self.receipt), path=path)


def read_prev(place: str | os.PathLike[str]) -> Prev:
    """Read the receipt of a stage before.

    Parameters
    ----------
    place : str or Path
        A folder, a ``run.lock``, or a file whose folder holds one.

    Returns
    -------
    Prev

    Raises
    ------
    NotFoundError
        No receipt belongs to `place`.
    IntegrityError
        The receipt cannot be read, or its run did not finish.
    """
    path = absolute_path(find_receipt(place))
    receipt = read_receipt(path)
    if receipt.status != "finished":
        message = f"{path} is the receipt of a run that is {receipt.status}, not finished"
        raise IntegrityError(message, hint="run that stage again", path=path)
    return Prev(path, receipt)


def collect_lineage(prevs: Iterable[Receipt], environment: Mapping[str, Any]) -> dict[str, Receipt]:
    """Gather all ancestors of a run.

    Parameters
    ----------
    prevs : iterable of Receipt
        The receipts of the stages directly before, each with its own lineage.
    environment : mapping
        The environment of the run itself; lists of packages that equal its list are left out of the ancestors.

    Returns
    -------
    dict
        Identifier -> receipt without lineage, sorted by identifier, so by time. Each list of packages stands once:
        in the run's own environment or in the oldest ancestor that had it.
    """
    ancestors: dict[str, Receipt] = {}
    lists: dict[str, list[str]] = {}
    for prev in prevs:
        for receipt in (*prev.lineage.values(), prev):
            ancestors.setdefault(receipt.id, replace(receipt, lineage={}))
            packages = receipt.environment.get("packages")
            if isinstance(packages, dict) and packages.get("list"):
                lists.setdefault(str(packages.get("digest")), packages["list"])
    written = {str(dict(environment.get("packages") or {}).get("digest"))}
    lineage: dict[str, Receipt] = {}
    for identifier in sorted(ancestors):
        lineage[identifier] = _with_packages(ancestors[identifier], lists, written)
    return lineage


def _with_packages(receipt: Receipt, lists: Mapping[str, list[str]], written: set[str]) -> Receipt:
    packages = receipt.environment.get("packages")
    if not isinstance(packages, dict):
        return receipt
    digest = str(packages.get("digest"))
    kept = {key: value for key, value in packages.items() if key != "list"}
    if digest not in written and digest in lists:
        kept["list"] = lists[digest]
        written.add(digest)
    return replace(receipt, environment={**receipt.environment, "packages": kept})
