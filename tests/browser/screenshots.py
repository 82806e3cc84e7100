"""The pictures of docs/images, taken of notebooks that run in a real JupyterLab.

usage: python -m tests.browser.screenshots FOLDER
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.browser.lab import Lab, Page, open_browser

__all__ = ["copy_notebooks", "take_debugging"]

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


def main() -> int:
    """Take all pictures."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    place = ROOT / "build" / "screenshots"
    shutil.rmtree(place, ignore_errors=True)
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
