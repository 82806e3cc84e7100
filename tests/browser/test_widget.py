"""The view in a cell: the same as in the panel, read by the next cell, and text where no kernel answers it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.lab import Page
from tests.browser.panel import Panel
from tests.browser.story import build_weather, write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator

    from tests.browser.lab import Lab
    from tests.front_end import FrontEnd


pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PROJECT = "wetter ü"
EVALUATE = "results/evaluate/run.lock"
RESTART = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"


@pytest.fixture(scope="module")
def lab_root(tmp_path_factory: pytest.TempPathFactory, front_end: FrontEnd) -> Path:
    root = tmp_path_factory.mktemp("lab root ü")
    build_weather(root / PROJECT)
    write_notebook(root / PROJECT)
    return root


@pytest.fixture(scope="module")
def page(lab: Lab, browser: Browser) -> Iterator[Page]:
    """Return a page with the notebook that shows the runs of its folder; all its cells have run."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, service_workers="block")
    try:
        page = Page(lab, context.new_page())
        page.browser_page.set_default_timeout(60_000)
        page.open(f"{PROJECT}/runs.ipynb")
        page.run_all()
        yield page
        assert page.errors == []
    finally:
        context.close()


@pytest.fixture
def view(page: Page) -> Locator:
    """Return the view in the cell."""
    view = page.browser_page.locator(".jp-OutputArea .naga-view")
    view.locator(".naga-run").first.wait_for()
    return view


def read(view: Locator) -> tuple[list[str], list[str]]:
    """Return what the rows and the details of a view say, without the ages."""
    view.locator(".naga-row .naga-word", has_text="ok").first.wait_for()
    rows = [re.sub(r"\d+ (s|min)\b", "", text) for text in view.locator(".naga-run").all_inner_texts()]
    view.locator(".naga-picture").wait_for()
    return rows, view.locator(".naga-details details").all_inner_texts()


def test_view_in_a_cell_shows_what_the_panel_shows(page: Page, view: Locator) -> None:
    view.locator(f'.naga-run[data-key="{EVALUATE}"]').click()
    in_cell = read(view)
    panel = Panel(page).open()
    panel.choose_root(PROJECT)
    panel.select(EVALUATE)
    assert read(panel.view) == in_cell
    assert len(in_cell[0]) == 5


def test_run_that_is_chosen_is_read_in_the_next_cell(page: Page, view: Locator) -> None:
    for path in (EVALUATE, "results/fit-2/run.lock"):
        view.locator(f'.naga-run[data-key="{path}"]').click()
        view.locator(".naga-head", has_text=path).wait_for()
        page.browser_page.locator(".jp-CodeCell").last.click()
        page.command("notebook:run-cell")
        page.wait_until_idle()
        assert page.outputs()[-1] == [f"'{path}'"]


def test_receipt_is_opened_from_the_view_in_a_cell(page: Page, view: Locator) -> None:
    view.locator(f'.naga-run[data-key="{EVALUATE}"]').click()
    view.locator(".naga-head", has_text=EVALUATE).wait_for()
    view.get_by_role("button", name="Open receipt").click()
    page.browser_page.locator("#jp-main-dock-panel .jp-FileEditor .cm-content", has_text="naga: 1").wait_for()
    page.command("application:close")


def test_view_in_a_cell_draws_its_graph_itself(view: Locator) -> None:
    view.locator(f'.naga-run[data-key="{EVALUATE}"]').click()
    view.locator(".naga-head", has_text=EVALUATE).wait_for()
    view.get_by_role("button", name="Graph").click()
    view.locator(".naga-node").nth(4).wait_for()
    view.get_by_role("button", name="Close").click()
    view.locator(".naga-head", has_text=EVALUATE).wait_for()


def test_view_is_there_again_after_a_reload_while_its_kernel_lives(page: Page, view: Locator) -> None:
    page.command("docmanager:save")
    page.open(f"{PROJECT}/runs.ipynb")
    view.locator(".naga-run").first.wait_for()


def test_text_takes_the_place_of_the_view_when_the_kernel_is_restarted(page: Page, view: Locator) -> None:
    page.command("docmanager:save")
    page.browser_page.evaluate(RESTART)
    view.wait_for(state="hidden")
    assert_is_text(page)


def test_saved_notebook_shows_text_and_no_broken_box(page: Page) -> None:
    page.open(f"{PROJECT}/runs.ipynb")
    assert_is_text(page)
    # Widgets are looked for for some seconds, and then told to be broken.
    page.browser_page.wait_for_function(
        "() => [...document.querySelectorAll('.jp-OutputArea-output *')].some(e => /not found/.test(e.textContent))"
    )
    assert_is_text(page)


def assert_is_text(page: Page) -> None:
    """Check that the cell shows the runs as text, and nothing else."""
    page.browser_page.locator(".jp-OutputArea-output pre", has_text="results/fit-3/run.lock").wait_for()
    (text,) = page.outputs()[1]
    assert text.startswith(f"runs below {PROJECT}: 5\n✓ ok")
    assert not re.search("Error|Loading|widget", text)
