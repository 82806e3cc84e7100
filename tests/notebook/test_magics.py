"""The magics in a real kernel."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

import pytest

from naga import read_receipt
from tests.kernels import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kernels import Answer

ARGUMENTS = "import json, sys\nprint(json.dumps(sys.argv[1:]))\n"

PROCESS = """\
import sys
import time
from pathlib import Path
from naga import clicfg

class Config:
    param = 1
    name = '<img onerror=x>'
    save_dir = 'results/process'

def divide(a, b):
    total = 0
    print('dividing')
    return a / b

@clicfg(config_class=Config)
def main(cfg):
    \"\"\"Divide.\"\"\"
    (Path(cfg.save_dir) / 'out.txt').write_text('1')
    return divide(6, cfg.param)

if __name__ == '__main__':
    main()
"""

STATE = """\
import sys, json
def state():
    return [id(sys.modules['__main__']), id(sys.argv), sys.argv, id(sys.path), sys.path]
before = state()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "arguments.py").write_text(ARGUMENTS)
    (folder / "process.py").write_text(PROCESS)
    return folder


@pytest.fixture(scope="module")
def kernel(folder: Path, libraries: str) -> Iterator[Kernel]:
    """Yield a kernel with the extension, in a folder with scripts; the tests of this file share it."""
    kernel = Kernel(folder)
    kernel.run("%load_ext naga\nx, user = 'wrong', 'wrong'")
    kernel.run(STATE)
    yield kernel
    kernel.stop()


def run_script(kernel: Kernel, folder: Path, text: str, arguments: str = "", *, then: str = "") -> Answer:
    (folder / "script.py").write_text(textwrap.dedent(text))
    return kernel.run(f"%naga_run script.py {arguments}\n{then}")


def value_of(kernel: Kernel, expression: str) -> object:
    return json.loads(kernel.run(f"import json; print(json.dumps({expression}))").stdout)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-o 'z=${user}'", ["-o", "z=${user}"]),
        ("* ~ {x} $x ${x} $$x {{x}}", ["*", "~", "{x}", "$x", "${x}", "$$x", "{{x}}"]),
        ('"a b" \'c "d"\' e\\ f', ["a b", 'c "d"', "e f"]),
        ("--flag=-1 # no comment ; ! ?x", ["--flag=-1", "#", "no", "comment", ";", "!", "?x"]),
        ("ü☃ '' \"\"", ["ü☃", "", ""]),
    ],
)
@pytest.mark.parametrize("form", ["%naga_run arguments.py {}", "result = %naga_run arguments.py {}"])
def test_naga_run_hands_on_its_arguments_as_typed(kernel: Kernel, form: str, line: str, expected: list[str]) -> None:
    answer = kernel.run(form.replace("{}", line, 1))
    assert answer.status == "ok", answer
    assert json.loads(answer.stdout) == expected


def test_naga_run_streams_what_is_printed_while_it_runs(kernel: Kernel, folder: Path) -> None:
    answer = run_script(kernel, folder, "import time\nprint('first')\ntime.sleep(0.8)\nprint('second')\n")
    times = {text.strip(): moment for moment, text in answer.streams}
    assert times["second"] - times["first"] > 0.4


def test_naga_run_returns_a_result_and_shows_it_in_both_forms(kernel: Kernel) -> None:
    answer = kernel.run("result = %naga_run process.py -o param=3\nresult")

    (shown,) = answer.results
    assert shown["text/plain"].startswith("process.py: finished in ")
    assert "receipt: results/process/run.lock" in shown["text/plain"]
    html = shown["text/html"]
    assert "&lt;img onerror=x&gt;" in html
    assert "<img" not in html
    assert "<script" not in html
    assert 'href="results/process/run.lock"' in html
    fields = (
        "[result.config.param, result.value, result.receipt.status, str(result.receipt_path.name), result.duration > 0]"
    )
    assert value_of(kernel, fields) == [3, 2.0, "finished", "run.lock", True]
    assert value_of(kernel, "sorted(name for name in result.ns if not name.startswith('_'))") == [
        "Config", "Path", "clicfg", "divide", "main", "sys", "time",
    ]  # fmt: skip


def test_naga_run_of_a_script_in_a_hostile_place_is_escaped(kernel: Kernel, folder: Path) -> None:
    name = "<b>a & 'b'.py"
    (folder / name).write_text(PROCESS.replace("results/process", "results/<i>"))
    answer = kernel.run(f'%naga_run "{name}"')
    (shown,) = answer.results
    assert "<b>a" not in shown["text/html"]
    assert "<i>" not in shown["text/html"]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("%naga_run process.py", "ok"),
        ("%naga_run process.py -o param=0", "error"),
        ("%naga_run process.py -o parm=0", "error"),
        ("%naga_run process.py -h", "ok"),
        ("%naga_run nowhere.py", "error"),
    ],
)
def test_kernel_is_what_it_was_whatever_the_script_did(kernel: Kernel, line: str, status: str) -> None:
    assert kernel.run(line).status == status
    assert kernel.run("assert state() == before, (state(), before)").errors == []


def test_interrupted_script_fails_its_cell_and_leaves_the_kernel_as_it_was(kernel: Kernel, folder: Path) -> None:
    (folder / "script.py").write_text(PROCESS.replace("return a / b", "waiting = 1; time.sleep(60)"))

    answer = kernel.run("%naga_run script.py -o param=0\nprint('went on')", interrupt_at="dividing")

    assert [error["ename"] for error in answer.errors] == ["KeyboardInterrupt"]
    assert "went on" not in answer.stdout
    assert "/naga/" not in answer.traceback
    assert value_of(kernel, "waiting") == 1
    assert kernel.run("assert state() == before").errors == []
    receipt = read_receipt(folder / "results/process/run.lock")
    assert receipt.error is not None
    assert (receipt.status, receipt.error.type) == ("failed", "KeyboardInterrupt")


def test_failing_script_fails_its_cell_with_one_traceback_of_its_own(kernel: Kernel) -> None:
    answer = kernel.run("%naga_run process.py -o param=0\nprint('went on')")

    assert answer.status == "error"
    assert [error["ename"] for error in answer.errors] == ["ZeroDivisionError"]
    assert answer.stdout == "dividing\n"
    frames = [line for line in answer.traceback.splitlines() if line.startswith("File ")]
    assert "process.py:23" in frames[0]
    assert all("process.py" in line for line in frames)
    assert "/naga/" not in answer.traceback
    assert "naga_ipython" not in answer.traceback
    assert answer.stderr == "naga: divide() at process.py:14 - 3 locals kept: a, b, total\n"
    assert value_of(kernel, "[a, b, total]") == [6, 0, 0]


def test_traceback_of_a_failing_script_is_the_same_for_tb_and_the_debugger(kernel: Kernel) -> None:
    failed = kernel.run("%naga_run process.py -o param=0")
    again = kernel.run("%tb")
    assert again.stdout + "".join("\n".join(error["traceback"]) for error in again.errors) != ""
    shown = (again.stdout + again.stderr).strip() or again.traceback.strip()
    assert shown == failed.traceback.strip()
    code = "import sys, traceback; print([frame.name for frame in traceback.extract_tb({})])"
    for place in ("sys.last_traceback", "get_ipython().InteractiveTB.tb"):
        # A shell's own frame is above every traceback, and it leaves that one out.
        assert kernel.run(code.format(place)).stdout == "['run_code', '<module>', 'main', 'divide']\n"


def test_chained_failure_of_a_script_is_shown_without_naga(kernel: Kernel, folder: Path) -> None:
    chained = PROCESS.replace("return divide", "try:\n        return divide").replace(
        "cfg.param)\n", "cfg.param)\n    except ZeroDivisionError as error:\n        raise KeyError('x') from error\n"
    )
    answer = run_script(kernel, folder, chained, "-o param=0")
    assert [error["ename"] for error in answer.errors] == ["KeyError"]
    assert "ZeroDivisionError" in answer.traceback
    assert "direct cause" in answer.traceback
    assert "/naga/" not in answer.traceback


def test_script_with_wrong_syntax_fails_its_cell_with_one_traceback(kernel: Kernel, folder: Path) -> None:
    answer = run_script(kernel, folder, "x = 1\nif x\n    pass\n", then="print('went on')")
    assert [error["ename"] for error in answer.errors] == ["SyntaxError"]
    assert "script.py" in answer.traceback
    assert "/naga/" not in answer.traceback
    assert answer.stdout == ""


def test_failure_that_the_cell_handles_shows_nothing(kernel: Kernel) -> None:
    cell = """\
try:
    get_ipython().run_line_magic('naga_run', 'process.py -o param=0')
except ZeroDivisionError as error:
    print('handled', total)
"""
    answer = kernel.run(cell)
    assert (answer.status, answer.errors) == ("ok", [])
    assert answer.stdout == "dividing\nhandled 0\n"


@pytest.mark.parametrize(
    ("statement", "status", "says"),
    [
        ("sys.exit(3)", "error", "UsageError: script.py ended with exit code 3\n"),
        ("sys.exit('no data')", "error", "UsageError: script.py: no data\n"),
        ("sys.exit(0)", "ok", ""),
        ("sys.exit()", "ok", ""),
    ],
)
def test_script_that_exits_says_so_in_one_line(
    kernel: Kernel, folder: Path, statement: str, status: str, says: str
) -> None:
    answer = run_script(kernel, folder, f"import sys\n{statement}\n", then="print('went on')")
    assert (answer.status, answer.errors, answer.stderr) == (status, [], says)
    assert answer.stdout == ("went on\n" if status == "ok" else "")


def test_help_of_a_script_is_shown_and_runs_nothing(kernel: Kernel) -> None:
    answer = kernel.run("%naga_run process.py -h")
    assert (answer.status, answer.stderr) == ("ok", "")
    assert answer.stdout.startswith("usage: process.py")
    assert "Divide." in answer.stdout
    assert "dividing" not in answer.stdout


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("%naga_run", "needs a script"),
        ("%naga_run 'process.py", "quotes"),
        ("%naga_run proces.py", "process.py"),
        ("%naga_run process.py --confg x", "--config"),
        ("%runlock a b", "one run"),
        ("%runlock nowhere", "nowhere"),
        ("%runlock arguments.py", "arguments.py"),
    ],
)
def test_wrong_line_fails_its_cell_with_one_line(kernel: Kernel, line: str, says: str) -> None:
    answer = kernel.run(f"{line}\nprint('went on')")
    assert (answer.status, answer.errors, answer.stdout) == ("error", [], "")
    (only,) = answer.stderr.splitlines()
    assert only.startswith("UsageError: ")
    assert says in only


def test_wrong_config_with_debug_shows_where_it_was_refused(kernel: Kernel) -> None:
    answer = kernel.run("%naga_run process.py -o parm=3 --debug")
    assert [error["ename"] for error in answer.errors] == ["UnknownKeyError"]


def test_runlock_shows_the_last_receipt_or_that_of_a_path(kernel: Kernel, folder: Path) -> None:
    kernel.run("%naga_run process.py -o param=2")
    receipt = read_receipt(folder / "results/process/run.lock")
    for line in ("%runlock", "%runlock results/process", "%runlock results/process/run.lock"):
        answer = kernel.run(line)
        (shown,) = answer.results
        assert receipt.id in shown["text/plain"]
        assert "process  finished" in shown["text/plain"]
        assert "&lt;img onerror=x&gt;" in shown["text/html"]
        assert "<img" not in shown["text/html"]


def test_main_of_a_cell_or_a_module_reads_no_command_line_of_the_kernel(kernel: Kernel) -> None:
    cell = """\
from __future__ import annotations
import sys
import process
from naga import clicfg
class CellInner:
    x: int = 1
class CellConfig:
    param: int = 1
    inner: CellInner | None = CellInner()
    several: list[CellInner] = []
@clicfg(config_class=CellConfig)
def of_cell(cfg: CellConfig):
    return cfg
argv, sys.argv = sys.argv, ['x', '-o', 'param=99', '--nonsense']
__file__ = 'process.py'
print(of_cell(), of_cell(param='5', several=[{}]).several, process.main())
sys.argv = argv
del __file__
"""
    answer = kernel.run(cell)
    assert answer.errors == []
    assert answer.stdout.splitlines()[-1] == "{'param': 1, 'inner': {'x': 1}, 'several': []} [{'x': 1}] 6.0"


def test_coroutine_of_a_script_runs_and_the_next_cell_can_wait(kernel: Kernel, folder: Path) -> None:
    waiting = "import asyncio; await asyncio.sleep(0)\n    return divide"
    text = PROCESS.replace("def main", "async def main").replace("return divide", waiting)
    assert run_script(kernel, folder, text, "-o param=3").status == "ok"
    assert value_of(kernel, "_.value") == 2.0
    after = kernel.run("import asyncio\nawait asyncio.sleep(0)\nprint('waited')")
    assert after.stdout == "waited\n"


def test_runlock_in_a_cell_is_complete_when_the_cell_has_ended(kernel: Kernel, folder: Path) -> None:
    (folder / "a.csv").write_text("a")
    cell = """\
import naga
from pathlib import Path
naga.runlock(config={'param': 1}, runlock_path='cell/run.lock')
naga.runlock(data='a.csv')
print(naga.read_receipt(Path('cell/run.lock')).status)
"""
    assert kernel.run(cell).stdout == "started\n"
    receipt = read_receipt(folder / "cell/run.lock")
    assert (receipt.status, list(receipt.data)) == ("finished", ["a"])


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("naga.runlock(runlock_path='failed/run.lock')\nnumber = 0\n1 / number", 3),
        ("def plain():\n    naga.runlock(runlock_path='failed/run.lock')\n    1 / 0\nplain()", 3),
    ],
)
def test_runlock_in_a_cell_that_fails_is_not_taken_for_finished(
    kernel: Kernel, folder: Path, cell: str, line: int
) -> None:
    kernel.run(f"import naga\n{cell}")
    receipt = read_receipt(folder / "failed/run.lock")
    assert receipt.error is not None
    assert (receipt.status, receipt.error.type, receipt.error.line) == ("failed", "ZeroDivisionError", line + 1)


PLAIN = """\
from naga import runlock
def main():
    runlock(config={'param': 1}, runlock_path='plain/run.lock')
    NEXT
    print('on')
main()
"""


def test_result_of_a_plain_script_holds_the_receipt_that_it_wrote(kernel: Kernel, folder: Path) -> None:
    (folder / "plain.py").write_text(PLAIN.replace("NEXT", "pass"))
    assert kernel.run("plain = %naga_run plain.py").stdout == "on\n"
    assert value_of(kernel, "[plain.receipt.status, plain.receipt.id]") == [
        "finished",
        read_receipt(folder / "plain/run.lock").id,
    ]
    (folder / "plain.py").write_text(PLAIN.replace("NEXT", "1 / 0"))
    kernel.run("%naga_run plain.py")
    assert read_receipt(folder / "plain/run.lock").status == "failed"


DEBUGGED = """\
%%debug_locals
def cell_function(rows):
    kept = 'yes'

    return rows[7]

cell_function([1, 2])
"""


def test_debug_locals_keeps_the_locals_of_what_failed_in_the_cell(kernel: Kernel) -> None:
    answer = kernel.run(DEBUGGED)
    assert [error["ename"] for error in answer.errors] == ["IndexError"]
    assert "----> 5     return rows[7]" in answer.traceback
    assert "----> 7 cell_function([1, 2])" in answer.traceback
    assert answer.stderr == "naga: cell_function() at cell:5 - 2 locals kept: rows, kept\n"
    assert value_of(kernel, "[rows, kept]") == [[1, 2], "yes"]


def test_debug_locals_runs_its_cell_as_an_ordinary_one(kernel: Kernel) -> None:
    answer = kernel.run("%%debug_locals\nimport asyncio\nawaited = await asyncio.sleep(0, 'value')\nawaited")
    assert answer.errors == []
    (shown,) = answer.results
    assert shown["text/plain"] == "'value'"
    silent = kernel.run("%%debug_locals\nawaited;\n")
    assert (silent.errors, silent.results) == ([], [])


def test_debug_locals_of_a_failure_at_the_top_of_the_cell_keeps_its_variables(kernel: Kernel) -> None:
    answer = kernel.run("%%debug_locals\ntop_level = 3\n1 / 0")
    assert [error["ename"] for error in answer.errors] == ["ZeroDivisionError"]
    assert value_of(kernel, "top_level") == 3
    assert answer.stderr == ""


def test_cell_without_debug_locals_keeps_nothing(kernel: Kernel) -> None:
    answer = kernel.run("def cell_function2():\n    not_kept = 1\n    1 / 0\ncell_function2()")
    assert len(answer.errors) == 1
    assert answer.stderr == ""
    assert value_of(kernel, "'not_kept' in globals()") is False


HOSTILE = """\
def refuse(*_, **__):
    raise AssertionError('a value was looked at')

NAMES = ['bool', 'len', 'iter', 'eq', 'ne', 'hash', 'repr', 'str', 'format', 'getattr', 'copy', 'reduce_ex', 'dir']
Hostile = type('Hostile', (), {f'__{name}__': refuse for name in NAMES})

def fail():
    hostile, secret = Hostile(), 'hunter2'
    raise RuntimeError('on purpose')

fail()
"""


def test_values_of_a_failing_script_are_neither_shown_nor_looked_at(kernel: Kernel, folder: Path) -> None:
    answer = run_script(kernel, folder, HOSTILE)
    assert [error["evalue"] for error in answer.errors] == ["on purpose"]
    assert answer.stderr == "naga: fail() at script.py:9 - 2 locals kept: hostile, secret\n"
    assert "hunter2" not in answer.stderr + answer.stdout
    assert kernel.run("print(type(hostile).__name__, secret)").stdout == "Hostile hunter2\n"
