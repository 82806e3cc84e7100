"""What is known of receipts spares their reading, and never says more than they do."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.sweep.projects import make_project, sweep, write_tasks

SCRIPT = """\
import sys
from enum import Enum
from pathlib import Path
from omegaconf import OmegaConf
from naga import clicfg

def note(event, args):
    if event == "open" and str(args[0]).endswith("run.lock") and args[1] in ("r", "rb", None):
        print("opened", args[0], file=sys.stderr)

sys.addaudithook(note)
register = getattr(OmegaConf, "register_resolver", None) or OmegaConf.register_new_resolver
register("twice", lambda value: value * 2)

class Mode(Enum):
    FAST = 1

class Config:
    param = 1
    mode: Mode = Mode.FAST
    maybe: int | None = None
    save_dir = "SAVE_DIR"

@clicfg(config_class=Config)
def main(cfg):
    return cfg.param

if __name__ == "__main__":
    main()
"""


def opened(stderr: str) -> int:
    return len(re.findall(r"^opened ", stderr, re.MULTILINE))


@pytest.mark.parametrize(
    "save_dir",
    ["results", "results/${mode}-${maybe}-${param}", "results/${twice:${param}}", "results/${oc.env:HOME}${param}"],
)
def test_sweep_of_done_tasks_opens_one_receipt_of_them(tmp_path: Path, save_dir: str) -> None:
    project = make_project(tmp_path / "project", SCRIPT.replace("SAVE_DIR", save_dir))
    write_tasks(project, range(6))
    assert sweep(project, "--n_jobs=2").returncode == 0
    again = sweep(project)
    assert "6 done; 0 to run" in again.stderr
    assert opened(again.stderr) == 1
    shutil.rmtree(project / ".naga")
    assert opened(sweep(project).stderr) >= 6
    assert opened(sweep(project).stderr) == 1
    assert (project / ".naga" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("save_dir", ["results/${param}", "results/${twice:${param}}"])
def test_sweep_with_another_default_runs_tasks_again_that_the_summary_knows(tmp_path: Path, save_dir: str) -> None:
    project = make_project(tmp_path / "project", SCRIPT.replace("SAVE_DIR", save_dir))
    write_tasks(project, range(3))
    (project / "base.yml").write_text("maybe: 1\n")
    assert "3 finished" in sweep(project, "--config", "base.yml").stderr
    (project / "base.yml").write_text("maybe: 2\n")
    assert "3 to run" in sweep(project, "--config", "base.yml", "--dry_run").stderr
    (project / "base.yml").write_text("maybe: 1\n")
    assert "3 done; 0 to run" in sweep(project, "--config", "base.yml").stderr


def test_sweep_over_a_receipt_that_was_replaced_reads_it(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", SCRIPT.replace("SAVE_DIR", "results/${param}"))
    write_tasks(project, range(3))
    assert sweep(project).returncode == 0
    receipt = project / "results" / "1" / "run.lock"
    receipt.write_text(receipt.read_text().replace("status: finished", "status: killed"))
    assert "2 done, 1 killed before; 1 to run" in sweep(project).stderr
