"""Nothing of what runs, records, asks or checks reaches out to a network."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.pipelines import build_pipeline
from tests.programs import naga, run_python

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Every interpreter that starts notes whom it calls, as the audit events of the standard library tell it.
NOTE_CALLS = """\
import os, socket, sys

def note(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        if event.startswith("socket.get") or arguments[0].family != socket.AF_UNIX:
            with open(os.environ["CALLED"], "a") as file:
                file.write(f"{sys.argv}: {event} {arguments[1:]}\\n")

sys.addaudithook(note)
"""
QUESTIONS = [
    "status --why",
    "verify results/evaluate",
    "verify",
    "diff results/fit-1 results/fit-2",
    "lineage results/evaluate",
    "ls status:ok",
    "show @latest",
    "digest data results",
    "rerun results/evaluate --check",
    "reindex",
    "doctor",
]


@pytest.fixture
def project(tmp_path: Path, git: Callable[..., str]) -> Path:
    """Return a pipeline in a partial clone, which asks its remote for all that it lacks; the remote notes each call."""
    source = build_pipeline(tmp_path / "source")
    git(source, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "--quiet", "--filter=blob:none", f"file://{source}", "project")
    upload = tmp_path / "upload"
    upload.write_text(f'#!/bin/sh\necho git >> {shlex.quote(str(tmp_path / "called"))}\nexec git-upload-pack "$@"\n')
    upload.chmod(0o755)
    git(tmp_path / "project", "config", "remote.origin.uploadpack", str(upload))
    (tmp_path / "noting").mkdir()
    (tmp_path / "noting/sitecustomize.py").write_text(NOTE_CALLS)
    return tmp_path / "project"


def noting(project: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(project.parent / "noting"), "CALLED": str(project.parent / "called")}


@pytest.mark.slow
def test_runs_and_questions_call_nobody(project: Path) -> None:
    stages = [["prepare.py"], *(["fit.py", "-o", f"save_dir=results/fit-{number}"] for number in (1, 2, 3))]
    for stage in [*stages, ["evaluate.py"]]:
        done = run_python(project, *stage, **noting(project))
        assert done.returncode == 0, done.stderr
    for question in QUESTIONS:
        done = naga(project, *question.split(), **noting(project))
        assert done.returncode in (0, 1), done.stderr

    called = project.parent / "called"
    assert not called.exists(), called.read_text()


def test_call_to_a_network_would_be_noted(project: Path, git: Callable[..., str]) -> None:
    called = project.parent / "called"
    run_python(project, "-c", "import socket; socket.create_connection(('127.0.0.1', 9))", **noting(project))
    assert "socket.connect" in called.read_text()
    git(project, "fetch", "--quiet")
    assert called.read_text().endswith(f"git{os.linesep}")
