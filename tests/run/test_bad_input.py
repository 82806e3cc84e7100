"""Whatever is wrong is said in one line before main runs, and nothing is created."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import naga as public
from tests.kernels import Kernel
from tests.programs import run_python

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """\
from naga import clicfg, runlock

class Config:
    param = 1
    training_data = 'data/features.csv'
    save_dir = 'results/process'
    runlock: dict

@clicfg(config_class=Config)
def main(cfg):
    print('main ran')
    runlock(config=cfg, **cfg.runlock)

if __name__ == '__main__':
    main()
"""

REQUIRED = SCRIPT.replace("param = 1", "param: int")
BASE = "runlock: {}\n"
STAGES = "process:\n  runlock: {}\nanother:\n  runlock: {}\n"
DATA = "runlock:\n  data:\n    x: ${runlock_data:${training_data}}\n"
PREVS = "runlock:\n  prevs:\n    x: ${runlock_prev:${training_data}}\n"
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(12)
)


class Case(NamedTuple):
    name: str
    code: int
    arguments: list[str]
    says: list[str]
    files: dict[str, str] = {}  # noqa: RUF012 - a default of a named tuple; no test changes it
    script: str = SCRIPT


def _prev(name: str, text: str, says: list[str]) -> Case:
    files = {"data/features.csv": "1\n", "data/run.lock": text, "prevs.yml": PREVS}
    return Case(name, 65, ["--config", "prevs.yml"], ["data/run.lock", *says], files)


CASES = [
    Case("unknown key", 78, ["--config", "base.yml", "-o", "parm=3"], ["'parm'", "-o", "'param'"]),
    Case("unknown key in a file", 78, ["--config", "typo.yml"], ["'parm'", "typo.yml:2", "'param'"],
         {"typo.yml": "runlock: {}\nparm: 3\n"}),
    Case("wrong type", 78, ["--config", "base.yml", "-o", "param=abc"], ["'param'", "int", "'abc'"]),
    Case("wrong type in a file", 78, ["--config", "type.yml"], ["'param'", "type.yml:3", "int"],
         {"type.yml": "runlock: {}\n\nparam: abc\n"}),
    Case("missing value", 78, ["--config", "base.yml"], ["'param'", "int", "-o param="], script=REQUIRED),
    Case("unknown experiment", 66, ["--config", "stages.yml", "--experiment", "proces"],
         ["'proces'", "stages.yml", "'process'"], {"stages.yml": STAGES}),
    Case("experiment without file", 2, ["--experiment", "process"], ["--experiment", "--config"]),
    Case("missing file", 66, ["--config", "bse.yml"], ["bse.yml", "base.yml"]),
    Case("malformed file", 78, ["--config", "bad.yml"], ["bad.yml:2"], {"bad.yml": "param: 1\n  x: 2\n"}),
    Case("file of no mapping", 78, ["--config", "list.yml"], ["list.yml", "mapping"], {"list.yml": "- 1\n"}),
    Case("loose word", 2, ["--config", "base.yml", "-o", "param"], ["'param'", "param=VALUE"]),
    Case("loose word behind others", 2, ["-o", "param=1", "oops"], ["'oops'"]),
    Case("unknown option", 2, ["--confg", "base.yml"], ["--confg", "--config"]),
    Case("word without option", 2, ["param=3"], ["'param=3'", "-o"]),
    Case("unknown interpolation", 78, ["--config", "base.yml", "-o", "training_data=${nowhere}"],
         ["'training_data'", "nowhere"]),
    Case("missing data", 66, ["--config", "data.yml"], ["data/features.csv"],
         {"data.yml": DATA, "data/feature.csv": "1\n"}),
    Case("prev without receipt", 66, ["--config", "prevs.yml"], ["data/features.csv", "run.lock"],
         {"prevs.yml": PREVS, "data/features.csv": "1\n"}),
    Case("code in save_dir", 78, ["--config", "base.yml", "-o", "save_dir=."], ["save_dir", "results/"]),
    _prev("no YAML", "naga: 1\nid: [", ["YAML"]),
    _prev("no receipt", "hello: world\n", ["format"]),
    _prev("newer format", "naga: 99\n", ["99"]),
    _prev("wrong value", "naga: 1\nid: 0190-abcd\nstatus: ready\nstarted: x\n", ["status"]),
    _prev("python tag", "naga: 1\nid: !!python/object/apply:os.system ['touch hacked']\n", ["tag"]),
    _prev("billion laughs", LAUGHS, ["alias"]),
    _prev("not finished", "naga: 1\nid: 0190-abcd\nstatus: failed\nstarted: x\n", ["failed"]),
    _prev("deep", "a: " + "[" * 5000, ["levels"]),
]  # fmt: skip


def _lay_out(folder: Path, case: Case) -> set[str]:
    for name, text in {"process.py": case.script, "base.yml": BASE, **case.files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return _tree(folder)


def _tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if "__pycache__" not in path.parts}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_ends_with_one_line_before_main(case: Case, tmp_path: Path) -> None:
    before = _lay_out(tmp_path, case)

    done = run_python(tmp_path, "process.py", *case.arguments)

    assert done.returncode == case.code
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("naga: error: ")
    for word in case.says:
        assert word in line
    assert _tree(tmp_path) == before


@pytest.mark.parametrize("case", CASES[:2], ids=lambda case: case.name)
def test_bad_input_with_debug_shows_the_traceback_too(case: Case, tmp_path: Path) -> None:
    _lay_out(tmp_path, case)

    done = run_python(tmp_path, "process.py", *case.arguments, "--debug")

    assert done.returncode == case.code
    assert "Traceback (most recent call last)" in done.stderr


def test_interpolation_in_a_foreign_receipt_stays_text(tmp_path: Path) -> None:
    text = "naga: 1\nid: 0190-abcd\nstatus: finished\nstarted: x\nconfig:\n  home: ${oc.env:HOME}\n"
    _lay_out(tmp_path, _prev("interpolation", text, []))

    done = run_python(tmp_path, "process.py", "--config", "prevs.yml")

    assert (done.returncode, done.stderr) == (0, "")
    receipt = public.read_receipt(tmp_path / "results/process/run.lock")
    assert receipt.lineage["0190-abcd"].config == {"home": "${oc.env:HOME}"}


def test_data_that_main_declares_and_that_is_missing_fails_the_run(tmp_path: Path) -> None:
    script = SCRIPT.replace("**cfg.runlock", "data=[cfg.training_data]")
    _lay_out(tmp_path, Case("", 0, [], [], {"data/feature.csv": "1\n"}, script))

    done = run_python(tmp_path, "process.py", "--config", "base.yml")

    assert done.returncode == 66
    assert done.stderr == "naga: error: no data at data/features.csv (did you mean data/feature.csv?)\n"
    receipt = public.read_receipt(tmp_path / "results/process/run.lock")
    assert receipt.status == "failed"
    assert receipt.error is not None
    assert receipt.error.type == "naga.errors.NotFoundError"


def test_missing_script_in_a_kernel_fails_the_cell_with_one_line(tmp_path: Path) -> None:
    _lay_out(tmp_path, CASES[0])
    kernel = Kernel(tmp_path)
    try:
        kernel.run("%load_ext naga")
        missing = kernel.run("%naga_run proces.py\nprint('went on')")
        unknown = kernel.run("%naga_run process.py --config base.yml -o parm=3\nprint('went on')")
    finally:
        kernel.stop()

    assert (missing.status, unknown.status) == ("error", "error")
    assert (missing.errors, unknown.errors) == ([], [])
    assert (missing.stdout, unknown.stdout) == ("", "")
    assert missing.stderr == "UsageError: no script proces.py (did you mean process.py?)\n"
    (line,) = unknown.stderr.splitlines()
    assert "'parm'" in line
    assert "'param'" in line


@pytest.mark.parametrize("value", [3, [3], [""], {"x": None}, b"x"])
def test_runlock_with_something_that_is_no_path_is_refused(value: Any, tmp_path: Path) -> None:
    with pytest.raises(public.NagaError, match="no path"):
        public.runlock(data=value, runlock_path=tmp_path / "run.lock")
    assert list(tmp_path.iterdir()) == []
