"""The programs that naga was made for, word for word; only imports and data files are added."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from naga import hash_path, read_receipt
from tests.kernels import Kernel
from tests.programs import naga, run_python

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PREPARE = """\
from pathlib import Path
from naga import clicfg

class Config:
    save_dir = 'data'

@clicfg(config_class=Config)
def main(cfg):
    (Path(cfg.save_dir) / 'input.csv').write_text('x,y\\n1,2\\n')

if __name__ == '__main__':
    main()
"""

CLASS = """\
class Config:
    param = 1
    input_path = 'data/input.csv'
    save_dir = 'results/process'
"""

PLAIN = f"""\
from pathlib import Path
from naga import runlock

{CLASS}
def main(cfg: Config=Config()):
    runlock(config=cfg, repos=['.'], data=[cfg.input_path],
            prevs=[Path(cfg.input_path).parent], runlock_path=Path(cfg.save_dir) / 'run.lock')
"""

DECORATED = f"""\
from naga import clicfg

{CLASS}
@clicfg(config_class=Config)
def main(cfg): ...
if __name__ == '__main__':
    main(Config())
"""

FAILING = f"""\
from naga import clicfg, unsafe_debug

{CLASS}
@unsafe_debug
@clicfg(config_class=Config)
def main(cfg):
    a =  0
    1/a
"""

TRAIN = """\
from naga import clicfg, runlock

class Config:
    training_data: str
    runlock: dict

@clicfg(config_class=Config)
def main(cfg: Config):
    runlock(config=cfg, **cfg.runlock)

if __name__ == '__main__':
    main()
"""

TRAIN_CONFIG = """\
training_data: 'data/preprocessed/features.csv'
runlock:
  data:
    training_features: '${runlock_data:${training_data}}'
  prevs:
    preprocessing: '${runlock_prev:${training_data}}'
"""

NEW_CONF = "param: 7\n"
MULTI_STAGE = """\
folder: results
process:
  param: 5
  save_dir: ${folder}/multi
other:
  unknown_here: true
"""


@pytest.fixture
def project(repository: Path, git: Callable[..., str]) -> Path:
    (repository / ".gitignore").write_text("results/\ndata/\n__pycache__/\n")
    (repository / "prepare.py").write_text(PREPARE)
    (repository / "conf").mkdir()
    (repository / "conf" / "new_conf.yml").write_text(NEW_CONF)
    (repository / "conf" / "multi_stage.yml").write_text(MULTI_STAGE)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "prepare")
    return repository


def test_plain_main_with_runlock_writes_the_receipt_of_the_run(project: Path, git: Callable[..., str]) -> None:
    assert run_python(project, "prepare.py").returncode == 0
    (project / "process.py").write_text(PLAIN + "\nif __name__ == '__main__':\n    main()\n")

    done = run_python(project, "process.py")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    receipt = read_receipt(project / "results/process/run.lock")
    prepared = read_receipt(project / "data/run.lock")
    assert receipt.status == "finished"
    assert receipt.config == {"param": 1, "input_path": "data/input.csv", "save_dir": "results/process"}
    assert receipt.data["input"].digest == hash_path(project / "data/input.csv").digest
    assert receipt.prevs["data"].id == prepared.id
    assert list(receipt.lineage) == [prepared.id]
    entry = receipt.repos["repository"]
    assert entry.commit == git(project, "rev-parse", "HEAD")
    assert entry.dirty is True
    assert "process.py" in git(project, "ls-tree", "-r", "--name-only", str(entry.snapshot)).splitlines()
    assert receipt.used["files"]["repository"].keys() == {"process.py"}


def test_plain_main_called_from_python_leaves_a_finished_receipt(project: Path) -> None:
    assert run_python(project, "prepare.py").returncode == 0
    (project / "process.py").write_text(PLAIN)

    done = run_python(project, "-c", "import process; process.main(); print(open('results/process/run.lock').read())")

    assert done.returncode == 0, done.stderr
    assert "status: finished" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "param", "save_dir"),
    [
        ([], 1, "results/process"),
        (["--config", "conf/new_conf.yml"], 7, "results/process"),
        (["--config", "conf/multi_stage.yml", "--experiment", "process"], 5, "results/multi"),
        (["-o", "param", "10"], 10, "results/process"),
        (["-o", "param=10"], 10, "results/process"),
        (["--config", "conf/new_conf.yml", "-o", "param=10", "save_dir=results/x"], 10, "results/x"),
        (["-o", "param=9", "-o", "param=10"], 10, "results/process"),
    ],
)
def test_decorated_main_reads_the_command_line(project: Path, arguments: list[str], param: int, save_dir: str) -> None:
    (project / "process.py").write_text(DECORATED)

    done = run_python(project, "process.py", *arguments)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    receipt = read_receipt(project / save_dir / "run.lock")
    assert receipt.status == "finished"
    assert receipt.config == {"param": param, "input_path": "data/input.csv", "save_dir": save_dir}
    assert type(receipt.config["param"]) is int
    assert receipt.caller["argv"] == arguments
    shown = json.loads(naga(project, "show", "--json", save_dir).stdout)
    assert shown["config"]["param"] == param


@pytest.mark.parametrize("variable", ["NAGA_DEBUG", "FLEXLOCK_DEBUG"])
def test_unsafe_debug_in_a_kernel_keeps_the_locals_of_main(project: Path, variable: str) -> None:
    (project / "process.py").write_text(FAILING)
    kernel = Kernel(project, **{variable: "1"})
    try:
        before = kernel.run("import process; names = None; names = set(globals())")
        failed = kernel.run("import process; process.main()")
        after = kernel.run("print(a)")
        new = kernel.run("print(sorted(name for name in set(globals()) - names if not name.startswith('_')))")
    finally:
        kernel.stop()

    assert before.status == "ok"
    assert [error["ename"] for error in failed.errors] == ["ZeroDivisionError"]
    assert after.stdout == "0\n"
    assert new.stdout == "['a', 'cfg']\n"
    assert read_receipt(project / "results/process/run.lock").status == "failed"


def test_unsafe_debug_without_the_variable_only_raises_on(project: Path) -> None:
    (project / "process.py").write_text(FAILING)
    kernel = Kernel(project)
    try:
        failed = kernel.run("import process; process.main()")
        after = kernel.run("a")
    finally:
        kernel.stop()

    assert [error["ename"] for error in failed.errors] == ["ZeroDivisionError"]
    assert [error["ename"] for error in after.errors] == ["NameError"]
    assert "naga:" not in failed.stderr


def test_resolvers_give_the_receipt_its_data_and_prevs(project: Path) -> None:
    (project / "prepare.py").write_text(
        PREPARE.replace("'data'", "'data/preprocessed'").replace("input.csv", "features.csv")
    )
    (project / "train.py").write_text(TRAIN)
    (project / "config.yml").write_text(TRAIN_CONFIG)
    assert run_python(project, "prepare.py").returncode == 0

    done = run_python(project, "train.py", "--config", "config.yml")

    assert (done.returncode, done.stderr) == (0, "")
    receipt = read_receipt(project / "run.lock")
    prepared = read_receipt(project / "data/preprocessed/run.lock")
    features = project / "data/preprocessed/features.csv"
    assert receipt.data["training_features"].digest == hash_path(features).digest
    assert receipt.data["training_features"].path == "data/preprocessed/features.csv"
    assert receipt.prevs["preprocessing"].id == prepared.id
    assert receipt.lineage[prepared.id].config == prepared.config
