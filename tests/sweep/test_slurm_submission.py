"""How many workers a sweep gets on Slurm, and what is refused before anything is submitted."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naga.errors import RefusedError
from naga.sweep.slurm_settings import SlurmSettings
from naga.sweep.slurm_submission import count_workers, submit
from tests.sweep.projects import make_project, sweep, write_tasks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("tasks", "per_job", "width", "limit", "workers"),
    [
        (10_000, None, 10, 1001, 10),
        (4, None, 10, 1001, 4),
        (100_000, None, 5000, 1001, 1001),
        (10_000, 100, 10, 1001, 100),
        (10_001, 100, 10, 1001, 101),
        (10_000, 1, 10, 1001, 1001),
        (1, 100, 10, 1001, 1),
    ],
)
def test_workers_are_as_many_as_may_run_or_as_it_takes(
    tasks: int, per_job: int | None, width: int, limit: int, workers: int
) -> None:
    settings = SlurmSettings(array_parallelism=width, tasks_per_job=per_job)
    assert count_workers(tasks, settings, limit) == workers


@given(st.integers(1, 10**6), st.none() | st.integers(1, 10**4), st.integers(1, 10**4), st.integers(1, 10**5))
def test_workers_are_never_more_than_tasks_or_than_an_array_may_have(
    tasks: int, per_job: int | None, width: int, limit: int
) -> None:
    settings = replace(SlurmSettings(), array_parallelism=width, tasks_per_job=per_job)
    assert 1 <= count_workers(tasks, settings, limit) <= min(tasks, limit)


@pytest.mark.parametrize("name", ["100%", "back\\slash"])
def test_submission_from_a_path_that_slurm_would_change_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(RefusedError, match="a meaning of its own"):
        submit(tmp_path / name, 1, SlurmSettings())
    assert list((tmp_path / name).iterdir()) == []


def test_sweep_where_there_is_no_slurm_says_so_and_runs_nothing(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    write_tasks(project, range(3))
    (project / "slurm.yaml").write_text("timeout_min: 5\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").symlink_to(str(shutil.which("git")))
    done = sweep(project, "--slurm_config", "slurm.yaml", PATH=str(tmp_path / "bin"))
    assert done.returncode == 66, done.stderr
    assert "Slurm is not installed here: no sbatch" in done.stderr
    assert "without --slurm_config" in done.stderr
    assert not (project / "results").exists()


def test_sweep_with_wrong_settings_is_refused_before_anything_else(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    write_tasks(project, range(3))
    (project / "slurm.yaml").write_text("timeout_min: 5\nmem_bg: 4\n")
    done = sweep(project, "--slurm_config", "slurm.yaml")
    assert done.returncode == 78
    assert "slurm.yaml:2 (did you mean mem_gb?)" in done.stderr
    assert not (project / ".naga").exists()
