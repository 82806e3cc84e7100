"""The panel over the story of the weather: what each misfortune looks like, and how people get about."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.browser.lab import Lab, Page
from tests.browser.panel import Panel
from tests.browser.story import Story, tell
from tests.pipelines import make_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.front_end import FrontEnd

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

STORY = Story()
FITS = ("results/fit-1", "results/fit-2", "results/fit-3")
ALL = ("results/prepare", *FITS, "results/evaluate")

BADGES = {
    STORY.fresh: dict.fromkeys(ALL, "ok"),
    STORY.raw_changed: dict.fromkeys(ALL, "stale"),
    STORY.upstream_gone: dict.fromkeys((*FITS, "results/evaluate"), "missing"),
    STORY.dirty: dict.fromkeys(ALL, "stale") | {"results/prepare": "ok", "results/fit-2": "ok"},
    STORY.corrupt: dict.fromkeys(ALL, "ok") | {"results/fit-2": "unreadable"},
}


@pytest.fixture(scope="module")
def lab_root(tmp_path_factory: pytest.TempPathFactory, front_end: FrontEnd) -> Path:
    """Return a folder with blanks in its name that holds the projects of the story."""
    root = tmp_path_factory.mktemp("lab root ü")
    tell(root)
    return root


@pytest.fixture(scope="module")
def lab_arguments() -> list[str]:
    """Have the pages below a prefix, as a hub has them."""
    return ["--ServerApp.base_url=/user/jane/"]


@pytest.fixture(scope="module")
def panel(lab: Lab, browser: Browser) -> Iterator[Panel]:
    """Return the panel on a page that the tests of this module share."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, service_workers="block")
    try:
        page = Page(lab, context.new_page())
        page.open()
        page.browser_page.set_default_timeout(60_000)
        yield Panel(page).open()
        assert page.errors == []
        assert {urlsplit(url).path[:11] for url in page.requests if "/naga/api/" in url} == {"/user/jane/"}
        assert {urlsplit(url).netloc for url in page.requests if url.startswith("http")} == {urlsplit(lab.url).netloc}
    finally:
        context.close()


@pytest.mark.parametrize("project", BADGES)
def test_each_run_of_a_project_has_the_badge_that_befits_it(panel: Panel, project: str) -> None:
    panel.choose_root(project)
    assert panel.badges() == {f"{folder}/run.lock": word for folder, word in BADGES[project].items()}


def test_why_stale_names_the_file_two_stages_up_and_leads_there(panel: Panel) -> None:
    panel.choose_root(STORY.raw_changed)
    why = panel.select("results/evaluate/run.lock").locator(".naga-why")
    assert "data/seattle weather.csv, two stages up, changed" in why.inner_text()
    why.get_by_role("button", name="prepare").click()
    panel.details.locator(".naga-head", has_text="results/prepare/run.lock").wait_for()
    assert panel.row("results/prepare/run.lock").get_attribute("aria-selected") == "true"


def test_run_of_a_dirty_repository_is_marked_and_a_clean_one_is_not(panel: Panel) -> None:
    panel.choose_root(STORY.dirty)
    assert panel.select("results/fit-2/run.lock").get_by_text("✎ dirty").count() == 1
    assert panel.select("results/fit-1/run.lock").get_by_text("✎ dirty").count() == 0


def test_receipt_that_cannot_be_read_says_why(panel: Panel) -> None:
    panel.choose_root(STORY.corrupt)
    assert "is not a valid receipt" in panel.select("results/fit-2/run.lock").locator(".naga-why").inner_text()


def test_details_show_config_prevs_metrics_and_the_picture(panel: Panel) -> None:
    panel.choose_root(STORY.fresh)
    details = panel.select("results/evaluate/run.lock")
    picture = details.locator(".naga-picture")
    picture.wait_for()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    assert details.get_by_role("table", name="Config").get_by_text("results/fit-1/model.json").count() == 1
    assert details.get_by_role("table", name="Stages before").locator("tbody tr").count() == 3
    assert "model" in panel.row("results/evaluate/run.lock").locator(".naga-metric").inner_text()
    details.get_by_role("button", name="Show metrics.json").click()
    assert '"persistence"' in details.locator(".naga-text").inner_text()


def test_comparison_of_two_fits_shows_what_is_different_and_can_be_swapped(panel: Panel) -> None:
    panel.choose_root(STORY.fresh)
    panel.select("results/fit-1/run.lock").get_by_role("button", name="Compare").click()
    panel.select("results/fit-2/run.lock").get_by_role("button", name="Compare").click()
    row = panel.details.get_by_role("table", name="Differences").locator("tr", has_text="first_year")
    row.wait_for()
    assert row.locator("td").all_inner_texts()[2:] == ["2012", "2013"]
    panel.details.get_by_role("button", name="Swap").click()
    swapped = panel.details.get_by_role("table", name="Differences").locator("tr", has_text="first_year")
    swapped.locator("td:nth-child(3)", has_text="2013").wait_for()
    panel.details.get_by_role("button", name="Close").click()


def test_verifying_tells_of_the_file_that_is_not_what_it_was(panel: Panel) -> None:
    panel.choose_root(STORY.raw_changed)
    details = panel.select("results/prepare/run.lock")
    details.get_by_role("button", name="Verify now").click()
    verified = details.get_by_role("region", name="Verified")
    verified.wait_for()
    assert "not intact" in verified.inner_text()
    assert "modified" in verified.inner_text()


def test_tree_is_walked_by_keyboard_alone(panel: Panel) -> None:
    panel.choose_root(STORY.fresh)
    panel.choose_mode("Tree ↑")
    keyboard = panel.page.browser_page.keyboard
    panel.page.command("naga:filter-runs")
    keyboard.type("stage:evaluate")
    panel.view.get_by_text("1 run", exact=True).wait_for()
    keyboard.press("Enter")
    keyboard.press("ArrowRight")
    panel.view.locator('.naga-run[aria-level="2"]').nth(2).wait_for()
    for key in ("ArrowRight", "ArrowRight"):
        keyboard.press(key)
    panel.view.locator('.naga-run[aria-level="3"]').wait_for()
    keyboard.press("ArrowRight")
    keyboard.press("Enter")
    panel.details.locator(".naga-head", has_text="results/prepare/run.lock").wait_for()
    for key in ("ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft"):
        keyboard.press(key)
    panel.view.locator('.naga-run[aria-level="1"][aria-expanded="false"]').wait_for()
    assert panel.view.locator('.naga-run[aria-level="2"]').count() == 0
    panel.page.command("naga:filter-runs")
    keyboard.press("Control+A")
    keyboard.press("Delete")
    panel.view.get_by_text("5 runs").wait_for()
    panel.choose_mode("Recent")


def test_stages_have_headings_that_fold(panel: Panel) -> None:
    panel.choose_root(STORY.fresh)
    panel.choose_mode("Stages")
    heading = panel.view.locator(".naga-heading", has_text="fit")
    assert heading.inner_text().split() == ["▾", "fit", "3"]
    heading.click()
    panel.view.locator('.naga-heading[aria-expanded="false"]').wait_for()
    assert len(panel.badges()) == 2
    panel.view.locator(".naga-heading", has_text="fit").click()
    panel.choose_mode("Recent")


def test_hostile_receipts_are_shown_as_text_and_do_nothing(panel: Panel) -> None:
    panel.choose_root(STORY.hostile)
    for path in panel.badges():
        details = panel.select(path)
        details.get_by_role("button", name="Verify now").wait_for()
        assert not re.search("[\x1b\u202e]", panel.view.inner_text())
    panel.details.locator(".naga-picture").first.wait_for()
    assert "<img src=x" in panel.row("results/markup-1/run.lock").inner_text()
    assert "<U+202E>" in panel.row("results/direction-1/run.lock").inner_text()
    assert panel.page.browser_page.evaluate("() => window.broken") is None
    assert panel.view.locator('a[href^="javascript"], script, iframe').count() == 0


def test_graph_opens_as_a_tab_and_is_there_again_after_a_reload(panel: Panel) -> None:
    panel.choose_root(STORY.fresh)
    panel.select("results/evaluate/run.lock").get_by_role("button", name="Graph").click()
    page = panel.page.browser_page
    nodes = page.locator("#jp-main-dock-panel .naga-node")
    nodes.nth(4).wait_for()
    with page.expect_download() as saved:
        page.locator("#jp-main-dock-panel").get_by_role("button", name="Save SVG").click()
    text = Path(saved.value.path()).read_text(encoding="utf-8")
    assert text.startswith("<svg")
    assert text.count("<rect") == 5
    page.wait_for_timeout(1500)  # JupyterLab writes its layout down a second after it has changed
    page.goto(f"{panel.page.lab.url}lab?token={panel.page.lab.token}")
    nodes.nth(4).wait_for()
    panel.wait_until_judged()
    assert panel.view.locator(".naga-root").input_value() == STORY.fresh
    assert panel.row("results/evaluate/run.lock").get_attribute("aria-selected") == "true"


def test_receipt_that_is_written_meanwhile_appears(panel: Panel, lab_root: Path) -> None:
    panel.choose_root(STORY.corrupt)
    panel.view.get_by_text("live", exact=True).wait_for()
    page = panel.page.browser_page
    # Only the server's event can tell: whoever asks whether something has changed gets no answer.
    page.route("**/naga/api/status*", lambda route: route.abort())
    make_run(lab_root / STORY.corrupt, "late", "late")
    panel.row("results/late/run.lock").wait_for()
    page.unroute("**/naga/api/status*")
    panel.view.get_by_role("button", name="Refresh").click()
    panel.view.get_by_text("live", exact=True).wait_for()


def test_axe_finds_nothing_serious(panel: Panel, front_end: FrontEnd) -> None:
    panel.choose_root(STORY.raw_changed)
    panel.select("results/evaluate/run.lock").locator(".naga-picture").wait_for()
    page = panel.page.browser_page
    page.evaluate((front_end.FOLDER / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        panel.page.command("apputils:change-theme", theme=theme)
        is_light = json.dumps(theme.endswith("Light"))
        page.wait_for_function(f"() => document.body.dataset.jpThemeLight === '{is_light}'")
        found: list[dict[str, Any]] = page.evaluate("() => axe.run('#naga-panel').then(result => result.violations)")
        serious = [
            (one["id"], [node["html"] for node in one["nodes"]])
            for one in found
            if one["impact"] in {"serious", "critical"}
        ]
        assert serious == [], theme
    panel.page.command("apputils:change-theme", theme="JupyterLab Light")
