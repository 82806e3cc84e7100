"""The panel of JupyterLab over 10,000 receipts: from the click to the list, filtering, scrolling, and a new receipt.

usage: python benchmarks/panel.py [--quick]

A real JupyterLab in a headless Chromium. The cache is empty before the click, so that the first list includes the
indexing of all receipts; beside it stands how long the browser takes for an answer of the server that asks nothing of
naga. The time of a filter is taken in the page, from the last key to the frame after the answer. Frames are those of
a second of scrolling by 400 pixels each.
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.status import Project, make_project
from naga.lock.digest import hash_path
from naga.lock.environment import describe_environment
from tests.browser.lab import Lab, Page, open_browser
from tests.browser.panel import Panel
from tests.front_end import build_front_end

if TYPE_CHECKING:
    from collections.abc import Callable

SCROLL = """() => new Promise(done => {
    const list = document.querySelector("#naga-panel .naga-list");
    const times = [];
    let last = performance.now();
    let most = 0;
    const begin = last;
    const step = now => {
        times.push(now - last);
        last = now;
        list.scrollTop += 400;
        most = Math.max(most, list.querySelectorAll(".naga-row").length);
        if (now - begin < 1000) requestAnimationFrame(step); else done([Math.max(...times.slice(1)), most]);
    };
    requestAnimationFrame(step);
})"""
FILTER = """([text, wanted]) => new Promise(done => {
    const input = document.querySelector("#naga-panel input[type=search]");
    const news = document.querySelector("#naga-panel .naga-news");
    const begin = performance.now();
    new MutationObserver((_, observer) => {
        if (news.textContent.startsWith(wanted)) {
            observer.disconnect();
            requestAnimationFrame(() => done(performance.now() - begin));
        }
    }).observe(news, {childList: true, characterData: true, subtree: true});
    input.value = text;
    input.dispatchEvent(new Event("input", {bubbles: true}));
})"""
PING = """([url]) => {
    const begin = performance.now();
    return fetch(url).then(answer => answer.text()).then(() => performance.now() - begin);
}"""


KERNEL = """() => window.jupyterapp.serviceManager.kernels.startNew({name: "python3"}).then(kernel => {
    window.benchmark = kernel;
    return kernel.requestExecute({code: "6 * 7"}).done.then(() => null);
})"""
CELL = """() => {
    const begin = performance.now();
    window.taken = window.benchmark.requestExecute({code: "6 * 7"}).done.then(() => performance.now() - begin);
}"""


def timed(act: Callable[[], Any]) -> float:
    """Return the seconds that a step takes."""
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


def late_run(root: Path) -> None:
    """Leave one more receipt, as a script in a terminal would."""
    code = {name: hash_path(root / f"{name}.py").digest for name in ("prepare", "fit", "evaluate", "shared")}
    Project(root, describe_environment(), code).run("prepare", "late", [root / "raw.csv"], [])


def measure(lab: Lab, root: Path, runs: int) -> list[tuple[str, str, str]]:
    """Return name, figure and aim of each row of the table."""
    with open_browser() as browser:
        page = Page(lab, browser.new_page())
        page.open()
        panel = Panel(page)
        news = panel.view.locator(".naga-news")
        ping = page.browser_page.evaluate(PING, [f"{lab.url}api/status"]) / 1000
        page.browser_page.evaluate(KERNEL)
        page.browser_page.evaluate(CELL)
        alone = page.browser_page.evaluate("() => window.taken")

        def click() -> None:
            page.browser_page.locator(".lm-TabBar-tab[data-id=naga-panel]").click()
            page.browser_page.evaluate(CELL)
            panel.view.locator(".naga-run").first.wait_for()

        first = timed(click)
        news.get_by_text(f"{runs:,} runs").wait_for()
        meanwhile = page.browser_page.evaluate("() => window.taken")
        page.browser_page.evaluate("() => window.benchmark.shutdown()")
        page.browser_page.reload()
        panel.view.locator(".naga-run").first.wait_for()
        page.browser_page.wait_for_timeout(3000)
        filtered = page.browser_page.evaluate(FILTER, ["stage:evaluate", f"{runs // 5:,} runs"]) / 1000
        panel.view.locator("input").fill("")
        news.get_by_text(f"{runs:,} runs").wait_for()
        frame, most = page.browser_page.evaluate(SCROLL)
        panel.view.locator(".naga-list").evaluate("list => { list.scrollTop = 0; }")
        late_run(root)
        seen = timed(lambda: panel.row("results/prepare/late/run.lock").wait_for())
    return [
        ("an answer without naga", f"{ping:.3f} s", "-"),
        ("click to the first rows, empty cache", f"{first:.2f} s", "2 s"),
        ("a cell alone", f"{alone:.0f} ms", "-"),
        ("a cell while the receipts are indexed", f"{meanwhile:.0f} ms", "-"),
        ("filter, typing included (0.10 s)", f"{filtered:.2f} s", "0.3 s"),
        ("longest frame while scrolling", f"{frame:.0f} ms", "100 ms"),
        ("row elements, at most", str(most), "100"),
        ("a new receipt is seen after", f"{seen:.2f} s", "0.5 s"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="500 receipts")
    runs = 500 if parser.parse_args().quick else 10_000
    builder = build_front_end()
    with tempfile.TemporaryDirectory() as place:
        root, state = Path(place, "project"), Path(place, "state")
        for folder in (root, state):
            folder.mkdir()
        os.environ["NAGA_CACHE_DIR"] = f"{place}/making"
        make_project(root, runs)
        lab = Lab(root, state, {"NAGA_CACHE_DIR": f"{place}/cache"}).start()
        try:
            rows = measure(lab, root, runs)
        finally:
            ended = lab.stop()
        rows.append(("SIGTERM to the end of the server", f"{ended:.2f} s", "3 s"))
        rows.append(("the view, compressed", f"{len(gzip.compress(builder.VIEW.read_bytes())) / 1000:.1f} kB", "40 kB"))
    print(f"{f'{runs} receipts':<40}{'figure':>10}{'aim':>10}")
    for name, figure, aim in rows:
        print(f"{name:<40}{figure:>10}{aim:>10}")


if __name__ == "__main__":
    main()
