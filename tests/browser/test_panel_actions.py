"""What the panel does besides showing: opening, inserting, copying, cancelling, and drawing large graphs."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import nbformat
import pytest

import naga
from naga.lock.lineage import Prev
from tests.browser.lab import Lab, Page
from tests.browser.panel import Panel
from tests.browser.story import SWEPT, Story, build_weather, make_swept
from tests.pipelines import make_run
from tests.programs import run_python
from tests.track.conftest import Server as MLflowServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Route
    from playwright.sync_api import Page as BrowserPage

    from tests.front_end import FrontEnd

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

STORY = Story()
BIG = 40
TRACK = """\
import mlflow, naga
for loss in (0.5, 0.25):
    with naga.mlflow_lock("results/tracked"):
        mlflow.log_metric("loss", loss)
"""


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a real ``mlflow server``."""
    server = MLflowServer(tmp_path_factory.mktemp("mlflow"))
    try:
        server.wait()
        yield server.uri
    finally:
        server.stop()


@pytest.fixture(scope="module")
def lab_environment(tracking: str, lab_environment: dict[str, str]) -> dict[str, str]:
    """Tell JupyterLab where MLflow tracks."""
    return lab_environment | {"MLFLOW_TRACKING_URI": tracking, "MLFLOW_DISABLE_TELEMETRY": "true"}


@pytest.fixture(scope="module")
def lab_root(tmp_path_factory: pytest.TempPathFactory, front_end: FrontEnd, lab_environment: dict[str, str]) -> Path:
    """Return a folder with a project of the weather, one with a sweep, and one with all that is big or tracked."""
    root = tmp_path_factory.mktemp("lab root ü")
    build_weather(root / STORY.fresh)
    make_swept(root / STORY.swept)
    make_big(root / "big ü")
    answer = run_python(root / "big ü", "-c", TRACK, **lab_environment)
    assert answer.returncode == 0, answer.stderr
    return root


def make_big(project: Path) -> None:
    """Leave a run that is tracked, and one whose data takes a while to be read."""
    (project / "data").mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    inputs = [project / "data" / f"{number}.bin" for number in range(BIG)]
    for path in inputs:
        path.touch()
        os.truncate(path, 20_000_000)
    make_run(project, "big", "big", data=inputs)
    text = "first line\n" + "x" * 200_000
    make_run(project, "tracked", "tracked", files={"notes.txt": text, "deep/below.txt": "below"})


@pytest.fixture(scope="module")
def panel(lab: Lab, browser: Browser) -> Iterator[Panel]:
    """Return the panel on a page that the tests of this module share."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, service_workers="block")
    try:
        page = Page(lab, context.new_page())
        page.open()
        page.browser_page.set_default_timeout(20_000)
        yield Panel(page).open()
        assert page.errors == []
    finally:
        context.close()


@pytest.fixture
def notebook(panel: Panel, lab_root: Path) -> Iterator[Page]:
    """Open a notebook in the folder of the project beside the panel, and return the page."""
    yield open_notebook(panel, lab_root, f"{STORY.fresh}/scratch.ipynb")
    close_notebook(panel)


@pytest.fixture
def notebook_elsewhere(panel: Panel, lab_root: Path) -> Iterator[Page]:
    """Open a notebook in another folder than that of the project, and return the page."""
    yield open_notebook(panel, lab_root, "notebooks of mine/scratch.ipynb")
    close_notebook(panel)


def open_notebook(panel: Panel, lab_root: Path, path: str) -> Page:
    """Open a notebook with one cell, and wait for its kernel."""
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("6 * 7")])
    document.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (lab_root / path).parent.mkdir(exist_ok=True)
    nbformat.write(document, lab_root / path)
    page = panel.page
    page.command("docmanager:open", path=path)
    page.browser_page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
    page.browser_page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.ready")
    page.wait_until_idle()
    return page


def close_notebook(panel: Panel) -> None:
    """Save and close the notebook that is open."""
    panel.page.command("docmanager:save")
    panel.page.command("application:close-all")


@pytest.fixture
def swept(panel: Panel) -> Iterator[Panel]:
    """Show the run that all of a sweep read, alone, and all runs again afterwards."""
    panel.choose_root(STORY.swept)
    panel.filter("stage:prepare", "1 run")
    yield panel
    panel.filter("", f"{SWEPT + 3} runs")
    panel.choose_mode("Recent")
    panel.page.command("application:close-all")


def open_tab(page: Page) -> Locator:
    """Return the name on the tab of the document that is open in the main area."""
    return page.browser_page.locator("#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current .lm-TabBar-tabLabel")


def test_receipt_data_and_folder_are_opened(panel: Panel) -> None:
    panel.choose_root(STORY.fresh)
    page = panel.page.browser_page
    panel.select("results/evaluate/run.lock").get_by_role("button", name="Open receipt").click()
    page.locator("#jp-main-dock-panel .jp-FileEditor .cm-content", has_text="naga: 1").wait_for()
    assert open_tab(panel.page).inner_text() == "run.lock"
    panel.select("results/prepare/run.lock").get_by_role("button", name="data/seattle weather.csv").click()
    page.locator("#jp-main-dock-panel .jp-CSVViewer").wait_for()
    assert open_tab(panel.page).inner_text() == "seattle weather.csv"
    panel.details.get_by_role("button", name="Open folder").click()
    page.locator(".jp-DirListing-item", has_text="features.csv").wait_for()
    assert page.locator(".jp-BreadCrumbs").inner_text().split("/")[-3:-1] == ["results", "prepare"]
    panel.page.command("application:close-all")
    panel.open()


def test_inserted_cell_repeats_the_run(panel: Panel, notebook: Page) -> None:
    panel.choose_root(STORY.fresh)
    panel.select("results/fit-2/run.lock").get_by_role("button", name="Insert cell").click()
    cell = notebook.browser_page.locator(".jp-Cell .cm-content", has_text="%naga_run")
    cell.wait_for()
    assert "first_year=2013" in cell.inner_text()
    assert "--cwd" not in cell.inner_text()
    notebook.command("notebook:run-cell")
    notebook.browser_page.locator(".jp-OutputArea-output", has_text="results/fit-2/run.lock").last.wait_for()


def test_cell_inserted_in_another_folder_repeats_the_run_where_it_was(
    panel: Panel, notebook_elsewhere: Page, lab_root: Path
) -> None:
    panel.choose_root(STORY.fresh)
    before = naga.read_receipt(lab_root / STORY.fresh / "results/fit-3/run.lock")
    panel.select("results/fit-3/run.lock").get_by_role("button", name="Insert cell").click()
    cell = notebook_elsewhere.browser_page.locator(".jp-Cell .cm-content", has_text="%naga_run --cwd")
    cell.wait_for()
    notebook_elsewhere.command("notebook:run-cell")
    output = notebook_elsewhere.browser_page.locator(".jp-OutputArea-output", has_text="results/fit-3/run.lock")
    output.last.wait_for()
    after = naga.read_receipt(lab_root / STORY.fresh / "results/fit-3/run.lock")
    assert (after.id != before.id, after.recipe) == (True, before.recipe)
    assert not (lab_root / "notebooks of mine/results").exists()


def test_inserting_without_a_notebook_says_what_is_missing(panel: Panel) -> None:
    panel.choose_root(STORY.fresh)
    panel.select("results/fit-2/run.lock").get_by_role("button", name="Insert cell").click()
    panel.view.get_by_text("Open a notebook first").wait_for()


def test_what_is_copied_is_what_the_menu_says(panel: Panel) -> None:
    panel.choose_root(STORY.fresh)
    menu = panel.select("results/fit-1/run.lock").get_by_label("Copy")
    page = panel.page.browser_page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copied = {}
    for name in menu.locator("option").all_inner_texts()[1:]:
        menu.select_option(name)
        panel.view.get_by_text(f"copied the {name}").wait_for()
        copied[name] = page.evaluate("() => navigator.clipboard.readText()")
    assert list(copied) == ["path", "id", "commit", "digest", "snippet", "magic"]
    assert copied["path"] == "results/fit-1/run.lock"
    assert re.fullmatch("[0-9a-f]{40}", copied["commit"])
    assert copied["id"] in copied["snippet"]
    assert copied["magic"].startswith("%naga_run ")


def forget(project: Path) -> None:
    """Have nothing count that is known of the data, and nothing of it be in memory."""
    for path in (project / "data").iterdir():
        path.touch()
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def test_cells_run_while_a_run_is_verified_and_its_check_outlives_what_they_write(
    panel: Panel, notebook: Page, lab_root: Path
) -> None:
    panel.choose_root("big ü")
    details = panel.select("results/big/run.lock")
    forget(lab_root / "big ü")
    details.get_by_role("button", name="Verify now").click()
    notebook.run_all()
    assert notebook.outputs() == [["42"]]
    notebook.command("docmanager:save")
    verified = details.get_by_role("region", name="Verified")
    verified.wait_for()
    receipt = lab_root / "big ü" / "results" / "big" / "run.lock"
    make_run(lab_root / "big ü", "after", "after", prevs=[Prev(receipt, naga.read_receipt(receipt))])
    details.locator("summary", has_text="Stages after").wait_for()
    assert "✓ intact" in verified.inner_text()


def test_verifying_that_is_cancelled_says_so(panel: Panel, lab_root: Path) -> None:
    panel.choose_root("big ü")
    details = panel.select("results/big/run.lock")
    forget(lab_root / "big ü")
    page = panel.page.browser_page
    held: list[Route] = []
    page.route("**/naga/api/verify", lambda route: held.append(route))
    details.get_by_role("button", name="Verify now").click()
    details.get_by_role("progressbar", name="Verifying").wait_for()
    details.get_by_role("button", name="Cancel").click()
    with page.expect_request("**/naga/api/jobs/*/cancel"):
        held[0].continue_()
    details.get_by_text("Verifying was cancelled.").wait_for()
    page.unroute("**/naga/api/verify")


def test_head_of_a_long_text_and_a_file_in_a_folder_are_shown(panel: Panel) -> None:
    panel.choose_root("big ü")
    details = panel.select("results/tracked/run.lock")
    details.get_by_role("button", name="Show notes.txt").click()
    text = details.locator(".naga-text", has_text="first line")
    text.wait_for()
    assert 1000 < len(text.inner_text()) < 200_000
    details.get_by_text("the rest is not shown").wait_for()


def test_superseded_runs_of_mlflow_are_marked_and_the_active_one_leads_to_its_page(panel: Panel, tracking: str) -> None:
    panel.choose_root("big ü")
    table = panel.select("results/tracked/run.lock").get_by_role("table", name="MLflow")
    table.wait_for()
    rows = {row.split("\t")[1].strip(): row for row in table.locator("tbody tr").all_inner_texts()}
    assert set(rows) == {"✓ active", "superseded"}
    assert "loss 0.25" in rows["✓ active"]
    assert "loss 0.5" in rows["superseded"]
    page: BrowserPage = panel.page.browser_page
    with page.context.expect_page() as opened:
        table.locator("tr", has_text="active").get_by_role("link").click()
    assert opened.value.url.startswith(f"{tracking}/#/experiments/")
    assert opened.value.evaluate("() => window.opener") is None
    opened.value.close()


def test_branches_of_a_tree_come_a_page_at_a_time(swept: Panel) -> None:
    panel = swept
    panel.choose_mode("Tree ↓")
    keyboard = panel.page.browser_page.keyboard
    panel.row("results/prepare/run.lock").click()
    keyboard.press("ArrowRight")
    panel.view.locator('.naga-run[aria-level="2"]').first.wait_for()
    keyboard.press("End")
    more = panel.view.locator(".naga-more")
    assert more.inner_text() == f"Show {SWEPT - 100} of {SWEPT - 100} more"
    keyboard.press("Enter")
    more.wait_for(state="detached")
    keyboard.press("End")
    last = panel.view.locator(f'.naga-run[aria-posinset="{SWEPT}"]')
    last.wait_for()
    assert last.get_attribute("aria-setsize") == str(SWEPT)


def test_graph_is_moved_zoomed_and_unfolded(swept: Panel) -> None:
    panel = swept
    panel.select("results/prepare/run.lock").get_by_role("button", name="Graph").click()
    main = panel.page.browser_page.locator("#jp-main-dock-panel .naga-view:visible")
    graph, nodes = main.locator(".naga-graph"), main.locator(".naga-node")
    many = main.get_by_role("button", name=re.compile(rf"^fit .{SWEPT - 3}, ok, unfold$"))
    many.wait_for()
    assert nodes.count() == 7

    def seen() -> list[float]:
        return [float(number) for number in str(graph.get_attribute("viewBox")).split()]

    x, y, width, _ = seen()
    main.get_by_role("button", name="Zoom in").click()
    assert seen()[2] == pytest.approx(width * 0.8)
    main.get_by_role("button", name="Fit", exact=True).click()
    assert seen()[2] == pytest.approx(width)
    box = graph.bounding_box()
    assert box is not None
    mouse = panel.page.browser_page.mouse
    mouse.move(box["x"] + 20, box["y"] + 20)
    mouse.down()
    mouse.move(box["x"] + 80, box["y"] + 60, steps=3)
    mouse.up()
    assert seen()[0] < x
    assert seen()[1] < y
    mouse.wheel(0, -100)
    panel.page.browser_page.wait_for_function(
        "([graph, width]) => graph.viewBox.baseVal.width < width", arg=[graph.element_handle(), width]
    )
    graph.focus()
    panel.page.browser_page.keyboard.press("0")
    assert seen()[:2] == pytest.approx([x, y])

    many.focus()
    panel.page.browser_page.keyboard.press("Enter")
    nodes.nth(SWEPT + 2).wait_for()
    assert nodes.count() == SWEPT + 3
    main.get_by_role("button", name="Fold").click()
    many.wait_for()
    assert nodes.count() == 7
    main.locator(".naga-node", has_text="report").click()
    panel.details.locator(".naga-head", has_text="results/report/run.lock").wait_for()


def test_panel_at_double_size_cuts_nothing_off(panel: Panel) -> None:
    page = panel.page.browser_page
    panel.choose_root(STORY.fresh)
    # What a browser makes of a window of 1280 by 900 at 200 %.
    page.set_viewport_size({"width": 640, "height": 450})
    try:
        details = panel.select("results/evaluate/run.lock")
        for control in panel.view.locator("button:visible, input:visible, select:visible").all():
            control.scroll_into_view_if_needed()
            box, view = control.bounding_box(), panel.view.bounding_box()
            assert box is not None
            assert view is not None
            assert view["x"] <= box["x"]
            assert box["x"] + box["width"] <= view["x"] + view["width"] + 1, control.inner_text()
        assert details.evaluate("details => details.clientHeight") > 60
        assert panel.view.locator(".naga-list").evaluate("list => list.clientHeight") >= 88
    finally:
        page.set_viewport_size({"width": 1280, "height": 900})


def test_receipt_of_a_script_in_a_terminal_is_told_and_not_found_by_asking(panel: Panel, lab_root: Path) -> None:
    panel.choose_root(STORY.fresh)
    panel.view.locator(".naga-live-watching").wait_for()
    page = panel.page.browser_page
    # The panel asks now and then whether there is news: that way is closed.
    page.route("**/naga/api/status*", lambda route: route.abort())
    try:
        answer = run_python(lab_root / STORY.fresh, "fit.py", "-o", "save_dir=results/late")
        assert answer.returncode == 0, answer.stderr
        panel.row("results/late/run.lock").wait_for()
    finally:
        page.unroute("**/naga/api/status*")
