"""Whether a file that was made again is like the one before: bit for bit, as text, or within a tolerance."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal

from naga.errors import ConfigError, IntegrityError, nearest
from naga.lock.filters import Selection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from naga.lock.settings import CompareRule

    Likeness = Literal["same", "within", "different"]

__all__ = ["FileComparison", "check_rules", "compare_files", "find_rule"]

_KINDS = ("bytes", "text", "numbers")
_BLOCK = 2**20
_LONGEST_INTEGER = 300
"""Digits of an integer that is compared as a number; a longer one is beyond every float and taken as text."""

# A number stands by itself: no part of a word, a version, a date, a time or a range. Possessive throughout, so that
# a long row of digits takes linear time.
_NUMBER = re.compile(
    r"(?<![\w.])(?<![0-9][-:/])[-+]?(?>[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][-+]?[0-9]++)?+(?!\w|\.[0-9]|[-:/][0-9])"
)
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BLANKS_BEFORE = re.compile(r"^[ \t]+")
_BLANKS_AFTER = re.compile(r"[ \t]+$")


@dataclass(frozen=True, slots=True)
class FileComparison:
    """How like a file is to the recorded one.

    Attributes
    ----------
    verdict : {"same", "within", "different"}
        The same bits, different bits that the rule lets through, or neither.
    place : str or None
        The first place that decided so, such as ``line 3: 0.5 became 0.6``. Of text only the number of the line is
        told, for a line may hold a secret.
    relative, absolute : float or None
        The largest deviation of a number, seen by the rule "numbers": relative to the recorded number where that is
        not zero, and absolute.
    """

    verdict: Likeness
    place: str | None = None
    relative: float | None = None
    absolute: float | None = None


def check_rules(rules: Iterable[CompareRule]) -> None:
    """Check the rules of ``naga.toml`` before they are needed.

    Parameters
    ----------
    rules : iterable of CompareRule

    Raises
    ------
    ConfigError
        A kind is unknown, a pattern can fit nothing, or a tolerance is given to a kind that has none.
    """
    for rule in rules:
        if rule.kind not in _KINDS:
            found = nearest(rule.kind, _KINDS)
            hint = f"did you mean {found!r}?" if found else f"the kinds are {', '.join(_KINDS)}"
            raise ConfigError(f"unknown kind {rule.kind!r} in compare ({rule.pattern})", hint=hint, key="compare")
        if rule.kind != "numbers" and (rule.rtol or rule.atol):
            message = f"compare ({rule.pattern}) has a tolerance, but its kind is {rule.kind!r}"
            raise ConfigError(message, hint='write kind = "numbers"', key="compare")
        Selection.of(include=[rule.pattern])


def find_rule(path: str, rules: Iterable[CompareRule]) -> CompareRule | None:
    """Find the rule for an output.

    Parameters
    ----------
    path : str
        Relative to the ``save_dir``, with ``/``.
    rules : iterable of CompareRule

    Returns
    -------
    CompareRule or None
        The first whose pattern fits the file or a folder above it; None when only equal bits will do.

    Examples
    --------
    >>> from naga.lock.settings import CompareRule
    >>> rules = [CompareRule(pattern="*.csv", kind="numbers", rtol=1e-6), CompareRule(pattern="plots/", kind="text")]
    >>> find_rule("folds/1.csv", rules).kind, find_rule("plots/a.svg", rules).kind, find_rule("a.png", rules)
    ('numbers', 'text', None)
    """
    return next((rule for rule in rules if Selection.of(include=[rule.pattern]).chooses(path)), None)


def compare_files(recorded: Path, found: Path, rule: CompareRule | None = None) -> FileComparison:
    """Compare a file with the recorded one.

    Parameters
    ----------
    recorded, found : Path
        The files.
    rule : CompareRule, optional
        What differences it lets through; none without a rule. The rule "text" ignores white space at the ends of
        lines. The rule "numbers" wants all else to be equal, but for the width of blanks beside a number, and of each
        number ``abs(found - recorded) <= atol + rtol * abs(recorded)``; of ``.npy`` and ``.npz`` files it compares
        the arrays, if NumPy is installed.

    Returns
    -------
    FileComparison

    Raises
    ------
    OSError
        A file cannot be read.

    Notes
    -----
    The condition is that of ``numpy.allclose(found, recorded)``.
    """
    offset = _first_different_byte(recorded, found)
    if offset is None:
        return FileComparison("same")
    if rule is None or rule.kind == "bytes":
        return FileComparison("different", f"byte {offset + 1}")
    if rule.kind == "numbers" and recorded.suffix in (".npy", ".npz"):
        return _compare_arrays(recorded, found, rule)
    try:
        return _compare_text(recorded, found) if rule.kind == "text" else _compare_numbers(recorded, found, rule)
    except UnicodeDecodeError:
        return FileComparison("different", f"byte {offset + 1}, and it is no text in UTF-8")


def _first_different_byte(recorded: Path, found: Path) -> int | None:
    offset = 0
    with recorded.open("rb") as first, found.open("rb") as second:
        while True:
            old, new = first.read(_BLOCK), second.read(_BLOCK)
            if old != new:
                pairs = enumerate(zip(old, new, strict=False))
                return offset + next((at for at, (a, b) in pairs if a != b), min(len(old), len(new)))
            if not old:
                return None
            offset += len(old)


def _compare_text(recorded: Path, found: Path) -> FileComparison:
    number = next((number for number, old, new in _lines(recorded, found) if old != new), None)
    return FileComparison("within") if number is None else FileComparison("different", f"line {number}")


def _compare_numbers(recorded: Path, found: Path, rule: CompareRule) -> FileComparison:
    seen = _Deviations()
    for number, old, new in _lines(recorded, found):
        if old == new:
            continue
        if old is None or new is None or _words(old) != _words(new):
            return seen.result(other=f"line {number}")
        for before, after in zip(_NUMBER.findall(old), _NUMBER.findall(new), strict=True):
            if before != after:
                seen.note(f"line {number}: {before} became {after}", *_deviation(_value(before), _value(after), rule))
    return seen.result()


def _lines(recorded: Path, found: Path) -> Iterator[tuple[int, str | None, str | None]]:
    """Yield number and text of each line of both files, without the white space at its end."""
    with recorded.open(encoding="utf-8") as first, found.open(encoding="utf-8") as second:
        for number, (old, new) in enumerate(zip_longest(first, second), 1):
            yield number, None if old is None else old.rstrip(), None if new is None else new.rstrip()


def _words(line: str) -> list[str]:
    """Return what stands between the numbers of a line, blanks beside a number as one.

    Columns are padded to the width of their numbers, which the sign and the digits change.
    """
    words = _NUMBER.split(line)
    last = len(words) - 1
    for index, word in enumerate(words):
        shorter = _BLANKS_BEFORE.sub(" ", word) if index else word
        words[index] = _BLANKS_AFTER.sub(" " if index or word.strip() else "", shorter) if index < last else shorter
    return words


def _value(text: str) -> int | float:
    if not _INTEGER.fullmatch(text):
        return float(text)
    return int(text) if len(text) <= _LONGEST_INTEGER else math.nan


def _deviation(recorded: float, found: float, rule: CompareRule) -> tuple[bool, float, float | None]:
    """Return whether a number is within the tolerance, and its absolute and relative deviation."""
    absolute = float(abs(found - recorded))
    if not math.isfinite(absolute):
        return recorded == found, 0.0, None
    return absolute <= rule.atol + rule.rtol * abs(recorded), absolute, absolute / abs(recorded) if recorded else None


class _Deviations:
    """How far numbers are from the recorded ones, and the first place where they are too far."""

    def __init__(self) -> None:
        self._first: str | None = None
        self._beyond: str | None = None
        self._absolute: float | None = None
        self._relative: float | None = None

    def note(self, place: str, within: bool, absolute: float, relative: float | None) -> None:
        """Take down one number, or the largest deviations of many."""
        if absolute or not within:
            self._first = self._first or place
        if not within:
            self._beyond = self._beyond or place
        self._absolute = max(absolute, self._absolute or 0.0)
        if relative is not None:
            self._relative = max(relative, self._relative or 0.0)

    def result(self, other: str | None = None) -> FileComparison:
        """Sum up; `other` is the place where something that is no number differs."""
        beyond = self._beyond or other
        return FileComparison(
            "different" if beyond else "within", beyond or self._first, self._relative, self._absolute
        )


def _compare_arrays(recorded: Path, found: Path, rule: CompareRule) -> FileComparison:
    try:
        old, new = _read_arrays(recorded), _read_arrays(found)
    except IntegrityError as error:
        return FileComparison("different", str(error))
    if old.keys() != new.keys():
        return FileComparison("different", f"array {min(old.keys() ^ new.keys())} is in one of them only")
    seen = _Deviations()
    for name, before in old.items():
        after = new[name]
        if before.shape != after.shape or before.dtype != after.dtype:
            return seen.result(other=f"{name}{before.shape} {before.dtype} became {after.shape} {after.dtype}")
        if before.dtype.kind in "biufc":
            _compare_array(name, before, after, seen, rule)
        elif before.tobytes() != after.tobytes():
            return seen.result(other=f"{name} of {before.dtype}")
    return seen.result()


def _compare_array(name: str, before: Any, after: Any, seen: _Deviations, rule: CompareRule) -> None:
    import numpy as np

    differs = (before != after) & ~(np.isnan(before) & np.isnan(after))
    if not differs.any():
        return
    wide = complex if before.dtype.kind == "c" else np.longdouble
    old, new = before[differs].astype(wide), after[differs].astype(wide)
    with np.errstate(all="ignore"):
        absolute, size = np.abs(new - old), np.abs(old)
        within = np.isfinite(absolute) & (absolute <= rule.atol + rule.rtol * size)
        relative = (absolute / size)[np.isfinite(absolute) & (size > 0)]
    index = tuple(int(axis) for axis in np.argwhere(differs)[int(np.argmin(within))])
    seen.note(
        f"{name}{list(index)}: {before[index]} became {after[index]}",
        bool(within.all()),
        float(absolute[np.isfinite(absolute)].max(initial=0.0)),
        float(relative.max()) if relative.size else None,
    )


def _read_arrays(path: Path) -> dict[str, Any]:
    """Read the arrays of a file; the one of an ``.npy`` file is called so."""
    from zipfile import BadZipFile

    try:
        import numpy as np
    except ImportError as error:
        raise IntegrityError("NumPy is not installed, so only equal bits will do", path=path) from error
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            return {name: loaded[name] for name in loaded.files} if hasattr(loaded, "files") else {"array": loaded}
    except (ValueError, EOFError, BadZipFile) as error:
        raise IntegrityError(f"its arrays cannot be read, so only equal bits will do: {error}", path=path) from error
