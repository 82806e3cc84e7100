"""Prevs and lineage: each ancestor once, and each list of packages once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from naga.errors import IntegrityError, NotFoundError, ReceiptFormatError
from naga.lock.lineage import Prev, collect_lineage, read_prev
from naga.lock.receipt import PrevEntry, Receipt, read_receipt, receipt_digest, receipt_text, write_receipt
from tests.lock.samples import PACKAGES, as_prevs, digest_of, environment_of, failed_receipt, make_receipt, run_id

OTHER_PACKAGES = ["numpy==1.26.0"]


def run_after(number: int, prevs: list[Receipt], **changes: Any) -> Receipt:
    """Return the receipt of a run that reads the outputs of others."""
    environment = changes.pop("environment", environment_of(PACKAGES))
    lineage = collect_lineage(prevs, environment)
    return make_receipt(number, prevs=as_prevs(prevs), lineage=lineage, environment=environment, **changes)


def lists_in(receipts: Any) -> list[tuple[str, list[str]]]:
    return [
        (item.id, item.environment["packages"]["list"]) for item in receipts if "list" in item.environment["packages"]
    ]


def test_read_prev_of_folder_receipt_or_file_is_the_receipt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "stage" / "run.lock"
    write_receipt(path, make_receipt())
    (path.parent / "out.csv").touch()
    monkeypatch.chdir(path.parent)

    for place in (path, path.parent, str(path.parent / "out.csv"), "out.csv", ".", "../stage"):
        assert read_prev(place) == Prev(path, make_receipt())


@pytest.mark.parametrize("status", ["started", "failed", "killed"])
def test_read_prev_of_a_run_that_did_not_finish_is_refused(tmp_path: Path, status: str) -> None:
    write_receipt(tmp_path / "run.lock", make_receipt(status=status))

    with pytest.raises(IntegrityError, match=f"run that is {status}, not finished") as caught:
        read_prev(tmp_path)
    assert caught.value.hint == "run that stage again"
    assert caught.value.path == tmp_path / "run.lock"


def test_read_prev_of_nothing_or_of_no_receipt_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_prev(tmp_path)
    (tmp_path / "run.lock").write_text("naga: 1\n")
    with pytest.raises(ReceiptFormatError):
        read_prev(tmp_path)


def test_prev_entry_names_the_receipt_by_id_digest_and_path() -> None:
    receipt = run_after(2, [make_receipt(1)])

    assert Prev(Path("/project/stage/run.lock"), receipt).entry("stage/run.lock") == PrevEntry(
        id=run_id(2), digest=receipt_digest(receipt), path="stage/run.lock"
    )


def test_prev_entry_is_the_same_whether_the_receipt_is_read_from_its_file_or_from_a_lineage(tmp_path: Path) -> None:
    first = make_receipt(1)
    last = run_after(3, [run_after(2, [first])])
    write_receipt(tmp_path / "run.lock", last)
    lineage = read_receipt(tmp_path / "run.lock").lineage

    assert receipt_digest(lineage[run_id(1)]) == receipt_digest(first) == lineage[run_id(2)].prevs["prev_0001"].digest


def test_collect_lineage_without_prevs_is_empty() -> None:
    assert collect_lineage([], {}) == {}


def test_collect_lineage_has_every_ancestor_once_without_its_lineage_oldest_first() -> None:
    one = make_receipt(1)
    left, right = run_after(5, [one]), run_after(3, [one])
    top = run_after(7, [left, right, one])

    assert list(top.lineage) == [run_id(1), run_id(3), run_id(5)]
    assert all(receipt.lineage == {} for receipt in top.lineage.values())
    assert top.lineage[run_id(5)].prevs == left.prevs


def test_collect_lineage_tells_two_ancestors_of_one_name_apart() -> None:
    both = [make_receipt(1, caller={"file": "fit.py"}), make_receipt(2, caller={"file": "fit.py"})]

    assert [receipt.caller["file"] for receipt in run_after(3, both).lineage.values()] == ["fit.py", "fit.py"]


def test_collect_lineage_of_one_environment_has_its_list_of_packages_in_the_run_alone() -> None:
    top = run_after(3, [run_after(2, [make_receipt(1)])])

    assert lists_in([top, *top.lineage.values()]) == [(run_id(3), PACKAGES)]
    assert {item.environment["packages"]["digest"] for item in top.lineage.values()} == {
        top.environment["packages"]["digest"]
    }
    assert receipt_text(top).count("numpy==") == 1


def test_collect_lineage_of_several_environments_has_each_list_once_in_the_oldest() -> None:
    old = run_after(2, [make_receipt(1)])
    later = run_after(3, [old], environment=environment_of(OTHER_PACKAGES))
    top = run_after(5, [run_after(4, [later], environment=environment_of(OTHER_PACKAGES))], environment={})

    assert lists_in(top.lineage.values()) == [(run_id(1), PACKAGES), (run_id(3), OTHER_PACKAGES)]
    assert lists_in(old.lineage.values()) == []


def test_collect_lineage_of_receipts_without_packages_leaves_them_as_they_are() -> None:
    bare = [make_receipt(1, environment={}), make_receipt(2, environment={"packages": "unknown"})]

    assert [item.environment for item in collect_lineage(bare, {}).values()] == [{}, {"packages": "unknown"}]


def test_collect_lineage_of_a_chain_of_50_has_all_of_them(tmp_path: Path) -> None:
    last = make_receipt(1)
    for number in range(2, 52):
        last = run_after(number, [last])
    write_receipt(tmp_path / "run.lock", last)

    assert list(read_receipt(tmp_path / "run.lock").lineage) == [run_id(number) for number in range(1, 51)]


def test_collect_lineage_of_a_fan_in_of_200_has_their_common_ancestor_once(tmp_path: Path) -> None:
    common = run_after(2, [make_receipt(1)])
    top = run_after(1000, [run_after(number, [common]) for number in range(10, 210)])
    write_receipt(tmp_path / "run.lock", top)

    read = read_receipt(tmp_path / "run.lock")
    assert len(read.lineage) == 202
    assert len(read.prevs) == 200
    assert read == top


def test_collect_lineage_in_layers_of_diamonds_grows_with_the_ancestors_and_not_with_the_paths() -> None:
    layer = [make_receipt(1)]
    for number in range(2, 32, 2):
        layer = [run_after(number, layer), run_after(number + 1, layer)]
    top = run_after(100, layer)

    # There are 32,768 paths to the first.
    assert len(top.lineage) == 31
    assert len(receipt_text(top)) < 31 * 2000


def test_collect_lineage_of_a_cycle_made_by_hand_comes_to_an_end() -> None:
    one = make_receipt(1, prevs={"two": PrevEntry(id=run_id(2), digest=digest_of("two"), path="two/run.lock")})
    two = make_receipt(2, prevs={"one": PrevEntry(id=run_id(1), digest=digest_of("one"), path="one/run.lock")})
    one, two = replace(one, lineage={two.id: two}), replace(two, lineage={one.id: one})

    assert list(collect_lineage([one, two], {})) == [run_id(1), run_id(2)]


def test_failed_receipts_of_the_past_stay_in_a_lineage() -> None:
    # Their successors were allowed to use them at their time; who asks now is told.
    top = run_after(3, [make_receipt(2, lineage={run_id(1): failed_receipt(1)})])

    assert top.lineage[run_id(1)].error == failed_receipt(1).error
