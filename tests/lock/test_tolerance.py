"""Files that were made again: the same bits, within a tolerance, or different."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naga.errors import ConfigError
from naga.lock.settings import CompareRule
from naga.lock.tolerance import FileComparison, check_rules, compare_files, find_rule

if TYPE_CHECKING:
    from pathlib import Path

BYTES = CompareRule(pattern="*")
TEXT = CompareRule(pattern="*", kind="text")


def numbers(rtol: float = 0.0, atol: float = 0.0) -> CompareRule:
    return CompareRule(pattern="*", kind="numbers", rtol=rtol, atol=atol)


def compare(folder: Path, old: str | bytes, new: str | bytes, rule: CompareRule | None) -> FileComparison:
    for name, content in (("old.txt", old), ("new.txt", new)):
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return compare_files(folder / "old.txt", folder / "new.txt", rule)


def compare_arrays(folder: Path, old: object, new: object, rule: CompareRule) -> FileComparison:
    np.save(folder / "old.npy", np.asarray(old))
    np.save(folder / "new.npy", np.asarray(new))
    return compare_files(folder / "old.npy", folder / "new.npy", rule)


@pytest.mark.parametrize("rule", [None, BYTES, TEXT, numbers()])
def test_compare_files_of_equal_bits_are_the_same(tmp_path: Path, rule: CompareRule | None) -> None:
    assert compare(tmp_path, b"\xff 1.5\n", b"\xff 1.5\n", rule) == FileComparison("same")


@pytest.mark.parametrize("rule", [None, BYTES])
@pytest.mark.parametrize(("new", "place"), [("abX", "byte 3"), ("ab", "byte 3"), ("abcd", "byte 4"), ("", "byte 1")])
def test_compare_files_by_bytes_tells_the_first_other_byte(
    tmp_path: Path, rule: CompareRule | None, new: str, place: str
) -> None:
    assert compare(tmp_path, "abc", new, rule) == FileComparison("different", place)


def test_compare_files_by_bytes_finds_a_difference_behind_the_first_block(tmp_path: Path) -> None:
    start = b"x" * (2**20 + 10)
    assert compare(tmp_path, start + b"a", start + b"b", None).place == f"byte {2**20 + 11}"


@pytest.mark.parametrize("new", ["a\r\nb\n", "a  \nb", "a\nb\t\n"])
def test_compare_files_by_text_ignores_white_space_at_line_ends(tmp_path: Path, new: str) -> None:
    assert compare(tmp_path, "a\nb\n", new, TEXT).verdict == "within"


@pytest.mark.parametrize(
    ("new", "place"), [("a\n b\n", "line 2"), ("a\n", "line 2"), ("a\nb\nc", "line 3"), ("A\nb\n", "line 1")]
)
def test_compare_files_by_text_tells_the_first_other_line(tmp_path: Path, new: str, place: str) -> None:
    assert compare(tmp_path, "a\nb\n", new, TEXT) == FileComparison("different", place)


def test_compare_files_by_text_never_tells_the_text(tmp_path: Path) -> None:
    assert "hunter2" not in repr(compare(tmp_path, "password hunter2", "password hunter3", TEXT))


@pytest.mark.parametrize("rule", [TEXT, numbers(rtol=1)])
def test_compare_files_that_are_no_text_want_equal_bits(tmp_path: Path, rule: CompareRule) -> None:
    found = compare(tmp_path, b"\xff1", b"\xff2", rule)
    assert found.verdict == "different"
    assert found.place == "byte 2, and it is no text in UTF-8"


def test_compare_files_by_numbers_tells_the_largest_deviation_and_the_first_place(tmp_path: Path) -> None:
    old = "loss,accuracy\n0.5,100\n0.25,200\n"
    new = "loss,accuracy\n0.5001,100\n0.25,201\n"
    found = compare(tmp_path, old, new, numbers(rtol=0.01))
    assert found.verdict == "within"
    assert found.place == "line 2: 0.5 became 0.5001"
    assert found.relative == pytest.approx(0.005)
    assert found.absolute == 1.0


def test_compare_files_by_numbers_keeps_the_largest_deviation_and_the_first_place_beyond(tmp_path: Path) -> None:
    found = compare(tmp_path, "1\n10\n100\n1000\n", "1.001\n15\n120\n1001\n", numbers(rtol=0.01))
    assert found == FileComparison("different", "line 2: 10 became 15", 0.5, 20.0)


def test_compare_files_by_numbers_beyond_the_tolerance_tells_where(tmp_path: Path) -> None:
    found = compare(
        tmp_path, '{"a": 1.0, "b": 2.0,\n"c": 4.0}', '{"a": 1.0001, "b": 2.0,\n"c": 5.0}', numbers(rtol=0.01)
    )
    assert (found.verdict, found.place, found.relative) == ("different", "line 2: 4.0 became 5.0", 0.25)


@pytest.mark.parametrize(
    ("old", "new", "rtol", "atol", "verdict"),
    [
        ("100", "101", 0.01, 0, "within"),
        ("100", "101.1", 0.01, 0, "different"),
        ("0", "1e-9", 1, 0, "different"),
        ("0", "1e-9", 0, 1e-8, "within"),
        ("1.0", "1.00", 0, 0, "within"),
        ("1e3", "1000.0", 0, 0, "within"),
        ("-1", "1", 1, 0, "different"),
        ("9007199254740992", "9007199254740993", 0, 0, "different"),
        ("9007199254740992", "9007199254740993", 0, 1, "within"),
        ("1" * 400, "1" * 399 + "2", 1, 1, "different"),
        ("1e999", "1e998", 1, 1, "within"),
        ("1e999", "5", 1, 1, "different"),
        ("nan", "nan ", 0, 0, "within"),
        ("nan", "1", 1, 1, "different"),
    ],
)
def test_compare_files_by_numbers_keeps_to_the_condition(
    tmp_path: Path, old: str, new: str, rtol: float, atol: float, verdict: str
) -> None:
    assert compare(tmp_path, old, new, numbers(rtol, atol)).verdict == verdict


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("loss 1", "cost 1"),
        ("v1.2.3", "v1.2.4"),
        ("1.2.3", "1.2.4"),
        ("1.2.3", "2.2.3"),
        ("2024-01-02", "2025-01-02"),
        ("12:30", "13:30"),
        ("2024-01-02", "2024-01-03"),
        ("12:30:45", "12:30:46"),
        ("id a1b2", "id a1b3"),
        ("0x10", "0x11"),
        ("1_000", "1_001"),
        ("a 1", "a\n1"),
        ("1 2", "12"),
        ("1,2", "1;2"),
        ("x=1", "x = 1"),
        ("3/4", "3/5"),
    ],
)
def test_compare_files_by_numbers_wants_all_else_to_be_equal(tmp_path: Path, old: str, new: str) -> None:
    assert compare(tmp_path, old, new, numbers(rtol=10, atol=10)).verdict == "different"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (" 9.99  b\n", "10.01  b\n"),
        ("a    9.99\n", "a   10.01\n"),
        ("9.99   b\n", "10.01  b\n"),
        ("a  0.1 b\n", "a -0.1 b\n"),
        ("[1.0, 2.0]", "[1.1, 2.1]"),
        ('{"x":1.0}', '{"x":1.1}'),
        ("It was 0.5.", "It was 0.6."),
        ("50%", "51%"),
        ("-.5e-3;+7", "-.6e-3;+8"),
    ],
)
def test_compare_files_by_numbers_knows_numbers_in_tables_and_prose(tmp_path: Path, old: str, new: str) -> None:
    assert compare(tmp_path, old, new, numbers(rtol=3, atol=1)).verdict == "within"


def test_compare_files_with_a_row_of_a_million_digits_takes_linear_time(tmp_path: Path) -> None:
    digits = "1" * 10**6
    begin = time.process_time()
    assert compare(tmp_path, f"{digits}x 1", f"{digits}x 2", numbers(atol=1)).verdict == "within"
    assert time.process_time() - begin < 5


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=5), st.floats(0, 1))
def test_compare_files_by_numbers_agrees_with_allclose(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], rtol: float
) -> None:
    changed = [value * (1 + (rtol if index % 2 else -rtol) / 2) for index, value in enumerate(values)]
    folder = tmp_path_factory.mktemp("numbers")
    with np.errstate(all="ignore"):
        expected = bool(np.allclose(changed, values, rtol=rtol, atol=0))
    old, new = "\n".join(map(repr, values)), "\n".join(map(repr, changed))
    # Where the sum of the tolerances overflows, allclose says otherwise; our numbers stay finite.
    if all(math.isfinite(value) for value in changed):
        assert (compare(folder, old, new, numbers(rtol)).verdict != "different") == expected


@given(st.text(alphabet="0123456789.+-eE: ,/x\n", max_size=40), st.text(alphabet="0123456789.+-eE: ,/x\n", max_size=40))
def test_compare_files_without_tolerance_lets_nothing_but_spelling_through(
    tmp_path_factory: pytest.TempPathFactory, old: str, new: str
) -> None:
    folder = tmp_path_factory.mktemp("texts")
    found = compare(folder, old, new, numbers())
    assert (found.verdict == "same") == (old == new)
    if found.verdict == "within":
        assert not found.absolute


def test_compare_files_of_arrays_tells_the_largest_deviation_and_the_index(tmp_path: Path) -> None:
    found = compare_arrays(tmp_path, [[1.0, 2.0], [4.0, 0.0]], [[1.0, 2.002], [4.1, 0.0]], numbers(rtol=0.01))
    assert (found.verdict, found.place) == ("different", "array[1, 0]: 4.0 became 4.1")
    assert found.relative == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ([1.0, np.nan], [1.005, np.nan], "within"),
        ([1.0, np.nan], [1.0, 2.0], "different"),
        ([1.0, np.inf], [1.005, np.inf], "within"),
        ([1.0, np.inf], [1.005, -np.inf], "different"),
        ([1 + 1j], [1.001 + 1j], "within"),
        ([100, 200], [101, 200], "within"),
        ([True, False], [True, True], "different"),
        (2.0, 2.01, "within"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], "different"),
        ([1.0], [1], "different"),
        (["a"], ["b"], "different"),
        ([2**62], [2**62 + 1], "within"),
    ],
)
def test_compare_files_of_arrays_keeps_to_the_condition(tmp_path: Path, old: object, new: object, verdict: str) -> None:
    assert compare_arrays(tmp_path, old, new, numbers(rtol=0.01)).verdict == verdict


def test_compare_files_of_integers_beyond_the_precision_of_floats_sees_one(tmp_path: Path) -> None:
    assert compare_arrays(tmp_path, [2**62], [2**62 + 1], numbers()).verdict == "different"


def test_compare_files_of_several_arrays_names_the_one(tmp_path: Path) -> None:
    np.savez(tmp_path / "old.npz", weights=np.ones(2), bias=np.zeros(1))
    np.savez(tmp_path / "new.npz", weights=np.ones(2), bias=np.ones(1))
    found = compare_files(tmp_path / "old.npz", tmp_path / "new.npz", numbers(rtol=0.1))
    assert (found.verdict, found.place) == ("different", "bias[0]: 0.0 became 1.0")
    np.savez(tmp_path / "new.npz", weights=np.ones(2))
    assert compare_files(tmp_path / "old.npz", tmp_path / "new.npz", numbers(rtol=1)).place is not None


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_compare_files_of_broken_arrays_are_different(tmp_path: Path, name: str) -> None:
    for folder, content in (("old", b"PK\x03\x04 nothing"), ("new", b"\x93NUMPY nothing")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(content)
    found = compare_files(tmp_path / "old" / name, tmp_path / "new" / name, numbers(rtol=1))
    assert found.verdict == "different"
    assert "cannot be read" in str(found.place)


def test_compare_files_never_unpickles(tmp_path: Path) -> None:
    np.save(tmp_path / "old.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "new.npy", np.array([{"a": 2}], dtype=object), allow_pickle=True)
    found = compare_files(tmp_path / "old.npy", tmp_path / "new.npy", numbers(rtol=9))
    assert (found.verdict, "cannot be read" in str(found.place)) == ("different", True)


def test_compare_files_of_arrays_without_numpy_says_so(tmp_path: Path) -> None:
    np.save(tmp_path / "old.npy", np.ones(1))
    np.save(tmp_path / "new.npy", np.zeros(1))
    program = (
        "import sys; sys.modules['numpy'] = None\n"
        "from pathlib import Path\n"
        "from naga.lock.settings import CompareRule\n"
        "from naga.lock.tolerance import compare_files\n"
        "rule = CompareRule(pattern='*', kind='numbers', rtol=9)\n"
        "print(compare_files(Path('old.npy'), Path('new.npy'), rule).place)"
    )
    answer = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert answer.stdout == "NumPy is not installed, so only equal bits will do\n"


def test_find_rule_takes_the_first_that_fits() -> None:
    first, second = CompareRule(pattern="a/*.csv", kind="text"), CompareRule(pattern="*.csv", kind="numbers")
    assert find_rule("a/x.csv", [first, second]) is first
    assert find_rule("b/x.csv", [first, second]) is second
    assert find_rule("b/x.txt", [first, second]) is None


def test_find_rule_of_a_folder_counts_for_everything_in_it() -> None:
    rule = CompareRule(pattern="plots/")
    assert find_rule("plots/deep/a.svg", [rule]) is rule
    assert find_rule("plots", [rule]) is None


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (CompareRule(pattern="*", kind="number"), "did you mean 'numbers'"),
        (CompareRule(pattern="*", kind="zzz"), "bytes, text, numbers"),
        (CompareRule(pattern="*.csv", rtol=0.1), 'kind = "numbers"'),
        (CompareRule(pattern="../x", kind="text"), "fit nothing"),
    ],
)
def test_check_rules_refuses_what_means_nothing(rule: CompareRule, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_rules([rule])
    assert words in caught.value.one_line()
