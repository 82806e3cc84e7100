"""Grids: every combination of the values of several keys."""

from __future__ import annotations

import itertools
import math
import re
from typing import TYPE_CHECKING, Any

import yaml

from naga.config.yaml_values import read_value
from naga.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["GRID_LIMIT", "grid_values"]

GRID_LIMIT = 1_000_000
"""The most combinations of one grid."""

_RANGE = re.compile(r"([-+]?[0-9]+)\.\.([-+]?[0-9]+)(?:\.\.([0-9]+))?")
_NEARLY_RANGE = re.compile(r"[-+]?[0-9][0-9.eE+-]*\.\.[-+]?[0-9][0-9.eE+-]*")
_ASSIGNMENT = re.compile(r"((?:\\[.\[\]=]|[^=])+)=(.*)", re.DOTALL)
_OPENING, _CLOSING = "[{", "]}"


def grid_values(words: Sequence[str]) -> Iterator[dict[str, Any]]:
    r"""Yield every combination of the values of several keys.

    Parameters
    ----------
    words : sequence of str
        ``KEY=VALUES``, where the values stand between commas: YAML as for ``-o``, or a range of whole numbers
        ``FIRST..LAST`` or ``FIRST..LAST..STEP``, the last one included. A comma in quotes, in brackets or behind a
        backslash belongs to the value.

    Yields
    ------
    dict
        Dotted key -> value; the last key changes fastest.

    Raises
    ------
    UsageError
        A word is no assignment, a value is empty or cannot be read, a key stands twice, or there are more than
        `GRID_LIMIT` combinations.

    Examples
    --------
    >>> list(grid_values(["lr=0.1,1e-2", "seed=0..1"]))[:3]
    [{'lr': 0.1, 'seed': 0}, {'lr': 0.1, 'seed': 1}, {'lr': 0.01, 'seed': 0}]
    >>> list(grid_values([r"text=a\,b,'c,d',[1,2]"]))
    [{'text': 'a,b'}, {'text': 'c,d'}, {'text': [1, 2]}]
    """
    axes: dict[str, list[Any]] = {}
    for word in words:
        match = _ASSIGNMENT.fullmatch(word)
        if match is None:
            raise UsageError(f"--grid {word!r} gives no values", hint="write --grid KEY=VALUE,VALUE KEY=0..4")
        key, text = match[1], match[2]
        if key in axes:
            raise UsageError(f"--grid gives {key} twice", hint=f"write {key}=VALUE,VALUE once", key=key)
        axes[key] = [value for part in _parts(text) for value in _part_values(key, part)]
        count = math.prod(map(len, axes.values()))
        if count > GRID_LIMIT:
            hint = f"a sweep takes {GRID_LIMIT:,} at most"
            raise UsageError(f"--grid has more than {count - 1:,} combinations", hint=hint, key=key)
    return (dict(zip(axes, combination, strict=True)) for combination in itertools.product(*axes.values()))


def _parts(text: str) -> list[str]:
    """Split at the commas that stand outside of quotes and brackets and have no backslash before them."""
    parts, part, quote, depth = [], "", "", 0
    characters = iter(text)
    for character in characters:
        if character == "\\" and quote != "'":
            following = next(characters, "")
            part += following if following == "," and not quote else character + following
            continue
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"" and (depth or not part.strip()):
            quote = character
        elif character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth -= 1
        if character == "," and not quote and depth <= 0:
            parts.append(part)
            part = ""
        else:
            part += character
    return [one.strip() for one in (*parts, part)]


def _part_values(key: str, part: str) -> Sequence[Any]:
    hint = f"write {key}=VALUE,VALUE; null and '' are values"
    if not part:
        raise UsageError(f"--grid {key}= has an empty value", hint=hint, key=key)
    match = _RANGE.fullmatch(part)
    if match is not None:
        return _range(key, *(int(number) for number in match.groups(default="1")))
    if _NEARLY_RANGE.fullmatch(part):
        hint = f"list the values: {key}=0.1,0.2; or quote it if it is text"
        raise UsageError(f"--grid {key}={part}: a range is of whole numbers, FIRST..LAST", hint=hint, key=key)
    try:
        return [read_value(part)]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # The value itself is not shown: it may be secret.
        hint = f"quote it: --grid {key}=\"'VALUE'\""
        raise UsageError(f"a value of --grid {key} is not valid YAML", hint=hint, key=key) from error


def _range(key: str, first: int, last: int, step: int) -> range:
    if step == 0:
        raise UsageError(f"--grid {key}: the step of a range cannot be 0", hint=f"{key}={first}..{last}", key=key)
    numbers = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
    if abs(last - first) // step >= GRID_LIMIT:
        hint = f"a sweep takes {GRID_LIMIT:,} values at most"
        raise UsageError(f"--grid {key}={first}..{last} is too long", hint=hint, key=key)
    return numbers
