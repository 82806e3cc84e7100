"""The lineage of runs: long chains, wide fans, diamonds, and what only a hand can have written."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import naga
from naga.lock.receipt import PrevEntry, write_receipt
from tests.pipelines import make_run

if TYPE_CHECKING:
    from naga.lock.lineage import Prev


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "naga.toml").touch()
    (tmp_path / "raw.csv").write_text("1\n")
    return tmp_path


def make_chain(project: Path, length: int) -> Prev:
    """Leave runs of which each reads the one before, and the first the raw data."""
    made = make_run(project, "stage-0", "0", data=[project / "raw.csv"])
    for number in range(1, length):
        made = make_run(project, f"stage-{number}", str(number), prevs=[made])
    return made


def make_diamonds(project: Path, height: int) -> Prev:
    """Leave runs of which each two read both of the two before, so that there are many ways up."""
    level = [make_run(project, "top", "top", data=[project / "raw.csv"])]
    for number in range(height):
        level = [make_run(project, side, f"{side}-{number}", prevs=level) for side in ("left", "right")]
    return make_run(project, "last", "last", prevs=level)


def states(lineage: naga.Lineage, root: Path) -> dict[str, str]:
    return {str(run.path.relative_to(root)): run.state for run in lineage.runs.values()}


def test_lineage_of_a_chain_of_50_has_every_stage_in_order(project: Path) -> None:
    last = make_chain(project, 50)
    lineage = naga.lineage(last.path)
    stages, identifier = [], lineage.root
    while True:
        stages.append(lineage.runs[identifier].stage)
        if not lineage.runs[identifier].prevs:
            break
        (identifier,) = lineage.runs[identifier].prevs
    assert stages == [f"stage-{number}" for number in reversed(range(50))]
    assert set(states(lineage, project).values()) == {"ok"}


def test_lineage_of_a_chain_whose_raw_data_changed_is_stale_from_end_to_end(project: Path) -> None:
    last = make_chain(project, 50)
    (project / "raw.csv").write_text("2\n")
    assert set(states(naga.lineage(last.path), project).values()) == {"stale"}
    (run,) = naga.status(last.path.parent)
    assert run.causes[0].text().startswith("raw.csv, 49 stages up, changed from ")


def test_lineage_of_a_fan_of_200_has_all_of_them(project: Path) -> None:
    runs = [make_run(project, "fit", f"fit-{number}") for number in range(200)]
    last = make_run(project, "evaluate", "evaluate", prevs=runs)
    (project / "results/fit-7/out.txt").write_text("other")
    lineage = naga.lineage(last.path)
    assert len(lineage.runs[lineage.root].prevs) == 200
    found = states(lineage, project)
    assert found.pop("results/fit-7/run.lock") == "modified"
    assert found.pop("results/evaluate/run.lock") == "stale"
    assert set(found.values()) == {"ok"}


def test_lineage_of_diamonds_has_each_run_once_and_the_shortest_way_to_a_cause(project: Path) -> None:
    last = make_diamonds(project, 15)
    (project / "raw.csv").write_text("2\n")
    assert len(naga.lineage(last.path).runs) == 32
    (run,) = naga.status(last.path.parent)
    assert [len(cause.stages) for cause in run.causes] == [17]


def test_cause_that_is_reached_on_two_ways_is_told_by_the_shorter(project: Path) -> None:
    first = make_run(project, "first", "first", data=[project / "raw.csv"])
    second = make_run(project, "second", "second", prevs=[first])
    third = make_run(project, "third", "third", prevs=[second, first])
    (project / "raw.csv").write_text("2\n")
    (run,) = naga.status(third.path.parent)
    assert [cause.chain() for cause in run.causes] == ["third <- first <- raw.csv"]


def test_lineage_of_two_ancestors_of_one_name_tells_them_apart(project: Path) -> None:
    one, two = (make_run(project, "fit", name) for name in ("a/fit", "b/fit"))
    last = make_run(project, "evaluate", "evaluate", prevs=[one, two])
    shutil.rmtree(two.path.parent)
    found = states(naga.lineage(last.path), project)
    assert (found["results/a/fit/run.lock"], found["results/b/fit/run.lock"]) == ("ok", "missing")


def test_lineage_of_ancestors_whose_folders_are_gone_is_still_whole(project: Path) -> None:
    last = make_chain(project, 5)
    for number in range(4):
        shutil.rmtree(project / "results" / str(number))
    lineage = naga.lineage(last.path)
    assert {run.stage for run in lineage.runs.values()} == {f"stage-{number}" for number in range(5)}
    # The last stage reads the one before it, which is gone.
    assert set(states(lineage, project).values()) == {"missing"}


def test_lineage_with_a_run_that_was_replaced_says_so(project: Path) -> None:
    first = make_run(project, "first", "first", text="same")
    second = make_run(project, "second", "second", prevs=[first])
    shutil.rmtree(first.path.parent)
    make_run(project, "first", "first", text="same")
    lineage = naga.lineage(second.path)
    ancestor = lineage.runs[first.receipt.id]
    assert (ancestor.is_replaced, ancestor.state) == (True, "ok")
    assert not lineage.runs[lineage.root].is_replaced


def test_lineage_that_lacks_an_ancestor_shows_it_as_unreadable(project: Path) -> None:
    first = make_run(project, "first", "first")
    second = make_run(project, "second", "second", prevs=[first])
    write_receipt(second.path, replace(second.receipt, lineage={}), overwrite=True)
    lineage = naga.lineage(second.path)
    assert lineage.runs[first.receipt.id].state == "unreadable"
    assert naga.status(project)[1].state == "ok"


@pytest.fixture
def cycle(project: Path) -> Path:
    """Return the receipt of a run that is its own ancestor, as a hand has written it."""
    first = make_run(project, "first", "first", data=[project / "raw.csv"])
    second = make_run(project, "second", "second", prevs=[first])
    to_second = PrevEntry(id=second.receipt.id, digest=f"xxh3_128:{0:032x}", path="results/second/run.lock")
    around = replace(first.receipt, prevs={"second": to_second})
    lineage = {around.id: around, second.receipt.id: replace(second.receipt, lineage={})}
    write_receipt(second.path, replace(second.receipt, lineage=lineage), overwrite=True)
    write_receipt(first.path, replace(around, lineage=lineage), overwrite=True)
    return second.path


def test_lineage_of_a_cycle_made_by_hand_ends(cycle: Path) -> None:
    lineage = naga.lineage(cycle)
    assert {run.stage for run in lineage.runs.values()} == {"first", "second"}
    assert json.loads(json.dumps(lineage.to_mapping()))["root"] == lineage.root


def test_status_of_a_cycle_made_by_hand_ends_and_sees_changes(cycle: Path, project: Path) -> None:
    assert [run.state for run in naga.status(project)] == ["ok", "ok"]
    (project / "raw.csv").write_text("2\n")
    assert [run.state for run in naga.status(project)] == ["stale", "stale"]


def test_verification_of_a_cycle_made_by_hand_finds_the_contradiction(cycle: Path) -> None:
    assert not naga.verify(cycle).is_consistent


def test_status_of_a_chain_that_is_deeper_than_the_stack_of_python_ends(project: Path) -> None:
    last = make_chain(project, 2)
    receipts = {last.receipt.id: last.receipt, **last.receipt.lineage}
    entry = PrevEntry(id=last.receipt.id, digest=f"xxh3_128:{0:032x}", path="gone/run.lock")
    for number in range(1500):
        identifier = f"hand-{number:05}"
        receipts[identifier] = replace(
            last.receipt, id=identifier, prevs={"prev": entry}, lineage={}, data={}, outputs={}, environment={}
        )
        entry = PrevEntry(id=identifier, digest=f"xxh3_128:{number:032x}", path=f"gone/{number}/run.lock")
    receipts = {key: replace(receipt, lineage={}) for key, receipt in receipts.items()}
    deep = replace(last.receipt, id="deep-0", prevs={"prev": entry}, lineage=receipts, outputs={})
    write_receipt(project / "deep/run.lock", deep)
    (run,) = naga.status(project / "deep")
    assert run.state == "ok"
    (project / "raw.csv").write_text("2\n")
    (run,) = naga.status(project / "deep")
    assert run.state == "stale"
