"""Runs in MLflow, on a database, on a real server, and where neither can be used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import naga
from naga.errors import IntegrityError, NotFoundError, RefusedError, UnreachableError
from tests.programs import run_python
from tests.track.receipts import leave_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.track.conftest import Server


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the folder of a project."""
    folder = tmp_path / "project ü 'q\""
    folder.mkdir()
    (folder / "naga.toml").touch()
    return folder


def lock(save_dir: Path) -> Any:
    """Show a run in MLflow, and return it as MLflow has it afterwards."""
    import mlflow

    with naga.mlflow_lock(save_dir) as run:
        mlflow.log_metric("accuracy", 0.5)
        mlflow.log_param("by_hand", 1)
    return mlflow.get_run(run.info.run_id)


def all_runs() -> list[Any]:
    import mlflow

    client = mlflow.MlflowClient()
    return list(client.search_runs([each.experiment_id for each in client.search_experiments()]))


def artifact(run_id: str, name: str, folder: Path) -> bytes:
    import mlflow

    folder.mkdir(exist_ok=True)
    with open(mlflow.MlflowClient().download_artifacts(run_id, name, str(folder)), "rb") as file:
        return file.read()


@pytest.mark.usefixtures("store")
def test_mlflow_lock_of_a_run_tells_mlflow_what_the_receipt_says(project: Path, tmp_path: Path) -> None:
    prepare = leave_run(project, "prepare")
    fit = leave_run(project, "fit", config={"lr": 0.1, "model": {"depth": 3}, "names": ["a", "b"]}, prevs=[prepare])
    run = lock(fit.path.parent)

    assert run.info.status == "FINISHED"
    assert run.info.run_name == "fit"
    assert run.data.params == {
        "by_hand": "1",
        "lr": "0.1",
        "model.depth": "3",
        "names": '["a", "b"]',
        "save_dir": fit.receipt.config["save_dir"],
    }
    assert run.data.metrics == {"accuracy": 0.5}
    tags = run.data.tags
    assert tags["naga.logical_run_id"] == fit.path.parent.relative_to(project).as_posix()
    assert tags["naga.path"] == str(fit.path.parent)
    assert (tags["status"], tags["naga.run_id"], tags["naga.recipe"]) == ("active", fit.receipt.id, fit.receipt.recipe)
    (name,) = fit.receipt.prevs
    assert tags[f"naga.prev.{name}"].split()[0] == prepare.receipt.id
    assert artifact(run.info.run_id, "run.lock", tmp_path / "down") == fit.path.read_bytes()


@pytest.mark.usefixtures("store")
def test_mlflow_lock_of_the_same_folder_again_deprecates_the_earlier_run(project: Path) -> None:
    first = lock(leave_run(project, "fit").path.parent)
    other = lock(leave_run(project, "evaluate").path.parent)
    second = lock(leave_run(project, "fit").path.parent)

    by_id = {run.info.run_id: run.data.tags for run in all_runs()}
    assert by_id[first.info.run_id]["status"] == "deprecated"
    assert by_id[first.info.run_id]["naga.superseded_by"] == second.info.run_id
    assert by_id[second.info.run_id]["status"] == "active"
    assert by_id[second.info.run_id]["naga.supersedes"] == first.info.run_id
    assert by_id[other.info.run_id]["status"] == "active"


@pytest.mark.usefixtures("store")
def test_mlflow_lock_whose_block_raises_marks_the_new_run_failed_and_leaves_the_old_one_active(project: Path) -> None:
    first = lock(leave_run(project, "fit").path.parent)
    with (
        pytest.raises(ZeroDivisionError) as caught,
        naga.mlflow_lock(leave_run(project, "fit").path.parent) as second,
    ):
        1 / 0  # noqa: B018 - fails
    assert not hasattr(caught.value, "__notes__")

    by_id = {run.info.run_id: run for run in all_runs()}
    assert by_id[first.info.run_id].data.tags["status"] == "active"
    assert by_id[second.info.run_id].data.tags["status"] == "failed"
    assert by_id[second.info.run_id].info.status == "FAILED"


@pytest.mark.usefixtures("store")
def test_mlflow_lock_of_what_mlflow_would_cut_or_refuse_records_it_whole(project: Path, tmp_path: Path) -> None:
    names = ["a[0]", "b=c", "/lead", "x//y", "..", "../up", "quote'\"`", "ü☃", "dot.", " space ", "Case", "case", ""]
    config: dict[str, Any] = {name: f"value of {name}" for name in names}
    config |= {f"k{number:03}": number for number in range(500)}
    config |= {"long": "é" * 10_000, "n" * 300: "long name", "deep": {"er": {"est": None}}, "empty": {}}
    run = leave_run(project, "fit", config=config)
    logged = lock(run.path.parent)

    full = json.loads(artifact(logged.info.run_id, "naga/full_values.json", tmp_path / "down"))
    seen = {full[key]["key"] if key in full else key: (key, value) for key, value in logged.data.params.items()}
    for name in names:
        assert seen[name][1] == f"value of {name}"
    assert {seen[f"k{number:03}"][1] for number in range(500)} == {str(number) for number in range(500)}
    key, value = seen["long"]
    assert len(value) <= 6000
    assert full[key]["value"] == "é" * 10_000
    assert seen["n" * 300][1] == "long name"
    assert (seen["deep.er.est"][1], seen["empty"][1]) == ("null", "{}")


@pytest.mark.usefixtures("store")
def test_mlflow_lock_inside_of_an_active_run_is_its_child_and_leaves_it_open(project: Path, mlflow: Any) -> None:
    folder = leave_run(project, "fit").path.parent
    with mlflow.start_run() as outer:
        with naga.mlflow_lock(folder) as inner:
            mlflow.start_run(nested=True)
        assert mlflow.active_run().info.run_id == outer.info.run_id
        with naga.mlflow_lock(folder) as ended:
            mlflow.end_run()
        assert mlflow.active_run().info.run_id == outer.info.run_id
    tags = mlflow.get_run(inner.info.run_id).data.tags
    assert tags["mlflow.parentRunId"] == outer.info.run_id
    assert "naga.run_id" not in mlflow.get_run(outer.info.run_id).data.tags
    assert mlflow.get_run(ended.info.run_id).data.tags["status"] == "active"
    assert {run.info.status for run in all_runs()} == {"FINISHED"}


@pytest.mark.usefixtures("store")
def test_mlflow_lock_where_a_run_is_to_be_resumed_makes_a_new_one(
    project: Path, mlflow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mlflow.start_run() as old:
        pass
    monkeypatch.setenv("MLFLOW_RUN_ID", old.info.run_id)
    assert lock(leave_run(project, "fit").path.parent).info.run_id != old.info.run_id


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("status", ["started", "failed", "killed"])
def test_mlflow_lock_of_a_run_that_did_not_finish_is_refused(project: Path, status: str) -> None:
    run = leave_run(project, "fit", status=status)
    with pytest.raises(IntegrityError, match=f"is {status}, not finished"), naga.mlflow_lock(run.path):
        pass
    assert all_runs() == []


@pytest.mark.usefixtures("store")
def test_mlflow_lock_without_a_receipt_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nothing"), naga.mlflow_lock(tmp_path / "nothing"):
        pass


RACE = """\
import sys, warnings
warnings.simplefilter("ignore")
import naga, mlflow
for _ in range(int(sys.argv[2])):
    with naga.mlflow_lock(sys.argv[1]):
        pass
"""


@pytest.mark.slow
@pytest.mark.usefixtures("store")
def test_mlflow_lock_of_two_processes_at_once_leaves_exactly_one_active_run(project: Path) -> None:
    folder = leave_run(project, "fit").path.parent
    command = [sys.executable, "-c", RACE, str(folder), "5"]
    processes = [subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in processes:
        _, said = process.communicate(timeout=200)
        assert process.returncode == 0, said
    runs = {run.info.run_id: run.data.tags for run in all_runs()}
    assert len(runs) == 10
    assert sorted(tags["status"] for tags in runs.values()) == ["active"] + ["deprecated"] * 9
    assert all(tags["naga.superseded_by"] in runs for tags in runs.values() if tags["status"] == "deprecated")


@pytest.mark.slow
def test_mlflow_lock_on_a_server_that_goes_down_half_way_says_so_and_leaves_the_receipt(
    project: Path, start_server: Callable[[], Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_server()
    run = leave_run(project, "fit", config={"quote": 'it\'s "ü"'})
    before = run.path.read_bytes()
    logged = lock(run.path.parent)
    assert logged.data.params["quote"] == 'it\'s "ü"'
    assert artifact(logged.info.run_id, "run.lock", tmp_path / "down") == before
    assert logged.data.tags["status"] == "active"

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    with (
        pytest.raises(UnreachableError, match=server.uri.partition("//")[2]) as caught,
        naga.mlflow_lock(run.path.parent),
    ):
        server.stop()
    assert "MLFLOW_TRACKING_URI" in caught.value.one_line()
    assert run.path.read_bytes() == before
    with pytest.raises(UnreachableError), naga.mlflow_lock(run.path.parent):
        pass


@pytest.mark.usefixtures("mlflow")
def test_mlflow_lock_with_a_store_in_folders_explains_it_in_one_line(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    with pytest.raises(RefusedError, match="folders") as caught, naga.mlflow_lock(leave_run(project, "fit").path):
        pass
    assert "sqlite:///mlflow.db" in caught.value.one_line()


def test_mlflow_lock_without_mlflow_says_what_to_install(project: Path, tmp_path: Path) -> None:
    leave_run(project, "fit")
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow" / "mlflow.py").write_text("raise ModuleNotFoundError(name='mlflow')\n")
    path = os.pathsep.join([str(tmp_path / "shadow"), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = run_python(project, "-m", "naga", "relog", ".", PYTHONPATH=path)
    assert done.returncode == 66
    assert done.stderr.count("\n") == 1
    assert "pip install 'naga-ipython[mlflow]'" in done.stderr


@pytest.mark.usefixtures("store")
def test_mlflow_lock_gives_mlflow_no_password_of_its_own_address(
    project: Path, mlflow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:hunter2secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(UnreachableError) as caught, naga.mlflow_lock(leave_run(project, "fit").path):
        pass
    assert "hunter2secret" not in caught.value.one_line()
