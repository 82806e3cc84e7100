"""The text form of receipts: what goes in comes out, and what may not come in stays out."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from naga.errors import ReceiptFormatError
from naga.lock.document import (
    ANCESTOR_LIMIT,
    DEPTH_LIMIT,
    MARK_LIMIT,
    PART_LIMIT,
    SIZE_LIMIT,
    canonical_json,
    dump_document,
    parse_document,
)
from naga.lock.plain_yaml import NODE_LIMIT

ID = "01890a5d-ac96-774b-bcce-b302099a8057"
OTHER_ID = "01890a5d-ac96-774b-bcce-b302099a8058"

# Ordinary text never hits what a format trips over, so these come up often.
AWKWARD = st.sampled_from(
    [
        *(
            "",
            " ",
            "~",
            "null",
            "true",
            "yes",
            "no",
            "on",
            "=",
            "<<",
            "!tag",
            "&anchor",
            "*alias",
            "- a",
            "a: b",
            "# c",
        ),
        *("1e5", "1E5", "1e-07", "1.5e10", "-0", "007", "0x1f", "0o17", "1_000", "1:30", "190:20:30", "+5", ".5", "5."),
        *(".nan", ".inf", "-.inf", "NaN", "Infinity", "-Infinity", "2024-01-01", "2024-01-01T10:00:00Z", "${oc.env:X}"),
        *("lineage:", "\nlineage:\n", f"\nlineage:\n  {ID}: {{}}\n", "---", "...", "%YAML 1.1", "\n---\n", "\n...\n"),
        *("\x00", "\x07", "\t", "\r", "\r\n", "\n\n", " \n ", "\x1b[31m", "\x7f", "\x85", "\xa0", "\u2028", "\u2029"),
        *("\ufeff", "\ufffe", "\uffff", "\U0001f600", "\\ud800", "\\u0041", '"', "'", "\\", "\\\\", '"NaN"', '\\"NaN'),
        *("x " * 100, "a\nb " * 60, "[", "{", "]}", ", ", "@", "`", "%", "|", ">", "?", "? a", "é" * 200),
    ]
)
TEXT = st.text() | AWKWARD | st.lists(AWKWARD, max_size=4).map("".join)
NUMBER = (
    st.integers()
    | st.integers(min_value=-(10**300), max_value=10**300)
    | st.floats(allow_nan=False)
    | st.sampled_from([1e-07, 1e22, -0.0, 5e-324, 1.7976931348623157e308, 10**4000])
)
VALUE = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
MAPPING = st.dictionaries(TEXT.filter(lambda key: key != "lineage"), VALUE, max_size=6)
IDENTIFIER = st.uuids().map(str) | st.from_regex(r"[0-9A-Za-z_-]{4,64}", fullmatch=True)
LINEAGE = st.dictionaries(IDENTIFIER, MAPPING, max_size=3)

PLAIN_LOADER: Any = yaml.CSafeLoader


def exact(value: Any) -> str:
    """Write a value so that 1, 1.0 and True are told apart, and NaN equals itself."""
    return json.dumps(value, sort_keys=True)


def as_content(head: dict[str, Any], lineage: dict[str, Any]) -> dict[str, Any]:
    return {**head, "lineage": lineage} if lineage else head


def read_as_yaml(text: str) -> dict[str, Any]:
    """Read by the slow path: no line of an ancestor is followed by a comment in naga's own hand."""
    return parse_document(text.encode() + b"# read as YAML\n")


@settings(max_examples=200)
@given(MAPPING, LINEAGE)
@example({}, {ID: {"a": 1}})
@example({"a": "x\nlineage:\n  b: {}\n"}, {ID: {}})
@example({"lineage:": 1, "\nlineage:\n": 2}, {"1234": {"a": math.inf}})
def test_document_of_any_values_comes_back_equal(head: dict[str, Any], lineage: dict[str, Any]) -> None:
    content = as_content(head, lineage)
    text = dump_document(content)

    assert exact(parse_document(text.encode())) == exact(content)
    assert exact(read_as_yaml(text)) == exact(content)


@settings(max_examples=200)
@given(MAPPING, LINEAGE)
@example({"a": -0.0, "b": 1e22}, {"1234": {"a": math.inf}, "true": {"a": "\x85"}})
def test_document_is_plain_yaml_for_other_readers(head: dict[str, Any], lineage: dict[str, Any]) -> None:
    content = as_content(head, lineage)

    assert exact(yaml.load(dump_document(content), Loader=PLAIN_LOADER)) == exact(content)


@settings(max_examples=200)
@given(MAPPING, LINEAGE)
def test_document_of_same_values_has_same_canonical_json(head: dict[str, Any], lineage: dict[str, Any]) -> None:
    content = as_content(head, lineage)

    assert canonical_json(parse_document(dump_document(content).encode())) == canonical_json(content)


@pytest.mark.parametrize("word", ["NaN", '"NaN', "\\NaN", "-Infinity", 'a" : NaN, "b'])
def test_document_with_nan_comes_back_with_nan_and_text_untouched(word: str) -> None:
    content = {"a": math.nan, "lineage": {ID: {word: [math.nan, math.inf, -math.inf, word, ".nan", "-.inf"]}}}
    text = dump_document(content)

    for read in (parse_document(text.encode()), read_as_yaml(text), yaml.load(text, Loader=PLAIN_LOADER)):
        assert exact(read) == exact(content)


def test_document_with_nan_in_every_ancestor_is_still_read_line_by_line() -> None:
    # As YAML this would be above the limit of nodes.
    lineage = {f"01890a5d-ac96-774b-bcce-{number:012x}": {"x": [math.nan] * 100} for number in range(2500)}
    text = dump_document({"a": 1, "lineage": lineage})

    assert exact(parse_document(text.encode())["lineage"]) == exact(lineage)
    with pytest.raises(ReceiptFormatError, match="above the limit"):
        read_as_yaml(text)


@settings(max_examples=200)
@given(st.text(st.characters(min_codepoint=0xD7F0, max_codepoint=0xE00F, categories=["Cs", "Co", "Lo"]), min_size=1))
@example("\udc80")
@example("\ud83d\ude00")
def test_document_spells_lone_surrogates_out(text: str) -> None:
    content = {"a": text, "lineage": {ID: {text: text}}}
    spelled = text.encode("utf-8", "backslashreplace").decode()

    written = dump_document(content)

    assert parse_document(written.encode()) == {"a": spelled, "lineage": {ID: {spelled: spelled}}}
    assert read_as_yaml(written) == parse_document(written.encode())
    assert canonical_json(parse_document(written.encode())) == canonical_json(content)


def test_document_has_one_line_for_each_ancestor_sorted() -> None:
    text = dump_document({"naga": 1, "lineage": {OTHER_ID: {"b": "x\ny"}, ID: {"a": [1, {"c": None}]}}})

    assert text == f'naga: 1\nlineage:\n  {ID}: {{"a": [1, {{"c": null}}]}}\n  {OTHER_ID}: {{"b": "x\\ny"}}\n'


def test_document_without_ancestors_has_no_lineage() -> None:
    assert dump_document({"a": 1, "lineage": {}}) == "a: 1\n"


def test_document_writes_shared_values_out_without_anchors() -> None:
    shared = ["x"]

    assert dump_document({"a": shared, "b": shared}) == "a:\n- x\nb:\n- x\n"


def test_canonical_json_is_sorted_ascii_without_spaces() -> None:
    assert canonical_json({"b": [1.0, 1, True, None], "a": "é\u2028\U0001f600"}) == (
        rb'{"a":"\u00e9\u2028\ud83d\ude00","b":[1.0,1,true,null]}'
    )


def refused(text: bytes | str) -> str:
    """Return the message with which a document is refused."""
    with pytest.raises(ReceiptFormatError) as caught:
        parse_document(text.encode() if isinstance(text, str) else text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!python/object/apply:os.system [id]\n", "tag tag:yaml.org,2002:python/object/apply:os.system is not"),
        ("a: !!str 1\n", "tag tag:yaml.org,2002:str is not allowed (line 1)"),
        ("a: !own {b: 1}\n", "tag !own is not"),
        ("a: &x [1]\nb: *x\n", "anchors and aliases are not allowed (line 1)"),
        ("b: 1\na: *x\n", "anchors and aliases are not allowed (line 2)"),
        ("a: 1\n1: b\n", "key is not a string (line 2)"),
        ("a: {b: {null: 1}}\n", "key is not a string"),
        ("? [a]\n: 1\n", "key is not a string"),
        ("? {a: 1}\n: 1\n", "key is not a string"),
        ("", "one mapping"),
        ("- a\n", "one mapping"),
        ("text\n", "one mapping"),
        ("a: 1\n---\nb: 2\n", "one mapping"),
        ("a: 1\n...\nb: 2\n", "not a YAML document"),
        ("a: 1\n\tb: 2\n", "not a YAML document"),
        ("a: [1\n", "not a YAML document"),
        ("a: 1: 2\n", "not a YAML document"),
        ("a: \x00\n", "not a YAML document"),
        (b"a: \xff\n", "not UTF-8 at byte 3"),
        (b"\xff\xfea\x00:\x00 \x001\x00\n\x00", "not UTF-8 at byte 0"),
        ("a: " + "9" * 5000 + "\n", "a value cannot be read"),
        (f'lineage:\n  {ID}: {{"a": {"9" * 5000}}}\n', "a value cannot be read"),
        (f'lineage:\n  {ID}: {{"a": "\\ud800"}}\n', "not a YAML document"),
        (f"a: 1\n...\nlineage:\n  {ID}: {{}}\n", "not a YAML document"),
        (f'{{"a": 1}}\nlineage:\n  {ID}: {{}}\n', "not a YAML document"),
        (f" a: 1\nlineage:\n  {ID}: {{}}\n", "not a YAML document"),
        (f"- a\nlineage:\n  {ID}: {{}}\n", "not a YAML document"),
    ],
)
def test_document_from_anybody_is_refused(text: bytes | str, message: str) -> None:
    assert message in refused(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("1:1:1:1", "1:1:1:1"),
        ("0x1f", "0x1f"),
        ("2024-01-01", "2024-01-01"),
        ("=", "="),
        ("${oc.env:HOME}", "${oc.env:HOME}"),
        ("~", None),
        ("", None),
        ("1e5", 1e5),
        ("-1.5E+3", -1500.0),
        ("1e999", math.inf),
        ("'1'", "1"),
        ("|\n lineage:\n", "lineage:\n"),
    ],
)
def test_document_without_quotes_is_what_json_says_or_text(text: str, value: object) -> None:
    assert exact(parse_document(f"a: {text}\n".encode())) == exact({"a": value})


@pytest.mark.parametrize(
    "line",
    [
        '  "1234": {"a": 1}',
        '  "true": {"a": 1}',
        "  1234: {a: 1}",
        "  true: {a: 1}",
        '  abcd: {"a": 1}',
        '  abcd:   {"a": 1}',
        '  abcd: {"a": NaN}',
        '  abcd: {"a": 1} # comment',
        '  abcd:\n    "a": 1',
        "  abcd: {'a': .nan}",
        "  abcd: [1, 2]",
    ],
)
def test_document_in_another_layout_means_what_yaml_says(line: str) -> None:
    text = f"b: 2\nlineage:\n{line}\n"
    try:
        expected = yaml.load(text, Loader=PLAIN_LOADER)
    except yaml.YAMLError:
        expected = None
    if expected is None or not all(isinstance(key, str) for key in expected["lineage"]):
        refused(text)
    else:
        assert exact(parse_document(text.encode())) == exact(expected)


def test_document_with_key_twice_keeps_the_last() -> None:
    assert parse_document(f"lineage: {{x: {{}}}}\na: 1\na: 2\nlineage:\n  {ID}: {{}}\n".encode()) == {
        "lineage": {ID: {}},
        "a": 2,
    }


def nested(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def test_document_is_written_and_read_up_to_the_limit_of_depth() -> None:
    deepest = {"a": nested(DEPTH_LIMIT - 1), "lineage": {ID: nested(DEPTH_LIMIT), OTHER_ID: [[{"many": [[]] * 99}]]}}
    text = dump_document(deepest)

    assert parse_document(text.encode()) == deepest
    assert read_as_yaml(text) == deepest


@pytest.mark.parametrize(
    "content", [{"a": nested(DEPTH_LIMIT)}, {"lineage": {ID: nested(DEPTH_LIMIT + 1)}}], ids=["head", "ancestor"]
)
def test_document_above_the_limit_of_depth_is_neither_written_nor_read(content: dict[str, Any]) -> None:
    with pytest.raises(ReceiptFormatError, match=f"deeper than the limit of {DEPTH_LIMIT}"):
        dump_document(content)
    text = f"lineage:\n  {ID}: {json.dumps(content['lineage'][ID])}\n" if "lineage" in content else json.dumps(content)
    assert f"deeper than the limit of {DEPTH_LIMIT}" in refused(text)


def test_document_above_the_limit_of_nodes_is_neither_written_nor_read() -> None:
    most = {"a": [1] * (NODE_LIMIT - 3)}
    assert parse_document(dump_document(most).encode()) == most

    with pytest.raises(ReceiptFormatError, match=f"{NODE_LIMIT + 1} values, .* of them in a, is above"):
        dump_document({"a": [1] * (NODE_LIMIT - 2)})
    assert f"above the limit of {NODE_LIMIT}" in refused(json.dumps({"a": [1] * (NODE_LIMIT - 2)}))


def test_document_above_the_limit_of_marks_is_neither_written_nor_read() -> None:
    # Of a line, the colon after the identifier, `{`, `:` and `[` are marks too.
    most = {"b": 1, "lineage": {ID: {"a": [0] * (MARK_LIMIT - 3)}}}
    assert parse_document(dump_document(most).encode()) == most

    with pytest.raises(ReceiptFormatError, match=f"above the limit of {MARK_LIMIT}"):
        dump_document({"lineage": {ID: {"a": [0] * (MARK_LIMIT - 2)}}})
    assert f"limit of {MARK_LIMIT}" in refused(f"lineage:\n  {ID}: {json.dumps({'a': [0] * (MARK_LIMIT - 2)})}\n")


def test_document_above_the_limit_of_ancestors_is_neither_written_nor_read() -> None:
    lineage: dict[str, Any] = {f"{number:05}": {} for number in range(ANCESTOR_LIMIT)}
    text = dump_document({"lineage": lineage})
    assert parse_document(text.encode()) == {"lineage": lineage}

    with pytest.raises(ReceiptFormatError, match=f"{ANCESTOR_LIMIT + 1} ancestors is above the limit"):
        dump_document({"lineage": {**lineage, "more": {}}})
    assert f"{ANCESTOR_LIMIT + 1} ancestors is above the limit" in refused(f'{text}  "more": {{}}\n')


def test_document_above_the_limit_of_size_is_neither_written_nor_read() -> None:
    line = {"a": "é" * (SIZE_LIMIT // 8)}
    ids = [f"01890a5d-ac96-774b-bcce-{number:012x}" for number in range(4)]
    most = {"lineage": dict.fromkeys(ids[:3], line)}
    assert parse_document(dump_document(most).encode()) == most

    with pytest.raises(ReceiptFormatError, match=f"bytes is above the limit of {SIZE_LIMIT}"):
        dump_document({"lineage": dict.fromkeys(ids, line)})
    assert f"limit of {SIZE_LIMIT}" in refused(b"a" * (SIZE_LIMIT + 1))


@pytest.mark.parametrize("in_lineage", [False, True])
def test_document_above_the_limit_of_one_run_is_neither_written_nor_read(in_lineage: bool) -> None:
    def document(letters: int) -> dict[str, Any]:
        part = {"a": "x" * letters}
        return {"lineage": {ID: part}} if in_lineage else {**part, "lineage": {ID: {}}}

    around = len(f'  {ID}: {{"a": ""}}\n' if in_lineage else "a: \n") + (0 if in_lineage else 9)
    most = document(PART_LIMIT - around)
    text = dump_document(most)
    assert parse_document(text.encode()) == most

    above = document(PART_LIMIT - around + 10)
    with pytest.raises(ReceiptFormatError, match=f"bytes without its ancestors is above the limit of {PART_LIMIT}"):
        dump_document(above)
    assert f"ancestors is above the limit of {PART_LIMIT}" in refused(text.replace("xxx", "x" * 14, 1))


@pytest.mark.parametrize("content", [{"a": 10**5000}, {"lineage": {ID: {"a": 10**5000}}}], ids=["head", "ancestor"])
def test_document_with_a_number_that_python_cannot_read_is_not_written(content: dict[str, Any]) -> None:
    with pytest.raises(ReceiptFormatError, match="cannot be written"):
        dump_document(content)
    with pytest.raises(ReceiptFormatError, match="cannot be written"):
        canonical_json(content)


def test_document_message_says_nothing_of_many_lines() -> None:
    assert not re.search(r"[\r\n]", refused("a: [1\n\n\n" + "x: \n" * 100))
