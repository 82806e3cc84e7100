"""A real JupyterLab on loopback, and pages of it in a headless Chromium, as a person sees them."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from playwright.sync_api import Browser
    from playwright.sync_api import Page as BrowserPage

__all__ = ["Lab", "Page", "find_chromium", "open_browser"]

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
SECONDS = 120.0

# No question about news, no search for updates, and cells that stay in the page when they are scrolled away.
OVERRIDES = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}

IS_IDLE = """() => {
    const kernel = window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel;
    return kernel?.connectionStatus === "connected" && kernel.status === "idle";
}"""


def find_chromium() -> str | None:
    """Return the path of the system's Chromium, or None when there is none."""
    return next((found for name in CHROMIUM if (found := shutil.which(name))), None)


def find_port() -> int:
    """Return a port that is free now; servers before 2.15 do not say which one they were given."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Lab:
    """A JupyterLab that serves a folder, with settings that are no person's.

    Parameters
    ----------
    root : Path
        The folder that it serves; the kernel of a notebook starts in the notebook's folder.
    state : Path
        A folder for its settings, logs and whatever it writes about itself.
    environ : mapping, optional
        Further environment variables for the server and its kernels.
    arguments : sequence of str, optional
        Further arguments of the command line.
    python : path, optional
        The interpreter whose JupyterLab it is; else this one.
    application : {"jupyterlab", "notebook"}, optional
        Which of Jupyter's pages are served.
    """

    def __init__(
        self,
        root: Path,
        state: Path,
        environ: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        *,
        python: str | Path = sys.executable,
        application: Literal["jupyterlab", "notebook"] = "jupyterlab",
    ) -> None:
        self.root = root
        self.state = state
        self.url = ""
        self.token = secrets.token_hex(16)
        self._environ = dict(environ or {})
        self._arguments = list(arguments)
        self._python = Path(python)
        self.application = application
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """Return what the server has said so far."""
        return (self.state / "lab.log").read_text(encoding="utf-8", errors="replace")

    def start(self) -> Lab:
        """Start the server and wait until it answers; its address is then in `url`."""
        config = self.state / "config_dir" / "labconfig"
        config.mkdir(parents=True, exist_ok=True)
        (config / "default_setting_overrides.json").write_text(json.dumps(OVERRIDES), encoding="utf-8")
        command: list[str | Path] = [
            self._python,
            "-m",
            self.application,
            "--no-browser",
            "--ip=127.0.0.1",
            f"--port={find_port()}",
            "--allow-root",
        ]
        command += [f"--ServerApp.root_dir={self.root}", f"--IdentityProvider.token={self.token}"]
        # A page can then ask the application itself to run a command, and is told when that has ended.
        command += ["--expose-app-in-browser", "--LabApp.news_url=", "--ServerApp.terminals_enabled=False"]
        command += self._arguments
        with (self.state / "lab.log").open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.root,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.url = self._wait_for_address()
        return self

    def stop(self) -> float:
        """End the server, which ends its kernels; return how many seconds that took."""
        if self._process is None:
            return 0.0
        begin = time.monotonic()
        self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        return time.monotonic() - begin

    def _environment(self) -> dict[str, str]:
        own = {name: str(self.state / name.removeprefix("JUPYTER_").lower()) for name in PLACES}
        # A kernel or an extension of the same name in the person's home folder would be another one.
        own |= {"JUPYTER_PREFER_ENV_PATH": "1", "JUPYTER_PLATFORM_DIRS": "0"}
        own["PATH"] = os.pathsep.join([str(self._python.parent), os.environ.get("PATH", os.defpath)])
        return {**os.environ, **own, **self._environ}

    def _wait_for_address(self) -> str:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                raise RuntimeError(f"JupyterLab ended by itself:\n{self.log}")
            for file in (self.state / "runtime_dir").glob("jpserver-*.json"):
                try:
                    return str(json.loads(file.read_text(encoding="utf-8"))["url"])
                except json.JSONDecodeError:  # it is being written
                    break
            time.sleep(0.05)
        raise RuntimeError(f"JupyterLab did not start in {SECONDS:.0f} s:\n{self.log}")


PLACES = (
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
    "IPYTHONDIR",
)


class Page:
    """A tab of the browser that shows a JupyterLab.

    Parameters
    ----------
    lab : Lab
    browser_page : playwright.sync_api.Page
        Free to use for whatever has no method here.
    """

    def __init__(self, lab: Lab, browser_page: BrowserPage) -> None:
        self.lab = lab
        self.browser_page = browser_page
        self.requests: list[str] = []
        self.errors: list[str] = []
        browser_page.set_default_timeout(SECONDS * 1000)
        browser_page.on("request", lambda request: self.requests.append(request.url))
        browser_page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, path: str = "", *, simple: bool = False) -> None:
        """Open JupyterLab in a new workspace, and in it a file or a notebook; wait until it is ready.

        Parameters
        ----------
        path : str
            Relative to the lab's root; without it JupyterLab alone is opened.
        simple : bool
            Show the document alone, without tabs.
        """
        self.browser_page.goto(f"{self.lab.url}{self._place(path, simple)}?reset&token={self.lab.token}")
        self.browser_page.wait_for_function("() => window.jupyterapp !== undefined")
        self.browser_page.evaluate("() => window.jupyterapp.restored.then(() => null)")
        if path.endswith(".ipynb"):
            self.browser_page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
            # Whoever runs a cell before its kernel is connected is asked to select one.
            self.browser_page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.ready")
            self.wait_until_idle()

    def _place(self, path: str, simple: bool) -> str:
        if self.lab.application == "notebook":
            return f"notebooks/{quote(path)}" if path.endswith(".ipynb") else f"tree/{quote(path)}"
        return ("doc" if simple else "lab") + (f"/tree/{quote(path)}" if path else "")

    def command(self, name: str, **arguments: Any) -> None:
        """Have JupyterLab execute one of its commands, and wait until that has ended."""
        self.browser_page.evaluate(
            "([name, args]) => window.jupyterapp.commands.execute(name, args).then(() => null)", [name, arguments]
        )

    def run_all(self) -> None:
        """Run all cells of the open notebook; like JupyterLab's own command it stops where a cell fails."""
        self.command("notebook:run-all-cells")
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        """Wait until the kernel of the open notebook waits for work."""
        self.browser_page.wait_for_function(IS_IDLE)

    def outputs(self) -> list[list[str]]:
        """Return for each code cell of the open notebook the texts of its outputs, as they are read."""
        cells = self.browser_page.locator(".jp-NotebookPanel .jp-CodeCell")
        return [cell.locator(".jp-OutputArea-output").all_inner_texts() for cell in cells.all()]

    def screenshot(self, path: Path) -> None:
        """Write what is seen as a PNG."""
        self.browser_page.screenshot(path=path, animations="disabled", caret="hide")


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Yield a headless Chromium, the system's own.

    Raises
    ------
    FileNotFoundError
        There is none.
    """
    from playwright.sync_api import sync_playwright

    chromium = find_chromium()
    if chromium is None:
        raise FileNotFoundError("Chromium is not installed (see scripts/system-packages)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
