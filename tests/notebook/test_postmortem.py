"""Failures that happened elsewhere, brought into a real kernel: of scripts, of worker processes, of other people."""

from __future__ import annotations

import json
import re
import stat
from typing import TYPE_CHECKING

import pytest

from naga import read_receipt
from tests.kernels import Kernel
from tests.programs import run_python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRAIN = """\
import threading
from dataclasses import dataclass
from naga import clicfg
import helper

class Config:
    rate = 0.0
    api_token = 'hunter2'
    save_dir = 'results/train'

@dataclass
class Model:
    weights: list

def step(model, rate):
    lock = threading.Lock()
    password = 'correct horse'
    large = bytearray(3 << 20)
    pair = helper.Pair(1, 2)
    return [weight / rate for weight in model.weights]

@clicfg(config_class=Config)
def main(cfg):
    model = Model([1.0, 2.0])
    return step(model, cfg.rate)

if __name__ == '__main__':
    main()
"""

HELPER = "from typing import NamedTuple\nclass Pair(NamedTuple):\n    one: int\n    two: int\n"

WORK = """\
import multiprocessing, sys
from naga import unsafe_debug

@unsafe_debug
def work(number):
    part = number * 2
    return part / (number - 3)

def handles(number):
    try:
        return work(number)
    except ZeroDivisionError:
        return 'handled'
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "train").mkdir()
    (folder / "train/train.py").write_text(TRAIN)
    (folder / "train/helper.py").write_text(HELPER)
    (folder / "work.py").write_text(WORK)
    return folder


@pytest.fixture(scope="module")
def kernel(folder: Path, libraries: str) -> Iterator[Kernel]:
    """Yield a kernel with the extension and a cache of its own; the tests of this file share it."""
    kernel = Kernel(folder, NAGA_CACHE_DIR=str(folder / "cache"), NAGA_DEBUG="1")
    kernel.run("%load_ext naga\nimport json, naga, work, os, resource, sys")
    yield kernel
    kernel.stop()


@pytest.fixture(autouse=True)
def cleared(kernel: Kernel) -> Iterator[None]:
    yield
    kernel.run("%naga_clear")


def value_of(kernel: Kernel, expression: str) -> object:
    answer = kernel.run(f"print(json.dumps({expression}))")
    assert answer.errors == [], answer.traceback
    return json.loads(answer.stdout)


@pytest.fixture(scope="module")
def failed(folder: Path) -> Path:
    """Return the folder of a run that failed as a script, another day so to say."""
    done = run_python(folder / "train", "train.py", NAGA_DEBUG="1", NAGA_DEBUG_LIMIT="1")
    assert done.returncode == 1
    assert "naga: the run failed - its locals are in a file: %naga_postmortem results/train\n" in done.stderr
    assert done.stderr.rstrip().endswith("ZeroDivisionError: float division by zero")
    return folder / "train/results/train"


def saved_file(save_dir: Path) -> Path:
    (file,) = (save_dir / ".naga").glob("*.postmortem")
    return file


def test_failing_script_saves_its_frames_beside_the_receipt_for_its_owner_only(failed: Path) -> None:
    file = saved_file(failed)
    assert file.stem == read_receipt(failed / "run.lock").id
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert (file.parent / ".gitignore").read_text() == "*\n"
    content = file.read_bytes()
    for secret in (b"hunter2", b"correct horse"):
        assert secret not in content


def test_script_without_the_variable_saves_nothing(folder: Path) -> None:
    done = run_python(folder / "train", "train.py", "-o", "save_dir=results/quiet")
    assert "naga" not in done.stderr.replace("/naga/", "")
    assert not (folder / "train/results/quiet/.naga").exists()


@pytest.mark.parametrize("form", ["{}", "{}/run.lock", "file", "id"])
def test_postmortem_brings_the_failure_into_the_notebook(kernel: Kernel, failed: Path, form: str) -> None:
    path = str(saved_file(failed)) if form == "file" else form.format(failed)
    path = read_receipt(failed / "run.lock").id if form == "id" else path
    kernel.run("model = 'before'\nos.chdir('train')")

    answer = kernel.run(f"%naga_postmortem {path}\nos.chdir('..')")

    assert answer.status == "ok", answer.stderr
    where = r"naga: step\(\) at train.py:20 in process \d+ on [^ ]+, [^ ]+Z - \d locals kept: model, rate, .*"
    assert re.match(where, answer.stderr)
    assert "shadowed (undo: %naga_restore): model" in answer.stderr
    assert value_of(kernel, "[model.weights, rate, list(pair), type(pair).__module__]") == [[1, 2], 0, [1, 2], "helper"]
    assert value_of(kernel, "[frame.name for frame in naga.last.frames]") == ["<module>", "main", "step"]
    assert kernel.run("%naga_frame up").status == "ok"
    assert value_of(kernel, "[cfg.rate, cfg.api_token]") == [0, "***"]
    kernel.run("%naga_clear")
    assert value_of(kernel, "[model, 'rate' in globals()]") == ["before", False]


def test_value_that_was_not_saved_costs_only_itself_and_says_why(kernel: Kernel, failed: Path) -> None:
    kernel.run(f"%naga_postmortem {failed}")
    assert value_of(kernel, "[repr(lock), repr(password), repr(large)]") == [
        "<not saved, it cannot be pickled: TypeError; _thread.lock>",
        "<not saved, a secret by its name; str: ***>",
        "<not saved, its pickle would be larger than 1 MiB; bytearray: 3145728 items>",
    ]


def test_value_whose_module_is_gone_costs_only_itself(kernel: Kernel, folder: Path) -> None:
    run_python(folder / "train", "train.py", "-o", "save_dir=results/gone", NAGA_DEBUG="1")
    (folder / "train/helper.py").rename(folder / "train/moved.py")
    kernel.run("import sys; sys.modules.pop('helper', None)")
    kernel.run("%naga_postmortem train/results/gone")
    (folder / "train/moved.py").rename(folder / "train/helper.py")
    assert value_of(kernel, "[repr(pair), rate]") == [
        "<not saved, cannot be loaded here: ModuleNotFoundError: No module named 'helper'; helper.Pair>", 0.0,
    ]  # fmt: skip


def refused(kernel: Kernel, line: str) -> str:
    answer = kernel.run(line)
    assert (answer.status, answer.errors) == ("error", [])
    (said,) = answer.stderr.splitlines()
    assert said.startswith("UsageError: ")
    assert value_of(kernel, "len(naga.last.frames)") == 0
    return said


def test_postmortem_of_somebody_else_is_opened_only_when_it_is_trusted(
    kernel: Kernel, failed: Path, folder: Path, tmp_path: Path
) -> None:
    done = run_python(
        folder / "train",
        "train.py",
        "-o",
        f"save_dir={tmp_path}",
        NAGA_DEBUG="1",
        XDG_DATA_HOME=str(tmp_path / "other"),
    )
    assert done.returncode == 1
    said = refused(kernel, f"%naga_postmortem {tmp_path}")
    assert "not written by you on this machine" in said
    assert "--trust" in said
    assert kernel.run(f"%naga_postmortem {tmp_path} --trust").status == "ok"
    assert value_of(kernel, "rate") == 0


def test_postmortem_that_was_changed_is_not_opened(kernel: Kernel, failed: Path, tmp_path: Path) -> None:
    content = bytearray(saved_file(failed).read_bytes())
    content[-1] ^= 1
    (tmp_path / "changed.postmortem").write_bytes(content)
    assert "changed since" in refused(kernel, f"%naga_postmortem {tmp_path}/changed.postmortem")


def test_postmortem_cut_short_says_so(kernel: Kernel, failed: Path, tmp_path: Path) -> None:
    content = saved_file(failed).read_bytes()
    (tmp_path / "x.postmortem").write_bytes(content[:-10])
    assert "was cut short" in refused(kernel, f"%naga_postmortem {tmp_path}/x.postmortem --trust")


def test_postmortem_that_is_none_says_so(kernel: Kernel, folder: Path, tmp_path: Path) -> None:
    assert "is no post-mortem" in refused(kernel, "%naga_postmortem work.py --trust")
    assert "NAGA_DEBUG" in refused(kernel, f"%naga_postmortem {tmp_path}")
    assert "nowhere" in refused(kernel, "%naga_postmortem nowhere")
    assert "on, off, or RUN" in refused(kernel, "%naga_postmortem")


def test_second_failure_in_a_folder_leaves_one_postmortem(folder: Path) -> None:
    for _ in range(2):
        run_python(folder / "train", "train.py", "-o", "save_dir=results/twice", NAGA_DEBUG="1")
    assert saved_file(folder / "train/results/twice").stem == read_receipt(folder / "train/results/twice/run.lock").id


POOLS = [
    (
        "from concurrent.futures import ProcessPoolExecutor\nwith ProcessPoolExecutor(1) as pool:\n"
        "    list(pool.map(work.{}, range(5)))"
    ),
    "import multiprocessing\nwith multiprocessing.Pool(1) as pool:\n    pool.map(work.{}, range(5))",
    (
        "import multiprocessing\nfrom concurrent.futures import ProcessPoolExecutor\n"
        "with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context('spawn')) as pool:\n"
        "    list(pool.map(work.{}, range(5)))"
    ),
]


@pytest.mark.parametrize("cell", POOLS, ids=["futures", "multiprocessing", "spawned"])
def test_failure_of_a_worker_process_arrives_and_a_line_says_where_its_locals_are(kernel: Kernel, cell: str) -> None:
    answer = kernel.run(cell.format("work"))
    assert [error["ename"] for error in answer.errors] == ["ZeroDivisionError"]
    (line,) = [line for line in answer.stderr.splitlines() if "%naga_postmortem" in line]
    assert re.match(r"naga: work\(\) at work.py:7 in process \d+ - its locals are in a file: ", line)
    opened = kernel.run(line[line.index("%naga_postmortem") :])
    assert opened.status == "ok"
    assert value_of(kernel, "[number, part]") == [3, 6]


@pytest.mark.parametrize("cell", POOLS[:2], ids=["futures", "multiprocessing"])
def test_failure_that_a_worker_process_handles_leaves_nothing(kernel: Kernel, folder: Path, cell: str) -> None:
    before = set((folder / "cache").rglob("*.postmortem"))
    answer = kernel.run(cell.format("handles"))
    assert (answer.status, answer.stderr) == ("ok", "")
    assert set((folder / "cache").rglob("*.postmortem")) == before


def test_failure_of_a_process_of_its_own_says_where_its_locals_are(folder: Path, tmp_path: Path) -> None:
    (folder / "parent.py").write_text(
        "import multiprocessing, work\nif __name__ == '__main__':\n"
        "    process = multiprocessing.Process(target=work.work, args=(3,))\n    process.start(); process.join()\n"
    )
    done = run_python(folder, "parent.py", NAGA_DEBUG="1", NAGA_CACHE_DIR=str(tmp_path))
    assert done.stderr.count("naga: work() at work.py:7 in process ") == 1
    assert len(list(tmp_path.rglob("*.postmortem"))) == 1


def test_failure_of_a_worker_of_a_script_says_where_its_locals_are(folder: Path, tmp_path: Path) -> None:
    pool = POOLS[0].format("work").replace("\n", "\n    ")
    (folder / "parent.py").write_text(f"import work\nif __name__ == '__main__':\n    {pool}\n")
    done = run_python(folder, "parent.py", NAGA_DEBUG="1", NAGA_CACHE_DIR=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.count("%naga_postmortem ") == 1
    assert done.stderr.splitlines()[-1].startswith("naga: work() at work.py:7 in process ")


def test_postmortems_of_workers_are_few(folder: Path, tmp_path: Path) -> None:
    (folder / "many.py").write_text(
        "import work\nfrom concurrent.futures import ProcessPoolExecutor\nif __name__ == '__main__':\n"
        "    with ProcessPoolExecutor(1) as pool:\n"
        "        errors = [pool.submit(work.work, 3).exception() for _ in range(25)]\n"
        "    print([type(error).__name__ for error in errors].count('ZeroDivisionError'))\n"
    )
    done = run_python(folder, "many.py", NAGA_DEBUG="1", NAGA_CACHE_DIR=str(tmp_path))
    assert done.stdout == "25\n"
    assert len(list(tmp_path.rglob("*.postmortem"))) == 20


LARGE = """\
import numpy as np
def fails():
    large = {}
    other = 1
    raise RuntimeError('on purpose')
"""
MEMORY = "int(open('/proc/self/statm').read().split()[1]) * resource.getpagesize() / 2**20"


@pytest.mark.parametrize(
    ("large", "cell"),
    [("np.ones(300 << 17)", "%naga_run large.py"), ("np.ones(300 << 17)", "%%debug_locals\nfails()"),
     ("[(number, ) for number in range(3_000_000)]", "%naga_run large.py")],
    ids=["run", "cell", "small-objects"],
)  # fmt: skip
def test_clear_frees_the_memory_of_a_failure(kernel: Kernel, folder: Path, large: str, cell: str) -> None:
    (folder / "large.py").write_text(LARGE.format(large) + "fails()\n")
    kernel.run(LARGE.format(large))
    kernel.run("'warm'\n%naga_clear\nimport numpy")
    before = value_of(kernel, MEMORY)
    assert isinstance(before, float)
    for _ in range(2):
        assert kernel.run(cell).status == "error"
    kernel.run("large if 'ndarray' in str(type(large)) else other, other")
    kernel.run("large if 'ndarray' in str(type(large)) else other")
    kernel.run("naga.last.frames")
    held = value_of(kernel, MEMORY)
    assert isinstance(held, float)
    assert 150 < held - before < 450  # one copy, not two

    assert kernel.run("%naga_clear").status == "ok"

    after = value_of(kernel, MEMORY)
    assert isinstance(after, float)
    assert after - before < 60
    assert value_of(kernel, "'large' in globals()") is False


def test_clear_lets_go_of_what_the_person_was_shown(kernel: Kernel, folder: Path) -> None:
    kernel.run("def fails():\n    large = bytearray(3)\n    1 / 0\n")
    kernel.run("%%debug_locals\nfails()")
    kernel.run("import weakref, gc\nlarge")
    kernel.run("large.append(1); large")
    kernel.run("%naga_clear")
    held = "[sum(type(one) is bytearray for one in Out.values()), type(_) is bytearray, type(__) is bytearray]"
    assert value_of(kernel, held) == [0, False, False]
    assert value_of(kernel, "[hasattr(sys, name) for name in ('last_value', 'last_traceback')]") == [False, False]
