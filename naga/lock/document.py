"""The text form of receipts: YAML for people, with one line of JSON for each ancestor.

A receipt may come from anybody. Reading one therefore runs no code, follows no tag, expands no alias and no
interpolation, and stops at limits on size, depth and number of values. ``docs/formats.md`` describes the form.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import yaml

from naga.errors import ReceiptFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "DEPTH_LIMIT",
    "MARK_LIMIT",
    "NODE_LIMIT",
    "SIZE_LIMIT",
    "canonical_json",
    "dump_document",
    "parse_document",
]

SIZE_LIMIT = 16 * 2**20
"""The largest document, in bytes."""

DEPTH_LIMIT = 64
"""The deepest nesting of mappings and lists in a receipt, be it a document or an ancestor in one."""

NODE_LIMIT = 200_000
"""The most keys, values, lists and mappings in the part of a document that is read as YAML."""

MARK_LIMIT = 700_000
"""The most commas, colons and opening brackets in all lines of ancestors, which bound the memory that they take."""

_LINEAGE = b"lineage:\n"
_ANCESTOR = re.compile(r'  (?:"([0-9A-Za-z_-]{1,64})"|([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})): (\{.*\})')
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Characters that JSON may hold as they are and YAML may not, or would fold into a space.
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORDS = {
    **{"": None, "~": None, "null": None, "true": True, "false": False},
    **{".nan": float("nan"), ".inf": float("inf"), "-.inf": float("-inf")},
}
# A number that Python's JSON writes otherwise than YAML 1.1 does, or a string, in which nothing is one.
_NOT_YAML_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|NaN|-?Infinity|(?<=[ \[])(-?[0-9])(e[-+][0-9]+)')
_NOT_JSON_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|\.nan|-?\.inf')
_TO_YAML = {"NaN": ".nan", "Infinity": ".inf", "-Infinity": "-.inf"}
_TO_PYTHON = {word: name for name, word in _TO_YAML.items()}
_EXPONENT = re.compile(r"[ \[]-?[0-9]e[-+]")

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BaseDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_BaseDumper):  # type: ignore[misc]
    """Writes every list and mapping out where it stands, without anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


# Text that JSON and YAML 1.2 would take for a number, such as 1e5, is quoted; YAML 1.1 alone would not ask for it.
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(rf"{_NUMBER.pattern}\Z"), list("-0123456789"))


def dump_document(content: Mapping[str, Any]) -> str:
    """Write the mapping of a receipt as text.

    Parameters
    ----------
    content : mapping
        Plain values only: mappings with string keys, lists, strings, numbers, booleans and None. An entry
        ``lineage`` (identifier -> mapping) comes last, one line for each ancestor.

    Returns
    -------
    str
        A YAML document that ends with a line break. Lone surrogates, which stand for bytes that are no UTF-8,
        are spelled out as backslash escapes.

    Raises
    ------
    ReceiptFormatError
        The content is above one of the limits, so that it could not be read again.
    """
    head = {str(key): value for key, value in content.items() if key != "lineage"}
    _check_nodes(head)
    ancestors = content.get("lineage") or {}
    lines = [f"  {_quoted(identifier)}: {_json_line(ancestors[identifier])}\n" for identifier in sorted(ancestors)]
    _check_limit(sum(map(_marks, lines)), MARK_LIMIT, "values in the ancestors")
    try:
        text: str = yaml.dump(_plain(head), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    except ValueError as error:
        raise ReceiptFormatError(f"a value cannot be written: {_first_line(error)}") from error
    if lines:
        text = "".join([text if head else "", _LINEAGE.decode(), *lines])
    _check_limit(len(text.encode()), SIZE_LIMIT, "bytes")
    return text


def parse_document(text: bytes) -> dict[str, Any]:
    """Read the mapping of a receipt from text that may come from anybody.

    Parameters
    ----------
    text : bytes
        UTF-8.

    Returns
    -------
    dict
        What `dump_document` was given.

    Raises
    ------
    ReceiptFormatError
        Not UTF-8, not YAML, a tag, an anchor or alias, a key that is not a string, not one mapping, or one of the
        limits is broken.

    Notes
    -----
    A document of naga's own hand has its ancestors in lines of JSON, which the JSON parser of the standard
    library reads some fifty times faster than YAML is read. Any other layout of the same YAML is read as YAML.
    What stands without quotes is null, a boolean or a number where JSON says so, or ``~``, nothing, ``.nan``,
    ``.inf`` or ``-.inf`` (YAML 1.2, section 10.2); all else is text.
    """
    _check_limit(len(text), SIZE_LIMIT, "bytes")
    start = 0 if text.startswith(_LINEAGE) else text.find(b"\n" + _LINEAGE) + 1
    if start or text.startswith(_LINEAGE):
        ancestors = _parse_ancestors(text, start + len(_LINEAGE))
        if ancestors is not None:
            return {**_parse_yaml(text[: start + len(_LINEAGE)]), "lineage": ancestors}
    return _parse_yaml(text)


def canonical_json(value: object) -> bytes:
    """Write a plain value in the one form that digests are taken of.

    Parameters
    ----------
    value : object
        Plain values only.

    Returns
    -------
    bytes
        JSON with sorted keys, without white space, in ASCII. A value that was written and read again gives the same.

    Raises
    ------
    ReceiptFormatError
        A value cannot be written.

    Examples
    --------
    >>> canonical_json({"b": [1, None], "a": "é"})
    b'{"a":"\\\\u00e9","b":[1,null]}'
    """
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"))
        if _has_surrogate(text):
            text = json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))
    except ValueError as error:
        raise ReceiptFormatError(f"a value cannot be written: {_first_line(error)}") from error
    return text.encode("ascii")


def _check_limit(number: int, limit: int, what: str) -> None:
    if number > limit:
        hint = "declare folders instead of single files, and fewer stages before"
        raise ReceiptFormatError(f"a receipt of {number} {what} is above the limit of {limit}", hint=hint)


def _check_nodes(head: Mapping[str, Any]) -> None:
    counts = {key: 1 + _count_nodes(value, 2) for key, value in head.items()}
    if sum(counts.values()) >= NODE_LIMIT:
        key = max(counts, key=lambda name: counts[name])
        _check_limit(sum(counts.values()) + 1, NODE_LIMIT, f"values, {counts[key]} of them in {key},")


def _count_nodes(value: Any, depth: int) -> int:
    if not isinstance(value, dict | list | tuple):
        return 1
    if depth > DEPTH_LIMIT:
        raise ReceiptFormatError(f"a value is nested deeper than {DEPTH_LIMIT} levels")
    items, keys = (value.values(), len(value)) if isinstance(value, dict) else (value, 0)
    return 1 + keys + sum([_count_nodes(item, depth + 1) for item in items])


def _plain(value: Any) -> Any:
    """Give back plain containers, with lone surrogates (names that are not UTF-8) spelled out."""
    if isinstance(value, dict):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value


def _quoted(identifier: str) -> str:
    # Other identifiers could be taken for numbers; these cannot.
    return identifier if _UUID.fullmatch(identifier) else json.dumps(identifier)


def _json_line(value: Any) -> str:
    """Write an ancestor in the one line that is both JSON and YAML."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError) as error:
        raise ReceiptFormatError(f"a value cannot be written: {_first_line(error)}") from error
    if not _is_shallow(text, value):
        raise ReceiptFormatError(f"a value is nested deeper than {DEPTH_LIMIT} levels")
    if "NaN" in text or "Infinity" in text or _EXPONENT.search(text):
        text = _NOT_YAML_NUMBER.sub(_to_yaml, text)
    if text.isascii() and "\x7f" not in text:
        return text
    text = _SURROGATE.sub(lambda match: f"\\\\u{ord(match[0]):04x}", text)
    return _NOT_IN_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _to_yaml(match: re.Match[str]) -> str:
    return f"{match[1]}.0{match[2]}" if match[1] else _TO_YAML.get(match[0], match[0])


def _has_surrogate(text: str) -> bool:
    """Tell whether JSON escapes a surrogate, which YAML cannot."""
    return "\\u" in text and _SURROGATE_ESCAPE.search(text) is not None


def _marks(line: str) -> int:
    return line.count(",") + line.count(":") + line.count("{") + line.count("[")


def _parse_ancestors(text: bytes, start: int) -> dict[str, Any] | None:
    """Read one ancestor a line; None when the lines are not of that form."""
    ancestors: dict[str, Any] = {}
    marks = 0
    while start < len(text):
        end = text.find(b"\n", start)
        line = _decode(text, start, end if end >= 0 else len(text))
        start = end + 1 or len(text)
        match = _ANCESTOR.fullmatch(line)
        if match is None or _has_surrogate(line):
            return None
        marks += _marks(line)
        _check_limit(marks, MARK_LIMIT, "values in the ancestors")
        value = _parse_json(match[3])
        if value is None or not _is_shallow(line, value):
            return None
        ancestors[match[1] or match[2]] = value
    return ancestors


def _decode(text: bytes, start: int, end: int) -> str:
    try:
        return text[start:end].decode("utf-8")
    except UnicodeDecodeError as error:
        raise ReceiptFormatError(f"not UTF-8 at byte {start + error.start}") from error


def _refuse_word(word: str) -> None:
    raise ValueError(word)


_decode_json = json.JSONDecoder(parse_constant=_refuse_word).decode


def _parse_json(text: str) -> Any:
    try:
        return _decode_json(text)
    except RecursionError:
        return None
    except ValueError:
        if ".nan" not in text and ".inf" not in text:
            return None
    try:
        return json.loads(_NOT_JSON_NUMBER.sub(lambda match: _TO_PYTHON.get(match[0], match[0]), text))
    except (ValueError, RecursionError):
        return None


def _is_shallow(text: str, value: Any) -> bool:
    """Tell whether a value keeps to the limit of depth; mostly its text tells at once."""
    if text.count("{") + text.count("[") <= DEPTH_LIMIT:
        return True
    level = [value]
    for _ in range(DEPTH_LIMIT):
        level = [
            item
            for container in level
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, dict | list | tuple)
        ]
        if not level:
            return True
    return False


def _parse_yaml(text: bytes) -> dict[str, Any]:
    _decode(text, 0, len(text))
    try:
        content = _Builder().build(yaml.parse(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise ReceiptFormatError(f"not a YAML document: {_first_line(error)}") from error
    except ValueError as error:
        raise ReceiptFormatError(f"a value cannot be read: {_first_line(error)}") from error
    return content


class _Builder:
    """Makes plain values of the events of a YAML parser, and stops at the first that a receipt may not hold."""

    def __init__(self) -> None:
        self._roots: list[Any] = []
        self._open: list[Any] = [self._roots]
        self._keys: list[str | None] = [None]
        self._deepest = DEPTH_LIMIT
        self._nodes = 0

    def build(self, events: Iterator[Any]) -> dict[str, Any]:
        for event in events:
            if isinstance(event, yaml.CollectionEndEvent):
                self._open.pop()
                self._keys.pop()
            elif isinstance(event, yaml.NodeEvent):
                self._nodes += 1
                _check_limit(self._nodes, NODE_LIMIT, "values")
                self._add(event)
        if len(self._roots) != 1 or not isinstance(self._roots[0], dict):
            raise ReceiptFormatError("a receipt is one mapping with string keys")
        content: dict[str, Any] = self._roots[0]
        return content

    def _add(self, event: Any) -> None:
        value = self._value_of(event)
        container = self._open[-1]
        if isinstance(container, list):
            container.append(value)
        elif (key := self._keys[-1]) is not None:
            container[key] = value
            self._keys[-1] = None
            if container is self._roots[0]:
                # An ancestor may be as deep as a receipt of its own.
                self._deepest = DEPTH_LIMIT + (2 if key == "lineage" else 0)
        elif isinstance(value, str):
            self._keys[-1] = value
        else:
            raise ReceiptFormatError(f"a key is not a string (line {event.start_mark.line + 1})")
        if isinstance(value, dict | list):
            self._enter(value)

    def _value_of(self, event: Any) -> Any:
        line = event.start_mark.line + 1
        if event.anchor is not None:
            raise ReceiptFormatError(f"anchors and aliases are not allowed (line {line})")
        if event.tag is not None and event.tag != "!":
            raise ReceiptFormatError(f"the tag {_first_line(event.tag)} is not allowed (line {line})")
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event.value) if event.implicit[0] else event.value
        return {} if isinstance(event, yaml.MappingStartEvent) else []

    def _enter(self, container: Any) -> None:
        if len(self._open) > self._deepest:
            raise ReceiptFormatError(f"the document is nested deeper than {DEPTH_LIMIT} levels")
        self._open.append(container)
        self._keys.append(None)


def _scalar(text: str) -> Any:
    """Tell what stands without quotes in YAML."""
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text or "e" in text or "E" in text else int(text)
    return _WORDS.get(text, text)


def _first_line(error: object) -> str:
    return " ".join(str(error).split())[:200]
