"""Whether a run would still come out the same: its state, and the causes from the run to their root.

docs/status.md says what each state means and which one counts when several apply.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from naga.errors import NagaError
from naga.lock.compare import RECIPE_SECTIONS, changed_files, compare_receipts
from naga.lock.describe import printable, short_digest, stage_name
from naga.lock.world import place_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from naga.lock.receipt import DataEntry, PrevEntry, Receipt
    from naga.lock.world import Sight, World

__all__ = ["STATES", "Cause", "Examiner", "State", "Verdict", "code_files", "root_of_ancestor", "with_files"]

State = Literal["ok", "stale", "modified", "missing", "failed", "killed", "started", "unreadable"]

Kind = Literal["data", "code", "output", "prev"]

STATES: tuple[State, ...] = ("unreadable", "started", "failed", "killed", "missing", "modified", "stale", "ok")
"""All states; of those that apply to a run, the first one counts."""

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a run is not as it was.

    Attributes
    ----------
    state : {"missing", "modified", "stale"}
        What the cause makes of the run.
    what : {"data", "code", "output", "prev"}
        The kind of thing that changed.
    name : str
        The path of the data, code or output as its receipt has it; the name of the stage for a prev.
    was, now : str or None
        Digests, of a prev the identifiers of the runs; `now` is None for what is gone or cannot be read.
    stages : tuple of str
        The stages from the run to the one that the change belongs to; of a prev the last one is the prev itself.
    detail : str
        In words what digests do not say.
    files : tuple of str
        Which files of a tree changed, where that is known; filled by `with_files`.
    ids : tuple of str
        The identifiers of the runs that `stages` names; of a prev that was run again the last one is the recorded one.
    """

    state: State
    what: Kind
    name: str
    was: str | None
    now: str | None
    stages: tuple[str, ...]
    detail: str = ""
    files: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the cause in words.

        Returns
        -------
        str
            Such as ``data/raw.csv, two stages up, changed from 12ab to 34cd``; control characters are spelled out.
        """
        up = len(self.stages) - 1
        count = _NUMBERS[up] if up < len(_NUMBERS) else str(up)
        place = f", {count} stage{'s' if up > 1 else ''} up," if up else ""
        return printable(f"{self.name}{place} {self._change()}")

    def chain(self) -> str:
        """Return the way from the run to the cause.

        Returns
        -------
        str
            Such as ``evaluate <- fit <- prepare <- data/raw.csv``.
        """
        end = () if self.what == "prev" else (self.name,)
        return printable(" <- ".join((*self.stages, *end)))

    def to_mapping(self) -> dict[str, Any]:
        """Return the cause as plain values.

        Returns
        -------
        dict
            The attributes, and ``text``.
        """
        return {**asdict(self), "text": self.text()}

    def _change(self) -> str:
        if self.detail:
            return self.detail
        if self.now is None:
            return "is gone"
        files = f" ({_first(self.files)})" if self.files else ""
        return f"changed from {short_digest(self.was)} to {short_digest(self.now)}{files}"


class Verdict(NamedTuple):
    """The state of a run, and its causes, those from the farthest stages first."""

    state: State
    causes: tuple[Cause, ...] = ()


class _Node(NamedTuple):
    """A receipt as a step on the way up: from the disk, or as a later run embedded it."""

    key: tuple[str, ...]
    receipt: Receipt
    root: str
    lineage: Mapping[str, Receipt]


class _Step(NamedTuple):
    """What a prev is now: the `cause` that ends the way there, or the `node` by which it goes on.

    `inputs` are the outputs of the prev, where nothing says which of them the run read, and where they are.
    """

    cause: Cause | None = None
    node: _Node | None = None
    inputs: tuple[DataEntry, ...] = ()


class Examiner:
    """Tells the states of runs, and works out only once what they share.

    Parameters
    ----------
    world : World
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._causes: dict[tuple[str, ...], tuple[Cause, ...]] = {}

    def verdict(self, path: str, receipt: Receipt | NagaError) -> Verdict:
        """Tell the state of a run whose receipt lies on the disk.

        Parameters
        ----------
        path : str
            The file of the receipt, absolute.
        receipt : Receipt or NagaError
            The receipt, or why it cannot be read.

        Returns
        -------
        Verdict
        """
        if isinstance(receipt, NagaError):
            return Verdict("unreadable")
        return self._verdict(_Node((path,), receipt, self._world.root_of(path, receipt), receipt.lineage))

    def verdict_of_ancestor(self, ancestor: Receipt, holder: Receipt, root: str) -> Verdict:
        """Tell the state of a run by the receipt that a later run embedded.

        Parameters
        ----------
        ancestor, holder : Receipt
            The earlier run, and the one whose lineage has it.
        root : str
            The root of the holder's project.

        Returns
        -------
        Verdict
        """
        place = root_of_ancestor(ancestor, holder, root)
        return self._verdict(_Node((holder.id, ancestor.id, place), ancestor, place, holder.lineage))

    def _verdict(self, node: _Node) -> Verdict:
        if node.receipt.status != "finished":
            return Verdict(node.receipt.status)
        causes = (*self._upstream(node), *self._output_causes(node))
        states = {cause.state for cause in causes}
        return Verdict(next((state for state in STATES if state in states), "ok"), causes)

    def _upstream(self, node: _Node) -> tuple[Cause, ...]:
        """Return what would make a run come out otherwise, or makes it impossible to repeat.

        A stack of its own stands in for recursion, which chains of a thousand stages would break. A run that turns up
        on the way to itself, which only a hand can have written, is not followed again; what was worked out for the
        runs on such a circle is true for this way into it only.
        """
        stack, opened = [(node, self._steps(node))], {node.key}
        on_circle: set[tuple[str, ...]] = set()
        while stack and node.key not in self._causes:
            current, steps = stack[-1]
            above = [step.node for step in steps if step.node is not None]
            waiting = next((each for each in above if each.key not in opened and each.key not in self._causes), None)
            if waiting is not None:
                opened.add(waiting.key)
                stack.append((waiting, self._steps(waiting)))
                continue
            stack.pop()
            if any(each.key in on_circle or each.key not in self._causes for each in above):
                on_circle.add(current.key)
            self._causes[current.key] = self._merge(current, steps)
        for key in on_circle - {node.key}:
            del self._causes[key]
        return self._causes[node.key]

    def _merge(self, node: _Node, steps: list[_Step]) -> tuple[Cause, ...]:
        found: dict[tuple[str | None, ...], Cause] = {}
        for cause in self._own_causes(node, steps):
            found.setdefault(_subject(cause), cause)
        for step in steps:
            for cause in self._causes.get(step.node.key, ()) if step.node else ():
                known = found.get(_subject(cause))
                # What is gone farther up makes nothing stale as long as the run's own inputs are there.
                if cause.state == "stale" and (known is None or len(known.stages) > len(cause.stages) + 1):
                    stages, ids = (stage_name(node.receipt), *cause.stages), (node.receipt.id, *cause.ids)
                    found[_subject(cause)] = replace(cause, stages=stages, ids=ids)
        return tuple(sorted(found.values(), key=lambda cause: (-len(cause.stages), cause.what, cause.name)))

    def _steps(self, node: _Node) -> list[_Step]:
        return [self._step(node, name, entry) for name, entry in node.receipt.prevs.items()]

    def _step(self, node: _Node, name: str, entry: PrevEntry) -> _Step:
        path = place_of(entry.path, node.root)
        now = self._world.receipt(path)
        if now is None or isinstance(now, NagaError):
            return self._step_to_embedded(node, entry)
        same_run = now.id == entry.id and now.status == "finished"
        recorded = None if same_run else node.lineage.get(entry.id)
        if same_run or _is_repetition(now, recorded):
            root = self._world.root_of(path, now)
            return _Step(None, _Node((path,), now, root, now.lineage), _implied_inputs(node.receipt, entry, now))
        stages = stage_name(node.receipt), stage_name(recorded or now)
        detail = _difference(recorded, now, node.lineage)
        ids = node.receipt.id, entry.id
        return _Step(Cause("stale", "prev", stages[-1] or name, entry.id, now.id, stages, detail, ids=ids))

    def _step_to_embedded(self, node: _Node, entry: PrevEntry) -> _Step:
        recorded = node.lineage.get(entry.id)
        if recorded is None:
            return _Step()
        root = root_of_ancestor(recorded, node.receipt, node.root)
        up = _Node((entry.id, entry.digest, root), recorded, root, node.lineage)
        return _Step(None, up, _implied_inputs(node.receipt, entry, recorded))

    def _own_causes(self, node: _Node, steps: list[_Step]) -> Iterator[Cause]:
        for step in steps:
            if step.cause is not None:
                yield step.cause
            if step.node is not None:
                yield from self._changes(node, "data", step.inputs, step.node.root, is_output=True)
        yield from self._changes(node, "data", node.receipt.data.values(), node.root)
        for path, digest, place in code_files(node.receipt, node.root):
            sight = self._world.look(place)
            if sight.digest != digest:
                yield _cause(node, "code", path, digest, sight)

    def _output_causes(self, node: _Node) -> Iterator[Cause]:
        return self._changes(node, "output", node.receipt.outputs.values(), node.root, is_output=True)

    def _changes(
        self, node: _Node, what: Kind, entries: Iterable[DataEntry], root: str, *, is_output: bool = False
    ) -> Iterator[Cause]:
        for entry in entries:
            sight = self._world.look_at(entry, root, is_output=is_output)
            if sight.digest != entry.digest:
                yield _cause(node, what, entry.path, entry.digest, sight)


def with_files(verdict: Verdict) -> Verdict:
    """Name the files that changed in the trees of a verdict.

    Parameters
    ----------
    verdict : Verdict

    Returns
    -------
    Verdict
        With `Cause.files` of the trees whose manifests are in the cache.
    """
    if not verdict.causes:
        return verdict
    causes = tuple(
        replace(cause, files=changed_files(cause.was, cause.now)) if cause.what in ("data", "output") else cause
        for cause in verdict.causes
    )
    return verdict._replace(causes=causes)


def root_of_ancestor(ancestor: Receipt, holder: Receipt, root: str) -> str:
    """Find the root from which an embedded receipt counts its paths.

    Parameters
    ----------
    ancestor, holder : Receipt
        The embedded receipt, and the one that embeds it.
    root : str
        Where the root of the holder's project is now.

    Returns
    -------
    str
        A project that lay in the holder's, or was the same, has moved with it; another one is where it was.
    """
    theirs, ours = ancestor.caller.get("root"), holder.caller.get("root")
    if not isinstance(theirs, str) or theirs == ours:
        return root
    inside = isinstance(ours, str) and theirs.startswith(ours.rstrip("/") + "/")
    return f"{root.rstrip('/')}/{theirs[len(str(ours).rstrip('/')) + 1 :]}" if inside else theirs


def code_files(receipt: Receipt, root: str) -> Iterator[tuple[str, str, str]]:
    """List the code that a run used.

    Parameters
    ----------
    receipt : Receipt
    root : str
        The root of its project.

    Yields
    ------
    tuple of str
        The path in its repository, the recorded digest, and the absolute path.
    """
    files = receipt.used.get("files")
    for name, used in files.items() if isinstance(files, dict) else ():
        recorded = receipt.repos.get(name)
        base = place_of(recorded.path if recorded else ".", root).rstrip("/")
        for path, digest in used.items() if isinstance(used, dict) else ():
            yield path, str(digest), f"{base}/{path}"


def _subject(cause: Cause) -> tuple[str | None, ...]:
    return cause.what, cause.name, cause.was, cause.now


def _cause(node: _Node, what: Kind, name: str, was: str, sight: Sight) -> Cause:
    changed: State = "modified" if what == "output" else "stale"
    is_missing = sight.digest is None and not sight.is_changing and what != "code"
    detail = "is being written to" if sight.is_changing else sight.problem or ""
    stages, ids = (stage_name(node.receipt),), (node.receipt.id,)
    return Cause("missing" if is_missing else changed, what, name, was, sight.digest, stages, detail, ids=ids)


def _is_repetition(now: Receipt, recorded: Receipt | None) -> bool:
    """Tell whether a stage was run again to the same effect."""
    if recorded is None or recorded.recipe is None:
        return False
    return now.status == "finished" and now.recipe == recorded.recipe


def _difference(recorded: Receipt | None, now: Receipt, lineage: Mapping[str, Receipt]) -> str:
    if now.status != "finished":
        return f"was run again and is {now.status}"
    if recorded is None:
        return "was run again"
    summary = compare_receipts(replace(recorded, lineage=lineage), now, sections=RECIPE_SECTIONS).summary()
    return f"was run again with other {summary or 'stages before it'}"


def _implied_inputs(receipt: Receipt, entry: PrevEntry, prev: Receipt) -> tuple[DataEntry, ...]:
    """Return all outputs of a prev of which the run does not say what it read, and nothing else."""
    folder = entry.path.rpartition("/")[0]
    for data in receipt.data.values():
        if folder and _is_within(data.path, folder):
            return ()
    outputs = tuple(prev.outputs.values())
    is_said = any(_is_within(data.path, output.path) for data in receipt.data.values() for output in outputs)
    return () if is_said else outputs


def _is_within(path: str, other: str) -> bool:
    """Tell whether one of two paths lies in the other."""
    return path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/")


def _first(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
