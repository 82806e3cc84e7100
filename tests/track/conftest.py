"""Stores of MLflow: a database each, and a real server."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE_SECONDS = 120


@pytest.fixture(scope="session")
def mlflow() -> Any:
    """Import MLflow, whose imports warn of things that are not ours."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        warnings.simplefilter("ignore")
        import mlflow as module

        yield module


@pytest.fixture(scope="session")
def template(mlflow: Any, session_folder: Path) -> Path:
    """Return an empty database of MLflow; to make one takes more than a second."""
    path = session_folder / "template.db"
    uri = f"sqlite:///{path}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.MlflowClient(tracking_uri=uri).search_experiments()
    # What sticks in the log beside it must be in the file before it is copied.
    subprocess.run(
        [sys.executable, "-c", "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('VACUUM')", str(path)],
        check=True,
    )
    return path


@pytest.fixture
def store(mlflow: Any, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Have MLflow track in a database of the test's own, and return its address."""
    folder = tmp_path / "mlflow"
    folder.mkdir()
    shutil.copy(template, folder / "mlflow.db")
    uri = f"sqlite:///{folder}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "runs")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    mlflow.MlflowClient().create_experiment("runs", artifact_location=(folder / "artifacts").as_uri())
    yield uri
    while mlflow.active_run() is not None:
        mlflow.end_run()


class Server:
    """A real ``mlflow server`` on loopback."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{port}"
        self._log = folder / "server.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
                    *("--host", "127.0.0.1", "--port", str(port)),
                    *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
                    *("--artifacts-destination", str(folder / "artifacts")),
                ],
                cwd=folder,
                env={
                    **os.environ,
                    "MLFLOW_DISABLE_TELEMETRY": "true",
                    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
                    "PYTHONWARNINGS": "ignore",
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Wait until the server answers."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise RuntimeError(f"the server did not start: {self._log.read_text()[-2000:]}")

    def stop(self) -> None:
        """End the server and its workers at once."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@pytest.fixture
def start_server(mlflow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Server]]:
    """Return a function that starts a server and has MLflow track there."""
    started: list[Server] = []

    def start() -> Server:
        folder = tmp_path / f"server {len(started)}"
        folder.mkdir()
        server = Server(folder)
        started.append(server)
        server.wait()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
        return server

    yield start
    for server in started:
        server.stop()
    while mlflow.active_run() is not None:
        try:
            mlflow.end_run()
        except mlflow.exceptions.MlflowException:
            continue
