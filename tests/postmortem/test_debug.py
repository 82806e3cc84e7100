"""``@unsafe_debug``: only under its variable, only where somebody sits, and never in the way."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from naga import unsafe_debug
from tests.programs import run_python

if TYPE_CHECKING:
    from pathlib import Path

MODULE = """\
import sys
from naga import clicfg, unsafe_debug

class Config:
    param = 1

@unsafe_debug
@clicfg(config_class=Config)
def main(cfg):
    a = 0
    below(a)

@unsafe_debug
def below(divisor):
    assert sys.gettrace() is None
    secret = 'hunter2'
    return 1 / divisor
"""


@unsafe_debug
def documented(value: int, *, named: str = "x") -> str:
    """Return both."""
    return f"{value}{named}"


def test_decorated_function_keeps_name_docstring_and_signature() -> None:
    assert (documented.__name__, documented.__doc__) == ("documented", "Return both.")
    assert list(inspect.signature(documented).parameters) == ["value", "named"]
    assert documented(1, named="y") == "1y"


def test_failure_of_a_decorated_function_is_raised_on(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ValueError("x")

    @unsafe_debug
    def fail() -> None:
        raise error

    for value in ("1", "0"):
        monkeypatch.setenv("NAGA_DEBUG", value)
        with pytest.raises(ValueError, match="x") as caught:
            fail()
        assert caught.value is error


def at_the_prompt(folder: Path, lines: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Type lines at the prompt of an interpreter."""
    import os

    (folder / "process.py").write_text(MODULE)
    return subprocess.run(
        [sys.executable, "-i", "-q"],
        input=lines,
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("variable", ["NAGA_DEBUG", "FLEXLOCK_DEBUG"])
def test_failure_at_the_prompt_keeps_the_locals_of_the_deepest_frame(tmp_path: Path, variable: str) -> None:
    done = at_the_prompt(tmp_path, "import process\nprocess.main()\nprint('divisor', divisor)\n", **{variable: "1"})
    assert done.stdout == "divisor 0\n"
    assert done.stderr.count("naga: ") == 1
    assert "naga: below() at process.py:17 - 2 locals kept: divisor, secret" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("value", ["", "0", "true", "no"])
def test_failure_without_the_variable_keeps_nothing(tmp_path: Path, value: str) -> None:
    done = at_the_prompt(tmp_path, "import process\nprocess.main()\nprint('divisor' in globals())\n", NAGA_DEBUG=value)
    assert done.stdout == "False\n"
    assert "naga: " not in done.stderr


def test_variable_is_read_at_the_moment_of_the_failure(tmp_path: Path) -> None:
    lines = """\
import os, process
process.main()
print('divisor' in globals())
os.environ['NAGA_DEBUG'] = '1'
process.main()
print('divisor' in globals())
"""
    assert at_the_prompt(tmp_path, lines).stdout == "False\nTrue\n"


def test_failure_that_the_program_handles_under_the_prompt_is_raised_on(tmp_path: Path) -> None:
    lines = "import process\ntry: process.main()\nexcept ZeroDivisionError: print('handled')\n\n"
    assert at_the_prompt(tmp_path, lines, NAGA_DEBUG="1").stdout == "handled\n"


def test_script_never_waits_and_prints_nothing_more(tmp_path: Path) -> None:
    (tmp_path / "process.py").write_text(MODULE + "\nmain()\n")
    done = run_python(tmp_path, "process.py", NAGA_DEBUG="1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "naga: " not in done.stderr
    assert done.stderr.rstrip().endswith("ZeroDivisionError: division by zero")


def test_script_that_exits_with_the_variable_set_exits(tmp_path: Path) -> None:
    (tmp_path / "process.py").write_text("import sys\nfrom naga import unsafe_debug\nunsafe_debug(sys.exit)(3)\n")
    assert run_python(tmp_path, "process.py", NAGA_DEBUG="1").returncode == 3
