"""The outputs of a repeated run beside those of the recorded one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from naga.errors import NagaError
from naga.lock.digest import hash_file
from naga.lock.manifest import Entry
from naga.lock.tolerance import FileComparison, compare_files, find_rule
from naga.rerun.provision import tree_entries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from naga.lock.receipt import DataEntry, Receipt
    from naga.lock.settings import CompareRule

__all__ = ["OutputVerdict", "compare_outputs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputVerdict:
    """How one output compares.

    Attributes
    ----------
    path : str
        Relative to the ``save_dir``, with ``/``; a tree whose bits are all the same stands as a whole.
    verdict : {"same", "within", "different", "missing", "added", "unwritten"}
        ``missing`` was not made again and ``added`` was not there before. ``unwritten`` was not made again either, but
        the snapshot holds it as it was recorded, so that the recorded run had left it as it found it.
    rule : {"bytes", "text", "numbers"}
        What decided.
    rtol, atol : float or None
        The tolerances of the rule "numbers".
    recorded, found : str or None
        Digests.
    place : str or None
        The first place that decided, see `naga.lock.tolerance.FileComparison`, or why only digests were compared.
    relative, absolute : float or None
        The largest deviations of numbers.
    """

    path: str
    verdict: Literal["same", "within", "different", "missing", "added", "unwritten"]
    rule: str = "bytes"
    rtol: float | None = None
    atol: float | None = None
    recorded: str | None = None
    found: str | None = None
    place: str | None = None
    relative: float | None = None
    absolute: float | None = None

    @property
    def is_good(self) -> bool:
        """Whether the output speaks for the recorded run."""
        return self.verdict in ("same", "within", "unwritten")


@dataclass(frozen=True, slots=True)
class _Part:
    """A file, link, empty folder or unknown tree of the outputs, and where it lies."""

    entry: Entry | None
    digest: str
    place: Path


def compare_outputs(
    recorded: tuple[Receipt, Path],
    found: tuple[Receipt, Path],
    rules: Collection[CompareRule],
    from_snapshot: Mapping[str, str],
) -> tuple[OutputVerdict, ...]:
    """Compare all outputs of two runs.

    Parameters
    ----------
    recorded, found : tuple of Receipt and Path
        The receipt, and the root of the project that its paths count from.
    rules : collection of CompareRule
    from_snapshot : mapping
        Path relative to the ``save_dir`` -> digest of the files that the snapshot holds there.

    Returns
    -------
    tuple of OutputVerdict
        Sorted by path.
    """
    verdicts: list[OutputVerdict] = []
    old, new = recorded[0].outputs, found[0].outputs
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before and after and (before.kind, before.digest) == (after.kind, after.digest):
            label = f"{name}/" if before.kind == "tree" else name
            verdicts.append(OutputVerdict(path=label, verdict="same", recorded=before.digest, found=after.digest))
            continue
        first = dict(_parts(name, before, recorded[1]))
        second = dict(_parts(name, after, found[1]))
        paths = sorted(first.keys() | second.keys())
        verdicts += [_compare(path, first.get(path), second.get(path), rules, from_snapshot) for path in paths]
    return tuple(verdicts)


def _parts(name: str, output: DataEntry | None, root: Path) -> Iterator[tuple[str, _Part]]:
    if output is None:
        return
    place = root / output.path
    if output.kind == "file":
        yield name, _Part(Entry(name, "file", digest=output.digest), output.digest, place)
        return
    entries = tree_entries(place, output, is_output=True)
    if entries is None:
        yield f"{name}/", _Part(None, output.digest, place)
    filled = {entry.path.rpartition("/")[0] for entry in entries or ()}
    for entry in entries or ():
        if entry.path not in filled:
            digest = entry.digest or entry.target or ""
            yield f"{name}/{entry.path}", _Part(entry, digest, place / entry.path)


def _compare(
    path: str,
    old: _Part | None,
    new: _Part | None,
    rules: Collection[CompareRule],
    from_snapshot: Mapping[str, str],
) -> OutputVerdict:
    if old is None:
        return OutputVerdict(path=path, verdict="added", found=new.digest if new else None)
    if new is None:
        is_unwritten = from_snapshot.get(path) == old.digest
        return OutputVerdict(path=path, verdict="unwritten" if is_unwritten else "missing", recorded=old.digest)
    rule = find_rule(path, rules)
    compared = _compare_parts(old, new, rule)
    by_rule = rule if compared.verdict != "same" else None
    has_tolerance = by_rule is not None and by_rule.kind == "numbers"
    return OutputVerdict(
        path=path,
        verdict=compared.verdict,
        rule=by_rule.kind if by_rule else "bytes",
        rtol=by_rule.rtol if by_rule and has_tolerance else None,
        atol=by_rule.atol if by_rule and has_tolerance else None,
        recorded=old.digest,
        found=new.digest,
        place=compared.place,
        relative=compared.relative,
        absolute=compared.absolute,
    )


def _compare_parts(old: _Part, new: _Part, rule: CompareRule | None) -> FileComparison:
    if old.entry is None or new.entry is None:
        return FileComparison("different", "a folder of which only the digest is known")
    first, second = old.entry, new.entry
    if (first.kind, first.executable, old.digest) == (second.kind, second.executable, new.digest):
        return FileComparison("same")
    if first.kind != second.kind:
        return FileComparison("different", f"a {first.kind} became a {second.kind}")
    if first.executable != second.executable:
        return FileComparison("different", f"it is {'' if second.executable else 'not '}executable now")
    if first.kind != "file":
        return FileComparison("different")
    if not _is_there(old):
        reason = "the recorded file is not there any more, so only the digests were compared"
        return FileComparison("different", reason)
    try:
        return compare_files(old.place, new.place, rule)
    except OSError as error:
        return FileComparison("different", f"cannot be read: {error.strerror}")


def _is_there(part: _Part) -> bool:
    try:
        return hash_file(part.place) == part.digest
    except NagaError:
        return False
