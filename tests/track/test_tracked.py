"""What the panel is told of MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import naga
from tests.programs import run_python
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


KNOWS = """\
import sys
from pathlib import Path
import naga
path = Path('results/fit/run.lock').absolute()
print([run.status for run in naga.tracked_here(path, naga.read_receipt(path))], 'mlflow' in sys.modules)
"""


@pytest.mark.usefixtures("store")
def test_tracked_here_imports_mlflow_only_where_its_database_has_the_run(project: Path) -> None:
    leave_run(project, "fit")

    assert run_python(project, "-c", KNOWS).stdout == "[] False\n"
    naga.relog(project)
    assert run_python(project, "-c", KNOWS).stdout == "['active'] True\n"
    # What MLflow has of an earlier run in that folder is not said of this one.
    leave_run(project, "fit", config={"lr": 2})
    assert run_python(project, "-c", KNOWS).stdout == "[] False\n"


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9", "postgresql://nowhere/db", "sqlite:///no.db", "sqlite:///run.db", None]
)
def test_tracked_here_asks_no_server_and_makes_no_database(
    project: Path, address: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if address is None:
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    else:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    leave_run(project, "fit")
    (project / "run.db").write_bytes(b"no database")
    before = sorted(project.rglob("*"))

    assert run_python(project, "-c", KNOWS).stdout == "[] False\n"
    assert sorted(path for path in project.rglob("*") if "__pycache__" not in path.parts) == before
