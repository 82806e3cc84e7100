"""The command ``naga``: its exit codes, its one line for an error, its help, and readers that go away."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import naga as public
from naga.cli.main import main
from tests.programs import naga, run_python

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = ("show", "doctor")


@pytest.fixture(scope="module")
def commands() -> list[str]:
    """Return every command that the help lists."""
    environ = {**os.environ, "COLUMNS": "200"}
    text = subprocess.run(
        [sys.executable, "-m", "naga", "--help"], env=environ, capture_output=True, text=True, check=True
    ).stdout
    return re.findall(r"^    ([a-z]+)  ", text, re.MULTILINE)


def test_help_lists_the_commands_with_examples_and_exit_codes(commands: list[str], tmp_path: Path) -> None:
    assert set(COMMANDS) <= set(commands)
    text = naga(tmp_path, "--help").stdout
    assert "examples:" in text
    for code in ("0 done", "2 usage", "65 integrity", "66 not found", "78 bad config", "130 interrupted"):
        assert code in " ".join(text.split())


def test_every_command_has_examples_and_json_in_its_help(
    commands: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for command in commands:
        with pytest.raises(SystemExit) as caught:
            main([command, "--help"])
        text = capsys.readouterr().out
        assert caught.value.code == 0
        assert "examples:" in text, command
        assert f"  naga {command}" in text, command
        assert "--json" in text, command


def test_version_is_the_one_of_the_package(tmp_path: Path) -> None:
    done = naga(tmp_path, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"naga {public.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["shwo"], ["'shwo'", "did you mean 'show'?"]),
        (["zzzzzz"], ["unknown command 'zzzzzz'"]),
        (["it's"], ["it's"]),
        ([], ["COMMAND"]),
        (["diff"], ["naga diff -h"]),
        (["doctor", "--jsn"], ["--jsn", "naga doctor -h"]),
        (["status", "results", "more"], ["more", "naga status -h"]),
    ],
)
def test_command_that_cannot_be_understood_ends_with_one_line(
    arguments: list[str], says: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith("naga: error: ")
    for words in says:
        assert words in line


def test_error_with_debug_is_raised(tmp_path: Path) -> None:
    done = naga(tmp_path, "show", "nowhere", "--debug")
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "NotFoundError" in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["doctor"], ["show", "."]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_reader_that_goes_away_is_no_error(tmp_path: Path, arguments: list[str], unbuffered: str) -> None:
    program = "import naga; naga.clicfg(config_class={'save_dir': 'x'})(lambda cfg: None)()"
    assert run_python(tmp_path, "-c", program).returncode == 0
    reader, writer = os.pipe()
    os.close(reader)
    environ = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    command = [sys.executable, "-m", "naga", *arguments]
    with os.fdopen(writer, "wb") as gone:
        done = subprocess.run(
            command, cwd=tmp_path / "x", stdout=gone, stderr=subprocess.PIPE, env=environ, check=False, timeout=60
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_interrupted_command_ends_with_130(tmp_path: Path) -> None:
    program = """\
import signal, sys
from naga.cli import doctor
from naga.cli.main import main
def interrupt(*_):
    signal.raise_signal(signal.SIGINT)
sys.addaudithook(lambda event, args: interrupt() if event == 'subprocess.Popen' else None)
sys.exit(main(['doctor']))
"""
    done = run_python(tmp_path, "-c", program)
    assert (done.returncode, done.stderr) == (130, "")
