"""The view of runs in a cell, asked over the comm of a real kernel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import naga
from naga_ipython.front_end import find_view
from tests.kernels import Kernel
from tests.pipelines import make_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A browser's messages come to the widget through its comm; what is sent back is kept for the test.
ASK = """
import json, time
w._view_name
sent = []
w.send = lambda content, buffers=None: sent.append(content)
def ask(op, **args):
    w._handle_custom_msg({"id": 7, "op": op, "args": args}, [])
    begin = time.monotonic()
    while not (sent and "answer" in sent[-1]) and time.monotonic() < begin + 60:
        time.sleep(0.02)
    return sent.pop()
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    (tmp_path / "naga.toml").touch()
    make_run(tmp_path, "fit", "one", config={"lr": 0.1})
    kernel = Kernel(tmp_path)
    yield kernel
    kernel.stop()


def test_lineage_of_a_folder_without_the_view_is_text_that_says_how_to_get_it(kernel: Kernel) -> None:
    kernel.run("import naga, naga_ipython.widget as widget; widget.find_view = lambda: None")
    text = kernel.run("naga.lineage('results')").results[0]["text/plain"]
    assert "fit" in text
    assert "results: 1" in text
    assert "node" in text


def test_lineage_of_a_folder_answers_a_browser_as_answer_does(kernel: Kernel, tmp_path: Path) -> None:
    view = find_view() or tmp_path / "view.js"
    if not view.is_file():
        view.write_text("export default { render() {} }")
    kernel.run(
        f"import naga, pathlib, naga_ipython.widget as widget; widget.find_view = lambda: pathlib.Path({str(view)!r})"
    )
    shown = kernel.run("w = naga.lineage('results'); w").results[0]
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert "fit" in shown["text/plain"]
    assert kernel.run(ASK).status == "ok"
    kernel.run("print(json.dumps(ask('runs', limit=1)), flush=True)")
    answer = kernel.run("print(json.dumps(ask('runs', limit=1)))")
    told = json.loads(answer.stdout)
    assert told["id"] == 7
    expected = naga.answer("runs", {"limit": 1}, root=tmp_path / "results")
    assert told["answer"]["rows"] == json.loads(json.dumps(expected))["rows"]
    kernel.run("w.selected = told = ask('runs')['answer']['rows'][0]['path']")
    assert kernel.run("w.selected").results[0]["text/plain"] == "'one/run.lock'"
    assert "UsageError" in kernel.run("print(ask('run', run='../x/run.lock'))").stdout


def test_lineage_of_a_run_in_a_notebook_is_what_it_was(kernel: Kernel) -> None:
    answer = kernel.run("import naga; print(type(naga.lineage('results/one')).__name__)")
    assert answer.stdout == "Lineage\n"
