"""The quick reader of naga's own layout: it says what the full reader says, or that it cannot tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from naga.lock.document import DEPTH_LIMIT
from naga.lock.plain_yaml import dump_yaml, parse_yaml
from naga.lock.receipt import Receipt, receipt_text
from naga.lock.written_yaml import read_written
from tests.lock.samples import failed_receipt, make_receipt
from tests.lock.test_document import MAPPING, exact

EXAMPLES = sorted(Path(__file__).parent.parent.glob("receipts/v1/*.lock"))

# Parts of lines, whole lines among them, of which texts are made that are nearly of the layout.
PART = st.sampled_from(
    [
        *("a:", "b: ", "- ", "-", "  ", " ", "\n", "\n  ", "\n    ", "\n- ", "\n  - ", "'", "''", '"', ": ", ":", " #"),
        *("#", "[]", "{}", "[", "{", "null", "~", "1", "1e5", "-.inf", "x y", "a: 1\n", "b:\n", "  c: x\n", "- d: 1\n"),
        *(
            "  e:\n",
            "  - f\n",
            "  'g': 'h'\n",
            "used:\n",
            "environment:\n",
            "repos:\n  a: b\n",
            "? ",
            "| ",
            ">\n",
            "! ",
        ),
        *(
            "&a ",
            "*a",
            "---",
            "--- a",
            "...",
            "... a",
            "%",
            "@",
            "`",
            "\t",
            "\r",
            "\x85",
            "\u2028",
            "\ufeff",
            "\x00",
            "<<: ",
        ),
        *("=", ", ", "é", "\U0001f600", "9" * 5000, "k" * 300, "- - ", "99999999999999999999999"),
    ]
)
NEARLY = st.lists(PART, max_size=12).map("".join)


def agrees(text: str | bytes) -> bool:
    """Read a text in both ways and compare; tell whether the quick reader could."""
    data = text if isinstance(text, bytes) else text.encode()
    quick = read_written(data)
    if quick is None:
        return False
    assert exact(quick) == exact(parse_yaml(data, DEPTH_LIMIT))
    assert list(quick) == list(parse_yaml(data, DEPTH_LIMIT))
    return True


def own_part(text: str) -> str:
    """Return the text of a receipt without its ancestors."""
    return text.partition("lineage:\n")[0]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_quick_reader_reads_the_receipts_of_the_examples(path: Path) -> None:
    assert agrees(own_part(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "receipt",
    [
        make_receipt(
            config={"long": "x " * 100, "quoted": "it's: " * 60, "1": 1, "empty": [], "deep": [{"a": [1, {}]}]}
        ),
        make_receipt(environment={"gpu": [{"name": "A100", "memory": 2**36}, {"name": "A100", "memory": 2**36}]}),
        failed_receipt(),
    ],
    ids=["config", "environment", "error"],
)
def test_quick_reader_reads_what_receipts_hold(receipt: Receipt) -> None:
    assert agrees(receipt_text(receipt))


@settings(max_examples=400)
@given(MAPPING)
@example({"used": {"a": 10**30}, "environment": {"a": float("nan"), "b": [1, {"c": ["x " * 99]}]}})
@example({"a": ["it's " * 40, "x: " + "y " * 80], "b": [[]], "c": {"d": {}}})
@example({"null": 1, "1": 2, "true": [3]})
def test_quick_reader_of_anything_written_says_what_the_full_reader_says(content: dict[str, Any]) -> None:
    agrees(dump_yaml(content, DEPTH_LIMIT))


@settings(max_examples=2000)
@given(NEARLY)
@example("a:\nused:\n  b: 1\n")
@example("a: x\n--- b: 1\n")
@example("a:\n  b: c\n d: e\n")
@example("a: b\nc\n")
@example("a:\n- b\n  c\n-  d\n")
@example("a:\n  b:\n  - c\n  d\n")
@example("a: 'b\n  c'\n")
@example("a: b\n  c: d\n")
@example("a: 1\na: 2\nused:\n  b: 1\nused:\n  b: 2\n")
@example("1: a\n")
@example("a: " + "9" * 5000 + "\n")
@example("k" * 1100 + ": a\n")
def test_quick_reader_of_nearly_its_layout_says_what_the_full_reader_says(text: str) -> None:
    agrees(text)


@settings(max_examples=500)
@given(st.data(), st.sampled_from([own_part(path.read_text(encoding="utf-8")) for path in EXAMPLES]))
def test_quick_reader_of_a_receipt_with_a_change_says_what_the_full_reader_says(data: st.DataObject, text: str) -> None:
    start = data.draw(st.integers(0, len(text)))
    changed = text[:start] + data.draw(PART | st.just("")) + text[start + data.draw(st.integers(0, 3)) :]

    agrees(changed)


def test_quick_reader_leaves_what_is_large_to_the_full_reader() -> None:
    assert read_written(b"a:\n" + b"- 1\n" * 39_000) == {"a": [1] * 39_000}
    assert read_written(b"a:\n" + b"- 1\n" * 41_000) is None
    assert read_written(b"a: " + b"x" * 2**21 + b"\n") is None
    assert read_written("".join(f"{'  ' * level}a:\n" for level in range(60)).encode() + b" " * 120 + b"a: 1\n") is None


def test_values_of_two_receipts_with_the_same_environment_are_not_shared() -> None:
    text = receipt_text(make_receipt()).encode()
    first, second = read_written(text), read_written(text)
    assert first is not None

    first["environment"]["packages"]["list"].append("more")

    assert second == read_written(text) != first
