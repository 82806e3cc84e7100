"""The HTML and the plain form of results, receipts, comparisons, verifications and lineages, in a real kernel."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from naga import read_receipt
from tests.kernels import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PREPARE = """\
from pathlib import Path
from naga import clicfg, runlock

class Model:
    lr = 0.1
    name = 'linear'

class Config:
    factor = 2
    model = Model()
    prev = None
    save_dir = 'results/prepare'

@clicfg(config_class=Config)
def main(cfg):
    runlock(config=cfg, data=['numbers.txt'], prevs=[cfg.prev] if cfg.prev else None)
    (Path(cfg.save_dir) / 'out.txt').write_text(Path('numbers.txt').read_text() * cfg.factor)
    return cfg.factor

if __name__ == '__main__':
    main()
"""
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>'\"&\u202e\x1b[31m"
# What makes a page do or fetch something, as the name of an element or of an attribute.
ACTIVE = {
    "script",
    "img",
    "iframe",
    "object",
    "embed",
    "link",
    "style",
    "svg",
    "video",
    "audio",
    "form",
    "base",
    "meta",
}
ALLOWED = {"style", "title", "href", "target", "rel", "open"}


class Page(HTMLParser):
    """What is in a piece of HTML: elements, attributes, and the text of each cell and item."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.words: list[str] = []
        self.deepest = self._depth = 0
        self.feed(html)
        self.text = " ".join(self.words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")
        if tag == "ul":
            self._depth += 1
            self.deepest = max(self.deepest, self._depth)

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag == "ul"

    def handle_data(self, data: str) -> None:
        self.words += data.split()

    def is_passive(self) -> bool:
        """Whether nothing in it acts or is fetched, and all that was opened is closed."""
        links = self.attributes.get("href", [])
        styles = "".join(self.attributes.get("style", []))
        return (
            not ACTIVE & set(self.elements)
            and set(self.attributes) <= ALLOWED
            and all(re.fullmatch(r"[\w%./~-]+", link) for link in links)
            and "url(" not in styles
            and self._depth == 0
        )


@pytest.fixture
def kernel(repository: Path) -> Iterator[Kernel]:
    (repository / "prepare.py").write_text(PREPARE)
    (repository / "numbers.txt").write_text("1\n")
    kernel = Kernel(repository)
    kernel.run("%load_ext naga")
    yield kernel
    kernel.stop()


def page(kernel: Kernel, code: str) -> Page:
    answer = kernel.run(code)
    assert answer.status == "ok", answer.stderr
    (shown,) = answer.results
    found = Page(shown["text/html"])
    assert found.is_passive(), shown["text/html"]
    return found


def test_result_shows_overrides_against_defaults_and_links_its_receipt(kernel: Kernel) -> None:
    shown = page(kernel, "%naga_run prepare.py -o factor=3 model.lr=0.5")

    assert "prepare.py ✓ finished in" in shown.text
    assert "override value default factor 3 2 model.lr 0.5 0.1 config" in shown.text
    assert "save_dir results/prepare receipt results/prepare/run.lock" in shown.text
    assert shown.attributes["href"] == ["results/prepare/run.lock"]
    assert "model.name linear" in shown.text
    assert "MLflow" not in shown.text
    assert kernel.run("import sys; print('mlflow' in sys.modules)").stdout == "False\n"


def test_result_without_overrides_has_no_table_of_them(kernel: Kernel) -> None:
    assert "override" not in page(kernel, "%naga_run prepare.py").text


TRACKED = (
    PREPARE
    + """\
    import naga
    with naga.mlflow_lock('results/prepare') as run:
        print(run.info.run_name)
"""
)


def test_result_names_the_mlflow_run_that_the_script_made(kernel: Kernel, repository: Path) -> None:
    (repository / "tracked.py").write_text(TRACKED)
    kernel.run("import os; os.environ['MLFLOW_DISABLE_TELEMETRY'] = 'true'")
    kernel.run(f"os.environ['MLFLOW_TRACKING_URI'] = 'sqlite:///{repository}/tracking.db'")

    answer = kernel.run("%naga_run tracked.py")

    assert answer.status == "ok", answer.stderr
    name = answer.stdout.strip()
    shown = Page(answer.results[-1]["text/html"])
    assert f"MLflow {name} ✓ active" in shown.text
    assert shown.is_passive()


def test_receipt_shows_code_data_outputs_and_what_is_left_of_them(kernel: Kernel, repository: Path) -> None:
    kernel.run("%naga_run prepare.py")
    receipt = read_receipt(repository / "results/prepare/run.lock")

    shown = page(kernel, "%runlock")

    assert shown.text.startswith("prepare ✓ intact id")
    snapshot = receipt.repos["repository"].snapshot
    assert snapshot is not None
    assert f"code repository {snapshot[:10]} ✎ dirty" in shown.text
    digest = receipt.data["numbers"].digest
    assert f"data numbers numbers.txt {digest.partition(':')[2][:10]} 2 B ✓ intact" in shown.text
    assert digest in shown.attributes["title"]
    assert "out.txt results/prepare/out.txt" in shown.text

    (repository / "numbers.txt").write_text("2\n")
    (repository / "results/prepare/out.txt").unlink()
    changed = page(kernel, "%runlock")
    assert changed.text.startswith("prepare ✗ missing id")
    assert re.search(r"numbers\.txt \w+ 2 B ≠ modified", changed.text)
    assert re.search(r"out\.txt \w+ 4 B ✗ missing", changed.text)

    plain = kernel.run("%runlock results/prepare").results[0]["text/plain"].splitlines()
    assert plain[0].startswith("prepare  finished after")
    assert plain[1].split() == ["now", "✗", "missing"]
    assert plain[2].strip().startswith("input: numbers.txt changed from")


def test_receipt_of_a_run_whose_place_another_took_says_so(kernel: Kernel, repository: Path) -> None:
    kernel.run("%naga_run prepare.py")
    shutil.rmtree(repository / "results/prepare")

    shown = page(kernel, "%runlock")

    assert shown.text.startswith("prepare ✓ finished id")
    assert "another receipt, or none, is in its place" in shown.text


def test_comparison_has_three_columns_and_says_in_which_run_alone_something_is(kernel: Kernel) -> None:
    kernel.run("%naga_run prepare.py")
    kernel.run("%naga_run prepare.py -o factor=3 save_dir=results/three prev=results/prepare")

    shown = page(kernel, "%runlock diff results/prepare results/three")

    rows = shown.elements.count("tr")
    assert shown.elements.count("td") == 3 * (rows - 1)
    assert shown.elements.count("th") == 3
    assert "config factor 2 3 prev null results/prepare save_dir results/prepare results/three" in shown.text
    assert re.search(r"outputs out\.txt \w{10} \w{10}", shown.text)
    assert re.search(r"prevs prepare - \w{10}", shown.text)
    assert page(kernel, "%runlock diff results/prepare results/prepare").text == "Nothing is different."


def test_lineage_is_a_nested_list_that_draws_each_stage_once(kernel: Kernel) -> None:
    kernel.run("%naga_run prepare.py")
    kernel.run("%naga_run prepare.py -o save_dir=results/b prev=results/prepare")
    kernel.run("%naga_run prepare.py -o save_dir=results/c prev=results/b")

    shown = page(kernel, "%runlock tree")

    assert shown.deepest == 3
    assert shown.text.split("✓ ok ")[1:] == [
        "prepare results/c/run.lock ",
        "prepare results/b/run.lock ",
        "prepare results/prepare/run.lock",
    ]
    assert page(kernel, "%runlock show").deepest == 2


LONG = """\
import dataclasses, uuid, naga
def chain(receipt, length):
    lineage, prevs = {}, {}
    for number in range(length):
        link = dataclasses.replace(receipt, id=str(uuid.UUID(int=number)), prevs=prevs, lineage={})
        lineage[link.id] = link
        entry = type('Entry', (), {'id': link.id, 'path': f'{number}/run.lock'})
        prevs = {'before': entry}
    return dataclasses.replace(receipt, prevs=prevs, lineage=lineage)
chain(naga.read_receipt('results/prepare/run.lock'), 3000)
"""


def test_lineage_that_is_longer_than_the_stack_is_deep_is_shown(kernel: Kernel) -> None:
    kernel.run("%naga_run prepare.py")
    shown = page(kernel, LONG)
    assert "2999/run.lock" in shown.words
    assert "0/run.lock" in shown.words
    assert shown.deepest <= 40


def test_verify_shows_its_findings_and_fails_the_cell_unless_it_is_to_warn(kernel: Kernel, repository: Path) -> None:
    kernel.run("%naga_run prepare.py")
    assert page(kernel, "%runlock verify").text == "✓ intact prepare results/prepare/run.lock"
    (repository / "numbers.txt").write_text("2\n")

    failed = kernel.run("%runlock verify\nprint('went on')")
    warned = kernel.run("found = %runlock verify --warn\nprint('went on', found.is_intact)")

    assert (failed.status, failed.stdout, failed.errors) == ("error", "", [])
    (shown,) = failed.results
    found = Page(shown["text/html"])
    assert found.is_passive()
    assert found.text.startswith("≠ modified prepare results/prepare/run.lock input: numbers.txt changed from")
    assert failed.stderr.startswith("UsageError: something is not as the receipt says")
    assert (warned.status, warned.stdout) == ("ok", "went on False\n")
    assert warned.stderr == "naga: something is not as the receipt says\n"


def test_verify_of_several_runs_shows_all_of_them_and_fails_for_one(kernel: Kernel, repository: Path) -> None:
    kernel.run("%naga_run prepare.py")
    kernel.run("%naga_run prepare.py -o save_dir=results/b")
    both = kernel.run("%runlock verify results/prepare results/b")
    (repository / "results/b/out.txt").unlink()
    failed = kernel.run("%runlock verify results/prepare results/b")

    assert (both.status, failed.status) == ("ok", "error")
    for answer, words in ((both, ["✓ intact", "✓ intact"]), (failed, ["✓ intact", "✗ missing"])):
        assert [Page(shown["text/html"]).text[:9].strip() for shown in answer.results] == words


def test_whatever_a_receipt_says_is_shown_and_does_nothing(kernel: Kernel, repository: Path) -> None:
    kernel.run("%naga_run prepare.py")
    path = repository / "results/prepare/run.lock"
    kernel.run("import dataclasses, naga")
    kernel.run(f"evil = {EVIL!r}")
    kernel.run(f"receipt = naga.read_receipt({str(path)!r})")
    kernel.run("entry = dataclasses.replace(receipt.data['numbers'], path=evil)")
    kernel.run("repo = dataclasses.replace(receipt.repos['repository'], snapshot=None, problem=evil)")
    evil = "caller={'file': evil}, config={evil: {evil: evil}}, data={evil: entry}, repos={evil: repo}, started=evil"
    hostile = f"dataclasses.replace(receipt, {evil})"

    for code in (hostile, f"naga.lock.compare.compare_receipts(receipt, {hostile})"):
        shown = page(kernel, code)
        assert "<script>alert(1)</script><img" in shown.text
        assert "\x1b" not in shown.text
        assert "\u202e" not in shown.text

    plain = kernel.run(hostile).results[0]["text/plain"]
    assert "\x1b" not in plain


def test_plain_forms_are_gone_after_unloading(kernel: Kernel) -> None:
    kernel.run("%naga_run prepare.py\n%runlock")
    kernel.run("import naga; found = naga.verify('results/prepare')")
    assert "text/html" in kernel.run("found").results[0]
    kernel.run("%unload_ext naga")
    shown = kernel.run("found").results[0]
    assert "text/html" not in shown
    assert shown["text/plain"].startswith("Verification(")
