"""The pictures of docs/img, taken of notebooks that run in a real JupyterLab.

usage: python -m tests.browser.screenshots FOLDER
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.browser.lab import Lab, Page, open_browser
from tests.browser.panel import Panel
from tests.browser.story import Story, tell
from tests.front_end import build_front_end

__all__ = ["copy_notebooks", "take_debugging", "take_panel"]

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"


def copy_notebooks(place: Path) -> None:
    """Lay the notebooks and their scripts into a repository of its own, as after a clone."""
    ignored = shutil.ignore_patterns("results", "data", "__pycache__", ".ipynb_checkpoints")
    shutil.copytree(NOTEBOOKS, place / "notebooks", ignore=ignored)
    shutil.copy(ROOT / ".gitignore", place)
    git = ["git", "-c", "user.name=naga", "-c", "user.email=naga@example.org"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], cwd=place, check=True)


def take_debugging(page: Page, path: Path) -> list[list[str]]:
    """Run the notebook about a failure, take a picture of the failure and of what was found out.

    Parameters
    ----------
    page : Page
    path : Path
        Of the PNG.

    Returns
    -------
    list of lists of str
        What is shown below each code cell.
    """
    page.browser_page.set_viewport_size({"width": 1180, "height": 1330})
    page.open("notebooks/debugging.ipynb", simple=True)
    page.run_all()
    heading = page.browser_page.locator(".jp-RenderedMarkdown h2", has_text="The failure")
    heading.evaluate("heading => heading.scrollIntoView({block: 'start'})")
    page.wait_until_idle()
    page.screenshot(path)
    return page.outputs()


def take_panel(page: Page, folder: Path) -> None:
    """Take a picture of the panel in each theme: why a run is stale, and its graph as a tab.

    Parameters
    ----------
    page : Page
        Of a JupyterLab that serves the story.
    folder : Path
        Where ``panel-light.png`` and ``panel-dark.png`` go.
    """
    page.browser_page.set_viewport_size({"width": 1280, "height": 800})
    page.open()
    panel = Panel(page).open()
    panel.choose_root(Story().raw_changed)
    details = panel.select("results/evaluate/run.lock")
    details.get_by_role("button", name="Graph").click()
    page.browser_page.locator("#jp-main-dock-panel .naga-node").nth(4).wait_for()
    for theme in ("Light", "Dark"):
        page.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        is_light = "true" if theme == "Light" else "false"
        page.browser_page.wait_for_function(f"() => document.body.dataset.jpThemeLight === '{is_light}'")
        page.screenshot(folder / f"panel-{theme.lower()}.png")


def main() -> int:
    """Take all pictures."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    place = ROOT / "build" / "screenshots"
    shutil.rmtree(place, ignore_errors=True)
    build_front_end()
    shoot_debugging(place / "debugging", folder)
    shoot_panel(place / "panel", folder)
    return 0


def shoot_panel(place: Path, folder: Path) -> None:
    """Tell the story of the weather, and take the pictures of the panel over it."""
    root, state = place / "project", place / "state"
    state.mkdir(parents=True)
    (state / "gitconfig").write_text("[user]\n    name = naga\n    email = naga@example.org\n", encoding="utf-8")
    os.environ |= {"GIT_CONFIG_GLOBAL": str(state / "gitconfig"), "NAGA_CACHE_DIR": str(state / "cache")}
    root.mkdir()
    tell(root)
    lab = Lab(root, state).start()
    try:
        with open_browser() as browser:
            take_panel(Page(lab, browser.new_page()), folder)
    finally:
        lab.stop()


def shoot_debugging(place: Path, folder: Path) -> None:
    """Run the notebook about a failure, and take its picture."""
    root, state = place / "project", place / "state"
    for made in (root, state):
        made.mkdir(parents=True)
    copy_notebooks(root)
    environ = {"NAGA_CACHE_DIR": str(state / "cache"), "XDG_DATA_HOME": str(state / "data"), "NAGA_DEBUG": "0"}
    # Tracebacks shorten the home folder to a tilde, and no picture is to show where this one was taken.
    startup = state / "ipythondir" / "profile_default" / "startup" / "home.py"
    startup.parent.mkdir(parents=True)
    startup.write_text(f"import os\nos.environ['HOME'] = {str(ROOT)!r}\ndel os\n", encoding="utf-8")
    lab = Lab(root, state, {**environ, "GIT_CONFIG_GLOBAL": os.devnull}).start()
    try:
        with open_browser() as browser:
            take_debugging(Page(lab, browser.new_page()), folder / "debugging.png")
    finally:
        lab.stop()


if __name__ == "__main__":
    sys.exit(main())
