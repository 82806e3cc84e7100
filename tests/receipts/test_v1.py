"""Receipts of format 1 are read for ever.

The examples were made by the writer of their time, from real runs: ``python -m tests.receipts.make tests/receipts/v1``.
They are never made again. Should a test here fail, the code is wrong, not the examples.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from naga.lock.receipt import read_receipt, receipt_digest, receipt_text
from naga.lock.recipe import recipe_digest

EXAMPLES = sorted((Path(__file__).parent / "v1").glob("*.lock"))

every_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)

DIGESTS = {
    "failed": "xxh3_128:ec004166e35cbd4a5c7a57d2ea53770b",
    "full": "xxh3_128:63a9d87b9792ce5013b7dc8a8f856687",
    "minimal": "xxh3_128:e09de0b6d930350feeee9f4b02404416",
}


def mapping_of(text: str) -> str:
    """Read YAML without naga; the result can be compared although it may hold NaN."""
    return json.dumps(yaml.safe_load(text))


def test_examples_are_all_there() -> None:
    assert [path.stem for path in EXAMPLES] == sorted(DIGESTS)


@every_example
def test_example_read_and_written_back_is_the_same(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    receipt = read_receipt(path)

    assert mapping_of(receipt_text(receipt)) == mapping_of(text)
    assert receipt.extra == {}


@every_example
def test_example_has_the_digest_that_it_always_had(path: Path) -> None:
    assert receipt_digest(read_receipt(path)) == DIGESTS[path.stem]


@every_example
def test_example_has_the_recipe_that_was_written_into_it(path: Path) -> None:
    receipt = read_receipt(path)

    assert recipe_digest(receipt) == receipt.recipe


@every_example
def test_example_names_its_ancestors_by_their_digests(path: Path) -> None:
    receipt = read_receipt(path)

    for successor in (receipt, *receipt.lineage.values()):
        for entry in successor.prevs.values():
            assert receipt_digest(receipt.lineage[entry.id]) == entry.digest


def test_examples_hold_what_they_are_for() -> None:
    failed, full, minimal = map(read_receipt, EXAMPLES)

    assert (failed.status, full.status, minimal.status) == ("failed", "finished", "finished")
    assert failed.error is not None
    assert (failed.error.type, failed.error.file, failed.error.line) == ("ZeroDivisionError", "fit.py", 15)
    assert failed.config["password"] == "***"
    assert failed.config["missing"] != failed.config["missing"]
    assert list(full.lineage) == [f"01890a5d-ac96-774b-bcce-{number:012x}" for number in (2, 3)]
    assert full.config["levels"] == [0.5, None, True, "1e5", {"a": -1}]
    assert minimal.repos["project"].problem == "project is not in a git repository"
    assert minimal.lineage == {}
