"""Whether a run would still come out the same: its state, and the causes from the run to their root."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from naga.errors import NagaError
from naga.lock.compare import compare_receipts
from naga.lock.describe import short_digest, stage_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from naga.lock.receipt import Receipt
    from naga.lock.world import World

__all__ = ["Cause", "State", "Verdict", "examine"]

State = Literal["ok", "stale", "modified", "missing", "failed", "killed", "started", "unreadable"]

_NUMBERS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
_DEEPEST = 1000


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a run is not as it was.

    Attributes
    ----------
    state : State
        What the cause makes of the run.
    what : {"data", "code", "output", "prev"}
        The kind of thing that changed.
    name : str
        Its path, or the stage and what of it is different.
    was, now : str or None
        Digests or values; `now` is None for what is gone.
    stages : tuple of str
        The stages from the run to the one that the change belongs to.
    """

    state: State
    what: Literal["data", "code", "output", "prev"]
    name: str
    was: str | None
    now: str | None
    stages: tuple[str, ...]

    def text(self) -> str:
        """Return the cause in words.

        Returns
        -------
        str
            Such as ``data/raw.csv, two stages up, changed from 12ab to 34cd``.
        """
        up = len(self.stages) - 1
        count = _NUMBERS[up] if up < len(_NUMBERS) else str(up)
        place = "" if up == 0 else f", {count} stage{'s' if up > 1 else ''} up"
        if self.now is None:
            return f"{self.name}{place}, is gone"
        return f"{self.name}{place}, changed from {short_digest(self.was)} to {short_digest(self.now)}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of a run, and all causes of it, deepest first."""

    state: State
    causes: tuple[Cause, ...] = ()


def examine(receipt: Receipt | NagaError, world: World) -> Verdict:
    """Tell the state of a run.

    Parameters
    ----------
    receipt : Receipt or NagaError
        The receipt, or why it cannot be read.
    world : World

    Returns
    -------
    Verdict
        ``missing`` where an input or output is gone, ``modified`` where an output is not what the run left, ``stale``
        where the run would come out otherwise: an input, the code that it used, or a stage before it changed.
    """
    if isinstance(receipt, NagaError):
        return Verdict("unreadable")
    if receipt.status != "finished":
        return Verdict(receipt.status)
    causes = tuple(_causes(receipt, receipt, world, set()))
    for state in ("missing", "modified", "stale"):
        if any(cause.state == state and (state == "stale" or len(cause.stages) == 1) for cause in causes):
            return Verdict(state, causes)
    return Verdict("ok", causes)


def _causes(receipt: Receipt, holder: Receipt, world: World, seen: set[str]) -> Iterator[Cause]:
    """Yield the causes of a receipt; those of the stages before it first."""
    if receipt.id in seen or len(seen) > _DEEPEST:
        return
    seen.add(receipt.id)
    name = stage_name(receipt)
    for entry in receipt.prevs.values():
        embedded = holder.lineage.get(entry.id)
        for cause in _prev_causes(entry.id, world.root / entry.path, embedded, holder, world, seen):
            # What is gone upstream makes nothing stale as long as the run's own inputs are there.
            yield replace(cause, state="stale" if cause.state != "missing" else "missing", stages=(name, *cause.stages))
    yield from _own_causes(receipt, name, world)


def _prev_causes(
    identifier: str,
    path: Path,
    embedded: Receipt | None,
    holder: Receipt,
    world: World,
    seen: set[str],
) -> Iterator[Cause]:
    now = world.receipt(path)
    if now is None or isinstance(now, NagaError):
        if embedded is not None:
            yield from _causes(embedded, holder, world, seen)
        return
    stage = stage_name(now)
    if now.status != "finished":
        yield Cause("stale", "prev", f"{stage} was run again and is {now.status}", identifier, now.id, (stage,))
        return
    if now.id != identifier and embedded is not None and now.recipe != embedded.recipe:
        differences = compare_receipts(embedded, now).summary() or "its recipe"
        yield Cause("stale", "prev", f"{stage} was run again with other {differences}", identifier, now.id, (stage,))
    yield from (cause for cause in _causes(now, now, world, seen) if cause.what != "output")


def _own_causes(receipt: Receipt, name: str, world: World) -> Iterator[Cause]:
    for entry in receipt.data.values():
        now = world.data_digest(entry)
        if now != entry.digest:
            yield Cause("missing" if now is None else "stale", "data", entry.path, entry.digest, now, (name,))
    files = receipt.used.get("files")
    for repository, used in files.items() if isinstance(files, dict) else ():
        recorded = receipt.repos.get(repository)
        base = world.root / (recorded.path if recorded else ".")
        for path, digest in used.items():
            now = world.code_digest(base / path)
            if now != digest:
                yield Cause("stale", "code", path, digest, now, (name,))
    for entry in receipt.outputs.values():
        now = world.data_digest(entry, is_output=True)
        if now != entry.digest:
            yield Cause("missing" if now is None else "modified", "output", entry.path, entry.digest, now, (name,))
