"""Loading and unloading the extension: silent, light, and without a trace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.kernels import Kernel
from tests.notebook.lowest import lowest_versions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHELL = """\
import json, sys, threading
shell = get_ipython()
def shell_state():
    manager = shell.magics_manager
    formatters = shell.display_formatter.formatters
    return {
        'line magics': sorted(manager.magics['line']),
        'cell magics': sorted(manager.magics['cell']),
        'registry': sorted(manager.registry),
        'cleanup': [getattr(one, '__name__', str(type(one))) for one in shell.input_transformers_cleanup],
        'post': [getattr(one, '__name__', str(type(one))) for one in shell.input_transformers_post],
        'events': {name: len(calls) for name, calls in shell.events.callbacks.items()},
        'types': {kind: sorted(map(str, one.type_printers)) for kind, one in formatters.items()},
        'deferred': {kind: sorted(map(str, one.deferred_printers)) for kind, one in formatters.items()},
        'attributes': sorted(name for name in vars(shell) if not name.startswith('_trait')),
        'finders': [str(one) for one in sys.meta_path if type(one).__module__ != 'naga.config.resolvers'],
        'path hooks': [str(one) for one in sys.path_hooks],
        'process': [str(one) for one in (sys.excepthook, sys.unraisablehook, threading.excepthook, sys.displayhook)],
        'tracing': [str(one) for one in (sys.gettrace(), sys.getprofile(), threading.gettrace())],
        'matchers': len(shell.Completer.custom_matchers),
        'exceptions': str(shell.custom_exceptions),
    }
print(json.dumps(shell_state()))
"""
STATE = "print(json.dumps(shell_state()))"
FAILING = "%%debug_locals\ndef fail():\n    kept = 1\n    1 / 0\nfail()"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    script = "from naga import clicfg\n@clicfg(config_class={'save_dir': 'x'})\ndef main(cfg): ...\nmain()\n"
    (folder / "process.py").write_text(script)
    (folder / "failing.py").write_text("def fail():\n    kept = 1\n    1 / 0\nfail()\n")
    return folder


@pytest.fixture(scope="module")
def kernel(folder: Path, libraries: str) -> Iterator[Kernel]:
    """Yield a kernel without the extension; the tests of this file share it, and each leaves it unloaded."""
    kernel = Kernel(folder)
    kernel.run("import sys; modules_before = set(sys.modules)")
    yield kernel
    kernel.stop()


@pytest.fixture(scope="module")
def fresh(kernel: Kernel) -> dict[str, Any]:
    """Return the state of the shell before anything was loaded."""
    # The magics for extensions are themselves loaded when they are first used.
    kernel.run("%unload_ext nothing")
    state: dict[str, Any] = json.loads(kernel.run(SHELL).stdout)
    return state


@pytest.fixture(autouse=True)
def unloaded(kernel: Kernel, fresh: dict[str, Any]) -> Iterator[None]:
    yield
    kernel.run("%unload_ext naga")


def state(kernel: Kernel) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(kernel.run(STATE).stdout)
    return found


def test_kernel_has_the_libraries_that_it_is_tested_with(kernel: Kernel, libraries: str) -> None:
    code = "import IPython, ipykernel; print(json.dumps([IPython.__version__, ipykernel.__version__]))"
    versions = json.loads(kernel.run(code).stdout)
    lowest = lowest_versions()
    is_lowest = [
        version.startswith(lowest[name]) for name, version in zip(("ipython", "ipykernel"), versions, strict=True)
    ]
    assert is_lowest == [libraries == "lowest"] * 2, versions


def test_loading_is_silent_and_imports_nothing_heavy(kernel: Kernel) -> None:
    answer = kernel.run("%load_ext naga")
    assert (answer.status, answer.stdout, answer.stderr, answer.results) == ("ok", "", "", [])
    loaded = set(json.loads(kernel.run("print(json.dumps(sorted(set(sys.modules) - modules_before)))").stdout))
    assert "naga_ipython" in loaded
    assert loaded & {"omegaconf", "mlflow", "pandas", "numpy", "git", "xxhash", "rich", "naga.lock.receipt"} == set()


def test_runlock_before_any_run_says_so_in_one_line(kernel: Kernel) -> None:
    kernel.run("%load_ext naga")
    answer = kernel.run("%runlock")
    assert (answer.status, answer.errors) == ("error", [])
    (line,) = answer.stderr.splitlines()
    assert "no run" in line
    assert "%runlock PATH" in line


def test_loading_gives_the_magics_that_are_listed(kernel: Kernel, fresh: dict[str, Any]) -> None:
    kernel.run("%load_ext naga")
    loaded = state(kernel)
    assert set(loaded["line magics"]) - set(fresh["line magics"]) >= {"naga_run", "runlock"}
    assert set(loaded["cell magics"]) - set(fresh["cell magics"]) >= {"debug_locals"}
    assert "%%debug_locals" in kernel.run("%lsmagic").results[0]["text/plain"]


def test_unloading_leaves_nothing_behind(kernel: Kernel, fresh: dict[str, Any]) -> None:
    kernel.run("%load_ext naga")
    assert state(kernel) != fresh
    # What has been shown once is in the formatters under its type, no longer under its name.
    assert kernel.run("%naga_run process.py").results != []
    assert kernel.run("%runlock").results != []
    kernel.run(FAILING)
    kernel.run("%naga_run failing.py")

    answer = kernel.run("%unload_ext naga")

    assert (answer.status, answer.stdout, answer.stderr) == ("ok", "", "")
    assert state(kernel) == fresh
    assert "UsageError" in kernel.run("%naga_run process.py").stderr


OPENED = """\
import gc
open('after-unloading.txt', 'w').close()
open('after-unloading.txt').read()
import later_helper
kinds = {type(entry) for one in gc.get_objects() if type(one) is list
         for entry in one if type(entry) is tuple and 'after-unloading.txt' in entry}
print(len(kinds), type(later_helper.__loader__).__module__)
"""


def test_files_that_are_opened_after_unloading_leave_no_trace(kernel: Kernel, folder: Path) -> None:
    (folder / "later_helper.py").write_text("value = 1\n")
    kernel.run("%load_ext naga")
    assert kernel.run("%naga_run process.py").status == "ok"
    kernel.run("%unload_ext naga")
    assert kernel.run(OPENED).stdout == "0 _frozen_importlib_external\n"


AGAIN = [
    "%load_ext naga",
    "%reload_ext naga",
    "%unload_ext naga\n%load_ext naga",
    "import naga; naga.load_ipython_extension(shell)",
]


@pytest.mark.parametrize("again", AGAIN)
def test_loading_again_gives_everything_once(kernel: Kernel, again: str) -> None:
    kernel.run("%load_ext naga")
    once = state(kernel)

    answer = kernel.run(again)

    assert (answer.status, answer.stderr) == ("ok", "")
    assert state(kernel) == once
    for cell in (FAILING, "%naga_run failing.py"):
        failed = kernel.run(cell)
        assert len(failed.errors) == 1
        assert failed.stderr.count("naga: ") == 1


def test_unloading_twice_changes_nothing(kernel: Kernel, fresh: dict[str, Any]) -> None:
    kernel.run("%load_ext naga")
    kernel.run("%unload_ext naga")
    kernel.run("%unload_ext naga")
    assert state(kernel) == fresh


def test_results_are_shown_after_loading_again(kernel: Kernel) -> None:
    kernel.run("%load_ext naga")
    kernel.run("%naga_run process.py")
    kernel.run("%unload_ext naga")
    kernel.run("%load_ext naga")
    (shown,) = kernel.run("%naga_run process.py").results
    assert "text/html" in shown
    assert shown["text/plain"].startswith("process.py: finished")


def test_runlock_in_a_cell_without_the_extension_is_complete_when_the_cell_has_ended(
    kernel: Kernel, fresh: dict[str, Any], folder: Path
) -> None:
    cell = "import naga\nnaga.runlock(runlock_path='cell/run.lock')\n1 / 0"
    assert len(kernel.run(cell).errors) == 1
    assert "status: failed" in (folder / "cell/run.lock").read_text()
    kernel.run("naga.runlock(runlock_path='cell/run.lock')\nx = 1")
    assert "status: finished" in (folder / "cell/run.lock").read_text()
    assert state(kernel)["events"] == fresh["events"]


DECORATED = """\
import os
os.environ['NAGA_DEBUG'] = '1'
import naga
@naga.unsafe_debug
def divide(total, divisor):
    marker = 'here'
    return total / divisor
def hands_on(total):
    return divide(total, 0)
def handles(total):
    try:
        return hands_on(total)
    except ZeroDivisionError:
        return 'handled'
"""


def test_decorated_call_without_the_extension_keeps_the_locals_when_nobody_handled_it(
    kernel: Kernel, fresh: dict[str, Any]
) -> None:
    kernel.run(DECORATED)
    assert kernel.run("handles(1)").stderr == ""
    assert kernel.run("print(len(naga.last.frames), 'marker' in globals())").stdout == "0 False\n"

    failed = kernel.run("total = 'mine'\nhands_on(1)")

    says = "naga: divide() at cell:7 - 3 locals kept: total, divisor, marker"
    assert failed.stderr == f"{says}; shadowed (undo: naga.last.restore()): total\n"
    assert [error["ename"] for error in failed.errors] == ["ZeroDivisionError"]
    assert kernel.run("naga.last.restore()\nprint(total, marker)\nnaga.last.clear()").stdout == "mine here\n"
    assert state(kernel)["events"] == fresh["events"]
    kernel.run("del os.environ['NAGA_DEBUG']")


def test_cell_that_another_cell_runs_does_not_end_its_run(kernel: Kernel, folder: Path) -> None:
    cell = """\
naga.runlock(runlock_path='outer/run.lock')
shell.run_cell('inner = 1')
print(open('outer/run.lock').read().count('status: started'))
"""
    assert kernel.run(cell).stdout == "1\n"
    assert "status: finished" in (folder / "outer/run.lock").read_text()
