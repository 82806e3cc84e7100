"""Filters of runs, as a person writes them: ``stage:train``, ``status:stale``, ``since:2d``, ``lr>0.01``."""

from __future__ import annotations

import json
import operator
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from naga.errors import UsageError, nearest
from naga.lock.describe import printable
from naga.lock.staleness import STATES
from naga.lock.times import read_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from naga.catalog.runs import Run

__all__ = ["STATUSES", "Filter", "parse_filters"]

STATUSES = (*STATES, "finished")
"""What a filter may say of the state of a run."""
_JUDGED = frozenset({"ok", "stale", "modified", "missing"})
_KEYWORDS = {"stage": "train", "status": "stale", "since": "2d"}
"""Each with an example of its value."""
_COMPARISON = re.compile(r"(?P<key>[^!<>=]*)(?P<sign>!=|>=|<=|==|[!<>=])(?P<value>.*)", re.DOTALL)
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_NOTHING: Any = object()
"""Stands for the value of a key that is not there, and is like no value."""
_AGE = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on a run.

    Attributes
    ----------
    column : str
        The attribute of a `Run` that it looks at: ``config``, ``id``, ``stage``, ``started``, ``state`` or ``status``.
    test : callable
        Gets the value of that attribute and says whether it fulfils the condition.
    value : str or float, optional
        What a state or a status must be, or the first moment of ``since:``, in seconds since 1970, UTC: a database can
        compare these by itself.
    """

    column: str
    test: Callable[[Any], bool]
    value: str | float | None = None

    @property
    def needs_state(self) -> bool:
        """Whether it looks at `Run.state`, so that data has to be looked at first."""
        return self.column == "state"

    def fits(self, run: Run) -> bool:
        """Tell whether a run fulfils the condition.

        Parameters
        ----------
        run : Run

        Returns
        -------
        bool
        """
        return self.test(getattr(run, self.column))


def parse_filters(words: Iterable[str], *, now: datetime | None = None) -> tuple[Filter, ...]:
    """Understand filters.

    Parameters
    ----------
    words : iterable of str
        One filter each.
    now : datetime, optional
        What ``since:2d`` counts back from; aware.

    Returns
    -------
    tuple of Filter

    Raises
    ------
    UsageError
        A word is no filter; the message names it and the place in it, counted from 1.
    """
    moment = now or datetime.now(UTC)
    return tuple(_parse(word, moment) for word in words)


def _parse(word: str, now: datetime) -> Filter:
    keyword, colon, value = word.partition(":")
    comparison = _COMPARISON.fullmatch(word)
    if colon and keyword in _KEYWORDS:
        return _parse_keyword(word, keyword, value, now)
    if comparison is not None:
        return _parse_comparison(word, comparison)
    if word in STATUSES:
        return _status_filter(word)
    if colon:
        known = nearest(keyword, _KEYWORDS)
        hint = f"did you mean {known}:{value}?" if known else f"there are {', '.join(f'{k}:' for k in _KEYWORDS)}"
        raise _error(word, 1, f"there is no filter {keyword!r}", hint)
    known = nearest(word, STATUSES)
    hint = f"did you mean {known}?" if known else f"for a stage write stage:{word}, for a value KEY=VALUE"
    raise _error(word, 1, "it is neither a state nor a comparison", hint)


def _parse_keyword(word: str, keyword: str, value: str, now: datetime) -> Filter:
    place = len(keyword) + 2
    if not value:
        raise _error(word, place, "a value is missing", f"as in {keyword}:{_KEYWORDS[keyword]}")
    if keyword == "stage":
        return Filter("stage", lambda stage: stage is not None and fnmatchcase(stage, value))
    if keyword == "since":
        return _since_filter(_parse_moment(word, place, value, now))
    if value not in STATUSES:
        known = nearest(value, STATUSES)
        hint = f"did you mean {known}?" if known else f"there are {', '.join(STATUSES)}"
        raise _error(word, place, f"there is no state {value!r}", hint)
    return _status_filter(value)


def _parse_comparison(word: str, match: re.Match[str]) -> Filter:
    key, sign, text = match["key"].strip(), match["sign"], match["value"].strip()
    if not key:
        raise _error(word, 1, "the name of a config key is missing", "as in lr>0.01")
    if sign == "!":
        raise _error(word, match.start("sign") + 1, "a ! stands only before =", f"as in {key}!=VALUE")
    if not text:
        raise _error(word, match.start("value") + 1, "a value is missing", f"as in {key}{sign}1")
    if text[0] in "<>=!":
        raise _error(word, match.start("value") + 1, f"{text[0]!r} is out of place", f"as in {key}{sign}1")
    value = _parse_value(text)
    if sign in _SIGNS:
        if not isinstance(value, str) and not _is_number(value):
            raise _error(word, match.start("value") + 1, f"{text} has no order", "compare it with = or !=")
        compare = _SIGNS[sign]
        return Filter("config", lambda config: _is_ordered(_value(config, key), value, compare))
    if sign == "!=":
        return Filter("config", lambda config: _is_other(_value(config, key), value, text))
    return Filter("config", lambda config: _is_equal(_value(config, key), value, text))


def _status_filter(name: str) -> Filter:
    if name == "unreadable":
        return Filter("id", lambda identifier: identifier is None)
    return Filter("state" if name in _JUDGED else "status", lambda found: found == name, name)


def _since_filter(moment: datetime) -> Filter:
    def is_since(text: str | None) -> bool:
        started = read_time(text or "")
        return started is not None and started >= moment

    return Filter("started", is_since, moment.timestamp())


def _parse_moment(word: str, place: int, text: str, now: datetime) -> datetime:
    age = _AGE.fullmatch(text)
    try:
        if age is not None:
            return now - timedelta(seconds=float(age[1]) * _SECONDS[age[2]])
        moment = read_time(text)
    except OverflowError:
        moment = None
    if moment is None:
        hint = "an age such as 90s, 30m, 12h, 2d, 3w, or a date such as 2026-11-21, UTC"
        raise _error(word, place, f"{text!r} is neither an age nor a date", hint)
    return moment


def _parse_value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _value(config: Mapping[str, Any] | None, key: str) -> Any:
    """Return the value of a config key, with dots between the levels; `_NOTHING` when there is no such key."""
    if config is not None and key in config:
        return config[key]
    value: Any = config
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            return _NOTHING
        value = value[part]
    return value


def _is_equal(found: Any, value: Any, text: str) -> bool:
    if isinstance(found, str):
        return found in (value, text)
    if _is_number(found) and _is_number(value):
        return bool(found == value)
    return type(found) is type(value) and bool(found == value)


def _is_other(found: Any, value: Any, text: str) -> bool:
    return found is not _NOTHING and not _is_equal(found, value, text)


def _is_ordered(found: Any, value: Any, compare: Callable[[Any, Any], bool]) -> bool:
    is_comparable = (_is_number(found) and _is_number(value)) or (isinstance(found, str) and isinstance(value, str))
    return is_comparable and compare(found, value)


def _is_number(value: Any) -> bool:
    # A bool is none, and plain values have no other classes.
    return type(value) is float or type(value) is int


def _error(word: str, place: int, problem: str, hint: str) -> UsageError:
    return UsageError(
        f"cannot understand the filter {word!r}: {problem} (character {place})", hint=printable(hint), key=word
    )
