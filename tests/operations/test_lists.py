"""The list of runs and what is told of the whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import naga
from tests.pipelines import make_run, run_fit, run_stage

if TYPE_CHECKING:
    from tests.operations.conftest import Ask


def stages(answer: dict[str, object]) -> list[str]:
    rows = answer["rows"]
    assert isinstance(rows, list)
    return [row["stage"] for row in rows]


def test_status_after_one_of_each_kind_counts_them(project: Path, ask: Ask) -> None:
    run_fit(project, "broken", lr=2, code=1)
    (project / "results" / "torn").mkdir()
    (project / "results" / "torn" / "run.lock").write_text("naga: 1\nid: [")
    found = ask("status", judge=True)
    assert found["statuses"] == {"failed": 1, "finished": 5, "unreadable": 1}
    assert found["states"] == {"failed": 1, "ok": 5, "unreadable": 1}
    assert found["total"] == 7
    assert [problem["path"] for problem in found["problems"]] == ["results/torn/run.lock"]


def test_status_when_nobody_looked_has_no_states(ask: Ask) -> None:
    assert ask("status")["states"] is None


def test_version_changes_with_a_receipt_and_not_without(project: Path, ask: Ask) -> None:
    first = ask("status")["version"]
    assert ask("status")["version"] == first
    make_run(project, "other", "other")
    second = ask("status")["version"]
    shutil.rmtree(project / "results" / "other")
    assert second != first
    assert ask("status")["version"] == first


def test_runs_by_default_come_newest_first(ask: Ask) -> None:
    assert stages(ask("runs")) == ["evaluate", "fit", "fit", "fit", "prepare"]


def test_runs_page_by_page_are_each_there_once(ask: Ask) -> None:
    pages = [ask("runs", offset=offset, limit=2) for offset in (0, 2, 4)]
    paths = [row["path"] for page in pages for row in page["rows"]]
    assert {page["total"] for page in pages} == {5}
    assert [page["next"] for page in pages] == [2, 4, None]
    assert paths == [row["path"] for row in ask("runs")["rows"]]


def test_runs_sorted_by_stage_and_back_again(ask: Ask) -> None:
    assert stages(ask("runs", sort="stage")) == ["evaluate", "fit", "fit", "fit", "prepare"]
    assert stages(ask("runs", sort="-stage")) == ["prepare", "fit", "fit", "fit", "evaluate"]
    paths = [row["path"] for row in ask("runs", sort="path")["rows"]]
    assert paths == sorted(paths)


def test_runs_in_stages_are_counted_with_the_filter(ask: Ask) -> None:
    found = ask("runs", mode="stages", filter="lr>0.1")
    assert found["stages"] == [{"stage": "fit", "total": 2}]
    assert found["total"] == 2


def test_runs_filtered_as_on_the_command_line_are_the_same(project: Path, ask: Ask) -> None:
    run_fit(project, "broken", lr=2, code=1)
    (project / "data" / "raw.csv").write_text("7")
    words = (
        "stage:f*",
        "failed",
        "lr<=0.2",
        "lr!=0.1",
        "status:stale",
        "since:1h",
        "features=results/prepare/features.csv",
    )
    for word in (*words, "unreadable", "ok", "stage:fit lr>0.15 stale"):
        listed = [str(run.path.relative_to(project)) for run in naga.runs(project, word.split())]
        assert [row["path"] for row in ask("runs", filter=word)["rows"]] == listed, word


def test_runs_with_a_wrong_filter_say_where_it_is_wrong(ask: Ask) -> None:
    found = ask("runs", filter="stage:fit lr>>1")
    assert found["error"]["type"] == "UsageError"
    assert "character" in found["error"]["message"]
    assert "error" in ask("runs", filter="stage:'fit")


def test_runs_of_one_stage_tell_the_values_in_which_they_differ(ask: Ask) -> None:
    rows = ask("runs", filter="stage:fit")["rows"]
    assert sorted(row["config"]["lr"] for row in rows) == ["0.1", "0.2", "0.3"]
    assert all(set(row["config"]) == {"lr"} for row in rows)


def test_run_with_metrics_shows_the_first_number(project: Path, ask: Ask) -> None:
    make_run(project, "score", "score", files={"metrics.json": json.dumps({"name": "x", "loss": 0.25, "acc": 1})})
    assert ask("runs", filter="stage:score")["rows"][0]["metric"] == {"name": "loss", "value": 0.25}


def test_metrics_outside_of_the_root_are_not_read(project: Path, tmp_path: Path, ask: Ask) -> None:
    (tmp_path / "secret.json").write_text('{"pin": 1234}')
    run = make_run(project, "score", "score", files={"metrics.json": "{}"})
    (run.path.parent / "metrics.json").unlink()
    (run.path.parent / "metrics.json").symlink_to(tmp_path / "secret.json")
    assert ask("runs", filter="stage:score")["rows"][0]["metric"] is None


def test_run_that_changes_while_a_librarian_is_kept_is_seen_at_once(project: Path) -> None:
    librarian = naga.Librarian(project)
    assert naga.answer_from(librarian, "runs")["total"] == 5
    run_stage(project, "prepare", "-o", "save_dir=results/again")
    assert naga.answer_from(librarian, "runs")["total"] == 6
    (project / "data" / "raw.csv").write_text("9")
    assert naga.answer_from(librarian, "runs", {"filter": "ok"})["total"] == 0
    librarian.close()
