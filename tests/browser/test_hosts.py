"""The wheel in the oldest JupyterLab that naga works with, and in Jupyter Notebook 7."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.browser.elsewhere import OLDEST, ROOT, install_wheel, make_environment
from tests.browser.lab import Lab, Page
from tests.browser.panel import Panel
from tests.browser.story import build_weather, write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.front_end import FrontEnd

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

EVALUATE = "results/evaluate/run.lock"


@pytest.fixture(scope="module")
def python(front_end: FrontEnd, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of an environment with the wheel; skip, or fail where CI=true, when it cannot be made."""
    try:
        python = make_environment(ROOT / "build" / "oldest-jupyter")
        install_wheel(python, tmp_path_factory.mktemp("wheel"))
    except subprocess.CalledProcessError as error:
        reason = f"cannot install {', '.join(OLDEST)}: {error.stderr.decode(errors='replace')[-300:]}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return python


@pytest.fixture(scope="module")
def lab_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = build_weather(tmp_path_factory.mktemp("lab root ü") / "weather")
    write_notebook(root)
    return root


@pytest.fixture(scope="module", params=["jupyterlab", "notebook"])
def page(
    request: pytest.FixtureRequest,
    python: Path,
    lab_root: Path,
    lab_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
    browser: Browser,
) -> Iterator[Page]:
    """Return a page of one of the two with the notebook that shows the runs of its folder; its cells have run."""
    state = tmp_path_factory.mktemp("state")
    lab = Lab(lab_root, state, lab_environment, python=python, application=request.param).start()
    context = browser.new_context(viewport={"width": 1280, "height": 900}, service_workers="block")
    try:
        page = Page(lab, context.new_page())
        page.browser_page.set_default_timeout(60_000)
        page.open("runs.ipynb")
        page.run_all()
        yield page
        assert page.errors == []
        assert {urlsplit(url).netloc for url in page.requests if url.startswith("http")} == {urlsplit(lab.url).netloc}
    finally:
        context.close()
        lab.stop()


def test_wheel_shows_the_runs_in_a_cell_and_tells_which_was_chosen(page: Page) -> None:
    view = page.browser_page.locator(".jp-OutputArea .naga-view")
    view.locator(f'.naga-run[data-key="{EVALUATE}"]').click()
    view.locator(".naga-head", has_text=EVALUATE).wait_for()
    page.browser_page.locator(".jp-CodeCell").last.click()
    page.command("notebook:run-cell")
    page.wait_until_idle()
    assert page.outputs()[-1] == [f"'{EVALUATE}'"]


def test_wheel_brings_the_panel_with_graph_and_live_changes(page: Page, lab_root: Path) -> None:
    panel = Panel(page).open()
    panel.wait_until_judged()
    panel.view.locator(".naga-live-watching").wait_for()
    assert set(panel.badges().values()) == {"ok"}
    panel.select(EVALUATE).locator(".naga-picture").wait_for()
    panel.details.get_by_role("button", name="Graph").click()
    page.browser_page.locator(".naga-node").nth(4).wait_for()
    assert page.browser_page.locator("#naga-panel .naga-node").count() == (
        5 if page.lab.application == "notebook" else 0
    )
    model = lab_root / "results" / "fit-2" / "model.json"
    content = model.read_bytes()
    model.write_bytes(b"{}")
    panel.view.locator(".naga-run .naga-word", has_text="modified").wait_for()
    assert panel.badges()["results/fit-2/run.lock"] == "modified"
    model.write_bytes(content)
    panel.view.locator(".naga-run .naga-word", has_text="modified").wait_for(state="detached")
