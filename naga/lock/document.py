"""The text form of receipts: YAML for people, with one line of JSON for each ancestor.

A receipt may come from anybody. Reading one therefore runs no code, follows no tag, expands no alias and no
interpolation, and stops at limits on size, depth and number of values. ``docs/formats.md`` describes the form.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec

from naga.errors import ReceiptFormatError
from naga.lock.collection import collector_paused
from naga.lock.plain_yaml import TOO_DEEP, check_limit, dump_yaml, first_line, parse_yaml, spelled_out

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ANCESTOR_LIMIT",
    "DEPTH_LIMIT",
    "MARK_LIMIT",
    "PART_LIMIT",
    "SIZE_LIMIT",
    "canonical_json",
    "dump_document",
    "parse_document",
]

SIZE_LIMIT = 16 * 2**20
"""The largest document, in bytes."""

PART_LIMIT = 8 * 2**20
"""The largest part of a document that is about one run: its own part, or the line of an ancestor, in bytes."""

ANCESTOR_LIMIT = 10_000
"""The most ancestors."""

DEPTH_LIMIT = 64
"""The deepest nesting of mappings and lists in a receipt, be it a document or an ancestor in one."""

MARK_LIMIT = 700_000
"""The most commas, colons and opening brackets in all lines of ancestors, which bound the memory that they take."""

_LINEAGE = b"lineage:\n"
_ANCESTOR = re.compile(rb'  (?:"([0-9A-Za-z_-]{1,64})"|([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})): (\{.*\})')
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Characters that JSON may hold as they are and YAML may not, or would fold into a space.
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*+\\u[dD][89a-fA-F]")
# A number that Python's JSON writes otherwise than YAML 1.1 does, or a string, in which nothing is one.
_NOT_YAML_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*+"|NaN|-?Infinity|(?<=[ \[])(-?[0-9])(e[-+][0-9]+)')
_NOT_JSON_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*+"|\.nan|-?\.inf|[NI]')
_TO_YAML = {"NaN": ".nan", "Infinity": ".inf", "-Infinity": "-.inf"}
_TO_PYTHON = {word: name for name, word in _TO_YAML.items()}
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"')
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_decode_json = msgspec.json.Decoder().decode
_EXPONENT = re.compile(r"[ \[]-?[0-9]e[-+]")


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
    head = {key: value for key, value in content.items() if key != "lineage"}
    ancestors = content.get("lineage") or {}
    check_limit(len(ancestors), ANCESTOR_LIMIT, "ancestors")
    own = dump_yaml(head, DEPTH_LIMIT).encode() if head or not ancestors else b""
    lines = [f"  {_quoted(key)}: {_json_line(ancestors[key])}\n".encode() for key in sorted(ancestors)]
    check_limit(sum(map(_marks, lines)), MARK_LIMIT, "values in the ancestors")
    check_limit(max(map(len, [own, *lines])), PART_LIMIT, "bytes without its ancestors")
    text = b"".join([own, _LINEAGE if lines else b"", *lines])
    check_limit(len(text), SIZE_LIMIT, "bytes")
    return text.decode()


@collector_paused()
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
    A document of naga's own hand has its ancestors in lines of JSON, which are read a hundred times faster than YAML.
    Any other layout of the same YAML is read as YAML.
    """
    # A run that has no stages before it reads no receipt.
    from naga.lock.written_yaml import read_written

    check_limit(len(text), SIZE_LIMIT, "bytes")
    before = text.find(b"\n" + _LINEAGE)
    if before >= 0 or text.startswith(_LINEAGE):
        start = before + 1 + len(_LINEAGE)
        ancestors = _parse_ancestors(text, start)
        if ancestors is not None:
            check_limit(start, PART_LIMIT, "bytes without its ancestors")
            own = read_written(text[: before + 1]) or parse_yaml(text[:start], DEPTH_LIMIT)
            return {**own, "lineage": ancestors}
    written = read_written(text)
    if written is not None:
        return written
    content = parse_yaml(text, DEPTH_LIMIT + 2)
    head = {key: value for key, value in content.items() if key != "lineage"}
    if not _is_shallow(head):
        raise ReceiptFormatError(TOO_DEEP)
    return content


def canonical_json(value: object) -> bytes:
    r"""Write a plain value in the one form that digests are taken of.

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
    b'{"a":"\\u00e9","b":[1,null]}'
    """
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")
        if _has_surrogate(text):
            text = json.dumps(spelled_out(value), sort_keys=True, separators=(",", ":")).encode("ascii")
    except ValueError as error:
        raise ReceiptFormatError(f"a value cannot be written: {first_line(error)}") from error
    return text


def _quoted(identifier: str) -> str:
    # Other identifiers could be taken for numbers; these cannot.
    return identifier if _UUID.fullmatch(identifier) else json.dumps(identifier)


def _json_line(value: Any) -> str:
    """Write an ancestor in the one line that is both JSON and YAML."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError) as error:
        raise ReceiptFormatError(f"a value cannot be written: {first_line(error)}") from error
    if text.count("{") + text.count("[") > DEPTH_LIMIT and not _is_shallow(value):
        raise ReceiptFormatError(TOO_DEEP)
    if "NaN" in text or "Infinity" in text or _EXPONENT.search(text):
        text = _NOT_YAML_NUMBER.sub(_to_yaml, text)
    if text.isascii() and "\x7f" not in text:
        return text
    text = _SURROGATE.sub(lambda match: f"\\\\u{ord(match[0]):04x}", text)
    return _NOT_IN_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _to_yaml(match: re.Match[str]) -> str:
    return f"{match[1]}.0{match[2]}" if match[1] else _TO_YAML.get(match[0], match[0])


def _has_surrogate(text: bytes) -> bool:
    """Tell whether JSON escapes a surrogate, which YAML cannot."""
    return b"\\u" in text and _SURROGATE_ESCAPE.search(text) is not None


def _marks(line: bytes) -> int:
    return line.count(b",") + line.count(b":") + line.count(b"{") + line.count(b"[")


def _parse_ancestors(text: bytes, start: int) -> dict[str, Any] | None:
    """Read one ancestor a line; None when the lines are not of that form."""
    ancestors: dict[str, Any] = {}
    marks = 0
    while start < len(text):
        end = text.find(b"\n", start)
        end = end if end >= 0 else len(text)
        check_limit(end + 1 - start, PART_LIMIT, "bytes without its ancestors")
        line = text[start:end]
        start = end + 1
        match = _ANCESTOR.fullmatch(line)
        if match is None or _has_surrogate(line):
            return None
        marks += _marks(line)
        check_limit(marks, MARK_LIMIT, "values in the ancestors")
        value = _parse_json(match[3])
        if value is None or not _keeps_to_depth(line):
            return None
        ancestors[(match[1] or match[2]).decode("ascii")] = value
        check_limit(len(ancestors), ANCESTOR_LIMIT, "ancestors")
    return ancestors


def _parse_json(line: bytes) -> Any:
    """Read JSON, or what is JSON but for the words of YAML for some numbers; None when it is neither."""
    try:
        return _decode_json(line)
    except RecursionError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        return json.loads(_NOT_JSON_NUMBER.sub(_to_json, line.decode("utf-8")))
    except (ValueError, KeyError, RecursionError):
        return None


def _to_json(match: re.Match[str]) -> str:
    return match[0] if match[0].startswith('"') else _TO_PYTHON[match[0]]


def _keeps_to_depth(line: bytes) -> bool:
    """Tell from the text of an ancestor, which was read as JSON, whether it keeps to the limit of depth."""
    if line.count(b"{") + line.count(b"[") <= DEPTH_LIMIT:
        return True
    brackets = _TEXT.sub(b"", line).translate(None, _NO_BRACKETS)
    for _ in range(DEPTH_LIMIT):
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return not brackets


def _is_shallow(value: Any) -> bool:
    """Tell whether a value keeps to the limit of depth."""
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
