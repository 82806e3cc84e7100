"""What the panel is told of MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import naga
from tests.track.receipts import leave_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.track.conftest import Server


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the folder of a project."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "naga.toml").touch()
    return folder


def ask(project: Path) -> dict[str, Any]:
    return naga.answer("mlflow", {"run": "results/fit/run.lock"}, project)


def test_mlflow_of_a_run_where_nothing_tracks_says_what_to_do_and_makes_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(project)
    leave_run(project, "fit")
    before = sorted(project.rglob("*"))
    told = ask(project)
    assert (told["available"], told["runs"]) == (False, [])
    assert "MLFLOW_TRACKING_URI" in told["hint"]
    assert sorted(project.rglob("*")) == before


@pytest.mark.usefixtures("store")
def test_mlflow_of_a_run_lists_the_superseded_ones_too(project: Path, mlflow: Any) -> None:
    for accuracy in (0.5, 0.75):
        leave_run(project, "fit", config={"accuracy": accuracy})
        with naga.mlflow_lock(project / "results" / "fit"):
            mlflow.log_metric("accuracy", accuracy)
    leave_run(project, "other")
    naga.relog(project)
    runs = ask(project)["runs"]
    assert [(run["active"], run["is_this"], run["metrics"]) for run in runs] == [
        (True, True, {"accuracy": 0.75}),
        (False, False, {"accuracy": 0.5}),
    ]
    assert [run["url"] for run in runs] == [None, None]


@pytest.mark.slow
def test_mlflow_of_a_run_on_a_server_links_its_page_without_a_password(
    project: Path, start_server: Callable[[], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_server()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri.replace("//", "//ann:hunter2secret@"))
    leave_run(project, "fit")
    naga.relog(project)
    (run,) = ask(project)["runs"]
    assert run["url"] == f"{server.uri}/#/experiments/0/runs/{run['id']}"
