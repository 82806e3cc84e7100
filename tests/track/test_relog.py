"""MLflow written anew from receipts, and its active runs as a table."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

import naga
from naga.cli.main import main
from tests.track.receipts import leave_run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project with two finished runs and one that failed."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "naga.toml").touch()
    prepare = leave_run(folder, "prepare")
    leave_run(folder, "fit", config={"lr": 0.1}, prevs=[prepare])
    leave_run(folder, "evaluate", status="failed")
    return folder


@pytest.mark.usefixtures("store")
def test_relog_of_a_folder_writes_each_finished_run_once(project: Path, mlflow: Any) -> None:
    asked = naga.relog(project, dry_run=True)
    assert len(naga.active_runs()) == 0
    done = naga.relog(project)
    assert asked == done
    assert [name.split("/")[-1] for name in done.written] == ["prepare", "fit"]
    assert [reason for reason in done.left_out.values() if "is failed, not finished" in reason] != []

    again = naga.relog(project)
    assert (again.written, again.present) == ((), done.written)
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("runs").experiment_id
    runs = client.search_runs([experiment])
    assert len(runs) == 2
    receipts = {run.id: run for run in naga.runs(project)}
    for run in runs:
        receipt = receipts[run.data.tags["naga.run_id"]]
        assert run.info.end_time - run.info.start_time == pytest.approx(1000 * (receipt.duration or 0), abs=1001)
        assert run.info.status == "FINISHED"


@pytest.mark.usefixtures("store")
def test_relog_after_a_stage_ran_again_deprecates_the_run_before(project: Path) -> None:
    naga.relog(project)
    leave_run(project, "fit", config={"lr": 0.2})
    assert [name.split("/")[-1] for name in naga.relog(project).written] == ["fit"]
    table = naga.active_runs()
    assert table["stage"].tolist() == ["fit", "prepare"]
    assert table["params.lr"].tolist()[0] == "0.2"


@pytest.mark.usefixtures("store")
def test_active_runs_where_two_say_that_they_are_active_has_the_newer_one(project: Path, mlflow: Any) -> None:
    naga.relog(project)
    (first,) = naga.active_runs().query("stage == 'fit'")["mlflow_run_id"]
    leave_run(project, "fit", config={"lr": 0.2})
    naga.relog(project)
    # As if a process had ended before it deprecated the earlier one.
    mlflow.MlflowClient().set_tag(first, "status", "active")
    assert naga.active_runs().query("stage == 'fit'")["params.lr"].tolist() == ["0.2"]


@pytest.mark.usefixtures("store")
def test_active_runs_without_pandas_is_a_list(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    naga.relog(project)
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert [row["stage"] for row in naga.active_runs()] == ["fit", "prepare"]


@pytest.mark.usefixtures("store")
def test_relog_command_says_what_it_wrote_and_what_it_left_out(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    assert main(["relog", "--dry-run"]) == 0
    assert "2 would be written, 0 there already, 1 left out" in capsys.readouterr().out
    assert main(["relog", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["written"]) == 2
    assert main(["relog", "nowhere"]) == 66
