"""What is different between two runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from naga.lock.environment import compare_environments
from naga.lock.manifest import compare_manifests, load_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from naga.lock.receipt import DataEntry, Receipt

__all__ = ["Comparison", "Difference", "compare_receipts"]

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is different.

    Attributes
    ----------
    section : {"config", "code", "data", "environment", "prevs"}
        Where in the receipts it stands.
    name : str
        The key, file or stage.
    first, second : object
        The value in each run; None where it is not there.
    files : tuple of str
        For trees whose manifests are known, the files in it that differ.
    """

    section: str
    name: str
    first: Any
    second: Any
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences of two runs, in the order of their sections."""

    first: str
    second: str
    differences: tuple[Difference, ...] = field(default=())

    def summary(self) -> str:
        """Return what differs, in a few words.

        Returns
        -------
        str
            Such as ``config (lr), code (fit.py)``; empty when nothing differs.
        """
        sections: dict[str, list[str]] = {}
        for difference in self.differences:
            if difference.section != "environment":
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
            ``first``, ``second`` (ids) and ``differences`` (list of mappings).
        """
        return asdict(self)


def compare_receipts(first: Receipt, second: Receipt) -> Comparison:
    """Compare two runs by their receipts.

    Parameters
    ----------
    first, second : Receipt

    Returns
    -------
    Comparison
        Config by key; code by file; data and outputs by digest, and by file where the manifests are in the cache; the
        environment; and the recipes of the prevs. Identifiers and times always differ, so they are not compared.
    """
    differences = (
        *_mapping("config", _flat(first.config), _flat(second.config)),
        *_mapping("code", _code(first), _code(second)),
        *_data("data", first.data, second.data),
        *_data("outputs", first.outputs, second.outputs),
        *_environment(first, second),
        *_mapping("prevs", _prevs(first), _prevs(second)),
    )
    return Comparison(first.id, second.id, differences)


def _mapping(section: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Difference]:
    for name in sorted(first.keys() | second.keys()):
        one, other = first.get(name, _ABSENT), second.get(name, _ABSENT)
        if one != other or type(one) is not type(other):
            yield Difference(section, name, None if one is _ABSENT else one, None if other is _ABSENT else other)


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict) and value:
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _code(receipt: Receipt) -> dict[str, str]:
    files = receipt.used.get("files")
    used = files.values() if isinstance(files, dict) else ()
    return {path: digest for entry in used for path, digest in entry.items()}


def _data(section: str, first: Mapping[str, DataEntry], second: Mapping[str, DataEntry]) -> Iterator[Difference]:
    for name in sorted(first.keys() | second.keys()):
        one, other = first.get(name), second.get(name)
        digests = one.digest if one else None, other.digest if other else None
        if digests[0] != digests[1]:
            files = _changed_files(one.digest, other.digest) if one and other else ()
            yield Difference(section, name, *digests, files)


def _changed_files(first: str, second: str) -> tuple[str, ...]:
    old, new = load_manifest(first), load_manifest(second)
    if old is None or new is None:
        return ()
    changes = compare_manifests(old, new)
    return (*changes.added, *changes.removed, *changes.changed)


def _environment(first: Receipt, second: Receipt) -> Iterator[Difference]:
    for difference in compare_environments(first.environment, second.environment):
        yield Difference("environment", difference.what, difference.recorded, difference.current)


def _prevs(receipt: Receipt) -> dict[str, str | None]:
    return {
        name: receipt.lineage[entry.id].recipe if entry.id in receipt.lineage else entry.digest
        for name, entry in receipt.prevs.items()
    }
