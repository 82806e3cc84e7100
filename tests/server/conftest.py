"""A real ``jupyter server`` with naga in it, on loopback, in a folder with a space and a letter beyond ASCII."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.pipelines import build_pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
ENABLED = ROOT / "jupyter-config" / "jupyter_server_config.d" / "naga_ipython.json"
OTHERS = ("jupyterlab", "jupyter_lsp", "jupyter_server_terminals", "notebook_shim", "notebook")
TOKEN = "0123456789abcdef"
PATIENCE = 60


class Server:
    """A server process, and how a browser asks it."""

    def __init__(self, folder: Path, state: Path, **options: str) -> None:
        enabled = json.loads(ENABLED.read_text())["ServerApp"]["jpserver_extensions"]
        config = {
            "ServerApp": {
                "jpserver_extensions": {**dict.fromkeys(OTHERS, False), **enabled},
                "base_url": "/a/prefix/",
                "port": 0,
                "open_browser": False,
                "allow_root": True,
                "root_dir": str(folder),
            },
            "IdentityProvider": {"token": TOKEN},
            "NagaServer": options,
        }
        state.mkdir(parents=True, exist_ok=True)
        (state / "jupyter_server_config.json").write_text(json.dumps(config))
        places = dict.fromkeys(("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR"), str(state))
        self._log = (state / "log.txt").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server"],
            env={**os.environ, **places, "JUPYTER_NO_CONFIG": "", "HOME": str(state)},
            cwd=folder,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self.log = state / "log.txt"
        self.url = self._wait(state)

    def _wait(self, state: Path) -> str:
        begin = time.monotonic()
        while time.monotonic() < begin + PATIENCE:
            for file in state.glob("jpserver-*.json"):
                try:
                    info = json.loads(file.read_text())
                    url = f"http://127.0.0.1:{info['port']}{urllib.parse.quote(info['base_url'])}"
                    urllib.request.urlopen(f"{url}api?token={TOKEN}", timeout=PATIENCE).close()
                except (ValueError, OSError):
                    continue
                return url
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        self.stop()
        raise AssertionError(self.log.read_text())

    def request(
        self, path: str, body: Any = None, *, token: str | None = TOKEN, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        """Ask, and return status, JSON and headers."""
        if token is not None:
            headers["Authorization"] = f"token {token}"
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.url}naga/api/{path}", data, headers)
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
                return answer.status, json.loads(answer.read()), dict(answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()
            return error.code, json.loads(text) if text.startswith(b"{") else text, dict(error.headers)

    def get(self, op: str, **args: Any) -> dict[str, Any]:
        """Ask a question as a browser does."""
        answer = self.request(f"{op}?{urllib.parse.urlencode(args)}")[1]
        assert isinstance(answer, dict), answer
        return answer

    def stop(self) -> float:
        """End the server, and return how many seconds that took."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        self._log.close()
        return time.monotonic() - begin


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, session_folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(session_folder / "gitconfig"))
        patch.setenv("NAGA_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, environment: None) -> Path:
    """Return the root of the server, with a project in it."""
    root = tmp_path_factory.mktemp("served")
    project = root / "Wetter ü" / "project"
    project.mkdir(parents=True)
    build_pipeline(project)
    return root


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory, environment: None) -> Iterator[Server]:
    server = Server(folder, tmp_path_factory.mktemp("state"))
    yield server
    if server.process.poll() is None:
        server.stop()
