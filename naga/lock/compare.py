"""What is different between two runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from naga.errors import IntegrityError, NotFoundError
from naga.lock.document import canonical_json
from naga.lock.environment import compare_environments
from naga.lock.git import run as git
from naga.lock.manifest import compare_manifests, load_manifest
from naga.lock.receipt import RepositoryEntry
from naga.lock.snapshot import has_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from naga.lock.receipt import DataEntry, Receipt

__all__ = [
    "RECIPE_SECTIONS",
    "SECTIONS",
    "Comparison",
    "Difference",
    "changed_files",
    "code_statistics",
    "compare_receipts",
]

Section = Literal["config", "code", "data", "outputs", "environment", "prevs"]

SECTIONS: tuple[Section, ...] = ("config", "code", "data", "outputs", "environment", "prevs")
"""The parts of two receipts that are compared, in this order."""

RECIPE_SECTIONS: tuple[Section, ...] = ("config", "code", "data", "prevs")
"""Those that decide what a run computes."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is different.

    Attributes
    ----------
    section : {"config", "code", "data", "outputs", "environment", "prevs"}
        Where in the receipts it stands.
    name : str
        The key, file or stage; a config key with a dot before each deeper level.
    first, second : object
        The value in each run: of code, data and outputs the digest, of a prev its recipe. None where it is not there.
    files : tuple of str
        Of trees whose manifests are in the cache, the files in them that differ.
    detail : str
        Of a prev that is in both, what differs in it.
    only_in : {"first", "second"} or None
        The run that alone has it.
    """

    section: Section
    name: str
    first: Any
    second: Any
    files: tuple[str, ...] = ()
    detail: str = ""
    only_in: Literal["first", "second"] | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences of two runs.

    Attributes
    ----------
    first, second : str
        Identifiers of the runs.
    differences : tuple of Difference
        In the order of `SECTIONS`, then by name.
    statistics : tuple of str
        When the code differs, the lines of ``git diff --stat`` between the snapshots, where both are there.
    """

    first: str
    second: str
    differences: tuple[Difference, ...] = ()
    statistics: tuple[str, ...] = ()

    def summary(self) -> str:
        """Return what differs, in a few words.

        Returns
        -------
        str
            Such as ``config (lr), code (fit.py)``; empty when nothing differs.
        """
        sections: dict[str, list[str]] = {}
        for difference in self.differences:
            sections.setdefault(difference.section, []).append(difference.name)
        return ", ".join(
            f"{section} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
            for section, names in sections.items()
        )

    def to_mapping(self) -> dict[str, Any]:
        """Return the comparison as plain values.

        Returns
        -------
        dict
            ``first``, ``second``, ``differences`` (list of mappings) and ``statistics``.
        """
        return asdict(self)


def compare_receipts(first: Receipt, second: Receipt, *, sections: Collection[Section] = SECTIONS) -> Comparison:
    """Compare two runs by their receipts.

    Parameters
    ----------
    first, second : Receipt
    sections : collection of str, optional
        What to compare.

    Returns
    -------
    Comparison
        Config by key; code by file; data and outputs by digest, and by file where the manifests are in the cache; the
        environment; and the recipes of the prevs. Identifiers and times always differ, so they are not compared.
    """
    differences = tuple(
        difference for section in SECTIONS if section in sections for difference in _COMPARERS[section](first, second)
    )
    return Comparison(first.id, second.id, differences)


def changed_files(first: str | None, second: str | None) -> tuple[str, ...]:
    """Say which files of a tree are not the same.

    Parameters
    ----------
    first, second : str or None
        Digests of two states of a tree.

    Returns
    -------
    tuple of str
        Paths in the tree that are only in one of the two or differ, sorted; empty when the cache does not have both
        manifests.
    """
    try:
        old, new = (load_manifest(digest) if digest else None for digest in (first, second))
    except IntegrityError:
        return ()
    if old is None or new is None:
        return ()
    changes = compare_manifests(old, new)
    return tuple(sorted((*changes.added, *changes.removed, *changes.changed)))


def code_statistics(first: Receipt, second: Receipt, roots: Collection[Path]) -> tuple[str, ...]:
    """Say how much of the code differs, by git's count of lines.

    Parameters
    ----------
    first, second : Receipt
    roots : collection of Path
        Where the root of the project may be; absolute.

    Returns
    -------
    tuple of str
        The lines of ``git diff --stat`` between the two snapshots of each repository whose snapshots differ; nothing
        for a repository that does not hold both.

    Raises
    ------
    GitError
        A repository cannot be read.
    """
    lines: list[str] = []
    for one, other in _pairs(first.repos, second.repos, missing=RepositoryEntry()):
        commits = [entry.snapshot for entry in (one, other) if entry.snapshot is not None]
        if len(set(commits)) == 2:
            root = next((place for root in roots if _has_all(place := root / one.path, commits)), None)
            lines += _diff_stat(root, commits) if root is not None else []
    return tuple(lines)


def _pairs(first: Mapping[str, _T], second: Mapping[str, _T], missing: _T) -> Iterator[tuple[_T, _T]]:
    """Pair what two runs have of one repository.

    Two repositories that are alone are the same one: it is named after its folder, which may have been renamed.
    """
    if len(first) == len(second) == 1:
        yield next(iter(first.values())), next(iter(second.values()))
        return
    for name in sorted(first.keys() | second.keys()):
        yield first.get(name, missing), second.get(name, missing)


def _has_all(root: Path, commits: list[str]) -> bool:
    try:
        return all(has_snapshot(root, commit) for commit in commits)
    except NotFoundError:
        return False


def _diff_stat(root: Path, commits: list[str]) -> list[str]:
    options = ("--no-color", "--no-ext-diff", "--no-textconv", "--stat=100")
    output = git(root, "-c", "core.quotePath=false", "diff", *options, *commits, "--")
    return output.decode(errors="replace").splitlines()


def _compare_config(first: Receipt, second: Receipt) -> Iterator[Difference]:
    return _unequal("config", _flat(first.config), _flat(second.config))


def _compare_code(first: Receipt, second: Receipt) -> Iterator[Difference]:
    for one, other in _pairs(_code(first), _code(second), missing={}):
        yield from _unequal("code", one, other)


def _compare_data(first: Receipt, second: Receipt) -> Iterator[Difference]:
    return _unequal_data("data", first.data, second.data)


def _compare_outputs(first: Receipt, second: Receipt) -> Iterator[Difference]:
    return _unequal_data("outputs", first.outputs, second.outputs)


def _compare_environment(first: Receipt, second: Receipt) -> Iterator[Difference]:
    for found in compare_environments(first.environment, second.environment):
        yield Difference("environment", found.what, found.recorded, found.current)


def _compare_prevs(first: Receipt, second: Receipt) -> Iterator[Difference]:
    for found in _unequal("prevs", _recipes(first), _recipes(second)):
        one, other = (_prev(receipt, found.name) for receipt in (first, second))
        if one is not None and other is not None:
            # Not its prevs in turn: each stage before would be compared once for every way that leads there.
            within = compare_receipts(one, other, sections=("config", "code", "data")).summary()
            found = replace(found, detail=within or "a stage before it")
        yield found


_COMPARERS: dict[Section, Callable[[Receipt, Receipt], Iterator[Difference]]] = {
    "config": _compare_config,
    "code": _compare_code,
    "data": _compare_data,
    "outputs": _compare_outputs,
    "environment": _compare_environment,
    "prevs": _compare_prevs,
}


def _unequal(section: Section, first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Difference]:
    for name in sorted(first.keys() | second.keys()):
        if name not in first or name not in second:
            only_in: Literal["first", "second"] = "first" if name in first else "second"
            yield Difference(section, name, first.get(name), second.get(name), only_in=only_in)
        # As in a receipt, 1, 1.0 and True are three values, while NaN is NaN.
        elif canonical_json(first[name]) != canonical_json(second[name]):
            yield Difference(section, name, first[name], second[name])


def _unequal_data(
    section: Section, first: Mapping[str, DataEntry], second: Mapping[str, DataEntry]
) -> Iterator[Difference]:
    digests = [{name: entry.digest for name, entry in entries.items()} for entries in (first, second)]
    for found in _unequal(section, *digests):
        yield replace(found, files=changed_files(found.first, found.second))


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict) and value:
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _code(receipt: Receipt) -> dict[str, dict[str, str]]:
    files = receipt.used.get("files")
    used = files if isinstance(files, dict) else {}
    return {name: digests for name, digests in used.items() if isinstance(digests, dict)}


def _prev(receipt: Receipt, name: str) -> Receipt | None:
    entry = receipt.prevs.get(name)
    return receipt.lineage.get(entry.id) if entry else None


def _recipes(receipt: Receipt) -> dict[str, str | None]:
    embedded = {name: receipt.lineage.get(entry.id) for name, entry in receipt.prevs.items()}
    return {name: found.recipe if found is not None else receipt.prevs[name].digest for name, found in embedded.items()}
