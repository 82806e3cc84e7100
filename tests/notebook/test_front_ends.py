"""The same failing script in the programs that people use: nbclient, papermill, two terminals, and plain Python."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pexpect
import pytest

from tests.programs import run_python

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """\
from naga import clicfg

class Config:
    divisor = 0
    save_dir = 'results/divide'

def divide(total, divisor):
    marker = 'kept'
    return total / divisor

@clicfg(config_class=Config)
def main(cfg):
    return divide(6, cfg.divisor)

if __name__ == '__main__':
    main()
"""
SAYS = "naga: divide() at script.py:9 - 3 locals kept: total, divisor, marker"
# What a terminal is told between the letters of a prompt.
ESCAPES = r"(?:\x1b\[[0-9;?]*[a-zA-Z])*"


@pytest.fixture
def folder(tmp_path: Path, libraries: str) -> Path:
    (tmp_path / "script.py").write_text(SCRIPT)
    return tmp_path


def plain(text: str) -> str:
    """Return what somebody reads of what a terminal is told."""
    return re.sub(ESCAPES, "", text).replace("\r\n", "\n").strip()


def write_notebook(path: Path, cells: Sequence[str]) -> None:
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    document.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    document.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(document, path)


def outputs(path: Path) -> list[list[str]]:
    """Return for each code cell of a notebook what kinds of outputs are below it, and what they say."""
    cells = nbformat.read(path, as_version=4).cells
    return [
        [output.get("name") or output.get("ename") or output.output_type for output in cell.outputs]
        for cell in cells
        if cell.cell_type == "code"
    ]


def cells(divisor: int) -> list[str]:
    run = "r = %naga_run --set divisor=divisor script.py\nprint('went on')"
    return [f"divisor = {divisor}", "%load_ext naga", run, "print(r.value)"]


def test_nbclient_stops_at_the_cell_of_a_failing_script(folder: Path) -> None:
    write_notebook(folder / "failing.ipynb", cells(0))
    done = run_python(folder, str(ROOT / "scripts/execute_notebook.py"), "failing.ipynb", "done.ipynb", NO_COLOR="1")
    assert done.returncode == 1
    assert plain(done.stderr).endswith("ZeroDivisionError: division by zero")
    assert outputs(folder / "done.ipynb") == [[], [], ["stderr", "ZeroDivisionError"], []]


def test_nbclient_stops_at_the_cell_of_a_script_that_exits(folder: Path) -> None:
    (folder / "script.py").write_text("import sys\nsys.exit(3)\n")
    write_notebook(folder / "failing.ipynb", ["%load_ext naga", "%naga_run script.py", "print('went on')"])
    done = run_python(folder, str(ROOT / "scripts/execute_notebook.py"), "failing.ipynb", "done.ipynb")
    assert done.returncode == 1
    assert outputs(folder / "done.ipynb") == [[], ["stderr"], []]


def test_papermill_hands_its_parameters_to_a_script_and_stops_where_that_fails(folder: Path) -> None:
    write_notebook(folder / "in.ipynb", cells(3))
    arguments = ["in.ipynb", "out.ipynb", "-p", "divisor", "0", "--kernel", "python3", "--no-progress-bar"]
    done = run_python(folder, "-m", "papermill", *arguments, JUPYTER_PREFER_ENV_PATH="1", NO_COLOR="1")
    assert done.returncode == 1
    assert plain(done.stderr).endswith("ZeroDivisionError: division by zero")
    assert outputs(folder / "out.ipynb")[-2:] == [["stderr", "ZeroDivisionError"], []]


class Terminal:
    """A program that somebody types into."""

    def __init__(self, folder: Path, command: Sequence[str], environ: dict[str, str]) -> None:
        program, *arguments = command
        own = {"TERM": "xterm", "NO_COLOR": "1", "PROMPT_TOOLKIT_NO_CPR": "1"}
        own |= {"JUPYTER_PREFER_ENV_PATH": "1", "IPYTHONDIR": str(folder / ".ipython")}
        self._number = 1
        self._child = pexpect.spawn(
            str(Path(sys.executable).parent / program),
            arguments,
            cwd=str(folder),
            env={**os.environ, **own, **environ},
            encoding="utf-8",
            timeout=60,
            dimensions=(50, 200),
        )
        self._wait()

    def _wait(self) -> str:
        self._child.expect(ESCAPES.join(["In", " ", r"\[", str(self._number), r"\]", ":"]))
        # The prompt is drawn before the program reads.
        time.sleep(0.2)
        return plain(str(self._child.before))

    def type(self, line: str) -> str:
        """Type a line and return what comes until the next prompt."""
        self._child.send(f"{line}\r")
        self._number += 1
        return self._wait()

    def close(self) -> None:
        self._child.send("exit\r")
        self._child.expect(pexpect.EOF)
        self._child.close(force=True)


TERMINALS = [
    ["ipython", "--no-banner", "--no-confirm-exit", "--colors=NoColor"],
    ["jupyter-console", "--no-confirm-exit"],
]


@pytest.fixture(params=TERMINALS, ids=["ipython", "jupyter-console"])
def terminal(request: pytest.FixtureRequest, folder: Path) -> Iterator[Terminal]:
    terminal = Terminal(folder, request.param, {})
    yield terminal
    terminal.close()


def test_terminal_shows_a_failing_script_once_and_goes_on(terminal: Terminal) -> None:
    terminal.type("%load_ext naga")
    terminal.type("total = 'mine'")

    failed = terminal.type("%naga_run script.py")

    assert failed.count(f"{SAYS}; shadowed (undo: %naga_restore): total") == 1
    assert failed.count("Traceback (most recent call last)") == 1
    assert failed.endswith("ZeroDivisionError: division by zero")
    assert "/naga/" not in failed
    assert "kept 6 []" in terminal.type("print(marker, total, [n for n in ('naga_run', 'cfg') if n in globals()])")
    assert "naga: restored: total" in terminal.type("%naga_restore")
    assert "mine!" in terminal.type("print(total + '!')")
    assert "naga: main() at script.py:13 - 1 local kept: cfg" in terminal.type("%naga_frame up")
    assert "ZeroDivisionError: division by zero" in terminal.type("%tb")
    wrong = terminal.type("%naga_run scrip.py")
    assert "UsageError: no script scrip.py (did you mean script.py?)" in wrong
    assert "Traceback" not in wrong
    terminal.type("%naga_clear")
    assert "script.py: finished in" in terminal.type("%naga_run script.py -o divisor=4")


def test_terminal_shows_a_sweep_in_words_and_no_name_of_a_class_of_html(terminal: Terminal) -> None:
    terminal.type("%load_ext naga")

    shown = terminal.type("%naga_run script.py --grid divisor=1,2 --n_jobs=1 -o save_dir=results/${divisor}")

    assert "naga: 2 finished, 0 failed" in shown
    assert "value: <SweepResult: 2 finished, 0 failed>" in shown
    assert "IPython.core.display" not in shown


DECORATED = """\
from naga import unsafe_debug

@unsafe_debug
def divide(total, divisor=0):
    marker = 'kept'
    return total / divisor

def handles(total):
    try:
        return divide(total)
    except ZeroDivisionError:
        return 'handled'
"""
TYPED = """\
import sys
from decorated import divide, handles
total = 'mine'
divide(5)
import naga
print([frame.name for frame in naga.last.frames], total, marker)
print(naga.last.restore(), total)
naga.last.clear()
print('marker' in globals(), handles(6), len(naga.last.frames))
print('IPython' in sys.modules)
"""


def test_decorator_in_plain_interactive_python_keeps_the_locals_without_ipython(tmp_path: Path) -> None:
    (tmp_path / "decorated.py").write_text(DECORATED)
    done = subprocess.run(
        [sys.executable, "-i", "-q"],
        input=TYPED,
        cwd=tmp_path,
        env={**os.environ, "NAGA_DEBUG": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    says = "naga: divide() at decorated.py:6 - 3 locals kept: total, divisor, marker"
    assert f"{says}; shadowed (undo: import naga; naga.last.restore()): total\n" in done.stderr
    assert done.stderr.count("naga: ") == 1
    assert done.stderr.count("ZeroDivisionError: division by zero") == 1
    assert done.stdout.splitlines() == [
        "['<module>', 'divide'] 5 kept", "(['total'], []) mine", "False handled 0", "False",
    ]  # fmt: skip


def test_script_that_python_leaves_open_after_its_failure_has_the_locals(tmp_path: Path) -> None:
    (tmp_path / "decorated.py").write_text(DECORATED + "\nif __name__ == '__main__':\n    divide(5)\n")
    done = subprocess.run(
        [sys.executable, "-i", "-q", "decorated.py"],
        input="print(total, marker)\n",
        cwd=tmp_path,
        env={**os.environ, "NAGA_DEBUG": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "5 kept\n"
    assert done.stderr.count("naga: divide() at decorated.py:6 - 3 locals kept") == 1
