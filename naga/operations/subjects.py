"""The run that a question is about."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from naga.catalog.ledger_rows import Entry
from naga.errors import NagaError, NotFoundError, UsageError
from naga.lock.describe import printable, stage_name
from naga.lock.receipt import RECEIPT_NAME, Receipt
from naga.lock.staleness import root_of_ancestor
from naga.lock.world import receipt_at

if TYPE_CHECKING:
    from naga.catalog.librarian import Librarian

__all__ = ["Subject", "entry_of_receipt", "find_subject", "inner_path", "outer_path"]

_SPELLED = re.compile(r"\\udc([89a-f][0-9a-f])")


@dataclass(frozen=True, slots=True)
class Subject:
    """A run: one whose receipt lies below the root, or one that only the receipts of later runs still have.

    Attributes
    ----------
    entry : Entry
        What the ledger says of it.
    path : str or None
        Its receipt, absolute; None when only later runs have it.
    receipt : Receipt or NagaError
        Whole, with its lineage; or why it cannot be read.
    root : str
        The root of its project.
    """

    entry: Entry
    path: str | None
    receipt: Receipt | NagaError
    root: str

    @property
    def known(self) -> Receipt:
        """The receipt, where there must be one.

        Raises
        ------
        NagaError
            It cannot be read.
        """
        if isinstance(self.receipt, NagaError):
            raise self.receipt
        return self.receipt


def find_subject(librarian: Librarian, run: str) -> Subject:
    """Find the run that a text names.

    Parameters
    ----------
    librarian : Librarian
    run : str
        The path of its receipt relative to the root, or its whole identifier.

    Returns
    -------
    Subject

    Raises
    ------
    NotFoundError
        There is none below the root.
    UsageError
        The text is a path that leaves the root.
    """
    if run.endswith(RECEIPT_NAME):
        place = outer_path(librarian, run)
        entry = librarian.ask(lambda ledger: ledger.at(place))
        if entry is None:
            # It may have been written a moment ago, before anybody was told.
            librarian.touch([place])
            entry = librarian.ask(lambda ledger: ledger.at(place))
    else:
        found = librarian.ask(lambda ledger: ledger.named(str(librarian.root), run))
        entry = found[0] if found else None
    if entry is None:
        subject = None if run.endswith(RECEIPT_NAME) else _find_embedded(librarian, run)
        if subject is None:
            hint = "ask for the list of runs again, it may have gone"
            raise NotFoundError(f"there is no run {printable(run[:200])} below the root", hint=hint, key=run)
        return subject
    receipt = receipt_at(entry.path) or NotFoundError(f"the receipt {entry.path} is gone")
    root = os.path.dirname(entry.path)  # noqa: PTH120 - a text, and one it stays
    if isinstance(receipt, Receipt):
        root = librarian.world().root_of(entry.path, receipt)
    return Subject(entry, entry.path, receipt, root)


def outer_path(librarian: Librarian, path: str) -> str:
    """Make a path that came from outside absolute.

    Parameters
    ----------
    librarian : Librarian
    path : str
        Relative to the root, with ``/``.

    Returns
    -------
    str
        Absolute; nothing was looked at on the disk.

    Raises
    ------
    UsageError
        It is absolute, or has an empty part or one of dots.
    """
    if any(part in ("", ".", "..") for part in path.split("/")) or "\0" in path:
        hint = "give a path relative to the root, without dots"
        raise UsageError(f"{printable(path[:200])} is no path below the root", hint=hint, key="path")
    return f"{str(librarian.root).rstrip('/')}/{os.fsdecode(_bytes_of(path))}"


def inner_path(librarian: Librarian, path: str) -> str | None:
    """Make an absolute path relative to the root.

    Parameters
    ----------
    librarian : Librarian
    path : str
        Absolute; it may come from anybody's receipt.

    Returns
    -------
    str or None
        None for one that is not below the root.
    """
    start = f"{str(librarian.root).rstrip('/')}/"
    inner = path[len(start) :]
    is_inside = path.startswith(start) and not any(part in ("", ".", "..") for part in inner.split("/"))
    return inner if is_inside else None


def entry_of_receipt(path: str, receipt: Receipt) -> Entry:
    """Return what the ledger would say of a receipt.

    Parameters
    ----------
    path : str
        Where it lay, empty for nowhere.
    receipt : Receipt

    Returns
    -------
    Entry
    """
    error = receipt.error
    return Entry(
        path,
        receipt.id,
        stage_name(receipt),
        receipt.status,
        receipt.started,
        receipt.finished,
        receipt.duration,
        receipt.recipe,
        receipt.config,
        f"{error.type}: {error.message}" if error else None,
    )


def _find_embedded(librarian: Librarian, identifier: str) -> Subject | None:
    for holder, _ in librarian.ask(lambda ledger: ledger.children(str(librarian.root), identifier)):
        receipt = receipt_at(holder.path)
        if isinstance(receipt, Receipt) and identifier in receipt.lineage:
            found = receipt.lineage[identifier]
            root = root_of_ancestor(found, receipt, librarian.world().root_of(holder.path, receipt))
            embedded = _with_ancestors(found, receipt)
            return Subject(entry_of_receipt("", found), None, embedded, root)
    return None


def _with_ancestors(found: Receipt, holder: Receipt) -> Receipt:
    """Give an embedded receipt the lineage that it had as a file of its own."""
    above: dict[str, Receipt] = {}
    waiting = [found]
    while waiting:
        for entry in waiting.pop().prevs.values():
            if entry.id not in above and entry.id in holder.lineage:
                above[entry.id] = holder.lineage[entry.id]
                waiting.append(above[entry.id])
    return replace(found, lineage=above)


def _bytes_of(path: str) -> bytes:
    """Return the bytes of a path, in which those that are no UTF-8 are spelled as in receipts."""
    spelled = _SPELLED.sub(lambda match: chr(0xDC00 + int(match[1], 16)), path)
    return spelled.encode("utf-8", "surrogateescape")
