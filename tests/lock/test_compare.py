"""What is different between two receipts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naga.lock.compare import Comparison, changed_files, compare_receipts
from naga.lock.digest import hash_path
from naga.lock.receipt import DataEntry, PrevEntry, Receipt

ZERO, ONE = (f"xxh3_128:{digit * 32}" for digit in "01")


def make(**values: Any) -> Receipt:
    return Receipt(id="0000", status="finished", started="2026-11-21T04:48:24.881Z", **values)


def entry(digest: str, kind: Any = "file") -> DataEntry:
    return DataEntry(path="x", digest=digest, size=1, kind=kind)


def told(comparison: Comparison) -> list[tuple[str, str, Any, Any]]:
    return [(each.section, each.name, each.first, each.second) for each in comparison.differences]


def test_comparison_of_a_receipt_with_itself_finds_nothing() -> None:
    receipt = make(config={"a": float("nan"), "b": {}}, data={"d": entry(ZERO)}, used={"files": {"p": {"a.py": ZERO}}})
    assert compare_receipts(receipt, receipt).differences == ()
    assert compare_receipts(receipt, receipt).summary() == ""


@pytest.mark.parametrize(("first", "second"), [(1, 2), (1, 1.0), (1, True), (0, None), ([1], [2]), ("a", "b"), ({}, 1)])
def test_config_values_that_are_not_the_same_are_found(first: Any, second: Any) -> None:
    comparison = compare_receipts(make(config={"x": {"y": first}}), make(config={"x": {"y": second}}))
    assert told(comparison) == [("config", "x.y", first, second)]


def test_config_key_that_only_one_run_has_says_which() -> None:
    comparison = compare_receipts(make(config={"a": None}), make(config={"b": None}))
    assert [(each.name, each.only_in) for each in comparison.differences] == [("a", "first"), ("b", "second")]


def test_code_is_compared_by_file_whatever_the_repository_is_called() -> None:
    one = make(used={"files": {"here": {"a.py": ZERO, "b.py": ZERO}}})
    other = make(used={"files": {"there": {"a.py": ONE, "b.py": ZERO}}})
    assert told(compare_receipts(one, other)) == [("code", "a.py", ZERO, ONE)]


def test_code_of_several_repositories_is_compared_by_their_names() -> None:
    one = make(used={"files": {"p": {"a.py": ZERO}, "q": {"a.py": ONE}}})
    other = make(used={"files": {"p": {"a.py": ZERO}, "q": {"a.py": ZERO}}})
    assert told(compare_receipts(one, other)) == [("code", "a.py", ONE, ZERO)]


def test_data_and_outputs_are_compared_by_digest_and_not_by_place() -> None:
    moved = replace(entry(ZERO), path="y")
    one = make(data={"a": entry(ZERO), "b": entry(ZERO)}, outputs={"c": entry(ZERO)})
    other = make(data={"a": moved, "b": entry(ONE)}, outputs={})
    assert told(compare_receipts(one, other)) == [("data", "b", ZERO, ONE), ("outputs", "c", ZERO, None)]


def test_trees_that_were_hashed_here_are_compared_by_file(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same.txt").write_text("same")
        (tmp_path / name / "changed.txt").write_text(name)
        (tmp_path / name / f"only-{name}.txt").touch()
    digests = [hash_path(tmp_path / name).digest for name in ("one", "other")]
    runs = [make(data={"d": entry(digest, "tree")}) for digest in digests]
    (found,) = compare_receipts(*runs).differences
    assert found.files == ("changed.txt", "only-one.txt", "only-other.txt")


@pytest.mark.parametrize("digests", [(ZERO, ONE), (None, ZERO), (ZERO, None), ("sha256:00", "x")])
def test_trees_that_nobody_hashed_here_have_no_known_files(digests: tuple[str | None, str | None]) -> None:
    assert changed_files(*digests) == ()


def test_environment_is_compared_by_what_may_change_a_result() -> None:
    one = make(environment={"threads": {"OMP_NUM_THREADS": "1"}, "memory": 1})
    other = make(environment={"threads": {"OMP_NUM_THREADS": "2"}, "memory": 2})
    assert told(compare_receipts(one, other)) == [("environment", "threads.OMP_NUM_THREADS", "1", "2")]


def with_prev(identifier: str, recipe: str | None, config: dict[str, Any]) -> Receipt:
    prev = replace(make(config=config, recipe=recipe), id=identifier)
    entries = {"prepare": PrevEntry(id=identifier, digest=ZERO, path="results/prepare/run.lock")}
    return make(prevs=entries, lineage={identifier: prev})


def test_prevs_of_one_recipe_are_the_same_though_they_are_two_runs() -> None:
    assert compare_receipts(with_prev("aaaa", ZERO, {}), with_prev("bbbb", ZERO, {})).differences == ()


def test_prevs_of_two_recipes_are_told_with_what_differs_in_them() -> None:
    (found,) = compare_receipts(with_prev("aaaa", ZERO, {"x": 1}), with_prev("bbbb", ONE, {"x": 2})).differences
    assert (found.section, found.name, found.first, found.second) == ("prevs", "prepare", ZERO, ONE)
    assert found.detail == "config (x)"


def test_prevs_that_differ_farther_up_only_say_so() -> None:
    (found,) = compare_receipts(with_prev("aaaa", ZERO, {}), with_prev("bbbb", ONE, {})).differences
    assert found.detail == "a stage before it"


def test_summary_names_the_first_three_of_each_section() -> None:
    one = make(config=dict.fromkeys("abcde", 1), data={"d": entry(ZERO)})
    other = make(config=dict.fromkeys("abcde", 2), data={"d": entry(ONE)})
    assert compare_receipts(one, other).summary() == "config (a, b, c, ...), data (d)"


def test_comparison_of_some_sections_leaves_the_others_out() -> None:
    one, other = make(config={"a": 1}, data={"d": entry(ZERO)}), make(config={"a": 2}, data={"d": entry(ONE)})
    assert [each.section for each in compare_receipts(one, other, sections=["data"]).differences] == ["data"]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
configs = st.dictionaries(st.text(max_size=5), values, max_size=4)


@given(configs, configs)
def test_comparison_of_any_two_configs_mirrors_and_is_json(first: dict[str, Any], second: dict[str, Any]) -> None:
    one, other = make(config=first), make(config=second)
    there, back = compare_receipts(one, other), compare_receipts(other, one)
    assert [each.name for each in there.differences] == [each.name for each in back.differences]
    assert compare_receipts(one, one).differences == ()
    assert json.loads(json.dumps(there.to_mapping()))["first"] == "0000"
