"""A receipt, and what it names, in words for terminals."""

from __future__ import annotations

import json
import os
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from naga.lock.receipt import DataEntry, PrevEntry, Receipt, RepositoryEntry

__all__ = ["describe_receipt", "lineage_lines", "or_absent", "printable", "short_digest", "short_path", "stage_name"]

_WIDEST = 240
"""Characters of indentation; what is 80 stages up and more stands below each other."""

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def stage_name(receipt: Receipt) -> str:
    """Name the stage that a receipt is of.

    Parameters
    ----------
    receipt : Receipt

    Returns
    -------
    str
        The stem of the script, followed by the function where that is not ``main``; the stem of the notebook, or
        ``cells``, for what was done in cells.
    """
    function = str(receipt.caller.get("function") or "").rpartition(".")[2]
    file = receipt.caller.get("file")
    if not isinstance(file, str):
        return printable(function or _notebook_name(receipt) or "run")
    stem = PurePath(file).stem
    return printable(stem if function in ("", "main", "<module>") else f"{stem}:{function}")


def _notebook_name(receipt: Receipt) -> str:
    notebook = receipt.caller.get("notebook")
    if not isinstance(notebook, dict):
        return ""
    return PurePath(str(notebook.get("path") or "cells")).stem


def describe_receipt(receipt: Receipt) -> str:
    """Describe a receipt in words.

    Parameters
    ----------
    receipt : Receipt

    Returns
    -------
    str
        Several lines: what ran, how it ended, its config, code, data, outputs, and the stages before it.
    """
    return "\n".join(map(printable, _lines(receipt)))


def lineage_lines(receipt: Receipt) -> list[str]:
    """Draw the stages before a run as a tree.

    Parameters
    ----------
    receipt : Receipt

    Returns
    -------
    list of str
        One line for each prev of each stage. A stage that more than one other reads is drawn out once.
    """
    return [printable(line) for line in _tree(receipt)]


def short_path(path: Path) -> str:
    """Write a path as a person in the current folder would.

    Parameters
    ----------
    path : Path
        Absolute.

    Returns
    -------
    str
        Relative to the current folder for what lies in it, else absolute.
    """
    here, text = os.getcwd().rstrip("/") + "/", str(path)  # noqa: PTH109 - called for each of many runs
    return text.removeprefix(here) or "."


def short_digest(digest: str | None) -> str:
    """Shorten a digest or an identifier of git for people.

    Parameters
    ----------
    digest : str or None

    Returns
    -------
    str
        The first ten characters of the hexadecimal part.
    """
    return (digest or "none").rpartition(":")[2][:10]


def or_absent(value: object) -> object:
    """Write what an environment lacks as a word.

    Parameters
    ----------
    value : object
        A plain value; None where the thing is absent.

    Returns
    -------
    object
    """
    return "absent" if value is None else value


def printable(text: str) -> str:
    r"""Spell out what could move the cursor or change the colours of a terminal: a receipt may come from anybody.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        Without control characters, lone surrogates and line breaks.

    Examples
    --------
    >>> print(printable("red \x1b[31m"))
    red \x1b[31m
    """
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def _lines(receipt: Receipt) -> Iterator[str]:
    took = "" if receipt.duration is None else f" after {receipt.duration:.2f} s"
    yield f"{stage_name(receipt)}  {receipt.status}{took}"
    if receipt.error is not None:
        where = f"  ({receipt.error.file}:{receipt.error.line})" if receipt.error.file else ""
        yield f"  error    {receipt.error.type}: {receipt.error.message}{where}"
    yield f"  id       {receipt.id}"
    yield f"  started  {receipt.started}"
    if receipt.recipe:
        yield f"  recipe   {receipt.recipe}"
    yield from _section("config", {key: _value(value) for key, value in receipt.config.items() if key != "runlock"})
    yield from _section("code", {name: _repository(entry) for name, entry in receipt.repos.items()})
    yield from _section("data", {name: _data(entry) for name, entry in receipt.data.items()})
    yield from _section("outputs", {name: _data(entry) for name, entry in receipt.outputs.items()})
    if receipt.prevs:
        yield "  prevs"
        yield from (f"    {line}" for line in lineage_lines(receipt))


def _section(title: str, rows: Mapping[str, str]) -> Iterator[str]:
    if rows:
        yield f"  {title}"
        rows = {printable(name): text for name, text in rows.items()}
        width = min(max(len(name) for name in rows), 40)
        yield from (f"    {name.ljust(width)}  {text}" for name, text in rows.items())


def _repository(entry: RepositoryEntry) -> str:
    if entry.snapshot is None:
        return entry.problem or "not recorded"
    state = "uncommitted changes, kept in the snapshot" if entry.dirty else "clean"
    return f"{short_digest(entry.snapshot)} ({state})"


def _data(entry: DataEntry) -> str:
    files = f", {entry.files} files" if entry.files is not None else ""
    return f"{entry.path}  {short_digest(entry.digest)}  {_size(entry.size)}{files}"


def _size(size: int) -> str:
    value, unit = float(size), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value


def _tree(receipt: Receipt) -> Iterator[str]:
    """Walk the prevs depth first; without recursion, since a lineage may be thousands of stages deep."""
    drawn: set[str] = set()
    waiting = list(_branches(receipt, ""))
    while waiting:
        name, entry, indent, is_last = waiting.pop()
        ancestor = receipt.lineage.get(entry.id)
        stage = stage_name(ancestor) if ancestor else name
        status = ancestor.status if ancestor else "not recorded"
        again = " (above)" if entry.id in drawn and ancestor and ancestor.prevs else ""
        yield f"{indent}{'└─ ' if is_last else '├─ '}{stage}  {status}  {entry.path}{again}"
        if ancestor is not None and entry.id not in drawn:
            drawn.add(entry.id)
            waiting += _branches(ancestor, (indent + ("   " if is_last else "│  "))[:_WIDEST])


def _branches(receipt: Receipt, indent: str) -> Iterator[tuple[str, PrevEntry, str, bool]]:
    """Yield the prevs of a receipt, the last one first."""
    for number, (name, entry) in enumerate(reversed(list(receipt.prevs.items()))):
        yield name, entry, indent, number == 0
