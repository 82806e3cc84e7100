"""Code that a run does not import, and that naga.toml names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import naga
from naga.errors import ConfigFileError
from naga.lock.settings import read_settings
from tests.programs import run_python

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCRIPT = """\
from naga import clicfg

class Config:
    save_dir = "results/process"

@clicfg(config_class=Config)
def main(cfg):
    pass

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def project(repository: Path, git: Callable[..., str]) -> Path:
    """Return a repository in which a run finished that uses a template and a folder of queries."""
    (repository / "process.py").write_text(SCRIPT)
    (repository / "naga.toml").write_text('code = ["*.tmpl", "queries"]\n')
    (repository / "page.tmpl").write_text("one\n")
    (repository / "other.txt").write_text("one\n")
    (repository / "queries" / "deep").mkdir(parents=True)
    (repository / "queries" / "deep" / "runs.sql").write_text("one\n")
    (repository / ".gitignore").write_text("results/\n")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "more")
    done = run_python(repository, "process.py")
    assert done.returncode == 0, done.stderr
    return repository


def test_status_after_code_changed_that_the_settings_name_is_stale(project: Path) -> None:
    (run,) = naga.status(project)
    assert run.state == "ok"
    (used,) = naga.read_receipt(project / "results/process/run.lock").used["files"].values()
    assert sorted(used) == [
        "page.tmpl",
        "process.py",
        "queries/deep/runs.sql",
    ]
    (project / "other.txt").write_text("two\n")
    assert naga.status(project)[0].state == "ok"
    for name in ("page.tmpl", "queries/deep/runs.sql"):
        (project / name).write_text("two\n")
        (run,) = naga.status(project)
        assert run.state == "stale"
        assert any(name in str(cause.to_mapping()) for cause in run.causes)
        (project / name).write_text("one\n")


@pytest.mark.parametrize("pattern", ["", "/etc/passwd", "../other/*", "a/../../b", "~/code"])
def test_settings_whose_code_leads_out_of_the_project_are_refused(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "naga.toml").write_text(f'code = ["{pattern}"]\n')
    with pytest.raises(ConfigFileError, match="code names"):
        read_settings(tmp_path)
