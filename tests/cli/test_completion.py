"""What follows on the command line of ``naga``, and the command that teaches shells to ask."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from naga.cli.candidates import complete_command
from tests.programs import naga, run_python

if TYPE_CHECKING:
    from pathlib import Path

FIT = """\
from naga import clicfg
class Config:
    save_dir = 'results/fit'
@clicfg(config_class=Config)
def main(cfg): ...
if __name__ == '__main__':
    main()
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "fit.py").write_text(FIT)
    (tmp_path / "records").mkdir()
    assert run_python(tmp_path, "fit.py").returncode == 0
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "incomplete", "expected"),
    [
        ("", "re", ["rerun", "relog", "reindex"]),
        ("--debug", "li", ["lineage"]),
        ("", "--v", ["--version"]),
        ("show", "re", ["results/fit"]),
        ("show", "results/fit/r", ["results/fit/run.lock"]),
        ("show", "@", ["@latest"]),
        ("show", "rec", ["records/"]),
        ("show results/fit", "re", []),
        ("diff --json results/fit", "re", ["results/fit"]),
        ("verify a b c", "re", ["results/fit"]),
        ("ls", "kil", ["killed"]),
        ("ls failed --root", "re", ["results/", "records/"]),
        ("ls --limit", "", []),
        ("rerun", "--s", ["--save_dir"]),
        ("rerun --save_dir", "rec", ["records/"]),
        ("rerun --save_dir records", "re", ["results/fit"]),
        ("rerun --save-dir records", "--s", []),
        ("digest --include a", "--i", ["--include"]),
        ("completion", "z", ["zsh"]),
        ("tasks --", "--w", []),
        ("missing", "", []),
    ],
)
def test_word_of_a_command_is_completed(project: Path, line: str, incomplete: str, expected: list[str]) -> None:
    assert sorted(complete_command(["naga", *line.split()], incomplete)) == sorted(expected)


def test_run_is_completed_by_its_identifier(project: Path) -> None:
    identifier = json.loads(naga(project, "show", "results/fit", "--json").stdout)["id"]
    assert complete_command(["naga", "verify"], identifier[:6]) == [identifier]


def test_completion_as_json_says_what_it_wrote_and_dry_writes_nothing(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": ""}
    dry = naga(tmp_path, "completion", "bash", "--json", "--dry-run", **home)
    assert list(tmp_path.iterdir()) == []
    done = naga(tmp_path, "completion", "bash", "--json", **home)
    assert dry.stdout == done.stdout
    script = tmp_path / ".local/share/naga/completion.bash"
    assert json.loads(done.stdout) == {"shell": "bash", "script": str(script), "startup": str(tmp_path / ".bashrc")}
    assert "naga.cli.candidates" in script.read_text()


def test_shell_that_is_unknown_is_a_usage_error(tmp_path: Path) -> None:
    done = naga(tmp_path, "completion", "tcsh", HOME=str(tmp_path))
    assert done.returncode == 2
    assert "bash|zsh|fish" in done.stderr
