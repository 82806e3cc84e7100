"""The pictures of docs/img, taken of notebooks that run in a real JupyterLab.

usage: python -m tests.browser.screenshots FOLDER
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.lab import Lab, Page, open_browser
from tests.browser.panel import Panel
from tests.browser.story import Story, tell
from tests.front_end import build_front_end

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PANEL_PICTURES", "copy_notebooks", "take_debugging", "take_panel", "take_widget"]

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
PANEL_PICTURES = ("panel", "why-stale", "details", "compare", "graph", "widget")
WIDGET = "fresh/runs.ipynb"


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
    """Take the pictures of the panel and of the widget, each in both themes.

    Parameters
    ----------
    page : Page
        Of a JupyterLab that serves the story.
    folder : Path
        Where they go, as ``NAME-light.png`` and ``NAME-dark.png``, with the names of `PANEL_PICTURES`.
    """
    story = Story()
    page.browser_page.set_viewport_size({"width": 1280, "height": 800})
    page.open()
    panel = Panel(page).open()
    panel.choose_root(story.raw_changed)
    details = panel.select("results/evaluate/run.lock")
    details.get_by_role("button", name="Graph").click()
    page.browser_page.locator("#jp-main-dock-panel .naga-node").nth(4).wait_for()
    page.browser_page.mouse.move(700, 700)
    _in_both_themes(page, lambda path: page.screenshot(path), folder / "panel")

    page.browser_page.set_viewport_size({"width": 1280, "height": 1000})
    panel.widen(460)
    _in_both_themes(page, panel.screenshot, folder / "why-stale")
    panel.choose_root(story.fresh)
    panel.select("results/evaluate/run.lock").locator(".naga-picture").wait_for()
    panel.details.evaluate("details => { details.scrollTop = 0; }")
    _in_both_themes(page, panel.screenshot, folder / "details")
    panel.select("results/fit-1/run.lock").get_by_role("button", name="Compare").click()
    panel.select("results/fit-3/run.lock").get_by_role("button", name="Compare").click()
    panel.details.get_by_role("table", name="Differences").wait_for()
    page.browser_page.set_viewport_size({"width": 1280, "height": 660})
    _in_both_themes(page, panel.screenshot, folder / "compare")

    panel.choose_root(story.swept)
    panel.filter("stage:prepare", "1 run")
    panel.select("results/prepare/run.lock").get_by_role("button", name="Graph").click()
    graph = page.browser_page.locator("#jp-main-dock-panel .naga-view:visible")
    graph.get_by_role("button", name="unfold").wait_for()
    graph.get_by_role("button", name="Zoom out").focus()
    _in_both_themes(page, lambda path: graph.screenshot(path=path, animations="disabled"), folder / "graph")


def take_widget(page: Page, folder: Path) -> None:
    """Take the picture of the view in a cell, with a run that was chosen in it and read in the next cell."""
    page.browser_page.set_viewport_size({"width": 1180, "height": 860})
    page.open(WIDGET, simple=True)
    page.run_all()
    view = page.browser_page.locator(".jp-OutputArea .naga-view")
    view.locator(".naga-run", has_text="evaluate").click()
    view.locator(".naga-head", has_text="evaluate").wait_for()
    page.browser_page.locator(".jp-CodeCell").last.click()
    page.command("notebook:run-cell")
    page.wait_until_idle()
    page.browser_page.locator(".jp-OutputArea-output", has_text="results/evaluate/run.lock").last.wait_for()
    _in_both_themes(page, page.screenshot, folder / "widget")


def _in_both_themes(page: Page, take: Callable[[Path], object], path: Path) -> None:
    for theme in ("Light", "Dark"):
        page.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        is_light = "true" if theme == "Light" else "false"
        page.browser_page.wait_for_function(f"() => document.body.dataset.jpThemeLight === '{is_light}'")
        page.browser_page.wait_for_timeout(300)  # buttons and scroll bars change their colours slowly
        take(path.with_name(f"{path.name}-{theme.lower()}.png"))


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
            take_widget(Page(lab, browser.new_page()), folder)
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
