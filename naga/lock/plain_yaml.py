"""YAML that holds plain values and nothing else, written for people and read from anybody.

Reading runs no code, follows no tag, expands no alias, and stops at limits on depth and number of values.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import yaml

from naga.errors import ReceiptFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "NODE_LIMIT",
    "TOO_DEEP",
    "check_limit",
    "dump_yaml",
    "first_line",
    "parse_yaml",
    "plain_scalar",
    "spelled_out",
]

NODE_LIMIT = 150_000
"""The most keys, values, lists and mappings in what is read as YAML."""

TOO_DEEP: Final = "a value is nested deeper than the limit of 64 levels"
"""What is said of a value that is nested too deep."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORDS = {
    "": None,
    "~": None,
    "null": None,
    "true": True,
    "false": False,
    ".nan": float("nan"),
    ".inf": float("inf"),
    "-.inf": float("-inf"),
}

_ENDS = frozenset({yaml.SequenceEndEvent, yaml.MappingEndEvent})
_NODES = frozenset({yaml.AliasEvent, yaml.ScalarEvent, yaml.SequenceStartEvent, yaml.MappingStartEvent})
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BaseDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_BaseDumper):  # type: ignore[misc]
    """Writes every list and mapping out where it stands, without anchors."""

    def ignore_aliases(self, _: object) -> bool:
        return True


# Text that JSON and YAML 1.2 would take for a number, such as 1e5, is quoted; YAML 1.1 alone would not ask for it.
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(rf"{_NUMBER.pattern}\Z"), list("-0123456789"))


def dump_yaml(content: Mapping[str, Any], depth: int) -> str:
    """Write a mapping as YAML that a person can read.

    Parameters
    ----------
    content : mapping
        Plain values only: mappings with string keys, lists, strings, numbers, booleans and None.
    depth : int
        The deepest nesting of mappings and lists that is allowed, the content itself included.

    Returns
    -------
    str
        It ends with a line break, and means the same to readers of YAML 1.1 and 1.2.

    Raises
    ------
    ReceiptFormatError
        The content is above one of the limits, so that it could not be read again.
    """
    counts = {key: _count_nodes(value, depth - 1) for key, value in content.items()}
    largest = max(counts, key=lambda key: counts[key], default="")
    check_limit(1 + len(counts) + sum(counts.values()), NODE_LIMIT, f"values, most of them in {largest},")
    if not content:
        return "{}\n"
    # The environment is by far the longest part, and the same in all receipts of a process.
    before, shared, after = _split(content, "environment")
    try:
        return _dump(before) + (_dump_again(json.dumps(shared)) if shared else "") + _dump(after)
    except ValueError as error:
        raise ReceiptFormatError(f"a value cannot be written: {first_line(error)}") from error


def _split(content: Mapping[str, Any], key: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return what stands before a key, the key itself if there is anything beside it, and what stands behind it."""
    names = list(content)
    place = names.index(key) if key in content and len(names) > 1 else len(names)
    parts = names[:place], names[place : place + 1], names[place + 1 :]
    before, shared, after = ({name: content[name] for name in part} for part in parts)
    return before, shared, after


@lru_cache(maxsize=8)
def _dump_again(encoded: str) -> str:
    return _dump(json.loads(encoded))


def _dump(content: Mapping[str, Any]) -> str:
    if not content:
        return ""
    text: str = yaml.dump(spelled_out(content), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return text


def parse_yaml(text: bytes, depth: int) -> dict[str, Any]:
    """Read a mapping of plain values from YAML that may come from anybody.

    Parameters
    ----------
    text : bytes
        UTF-8.
    depth : int
        As for `dump_yaml`.

    Returns
    -------
    dict
        What stands without quotes is null, a boolean or a number where JSON says so, or ``~``, nothing, ``.nan``,
        ``.inf`` or ``-.inf``; all else is text. Of a key that stands twice the last counts.

    Raises
    ------
    ReceiptFormatError
        Not UTF-8, not YAML, a tag, an anchor or alias, a key that is not a string, not one mapping, or one of the
        limits is broken.

    Notes
    -----
    What is a number is the JSON schema of the YAML specification 1.2 (section 10.2), so that lines of JSON mean the
    same here as to a reader of JSON.
    """
    try:
        # The parser would also take UTF-16.
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ReceiptFormatError(f"not UTF-8 at byte {error.start}") from error
    try:
        return _Builder(depth).build(text)
    except yaml.YAMLError as error:
        # Newer parsers have a limit of their own, at 1,000 levels, and look ahead that far.
        said = TOO_DEEP if "nesting depth" in str(error) else f"not a YAML document: {first_line(error)}"
        raise ReceiptFormatError(said) from error
    except ValueError as error:
        raise ReceiptFormatError(f"a value cannot be read: {first_line(error)}") from error


def plain_scalar(text: str) -> Any:
    """Tell what a text without quotes is.

    Parameters
    ----------
    text : str

    Returns
    -------
    None, bool, int, float or str

    Raises
    ------
    ValueError
        It has more digits than Python makes a number of.
    """
    if text[:1] in "-0123456789" and _NUMBER.fullmatch(text):
        return float(text) if "." in text or "e" in text or "E" in text else int(text)
    return _WORDS.get(text, text)


def spelled_out(value: Any) -> Any:
    """Spell out what no UTF-8 can hold.

    Parameters
    ----------
    value : object
        Plain values only.

    Returns
    -------
    object
        Equal, in plain containers, with each lone surrogate (which stands for a byte that is no UTF-8, as in names
        of files) as a backslash escape.
    """
    if isinstance(value, dict):
        return {spelled_out(str(key)): spelled_out(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [spelled_out(item) for item in value]
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value


def check_limit(number: int, limit: int, what: str) -> None:
    """Refuse what is above a limit.

    Parameters
    ----------
    number, limit : int
        How much there is, and how much there may be.
    what : str
        Of what.

    Raises
    ------
    ReceiptFormatError
        There is more.
    """
    if number > limit:
        hint = "declare folders instead of single files, and fewer stages before"
        raise ReceiptFormatError(f"a receipt of {number} {what} is above the limit of {limit}", hint=hint)


def first_line(error: object) -> str:
    """Return the beginning of a message without line breaks.

    Parameters
    ----------
    error : object
        An exception or a text.

    Returns
    -------
    str
        At most 200 characters.
    """
    return " ".join(str(error).split())[:200]


def _count_nodes(value: Any, depth: int) -> int:
    if not isinstance(value, dict | list | tuple):
        return 1
    if depth == 0:
        raise ReceiptFormatError(TOO_DEEP)
    items, keys = (value.values(), len(value)) if isinstance(value, dict) else (value, 0)
    return 1 + keys + sum([_count_nodes(item, depth - 1) for item in items])


class _Builder:
    """Makes plain values of the events of a YAML parser, and stops at the first that a receipt may not hold."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._roots: list[Any] = []
        self._open: list[Any] = [self._roots]
        self._keys: list[str | None] = [None]

    def build(self, text: bytes) -> dict[str, Any]:
        loader = _Loader(text)
        next_event, nodes = loader.get_event, 0
        try:
            while (kind := type(event := next_event())) is not yaml.StreamEndEvent:
                if kind in _ENDS:
                    self._open.pop()
                    self._keys.pop()
                elif kind in _NODES:
                    nodes += 1
                    if nodes > NODE_LIMIT:
                        check_limit(nodes, NODE_LIMIT, "values")
                    self._add(event, kind)
        finally:
            loader.dispose()
        if len(self._roots) != 1 or not isinstance(self._roots[0], dict):
            raise ReceiptFormatError("a receipt is one mapping with string keys")
        content: dict[str, Any] = self._roots[0]
        return content

    def _add(self, event: Any, kind: type) -> None:
        value = _value_of(event, kind)
        container = self._open[-1]
        if type(container) is list:
            container.append(value)
        elif (key := self._keys[-1]) is not None:
            container[key] = value
            self._keys[-1] = None
        elif type(value) is str:
            self._keys[-1] = value
        else:
            raise ReceiptFormatError(f"a key is not a string (line {event.start_mark.line + 1})")
        if kind is not yaml.ScalarEvent:
            if len(self._open) > self._depth:
                raise ReceiptFormatError(TOO_DEEP)
            self._open.append(value)
            self._keys.append(None)


def _value_of(event: Any, kind: type) -> Any:
    if event.anchor is not None:
        raise ReceiptFormatError(f"anchors and aliases are not allowed (line {event.start_mark.line + 1})")
    tag = None if kind is yaml.AliasEvent else event.tag
    if tag is not None and tag != "!":
        raise ReceiptFormatError(f"the tag {first_line(tag)} is not allowed (line {event.start_mark.line + 1})")
    if kind is yaml.ScalarEvent:
        return plain_scalar(event.value) if event.implicit[0] else event.value
    return {} if kind is yaml.MappingStartEvent else []
