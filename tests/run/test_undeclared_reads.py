"""Files that a real run reads without declaring them: one line at its end, or an error where it is strict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from naga import read_receipt
from tests.programs import run_python

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """\
import os
from pathlib import Path
from naga import clicfg, runlock
import helper

class Config:
    declared: list[str] = []
    save_dir = 'results/process'

@clicfg(config_class=Config, strict=STRICT)
def main(cfg):
    runlock(config=cfg, data=list(cfg.declared))
    for path in sorted(Path('data').glob('*.csv')):
        path.read_text()
    os.close(os.open('data/0.csv', os.O_RDONLY))
    Path(cfg.save_dir, 'out.txt').write_text(Path('data/written.txt').write_text('1') * 'x')
    Path(cfg.save_dir, 'out.txt').read_text()

if __name__ == '__main__':
    main()
"""


@pytest.fixture
def project(repository: Path) -> Path:
    (repository / "data").mkdir()
    for number in range(5):
        (repository / f"data/{number}.csv").write_text(str(number))
    (repository / "helper.py").write_text("value = 1\n")
    return repository


def run(project: Path, *arguments: str, strict: bool = False) -> tuple[int, list[str]]:
    """Return how the script ended, and the lines that it wrote to standard error."""
    (project / "process.py").write_text(SCRIPT.replace("STRICT", str(strict)))
    done = run_python(project, "process.py", *arguments)
    return done.returncode, done.stderr.splitlines()


def test_run_with_undeclared_reads_names_them_in_one_line_at_its_end(project: Path) -> None:
    code, said = run(project)

    assert code == 0
    assert said == [
        (
            "naga: 5 files were read but not declared: data/0.csv, data/1.csv, data/2.csv and 2 more"
            " (declare data: runlock(data=[...]))"
        )
    ]
    receipt = read_receipt(project / "results/process/run.lock")
    assert receipt.status == "finished"
    assert receipt.used["undeclared"] == [f"data/{number}.csv" for number in range(5)]


def test_run_that_declared_all_but_one_names_that_one(project: Path) -> None:
    declared = ",".join(f"data/{number}.csv" for number in range(4))

    code, said = run(project, "-o", f"declared=[{declared}]")

    assert code == 0
    assert said == ["naga: 1 file was read but not declared: data/4.csv (declare data: runlock(data=[...]))"]


@pytest.mark.parametrize("strict", [False, True])
def test_run_that_declared_all_says_nothing(project: Path, strict: bool) -> None:
    declared = ",".join(f"data/{number}.csv" for number in range(5))

    assert run(project, "-o", f"declared=[{declared}]", strict=strict) == (0, [])


def test_strict_run_with_undeclared_reads_is_failed_and_an_error(project: Path) -> None:
    code, said = run(project, strict=True)

    assert code == 65
    (line,) = said
    assert line.startswith("naga: error: read but not declared: data/0.csv, data/1.csv")
    assert line.endswith("(declare it: runlock(data=[...]))")
    receipt = read_receipt(project / "results/process/run.lock")
    assert receipt.status == "failed"
    assert receipt.error is not None
    assert receipt.error.type == "UndeclaredReads"
