"""A quick reader of the one layout of YAML that naga writes, line by line.

It says what the full reader of `naga.lock.plain_yaml` says, or nothing: at the first line that is not of that layout,
be it valid or not, it gives up, and the full reader is to be asked.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec

from naga.lock.plain_yaml import plain_scalar

__all__ = ["read_written"]

_MOST_BYTES = 2**20
_MOST_LINES = 40_000
"""A line holds three nodes at most, so many of them stay below the limit of nodes."""

_MOST_OPEN = 40
"""Below the limit of depth."""

_LONGEST_KEY = 250
"""In characters; YAML takes no key of more than 1,024 bytes for one without a question mark."""

_LONGEST_SHARED = 2**16
_OTHER_LAYOUT = "not of the layout that naga writes"

# What no line holds: control characters, and what YAML refuses or takes for the end of a line.
_OUTSIDE = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff"
_WORD = rf"[^ :#{_OUTSIDE}]++"
_PLAIN = rf"""(?![?,\[\]{{}}&*!|>'"%@`]|-[ \n]){_WORD}(?:(?: ++|[:#]++){_WORD})*+"""
_QUOTED = rf"'(?:[^'{_OUTSIDE}]++|'')*+'"
# A long text goes on in the next line, where a space was.
_LONG_PLAIN = rf"{_PLAIN}(?:\n ++{_PLAIN}(?=\n))*+"
_LONG_QUOTED = rf"'(?:[^'{_OUTSIDE}]++|''|(?<![ '])\n ++(?!['\n]))*+'"
_KEY = rf"{_PLAIN}|{_QUOTED}"
_VALUE = rf"{_LONG_PLAIN}|{_LONG_QUOTED}|\[\]|\{{\}}"
# Spaces, a dash, a key, a value; but no line that parts documents.
_LINE = re.compile(rf"(?m)^(?!---|\.\.\.)( *+)(- )?+(?:({_KEY}):(?: |(?=\n)))?({_VALUE})?\n")
_FOLD = re.compile(r"\n( +)")
# These are often the same in many receipts, and long.
_SHARED = re.compile(r"(?m)^(?:used|repos|environment):\n(?:[ -].*\n)++")


def read_written(text: bytes) -> dict[str, Any] | None:
    """Read a mapping of plain values from YAML that naga may have written.

    Parameters
    ----------
    text : bytes

    Returns
    -------
    dict or None
        What `naga.lock.plain_yaml.parse_yaml` returns; None when this reader cannot tell.
    """
    if len(text) > _MOST_BYTES or text.count(b"\n") > _MOST_LINES:
        return None
    content: dict[str, Any] = {}
    try:
        lines = text.decode("utf-8")
        start = 0
        for match in _SHARED.finditer(lines):
            content.update(_read_lines(lines[start : match.start()]))
            content.update(_read_shared(match[0]))
            start = match.end()
        content.update(_read_lines(lines[start:]))
    except (ValueError, OverflowError):
        return None
    return content or None


def _read_shared(lines: str) -> dict[str, Any]:
    if len(lines) > _LONGEST_SHARED:
        return _read_lines(lines)
    content: dict[str, Any] = msgspec.msgpack.decode(_packed(lines))
    return content


@lru_cache(maxsize=32)
def _packed(lines: str) -> bytes:
    """Read lines once for many receipts, each of which gets values of its own."""
    return msgspec.msgpack.encode(_read_lines(lines))


def _read_lines(lines: str) -> dict[str, Any]:
    """Read whole lines, the first of them without indentation; a ValueError where they are of another layout."""
    rows = _LINE.findall(lines)
    folds = "".join([row[3] for row in rows]).count("\n")
    if len(rows) + folds != lines.count("\n") or lines[-1:] not in ("", "\n"):
        raise ValueError(_OTHER_LAYOUT)
    builder = _Builder()
    for row in rows:
        builder.add(*row)
    return builder.content()


class _Builder:
    """Puts lines together. A mapping in column 3 is at level 6, a list whose dashes are there at level 7."""

    def __init__(self) -> None:
        self._root: dict[str, Any] = {}
        self._open: list[Any] = [self._root]
        self._levels = [0]
        self._key: str | None = None

    def content(self) -> dict[str, Any]:
        if self._key is not None:
            raise ValueError(_OTHER_LAYOUT)
        return self._root

    def add(self, spaces: str, dash: str, key: str, value: str) -> None:
        level = 2 * len(spaces) + (1 if dash else 0)
        if self._key is not None:
            self._enter(level)
        elif level != self._levels[-1]:
            self._leave(level)
        if not key:
            if not dash or not value:
                raise ValueError(_OTHER_LAYOUT)
            self._open[-1].append(_value(value, level // 2))
            return
        if dash:
            level += 3
            self._push(level, {})
        name = _value(key, 0)
        if type(name) is not str or len(key) > _LONGEST_KEY:
            raise ValueError(_OTHER_LAYOUT)
        if value:
            self._open[-1][name] = _value(value, level // 2)
        else:
            self._key = name

    def _enter(self, level: int) -> None:
        """Begin what a key without a value has: a list in its column, or a mapping two columns further."""
        above = self._levels[-1]
        if level == above + 1:
            self._push(level, [])
        elif level == above + 4:
            self._push(level, {})
        else:
            raise ValueError(_OTHER_LAYOUT)

    def _leave(self, level: int) -> None:
        levels = self._levels
        while levels[-1] > level:
            levels.pop()
            self._open.pop()
        if levels[-1] != level:
            raise ValueError(_OTHER_LAYOUT)

    def _push(self, level: int, inner: Any) -> None:
        if len(self._open) > _MOST_OPEN:
            raise ValueError(_OTHER_LAYOUT)
        container = self._open[-1]
        if self._key is None:
            container.append(inner)
        else:
            container[self._key] = inner
            self._key = None
        self._levels.append(level)
        self._open.append(inner)


def _value(text: str, column: int) -> Any:
    if "\n" in text:
        if text[0] != "'" and any(len(spaces) <= column for spaces in _FOLD.findall(text)):
            raise ValueError(_OTHER_LAYOUT)
        text = _FOLD.sub(" ", text)
    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    if text == "[]":
        return []
    return {} if text == "{}" else plain_scalar(text)
