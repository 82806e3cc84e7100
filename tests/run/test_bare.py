"""Runs of plain functions: a receipt says finished only of a function that returned."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

import naga
from naga import read_receipt
from tests.programs import load_module, run_python

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(folder: Path, text: str, *options: str) -> tuple[int, naga.Receipt]:
    """Run a script and return its exit code and its receipt."""
    (folder / "script.py").write_text("from naga import runlock\n" + textwrap.dedent(text))
    done = run_python(folder, *options, "script.py", "--flag", "x")
    return done.returncode, read_receipt(folder / "run.lock")


MAIN = "def main():\n    runlock()\n"
FINISHED = {
    "first": MAIN + "    x = 1\n    print(x)\nmain()",
    "last": "def main():\n    x = 1\n    runlock()\nmain()",
    "returned": "def main():\n    return runlock()\nmain()",
    "in the middle": "def main():\n    for _ in range(3):\n        runlock()\n    print('on')\nmain()",
    "in a branch": "def main():\n    if True:\n        runlock()\n    else:\n        pass\nmain()",
    "in a with block": "import os\ndef main():\n    with open(os.devnull):\n        runlock()\nmain()",
    "before a caught exception": MAIN + "    try:\n        1 / 0\n    except ZeroDivisionError:\n        pass\nmain()",
    "at the top": "runlock()\nprint('on')",
    "at the end of the script": "print('on')\nrunlock()",
    "in a generator": MAIN + "    yield 1\n    yield 2\nlist(main())",
    "in a coroutine": "import asyncio\nasync " + MAIN + "    await asyncio.sleep(0)\nasyncio.run(main())",
    "in a thread": "import threading\nthread = threading.Thread(target=runlock)\nthread.start()\nthread.join()",
}


@pytest.mark.parametrize("name", FINISHED)
def test_function_that_returned_has_finished_wherever_the_call_stands(folder: Path, name: str) -> None:
    code, receipt = run(folder, FINISHED[name])
    assert code == 0
    assert (receipt.status, receipt.error) == ("finished", None)
    assert receipt.recipe is not None


CAUGHT = MAIN + "    1 / 0\ntry:\n    main()\nexcept ZeroDivisionError as error:\n"
FAILED = {
    "exception": (MAIN + "    1 / 0\nmain()", 1, "ZeroDivisionError", 4),
    "exception at the top": ("runlock()\n1 / 0", 1, "ZeroDivisionError", 3),
    "exception in a function below": ("def f():\n    1 / 0\n" + MAIN + "    f()\nmain()", 1, "ZeroDivisionError", 3),
    "exception that became another": (CAUGHT + "    raise KeyError('x') from error", 1, "ZeroDivisionError", 4),
    "caught exception": (CAUGHT + "    pass", 0, "NotReturned", 4),
    "caught exception before another": (CAUGHT + "    pass\n{}['x']", 1, "NotReturned", 4),
    "exit with an error": ("import sys\n" + MAIN + "    sys.exit(3)\nmain()", 3, "NotReturned", 5),
    "generator that was left": (MAIN + "    yield 1\n    yield 2\nnext(main())", 0, "NotReturned", 4),
}


@pytest.mark.parametrize("name", FAILED)
def test_function_that_did_not_return_has_failed(folder: Path, name: str) -> None:
    text, expected, kind, line = FAILED[name]
    code, receipt = run(folder, text)
    assert (code, receipt.status) == (expected, "failed")
    assert receipt.error is not None
    assert (receipt.error.type, receipt.error.file, receipt.error.line) == (kind, "script.py", line)


def test_function_of_a_process_that_vanished_is_never_taken_for_finished(folder: Path) -> None:
    code, receipt = run(folder, "import os\ndef main():\n    runlock()\n    os._exit(0)\nmain()")
    assert (code, receipt.status) == (0, "started")


def load_main(folder: Path, body: str) -> Any:
    """Return a plain function with this body."""
    text = "import sys\nfrom naga import read_receipt, runlock\n\ndef main(path='run.lock', data=None):\n"
    return load_module(folder, text + textwrap.indent(textwrap.dedent(body), "    ")).main


def test_receipt_says_started_while_the_function_goes_on(folder: Path) -> None:
    main = load_main(folder, "runlock()\nfrom pathlib import Path\nreturn read_receipt(Path('run.lock')).status")
    assert main() == "started"
    naga.complete_returned()
    assert read_receipt(folder / "run.lock").status == "finished"


@pytest.mark.parametrize(
    "body", ["runlock()", "return runlock()", "receipt = runlock()", "receipt = runlock()\nreturn receipt"]
)
def test_receipt_of_a_last_statement_is_complete_at_once(folder: Path, body: str) -> None:
    load_main(folder, body)()
    assert read_receipt(folder / "run.lock").status == "finished"


def test_next_call_completes_the_receipt_of_a_function_that_returned(folder: Path) -> None:
    main = load_main(folder, "runlock(runlock_path=path)\nprint(path)")
    main("first/run.lock")
    main("second/run.lock")
    assert read_receipt(folder / "first/run.lock").status == "finished"
    assert read_receipt(folder / "second/run.lock").status == "started"
    naga.complete_returned()


def test_generator_that_waits_is_not_taken_for_one_that_ended(folder: Path) -> None:
    generator = load_main(folder, "runlock()\nyield 1")()
    next(generator)
    naga.complete_returned()
    assert read_receipt(folder / "run.lock").status == "started"
    assert list(generator) == []
    naga.complete_returned()
    assert read_receipt(folder / "run.lock").status == "finished"


def test_two_calls_in_one_function_are_one_run(folder: Path) -> None:
    (folder / "a.csv").write_text("a")
    first, second = load_main(folder, "return runlock().id, runlock(data='a.csv').id")()
    naga.complete_returned()
    receipt = read_receipt(folder / "run.lock")
    assert first == second == receipt.id
    assert list(receipt.data) == ["a"]


def test_nothing_is_traced_while_a_function_goes_on(folder: Path) -> None:
    before = sys.gettrace(), sys.getprofile()
    assert load_main(folder, "runlock()\nreturn sys.gettrace(), sys.getprofile()")() == before
    naga.complete_returned()


def test_receipt_names_function_file_and_command_line(folder: Path) -> None:
    _, receipt = run(folder, "def main():\n    runlock()\nmain()")
    caller = receipt.caller
    assert (caller["module"], caller["function"], caller["file"]) == ("__main__", "main", "script.py")
    assert caller["argv"] == ["--flag", "x"]


@pytest.mark.parametrize("text", ["import naga; naga.runlock()", "import naga; x = naga.runlock()\nprint('on')"])
def test_program_given_to_the_interpreter_leaves_a_finished_receipt(folder: Path, text: str) -> None:
    done = run_python(folder, "-c", text, "-o", "param=3")
    assert (done.returncode, done.stderr) == (0, "")
    receipt = read_receipt(folder / "run.lock")
    assert (receipt.status, receipt.caller["file"], receipt.caller["argv"]) == ("finished", None, [])


@pytest.mark.parametrize(
    "line", ["naga.runlock()", "receipt = naga.runlock()", "def main():\n  naga.runlock()\n\nmain()"]
)
def test_call_at_the_prompt_leaves_a_finished_receipt_at_once(folder: Path, line: str) -> None:
    lines = f"import naga\n{line}\nimport os\nos._exit(0)\n"
    subprocess.run(
        [sys.executable, "-i"], input=lines, cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert read_receipt(folder / "run.lock").status == "finished"
