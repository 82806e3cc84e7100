"""Calling a decorated main: who may read the command line, and what the receipt says of how it ended."""

from __future__ import annotations

import asyncio
import functools
import inspect
import re
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from naga import clicfg, read_receipt
from naga.errors import ConfigError, UnknownKeyError, UsageError
from tests.programs import call_script, load_module, run_python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Config:
    param = 1
    save_dir = "results/process"


class Unsaved:
    param = 1


SCRIPT = """\
from naga import clicfg

class Config:
    param = 1
    save_dir = 'results/process'

@clicfg(config_class=Config)
def main(cfg):
    BODY
    print('param', cfg.param)
    return cfg.param

if __name__ == '__main__':
    main()
"""


def script(body: str = "pass", call: str = "main()") -> str:
    inner = textwrap.indent(textwrap.dedent(body).strip(), "    ").lstrip()
    outer = textwrap.indent(textwrap.dedent(call).strip(), "    ").lstrip()
    return SCRIPT.replace("BODY", inner).replace("    main()\n", f"    {outer}\n")


@pytest.fixture(autouse=True)
def hostile_argv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put options on the command line of this process that would set a key, or fail if they were parsed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pytest", "-o", "param=99", "--nonsense", "-h"])


@clicfg(config_class=Unsaved)
def main(cfg: Any, further: int = 0) -> tuple[int, int]:
    """Return what it was given."""
    return cfg.param, further


@pytest.mark.parametrize(
    ("args", "kwargs", "expected"),
    [
        ((), {}, (1, 0)),
        ((Unsaved(),), {}, (1, 0)),
        ((), {"param": 3}, (3, 0)),
        (({"param": 4},), {}, (4, 0)),
        (({"param": 4},), {"param": 5}, (5, 0)),
        ((None,), {"further": 6}, (1, 6)),
        ((Unsaved(),), {"param": 7, "further": 8}, (7, 8)),
        ((), {"cfg": {"param": 9}}, (9, 0)),
    ],
)
def test_main_called_from_python_uses_its_arguments_alone(
    args: tuple[Any, ...], kwargs: dict[str, Any], expected: tuple[int, int]
) -> None:
    assert main(*args, **kwargs) == expected


def test_main_called_from_python_with_the_config_of_another_call_uses_it() -> None:
    @clicfg(config_class=Unsaved)
    def give(cfg: Any) -> Any:
        return cfg

    assert main(give(param=5)) == (5, 0)


def test_main_called_from_python_with_a_wrong_config_raises(tmp_path: Path) -> None:
    with pytest.raises(UnknownKeyError, match=r"'parm' in main\(...\)"):
        main(parm=3)
    with pytest.raises(UsageError, match="one config"):
        main(Unsaved(), 3)
    assert list(tmp_path.iterdir()) == []


def test_decorated_main_keeps_name_docstring_and_signature() -> None:
    assert (main.__name__, main.__doc__, main.__module__) == ("main", "Return what it was given.", __name__)
    assert list(inspect.signature(main).parameters) == ["cfg", "further"]


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["process.py", "-o", "param=2"], "param 2\n"),
        (["./process.py", "-o", "param=2"], "param 2\n"),
        (["linked.py", "-o", "param=2"], "param 2\n"),
        (["-m", "process", "-o", "param=2"], "param 2\n"),
        (["-m", "package.process", "-o", "param=2"], "param 2\n"),
        (["-m", "cProfile", "-o", "profile", "process.py", "-o", "param=2"], "param 2\n"),
        (["-c", "import process; process.main()", "-o", "param=2"], "param 1\n"),
        (["-c", "from naga import clicfg; clicfg({'a': 1})(lambda cfg: print('a', cfg.a))()", "-o", "a=2"], "a 1\n"),
        (["-c", "import runpy; runpy.run_path('process.py', run_name='__main__')", "-o", "param=2"], "param 2\n"),
        (["-c", "import runpy; runpy.run_path('process.py')['main']()", "-o", "param=2"], "param 1\n"),
        (["-c", "import runpy; runpy.run_module('process', run_name='other')['main']()", "-o", "param=2"],
         "param 1\n"),
        (["caller.py", "-o", "param=2"], "param 1\n"),
    ],
)  # fmt: skip
def test_command_line_is_read_by_the_main_of_a_script_only(tmp_path: Path, arguments: list[str], printed: str) -> None:
    (tmp_path / "process.py").write_text(script())
    (tmp_path / "linked.py").symlink_to("process.py")
    (tmp_path / "caller.py").write_text("import process\nprocess.main()\n")
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").touch()
    (tmp_path / "package/process.py").write_text(script())

    done = run_python(tmp_path, *arguments)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(printed)


def test_script_in_a_hostile_path_reads_its_command_line(hostile_path: Path) -> None:
    (hostile_path / "process.py").write_text(script())
    done = run_python(hostile_path.parent, str(hostile_path / "process.py"), "-o", "param=2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "param 2\n", "")


def test_main_called_at_the_prompt_after_its_script_reads_no_command_line(tmp_path: Path) -> None:
    (tmp_path / "process.py").write_text(script())
    command = [sys.executable, "-i", "process.py", "-o", "param=2"]
    done = subprocess.run(
        command, input="main()\nmain(param=5)\n", cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    # The prompt shows what main returned, after what main printed.
    assert done.stdout.split() == ["param", "2", "param", "1", "1", "param", "5", "5"]


SPAWNING = """\
import multiprocessing
from naga import clicfg

class Config:
    param = 1

@clicfg(config_class=Config)
def main(cfg):
    return cfg.param

if __name__ == '__main__':
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        print(main(), pool.apply(main))
"""


def test_main_in_a_spawned_worker_reads_no_command_line(tmp_path: Path) -> None:
    (tmp_path / "process.py").write_text(SPAWNING)
    done = run_python(tmp_path, "process.py", "-o", "param=2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "2 1\n", "")


NESTED = """\
from naga import clicfg

class Inner:
    x = 1
    save_dir = 'results/inner'

class Outer:
    param = 1
    save_dir = 'results/outer'

@clicfg(config_class=Inner)
def inner(cfg):
    return cfg.x

@clicfg(config_class=Outer)
def outer(cfg):
    return inner(), inner(x=cfg.param, save_dir='results/inner2')

if __name__ == '__main__':
    outer()
"""


def test_main_called_by_another_main_has_a_receipt_of_its_own(tmp_path: Path) -> None:
    result = call_script(tmp_path, NESTED, "-o", "param=2")

    assert result.value == (1, 2)
    for name, config in (("outer", {"param": 2}), ("inner", {"x": 1}), ("inner2", {"x": 2})):
        receipt = read_receipt(tmp_path / "results" / name / "run.lock")
        assert receipt.status == "finished"
        assert config.items() <= receipt.config.items()
        assert receipt.caller["argv"] == (["-o", "param=2"] if name == "outer" else [])


def test_result_of_a_script_is_that_of_its_outermost_main(tmp_path: Path) -> None:
    result = call_script(tmp_path, NESTED)
    assert result.config is not None
    assert result.config.save_dir == "results/outer"
    assert result.receipt is not None
    assert result.receipt.config["save_dir"] == "results/outer"


def load_main(folder: Path, body: str, config: str = "'results/process'", options: str = "") -> Any:
    """Return a decorated main of a module, which is no script."""
    lines = f"""\
import asyncio
import naga
from naga import clicfg, read_receipt
from pathlib import Path

class Config:
    param = 1
    save_dir: str | None = {config}

class BrokenError(Exception):
    def __str__(self):
        raise RuntimeError('no text')

@clicfg(config_class=Config{options})
def main(cfg):
"""
    text = lines + textwrap.indent(textwrap.dedent(body), "    ")
    return load_module(folder, text.replace("def main", "async def main") if "await" in body else text).main


STATUS = "read_receipt(Path('results/process/run.lock')).status"


def test_receipt_is_there_before_main_runs(tmp_path: Path) -> None:
    assert load_main(tmp_path, f"return {STATUS}")() == "started"
    assert read_receipt(tmp_path / "results/process/run.lock").status == "finished"


@pytest.mark.parametrize(
    ("config", "options"), [("None", ""), ("''", ""), ("'results'", ", lock=False"), ("None", ", lock=False")]
)
def test_main_without_save_dir_or_lock_leaves_nothing(tmp_path: Path, config: str, options: str) -> None:
    assert load_main(tmp_path, "return cfg.param", config, options)() == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"process.py", "__pycache__"}


@pytest.mark.parametrize("options", ["", ", lock=False"])
def test_main_without_save_dir_leaves_a_receipt_when_it_calls_runlock(tmp_path: Path, options: str) -> None:
    assert load_main(tmp_path, "return naga.runlock(config=cfg).status", "None", options)() == "started"
    assert read_receipt(tmp_path / "run.lock").status == "finished"


def test_main_that_raises_leaves_a_failed_receipt_that_says_where(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        call_script(tmp_path, script("value = 0\n1 / value"))

    receipt = read_receipt(tmp_path / "results/process/run.lock")
    assert receipt.status == "failed"
    assert receipt.error is not None
    assert (receipt.error.type, receipt.error.message) == ("ZeroDivisionError", "division by zero")
    assert (receipt.error.file, receipt.error.line) == ("script.py", 10)


def test_main_that_raises_with_a_broken_message_leaves_a_failed_receipt(tmp_path: Path) -> None:
    with pytest.raises(Exception) as caught:
        load_main(tmp_path, "raise BrokenError")()
    assert type(caught.value).__name__ == "BrokenError"
    error = read_receipt(tmp_path / "results/process/run.lock").error
    assert error is not None
    assert error.type.endswith("BrokenError")
    assert "RuntimeError" in error.message


@pytest.mark.parametrize("statement", ["sys.exit(0)", "sys.exit()", "sys.exit(None)", "raise SystemExit"])
def test_main_that_exits_without_an_error_has_finished(tmp_path: Path, statement: str) -> None:
    (tmp_path / "process.py").write_text(script(f"import sys\n{statement}"))

    assert run_python(tmp_path, "process.py").returncode == 0

    receipt = read_receipt(tmp_path / "results/process/run.lock")
    assert (receipt.status, receipt.error) == ("finished", None)
    assert receipt.recipe is not None


@pytest.mark.parametrize(("code", "returned", "message"), [("3", 3, "3"), ("'no data'", 1, "no data"), ("1", 1, "1")])
def test_main_that_exits_with_an_error_has_failed(tmp_path: Path, code: str, returned: int, message: str) -> None:
    (tmp_path / "process.py").write_text(script(f"import sys\nsys.exit({code})"))

    assert run_python(tmp_path, "process.py").returncode == returned

    receipt = read_receipt(tmp_path / "results/process/run.lock")
    assert receipt.status == "failed"
    assert receipt.error is not None
    assert (receipt.error.type, receipt.error.message) == ("SystemExit", message)


@pytest.fixture
def sleeping(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield a script whose main has begun and waits."""
    (tmp_path / "process.py").write_text(script("import time\nprint('ready', flush=True)\ntime.sleep(60)"))
    command = [sys.executable, "process.py"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_main_that_is_interrupted_has_failed(tmp_path: Path, sleeping: subprocess.Popen[str]) -> None:
    sleeping.send_signal(signal.SIGINT)
    assert sleeping.wait(timeout=30) != 0
    receipt = read_receipt(tmp_path / "results/process/run.lock")
    assert receipt.status == "failed"
    assert receipt.error is not None
    assert (receipt.error.type, receipt.error.file) == ("KeyboardInterrupt", "process.py")


def test_main_that_is_killed_is_never_taken_for_finished(tmp_path: Path, sleeping: subprocess.Popen[str]) -> None:
    sleeping.kill()
    sleeping.wait(timeout=30)
    assert read_receipt(tmp_path / "results/process/run.lock").status == "started"


METHODS = """\
from naga import clicfg

class Stage:
    offset = 10

    @clicfg(config_class={'param': 1, 'save_dir': 'results/method'})
    def main(self, cfg, further=0):
        return self.offset + cfg.param + further

    @staticmethod
    @clicfg(config_class={'param': 1})
    def static(cfg):
        return cfg.param

    @classmethod
    @clicfg(config_class={'param': 1})
    def of_class(cls, cfg):
        return cls.offset + cfg.param

short = clicfg(config_class={'param': 1, 'save_dir': 'results/lambda'})(lambda cfg: cfg.param)
"""


def test_lambda_and_method_can_be_a_main(tmp_path: Path) -> None:
    module = load_module(tmp_path, METHODS)
    assert module.Stage().main() == 11
    assert module.Stage().main(param=2, further=100) == 112
    assert module.Stage().main({"param": 3}) == 13
    assert module.Stage.static(param=4) == 4
    assert module.Stage.of_class(param=5) == 15
    assert module.short(param=6) == 6
    for name, function in (("method", "Stage.main"), ("lambda", "<lambda>")):
        caller = read_receipt(tmp_path / "results" / name / "run.lock").caller
        assert (caller["function"], caller["file"]) == (function, "process.py")


def _generator(cfg: Any) -> Any:
    yield cfg


async def _async_generator(cfg: Any) -> Any:
    yield cfg


@pytest.mark.parametrize("function", [_generator, _async_generator, functools.partial(print), print, dict])
def test_something_that_has_no_end_or_no_code_is_refused_when_decorated(function: Any) -> None:
    with pytest.raises(UsageError, match="cannot decorate"):
        clicfg(config_class=Config)(function)


def test_coroutine_called_from_python_is_recorded_while_it_is_awaited(tmp_path: Path) -> None:
    main = load_main(tmp_path, f"await asyncio.sleep(0)\nreturn cfg.param, {STATUS}")
    coroutine = main(param=3)
    assert inspect.iscoroutine(coroutine)
    assert not (tmp_path / "results").exists()
    assert asyncio.run(coroutine) == (3, "started")
    assert read_receipt(tmp_path / "results/process/run.lock").status == "finished"


def test_coroutines_that_run_at_once_have_receipts_of_their_own(tmp_path: Path) -> None:
    body = """\
        await asyncio.sleep(0.01)
        naga.runlock(config={'param': cfg.param, 'save_dir': cfg.save_dir})
        await asyncio.sleep(0.01)
        if cfg.param == 1:
            raise ValueError('odd')
    """
    main = load_main(tmp_path, body)

    async def both() -> list[Any]:
        runs = (main(param=number, save_dir=f"results/{number}") for number in (1, 2))
        return await asyncio.gather(*runs, return_exceptions=True)

    first, second = asyncio.run(both())

    assert isinstance(first, ValueError)
    assert second is None
    receipts = [read_receipt(tmp_path / f"results/{number}/run.lock") for number in (1, 2)]
    assert [receipt.status for receipt in receipts] == ["failed", "finished"]
    assert [receipt.config["param"] for receipt in receipts] == [1, 2]


ASYNC_CALLS = {
    "statement": "main()",
    "asyncio.run": "import asyncio\nasyncio.run(main())",
    "asyncio.run with options": "import asyncio\nassert asyncio.run(main(), debug=False) == 3",
    "awaited": "import asyncio\nasync def outer():\n    return await main()\nassert asyncio.run(outer()) == 3",
    "debug": "from naga import unsafe_debug\nunsafe_debug(main)()",
}
ASYNC = script("import asyncio\nawait asyncio.sleep(0)").replace("def main", "async def main")


@pytest.mark.parametrize("call", ["statement", "asyncio.run", "asyncio.run with options", "awaited", "debug"])
def test_coroutine_as_the_main_of_a_script_runs(tmp_path: Path, call: str) -> None:
    outer = textwrap.indent(ASYNC_CALLS[call], "    ")
    (tmp_path / "process.py").write_text(ASYNC.replace("    main()\n", f"{outer}\n"))

    done = run_python(tmp_path, "-W", "error", "process.py", "-o", "param=3")

    assert (done.returncode, done.stdout, done.stderr) == (0, "param 3\n", "")
    receipt = read_receipt(tmp_path / "results/process/run.lock")
    assert (receipt.status, receipt.caller["argv"]) == ("finished", ["-o", "param=3"])


def test_coroutine_as_the_main_of_a_script_that_is_hosted_gives_its_value(tmp_path: Path) -> None:
    async def host() -> Any:
        result = call_script(tmp_path, ASYNC, "-o", "param=3")
        await asyncio.sleep(0)
        return result

    assert asyncio.run(host()).value == 3


def test_coroutine_with_a_wrong_command_line_ends_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "process.py").write_text(ASYNC)
    done = run_python(tmp_path, "-W", "error", "process.py", "-o", "parm=3")
    assert (done.returncode, done.stdout) == (78, "")
    assert len(done.stderr.splitlines()) == 1


def test_config_of_a_main_that_cannot_be_made_is_an_error_of_the_call_not_of_the_import() -> None:
    broken = clicfg(config_class=3)(lambda cfg: cfg)
    with pytest.raises(ConfigError, match="no config"):
        broken()


FAILING = """\
{first}
{second}
{kind} main(cfg):
    fail(cfg.number)

def fail(number):
    number / 0

if __name__ == '__main__':
    {call}
"""
BOTH = ("@clicfg(config_class={'number': 1})", "@unsafe_debug")


CALLS = [("def", "main()"), ("def", "main(number=3)"), ("async def", "main()"), ("async def", "await_it()")]


@pytest.mark.parametrize("debug", ["0", "1"])
@pytest.mark.parametrize(("kind", "call"), CALLS)
@pytest.mark.parametrize("decorators", [BOTH, BOTH[::-1], (BOTH[0], "")], ids=["above", "below", "alone"])
def test_traceback_of_a_failing_script_shows_no_frame_of_naga(
    tmp_path: Path, decorators: tuple[str, str], kind: str, call: str, debug: str
) -> None:
    text = "import asyncio\nfrom naga import clicfg, unsafe_debug\n"
    text += "def await_it():\n    async def awaits():\n        await main()\n    asyncio.run(awaits())\n"
    text += FAILING.format(first=decorators[0], second=decorators[1], kind=kind, call=call)
    (tmp_path / "failing.py").write_text(text)

    done = run_python(tmp_path, "failing.py", NAGA_DEBUG=debug)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"
    files = re.findall(r'^  File "(.*)", line', done.stderr, re.MULTILINE)
    assert {file for file in files if "/asyncio/" not in file} == {str(tmp_path / "failing.py")}


def test_traceback_of_what_fails_in_naga_itself_is_whole(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(
        "from naga import clicfg\n@clicfg(config_class={'number': 1})\ndef main(cfg): ...\nmain(nmber=2)\n"
    )

    done = run_python(tmp_path, "-c", "import wrong")

    assert "clicfg.py" in done.stderr
    assert "nmber" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_script_main_with_another_decorator_below_takes_the_command_line(tmp_path: Path, kind: str) -> None:
    text = "from naga import clicfg, unsafe_debug\n@clicfg(config_class={'number': 1})\n@unsafe_debug\n"
    (tmp_path / "script.py").write_text(f"{text}{kind} main(cfg):\n    print(cfg.number)\nmain()\n")

    assert run_python(tmp_path, "script.py", "-o", "number=3").stdout == "3\n"
