"""The panel of naga in a JupyterLab's sidebar, as a person uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator

    from tests.browser.lab import Page

__all__ = ["Panel"]


class Panel:
    """The panel on a page.

    Parameters
    ----------
    page : Page
        One that shows a JupyterLab.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.view = page.browser_page.locator("#naga-panel .naga-view")
        self.details = self.view.locator(".naga-details")

    def open(self) -> Panel:
        """Bring the panel to the front, by its command."""
        self.page.command("naga:show-runs")
        self.view.wait_for()
        return self

    def choose_root(self, root: str) -> None:
        """Pick a folder, and wait until its runs are listed and judged."""
        picker = self.view.locator(".naga-root")
        picker.locator(f'option[value="{root}"]').wait_for(state="attached")
        picker.select_option(root)
        self.wait_until_judged()

    def wait_until_judged(self) -> None:
        """Wait until the list is not busy and no row shows what only the receipt says."""
        self.page.browser_page.wait_for_function(
            """() => {
                const view = document.querySelector("#naga-panel .naga-view");
                const words = [...view.querySelectorAll(".naga-run .naga-word")].map((word) => word.textContent);
                return view.getAttribute("aria-busy") === "false" && words.length && !words.includes("finished");
            }"""
        )

    def badges(self) -> dict[str, str]:
        """Return the word of the badge of each row that is drawn, by the path of its receipt."""
        rows = self.view.locator(".naga-run")
        pairs = rows.evaluate_all(
            "rows => rows.map(row => [row.dataset.key, row.querySelector('.naga-word').textContent])"
        )
        return dict(pairs)

    def row(self, path: str) -> Locator:
        """Return the row of a receipt."""
        return self.view.locator(f'.naga-run[data-key="{path}"]').first

    def select(self, path: str) -> Locator:
        """Click on the row of a receipt, and return what is shown below when it is there."""
        self.row(path).click()
        self.details.locator(".naga-head", has_text=path).wait_for()
        return self.details

    def filter(self, text: str, runs: str) -> None:
        """Type a filter, and wait until so many runs are told, such as ``1 run``."""
        self.view.get_by_role("searchbox").fill(text)
        self.view.locator(".naga-news").get_by_text(runs, exact=True).wait_for()

    def widen(self, pixels: int) -> None:
        """Make the sidebar as wide as that, by its handle."""
        handle = self.page.browser_page.locator("#jp-main-split-panel > .lm-SplitPanel-handle:visible").first
        box, panel = handle.bounding_box(), self.view.bounding_box()
        assert box is not None
        assert panel is not None
        mouse = self.page.browser_page.mouse
        middle = box["y"] + box["height"] / 2
        mouse.move(box["x"] + box["width"] / 2, middle)
        mouse.down()
        mouse.move(panel["x"] + pixels, middle, steps=4)
        mouse.up()

    def screenshot(self, path: Path) -> None:
        """Write what is seen of the panel as a PNG."""
        self.view.screenshot(path=path, animations="disabled", caret="hide")

    def choose_mode(self, name: str) -> None:
        """Choose how the list is laid out."""
        self.view.get_by_role("radio", name=name).click()
        self.wait_until_judged()
