"""A run as one row of a list."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from naga.errors import NagaError
from naga.lock import badges
from naga.lock.staleness import Examiner
from naga.lock.world import place_of
from naga.operations.inside import read_inside
from naga.operations.subjects import inner_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from naga.catalog.ledger_rows import Entry
    from naga.catalog.librarian import Librarian
    from naga.operations.subjects import Subject

__all__ = ["badge_of", "next_offset", "row_of_subject", "rows_of_entries", "short_value", "state_of"]

_NOT_TOLD = frozenset({"save_dir", "runlock"})
_MOST_VALUES = 4
_LONGEST_VALUE = 40
_LONGEST_PROBLEM = 500
_METRICS: Final = "metrics.json"
"""The output whose first number stands in the list."""
_LARGEST_METRICS: Final = 64 * 2**10


def badge_of(state: str | None, status: str | None) -> dict[str, str]:
    """Return what a run is shown with.

    Parameters
    ----------
    state, status : str or None
        What has become of it, as far as that is known, and what its receipt says.

    Returns
    -------
    dict
        ``glyph``, ``word`` and ``tone`` (good, warn, bad, busy or none).
    """
    return badges.badge_of(state or status or "unreadable")._asdict()


def rows_of_entries(librarian: Librarian, entries: Sequence[Entry], *, judge: bool = True) -> list[dict[str, Any]]:
    """Return rows, with the config values in which those of a stage differ.

    Parameters
    ----------
    librarian : Librarian
    entries : sequence of Entry
    judge : bool
        Whether to look what has become of the runs.

    Returns
    -------
    list of dict
    """
    paths = [entry.path for entry in entries if entry.path]
    verdicts = librarian.judge(dict.fromkeys(paths)) if judge else {}
    told = _telling_values(entries)
    return [
        _row(librarian, entry, verdicts[entry.path].state if entry.path in verdicts else None, values)
        for entry, values in zip(entries, told, strict=True)
    ]


def next_offset(offset: int, shown: int, total: int) -> int | None:
    """Tell where the next page begins.

    Parameters
    ----------
    offset, shown, total : int
        Where this page begins, how many it has, and how many there are.

    Returns
    -------
    int or None
        None after the last page.
    """
    end = offset + shown
    return end if shown and end < total else None


def row_of_subject(librarian: Librarian, subject: Subject) -> dict[str, Any]:
    """Return the row of a run; one that only later runs still have is judged by what they embed.

    Parameters
    ----------
    librarian : Librarian
    subject : Subject

    Returns
    -------
    dict
    """
    if subject.path is not None:
        return rows_of_entries(librarian, [subject.entry])[0]
    return _row(librarian, subject.entry, state_of(librarian, subject), _telling_values([subject.entry])[0])


def state_of(librarian: Librarian, subject: Subject) -> str:
    """Tell what has become of a run.

    Parameters
    ----------
    librarian : Librarian
    subject : Subject

    Returns
    -------
    str
        One of `naga.lock.staleness.STATES`.
    """
    if subject.path is not None:
        return librarian.judge([subject.path])[subject.path].state
    world = librarian.world()
    known = subject.known
    state = Examiner(world).verdict_of_ancestor(known, known, subject.root).state
    librarian.learn(world)
    return state


def short_value(value: Any, longest: int = _LONGEST_VALUE) -> str:
    """Write a value in few characters.

    Parameters
    ----------
    value : object
        A plain one.
    longest : int
        Characters.

    Returns
    -------
    str
    """
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _row(librarian: Librarian, entry: Entry, state: str | None, config: dict[str, str]) -> dict[str, Any]:
    return {
        "id": entry.id,
        "path": inner_path(librarian, entry.path) if entry.path else None,
        "stage": entry.stage,
        "status": None if entry.status == "unreadable" else entry.status,
        "state": state,
        "badge": badge_of(state, entry.status),
        "started": entry.started,
        "finished": entry.finished,
        "duration": entry.duration,
        "metric": _metric(librarian, entry),
        "config": config,
        "problem": entry.problem[:_LONGEST_PROBLEM] if entry.problem else None,
        "on_disk": bool(entry.path),
    }


def _metric(librarian: Librarian, entry: Entry) -> dict[str, Any] | None:
    """Return the first number in the metrics that a run left, as far as they are small and below the root."""
    receipt = librarian.receipt(entry.path) if entry.path else None
    if receipt is None or isinstance(receipt, NagaError) or _METRICS not in receipt.outputs:
        return None
    output = receipt.outputs[_METRICS]
    path = inner_path(librarian, place_of(output.path, librarian.world().root_of(entry.path, receipt)))
    if path is None or output.size > _LARGEST_METRICS:
        return None
    try:
        content = json.loads(read_inside(librarian.root, path, _LARGEST_METRICS))
    except (NagaError, ValueError, RecursionError):
        return None
    for name, value in content.items() if isinstance(content, dict) else ():
        if isinstance(value, int | float) and not isinstance(value, bool):
            return {"name": name[:_LONGEST_VALUE], "value": value}
    return None


def _telling_values(entries: Sequence[Entry]) -> list[dict[str, str]]:
    """Return for each run the first few config values in which those of its stage differ; of a single one the first."""
    flat = [dict(_flat(entry.config)) for entry in entries]
    stages: dict[str | None, list[dict[str, str]]] = {}
    for entry, values in zip(entries, flat, strict=True):
        stages.setdefault(entry.stage, []).append(values)
    telling = {stage: _telling_keys(members) for stage, members in stages.items()}
    return [
        {key: values[key] for key in telling[entry.stage] if key in values}
        for entry, values in zip(entries, flat, strict=True)
    ]


def _telling_keys(members: list[dict[str, str]]) -> list[str]:
    keys = dict.fromkeys(key for values in members for key in values)
    if len(members) > 1:
        return [key for key in keys if len({values.get(key) for values in members}) > 1][:_MOST_VALUES]
    return list(keys)[:_MOST_VALUES]


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in config.items():
        if not prefix and key in _NOT_TOLD:
            continue
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", short_value(value)
