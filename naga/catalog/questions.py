"""Questions about runs that a person names by tokens: verify, diff, lineage."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.catalog.tokens import find_run
from naga.lock.compare import code_statistics, compare_receipts
from naga.lock.describe import stage_name
from naga.lock.environment import describe_environment
from naga.lock.receipt import Receipt
from naga.lock.staleness import Examiner, root_of_ancestor
from naga.lock.verify import verify_receipt
from naga.lock.world import World, place_of

if TYPE_CHECKING:
    import os

    from naga.lock.compare import Comparison
    from naga.lock.receipt import PrevEntry
    from naga.lock.staleness import State
    from naga.lock.verify import Verification

    Token = str | os.PathLike[str]
    Root = str | os.PathLike[str] | None

__all__ = ["Ancestor", "Lineage", "diff", "lineage", "verify"]


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A run in a lineage.

    Attributes
    ----------
    id, stage : str
        Of the run.
    path : Path
        Its receipt, absolute, as the receipts of later runs have it; it may be gone.
    state : str
        One of `naga.lock.staleness.STATES`; ``unreadable`` also for a prev that is not in the lineage.
    is_replaced : bool
        Whether the receipt of another run lies at `path` by now.
    prevs : tuple of str
        The keys of the runs before it, see `Lineage`.
    """

    id: str
    stage: str
    path: Path
    state: State
    is_replaced: bool
    prevs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lineage:
    """A run and all runs before it.

    Attributes
    ----------
    root : str
        The identifier of the run.
    runs : dict
        Identifier -> run.
    """

    root: str
    runs: dict[str, Ancestor]

    def to_mapping(self) -> dict[str, Any]:
        """Return the lineage as plain values.

        Returns
        -------
        dict
            ``root`` and ``runs`` (identifier -> mapping).
        """
        runs = {identifier: {**asdict(run), "path": str(run.path)} for identifier, run in self.runs.items()}
        return {"root": self.root, "runs": runs}


def verify(token: Token | None = None, root: Root = None, *, progress: bool = True) -> Verification:
    """Check whether a run and everything before it is still there as its receipt says.

    Parameters
    ----------
    token : str or path, optional
        The run, as for `naga.find_run`; by default the one that started last.
    root : path, optional
        The folder below which it is looked for; by default the project of the current folder.
    progress : bool, optional
        Whether to show a bar on standard error when it takes longer than a second.

    Returns
    -------
    Verification
        For the run and each of its ancestors: code, inputs, outputs, environment, and whether the receipts agree.

    Raises
    ------
    NotFoundError, AmbiguousError, ReceiptFormatError, UsageError
        As for `naga.find_run`.
    """
    path, receipt = find_run("@latest" if token is None else token, root, progress=progress)
    return verify_receipt(path, receipt, describe_environment(), progress=progress)


def diff(first: Token, second: Token, root: Root = None, *, progress: bool = True) -> Comparison:
    """Say what is different between two runs.

    Parameters
    ----------
    first, second : str or path
        The runs, as for `naga.find_run`.
    root, progress
        As for `naga.verify`.

    Returns
    -------
    Comparison

    Raises
    ------
    NotFoundError, AmbiguousError, ReceiptFormatError, UsageError
        As for `naga.find_run`.
    GitError
        A repository cannot be read.
    """
    found = [find_run(token, root, progress=progress) for token in (first, second)]
    world = World()
    roots = dict.fromkeys(Path(world.root_of(str(path), receipt)) for path, receipt in found)
    one, other = (receipt for _, receipt in found)
    comparison = compare_receipts(one, other)
    if not any(difference.section == "code" for difference in comparison.differences):
        return comparison
    return replace(comparison, statistics=code_statistics(one, other, list(roots)))


def lineage(token: Token, root: Root = None, *, progress: bool = True) -> Lineage:
    """List a run and all runs before it, each with what has become of it.

    Parameters
    ----------
    token : str or path
        The run, as for `naga.find_run`.
    root, progress
        As for `naga.verify`.

    Returns
    -------
    Lineage

    Raises
    ------
    NotFoundError, AmbiguousError, ReceiptFormatError, UsageError
        As for `naga.find_run`.
    """
    path, receipt = find_run(token, root, progress=progress)
    return _Tracer(path, receipt, World(progress=progress)).trace()


class _Tracer:
    """The way up from one run."""

    def __init__(self, path: Path, receipt: Receipt, world: World) -> None:
        self._path = str(path)
        self._receipt = receipt
        self._world = world
        self._root = world.root_of(self._path, receipt)
        self._examiner = Examiner(world)

    def trace(self) -> Lineage:
        receipt = self._receipt
        state = self._examiner.verdict(self._path, receipt).state
        runs = {
            receipt.id: Ancestor(
                receipt.id, stage_name(receipt), Path(self._path), state, is_replaced=False, prevs=_keys(receipt)
            )
        }
        for holder in (receipt, *receipt.lineage.values()):
            root = self._root if holder is receipt else root_of_ancestor(holder, receipt, self._root)
            for name, entry in holder.prevs.items():
                if entry.id not in runs:
                    runs[entry.id] = self._ancestor(name, entry, place_of(entry.path, root))
        return Lineage(receipt.id, runs)

    def _ancestor(self, name: str, entry: PrevEntry, path: str) -> Ancestor:
        lying = self._world.receipt(path)
        is_replaced = isinstance(lying, Receipt) and lying.id != entry.id
        ancestor = self._receipt.lineage.get(entry.id)
        if ancestor is None:
            return Ancestor(entry.id, name, Path(path), "unreadable", is_replaced, ())
        if isinstance(lying, Receipt) and not is_replaced:
            verdict = self._examiner.verdict(path, lying)
        else:
            verdict = self._examiner.verdict_of_ancestor(ancestor, self._receipt, self._root)
        return Ancestor(entry.id, stage_name(ancestor), Path(path), verdict.state, is_replaced, _keys(ancestor))


def _keys(receipt: Receipt) -> tuple[str, ...]:
    return tuple(entry.id for entry in receipt.prevs.values())
