"""What %naga_run leaves untouched, loads anew, and hands over, in a real kernel."""

from __future__ import annotations

import json
import os
import py_compile
import re
import textwrap
from typing import TYPE_CHECKING

import pytest

from naga import read_receipt
from tests.kernels import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kernels import Answer

TAKES = """\
from naga import clicfg

class Model:
    lr = 0.1
    depth = 2

class Config:
    rows = None
    model = Model()
    token = 'abc'
    save_dir = 'results/takes'

@clicfg(config_class=Config)
def main(cfg):
    return cfg

if __name__ == '__main__':
    main()
"""

STATE = """\
import asyncio, os, sys
def state():
    loop = asyncio.get_running_loop()
    return [sys.modules['__main__'], sys.argv, list(sys.argv), sys.path, list(sys.path), os.getcwd(), loop,
            asyncio.get_event_loop()]
before = state()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, libraries: str) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "takes.py").write_text(TAKES)
    (folder / "elsewhere").mkdir()
    return folder


@pytest.fixture(scope="module")
def kernel(folder: Path) -> Iterator[Kernel]:
    """Yield a kernel with the extension, in a folder with scripts; the tests of this file share it."""
    kernel = Kernel(folder)
    kernel.run("%load_ext naga")
    kernel.run(STATE)
    yield kernel
    kernel.stop()


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))


def value_of(kernel: Kernel, expression: str) -> object:
    answer = kernel.run(f"import json; print(json.dumps({expression}))")
    assert answer.errors == []
    return json.loads(answer.stdout)


ENDINGS = {"success": "", "failure": "1 / 0", "exit": "sys.exit(3)", "interrupt": "print('now'); time.sleep(60)"}
MEDDLES = """\
import asyncio, os, sys, time
async def main():
    await asyncio.sleep(0)
    return 7
seven = asyncio.run(main())
os.chdir('elsewhere')
sys.argv, sys.path = ['x'], ['y', *sys.path]
sys.modules['__main__'] = sys
ENDING
"""


@pytest.mark.parametrize("ending", ENDINGS)
def test_process_is_what_it_was_after_a_script_that_meddles(kernel: Kernel, folder: Path, ending: str) -> None:
    write(folder, "meddles.py", MEDDLES.replace("ENDING", ENDINGS[ending]))

    answer = kernel.run("%naga_run meddles.py", interrupt_at="now" if ending == "interrupt" else None)

    assert answer.status == ("ok" if ending == "success" else "error"), answer
    after = kernel.run("import asyncio\nawait asyncio.sleep(0)\nassert state() == before, (state(), before)")
    assert after.errors == []


PLACE = """\
import os, sys, time
import beside
place = [os.getcwd(), sys.path[0], beside.NAME, open('data.txt').read()]
print('there')
ENDING
"""


@pytest.mark.parametrize("ending", ENDINGS)
def test_script_with_cwd_runs_in_that_folder_and_the_kernel_is_where_it_was(
    kernel: Kernel, folder: Path, ending: str
) -> None:
    other = folder / "an other ü"
    write(folder, "an other ü/scripts/place.py", PLACE.replace("ENDING", ENDINGS[ending]))
    write(folder, "an other ü/scripts/beside.py", "NAME = 'beside'")
    write(folder, "an other ü/data.txt", "the data")

    line = "found = %naga_run --cwd 'an other ü' scripts/place.py"
    answer = kernel.run(line, interrupt_at="now" if ending == "interrupt" else None)

    assert answer.status == ("ok" if ending == "success" else "error"), answer
    assert "there" in answer.stdout
    assert kernel.run("assert state() == before, (state(), before)").errors == []
    if ending == "success":
        assert value_of(kernel, "found.ns['place']") == [str(other), str(other / "scripts"), "beside", "the data"]


def test_outputs_and_receipt_of_a_run_with_cwd_are_in_that_folder(kernel: Kernel, folder: Path) -> None:
    write(folder, "away/takes.py", TAKES)
    answer = kernel.run("rows = 3\nresult = %naga_run --set rows=rows+1 --cwd=away takes.py\nresult")
    assert answer.errors == []
    receipt = read_receipt(folder / "away/results/takes/run.lock")
    assert receipt.config["rows"] == 4
    assert "away/results/takes/run.lock" in str(answer)
    assert not (folder / "results/takes/run.lock").exists()


def test_module_with_cwd_is_looked_for_in_that_folder(kernel: Kernel, folder: Path) -> None:
    write(folder, "away/steps/__init__.py", "")
    write(folder, "away/steps/one.py", "from . import two\nimport os\nplace = os.getcwd(), two.N")
    write(folder, "away/steps/two.py", "N = 2")
    assert kernel.run("found = %naga_run --cwd away -m steps.one").errors == []
    assert value_of(kernel, "found.ns['place']") == [str(folder / "away"), 2]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--cwd no_such takes.py", "--cwd no_such: No such file or directory"),
        ("--cwd takes.py takes.py", "--cwd takes.py: Not a directory"),
        ("--cwd", "--cwd needs a folder"),
        ("--cwd away", "%naga_run needs a script"),
    ],
)
def test_cwd_that_is_no_folder_fails_the_cell_with_one_line(kernel: Kernel, line: str, message: str) -> None:
    answer = kernel.run(f"%naga_run {line}")
    assert answer.status == "error"
    assert message in str(answer)
    assert kernel.run("assert state() == before").errors == []


PICKLES = """\
from __future__ import annotations
import dataclasses, pickle, sys, typing

@dataclasses.dataclass
class Point:
    x: int
    y: list[Point] | None = None

copy = pickle.loads(pickle.dumps(Point(1)))
hints = typing.get_type_hints(Point)
is_main = sys.modules['__main__'].__dict__ is globals()
"""


def test_script_is_the_main_module_so_that_it_pickles_and_resolves_annotations(kernel: Kernel, folder: Path) -> None:
    write(folder, "pickles.py", PICKLES)
    kernel.run("r = %naga_run pickles.py")
    assert value_of(kernel, "[r.ns['copy'].x, r.ns['hints']['x'].__name__, r.ns['is_main']]") == [1, "int", True]


@pytest.fixture
def package(folder: Path) -> Path:
    write(folder, "pkg/__init__.py", "")
    write(folder, "pkg/other.py", "value = 5\n")
    write(folder, "pkg/inner/__init__.py", "")
    write(
        folder,
        "pkg/inner/relative.py",
        """\
        import sys
        from ..other import value
        seen = [value, __name__, __package__, sys.argv[1:]]
        """,
    )
    write(folder, "pkg/__main__.py", "from .other import value\n")
    return folder / "pkg"


def test_module_runs_as_under_python_m(kernel: Kernel, package: Path) -> None:
    answer = kernel.run("r = %naga_run -m pkg.inner.relative -m 'a b' *")
    assert (answer.status, answer.stderr) == ("ok", "")
    assert value_of(kernel, "r.ns['seen']") == [5, "__main__", "pkg.inner", ["-m", "a b", "*"]]
    assert kernel.run("r = %naga_run -m pkg").status == "ok"
    assert value_of(kernel, "r.ns['value']") == 5


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("-m pkg.othr", "no module pkg.othr (did you mean pkg.other?)"),
        ("-m pgk", "no module pgk (did you mean pkg?)"),
        ("-m pkg/other.py", "no name of a module"),
        ("-m pkg.inner", "has no __main__"),
        ("-m sys", "not written in Python"),
        ("-m", "-m needs"),
        ("-x takes.py", "unknown option -x"),
        ("--set takes.py", "no KEY=EXPR"),
        ("--set", "--set needs"),
        ("takes.py -o mdel.lr=3", "did you mean 'model'"),
        ("--set modl.lr=3 takes.py", "unknown key 'modl' in --set (did you mean 'model'?)"),
        ("--set model.lr=asyncio takes.py", "'model.lr' in --set"),
        ("--set rows=nowhere takes.py", "--set rows=nowhere: NameError"),
        ("--set rows=( takes.py", "--set rows=(: SyntaxError"),
        ("--set rows=3 takes.py --grid model.lr=1,2", "a sweep takes no --set"),
    ],
)
def test_line_that_is_wrong_fails_its_cell_with_one_line(kernel: Kernel, package: Path, line: str, says: str) -> None:
    answer = kernel.run(f"%naga_run {line}\nprint('went on')")
    assert (answer.status, answer.errors, answer.stdout) == ("error", [], "")
    (only,) = answer.stderr.splitlines()
    assert only.startswith("UsageError: ")
    assert says in only


def test_plain_file_of_a_package_that_imports_relatively_says_how_to_run_it(kernel: Kernel, package: Path) -> None:
    answer = kernel.run("%naga_run pkg/inner/relative.py")
    assert [error["ename"] for error in answer.errors] == ["ImportError"]
    assert "relative.py is part of the package pkg.inner: run it with -m pkg.inner.relative" in answer.traceback


def test_printed_config_shows_what_was_set_from_the_notebook(kernel: Kernel, folder: Path) -> None:
    answer = kernel.run("%naga_run --set model.lr=0.25*2 takes.py -o save_dir=results/printed --print_config")
    assert (answer.status, answer.stderr) == ("ok", "")
    assert re.search(r"^  lr: 0\.5 +# .*--set", answer.stdout, re.MULTILINE), answer.stdout
    assert not (folder / "results/printed").exists()


def test_value_of_the_notebook_reaches_the_config_as_the_object_itself(kernel: Kernel, folder: Path) -> None:
    kernel.run(
        "class Table:\n    def __deepcopy__(self, _): raise TypeError('too big')\ntable, rates = Table(), {'best': 0.5}"
    )
    given = """--set rows=table --set model.lr=rates["best"] --set 'token="s3cr3t of mine"'"""
    answer = kernel.run(f"r = %naga_run {given} takes.py -o model.lr=9")
    assert (answer.status, answer.stderr) == ("ok", "")
    assert value_of(kernel, "[r.config.rows is table, r.config.model.lr, r.config.token]") == [
        True,
        0.5,
        "s3cr3t of mine",
    ]
    receipt = read_receipt(folder / "results/takes/run.lock")
    assert receipt.caller["set"] == ["model.lr", "rows", "token"]
    assert receipt.caller["argv"] == ["-o", "model.lr=9"]
    assert receipt.config["rows"] == "<__main__.Table>"
    assert receipt.config["model"] == {"lr": 0.5, "depth": 2}
    assert "s3cr3t" not in (folder / "results/takes/run.lock").read_text()


def test_value_that_no_main_takes_fails_the_cell(kernel: Kernel, folder: Path) -> None:
    write(folder, "plain.py", "print('ran')\n")
    answer = kernel.run("%naga_run --set rows=1 plain.py")
    assert (answer.status, answer.errors, answer.stdout) == ("error", [], "ran\n")
    assert "no main of it took rows" in answer.stderr


def test_sweep_shows_a_table_that_changes_while_it_goes_on(kernel: Kernel) -> None:
    answer = kernel.run("%naga_run takes.py --grid model.depth=1,2,3 -o save_dir=results/depth-${model.depth}")

    assert (answer.status, "naga: 3 finished, 0 failed" in answer.stderr) == ("ok", True), answer
    table, result = answer.results
    assert table["text/plain"].startswith("0 of 3 done, 0 running, 0 failed, 3 left")
    for last in (answer.updates[-1]["text/html"], answer.updates[-1]["text/plain"]):
        assert "3 of 3 done, 0 running, 0 failed, 0 left" in last
    assert "<script" not in answer.updates[-1]["text/html"]
    assert "SweepResult: 3 finished, 0 failed" in result["text/plain"]


def test_last_run_is_the_result_of_the_last_script(kernel: Kernel) -> None:
    kernel.run("import naga\nr = %naga_run takes.py -o model.depth=1\nlast = naga.last_run")
    assert value_of(kernel, "[last is r, naga.last_run is r]") == [True, True]
    kernel.run("%naga_run takes.py -o model.depth=0")
    assert value_of(kernel, "[naga.last_run is r, naga.last_run.config.model.depth]") == [False, 0]


class TestHelpers:
    """Helper modules that change between two runs."""

    @pytest.fixture(autouse=True)
    def project(self, folder: Path) -> None:
        write(folder, "helper_low.py", "value = 1\n")
        write(folder, "helper_pkg/__init__.py", "")
        write(folder, "helper_pkg/middle.py", "from helper_low import value\nvalue_of_middle = value\n")
        write(folder, "helper_free.py", "import random\ntoken = random.random()\n")
        write(
            folder,
            "uses.py",
            "from helper_pkg import middle\nimport helper_free\nresult = [middle.value_of_middle, helper_free.token]\n",
        )

    @pytest.fixture
    def runs(self, kernel: Kernel) -> Iterator[Kernel]:
        yield kernel
        kernel.run("import sys\nfor name in [n for n in sys.modules if n.startswith('helper_')]: del sys.modules[name]")

    @staticmethod
    def result(kernel: Kernel, *, says: str = "") -> list[float]:
        answer: Answer = kernel.run("r = %naga_run uses.py")
        assert answer.errors == []
        assert answer.stderr == says
        found = value_of(kernel, "r.ns['result']")
        assert isinstance(found, list)
        return found

    SAYS = "naga: changed, so loaded anew: helper_low, helper_pkg.middle\n"

    def test_content_that_changed_is_loaded_anew_with_all_that_imports_it(self, runs: Kernel, folder: Path) -> None:
        first = self.result(runs)
        write(folder, "helper_low.py", "value = 22\n")
        second = self.result(runs, says=self.SAYS)
        assert (first[0], second[0]) == (1, 22)
        assert first[1] == second[1]
        assert self.result(runs) == second

    def test_content_that_changed_while_time_and_size_did_not_is_loaded_anew(self, runs: Kernel, folder: Path) -> None:
        self.result(runs)
        status = os.stat(folder / "helper_low.py")
        write(folder, "helper_low.py", "value = 2\n")
        os.utime(folder / "helper_low.py", ns=(status.st_atime_ns, status.st_mtime_ns))
        assert self.result(runs, says=self.SAYS)[0] == 2

    def test_helper_that_is_not_loaded_yet_is_not_taken_from_bytecode_of_an_earlier_content(
        self, runs: Kernel, folder: Path
    ) -> None:
        py_compile.compile(str(folder / "helper_low.py"), doraise=True)
        status = os.stat(folder / "helper_low.py")
        write(folder, "helper_low.py", "value = 9\n")
        os.utime(folder / "helper_low.py", ns=(status.st_atime_ns, status.st_mtime_ns))
        assert self.result(runs)[0] == 9

    def test_time_that_changed_alone_loads_nothing(self, runs: Kernel, folder: Path) -> None:
        first = self.result(runs)
        os.utime(folder / "helper_low.py", ns=(0, 0))
        os.utime(folder / "helper_free.py")
        assert self.result(runs) == first

    def test_helper_that_a_cell_imported_and_that_changed_since_is_loaded_anew(
        self, runs: Kernel, folder: Path
    ) -> None:
        assert runs.run("import helper_low").errors == []
        write(folder, "helper_low.py", "value = 3\n")
        assert self.result(runs, says="naga: changed, so loaded anew: helper_low\n")[0] == 3

    def test_helper_that_changes_while_the_script_runs_is_loaded_anew_next_time(
        self, runs: Kernel, folder: Path
    ) -> None:
        (folder / "uses.py").write_text(
            (folder / "uses.py").read_text() + "open('helper_low.py', 'w').write('value = 44\\n')\n"
        )
        assert self.result(runs)[0] == 1
        (folder / "uses.py").write_text((folder / "uses.py").read_text().rsplit("open", 1)[0])
        assert self.result(runs, says=self.SAYS)[0] == 44

    def test_helper_that_no_longer_compiles_fails_the_run(self, runs: Kernel, folder: Path) -> None:
        self.result(runs)
        write(folder, "helper_low.py", "value = (\n")
        answer = runs.run("%naga_run uses.py\nprint('went on')")
        assert [error["ename"] for error in answer.errors] == ["SyntaxError"]
        assert "helper_low.py" in answer.traceback
        assert "/naga/" not in answer.traceback
        assert answer.stdout == ""
        write(folder, "helper_low.py", "value = 4\n")
        assert self.result(runs)[0] == 4

    def test_package_that_changed_is_loaded_anew_with_its_modules(self, runs: Kernel, folder: Path) -> None:
        self.result(runs)
        write(folder, "helper_pkg/__init__.py", "changed = 1\n")
        self.result(runs, says="naga: changed, so loaded anew: helper_pkg, helper_pkg.middle\n")

    def test_installed_module_that_changed_is_not_loaded_anew(self, runs: Kernel, folder: Path) -> None:
        write(folder, "lib/site-packages/helper_installed.py", "value = 1\n")
        write(
            folder,
            "uses.py",
            "import sys\nsys.path.insert(0, 'lib/site-packages')\nimport helper_installed\n"
            "result = [helper_installed.value]\n",
        )
        assert self.result(runs) == [1]
        write(folder, "lib/site-packages/helper_installed.py", "value = 22\n")
        assert self.result(runs) == [1]
