"""Running a script in this process as its main program, and leaving the process as it was."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

from naga import NagaError, ScriptExitError, run_script
from naga.errors import NotFoundError
from tests.programs import call_script, run_python

PLAIN = "import sys\nvalues = sys.argv[1:]\n"


@pytest.fixture
def process() -> tuple[Any, ...]:
    """Return what a script must find again in this process when it ends."""
    return sys.modules["__main__"], sys.argv, list(sys.argv), sys.path, list(sys.path), sys.modules.get("script")


def test_result_holds_what_the_script_left(tmp_path: Path) -> None:
    result = call_script(tmp_path, PLAIN, "a", "b")
    assert result.script == tmp_path / "script.py"
    assert result.ns["values"] == ["a", "b"]
    assert (result.config, result.value, result.receipt, result.receipt_path) == (None, None, None, None)
    assert 0 < result.duration < 60


RECORDED = """\
from naga import clicfg

@clicfg(config_class={'param': 1, 'save_dir': 'results/process'})
def main(cfg):
    return cfg.param + 1

if __name__ == '__main__':
    main()
"""


def test_result_of_a_decorated_main_holds_config_value_and_receipt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = call_script(tmp_path, RECORDED, "-o", "param=4")
    assert result.config is not None
    assert (result.config.param, result.value) == (4, 5)
    assert result.receipt is not None
    assert (result.receipt.status, result.receipt.caller["argv"]) == ("finished", ["-o", "param=4"])
    assert result.receipt_path == tmp_path / "results/process/run.lock"
    first, *others = str(result).splitlines()
    assert first.startswith("script.py: finished in ")
    assert others[-1] == "receipt: results/process/run.lock"


@pytest.mark.parametrize(
    "arguments", [["-o", "z=${user}"], ["*", "~", "{x}", "$x", "${x}"], ["", " ", "a b", "'", '"', "\\", "\n", "ü☃"]]
)
def test_arguments_arrive_as_they_are(tmp_path: Path, arguments: list[str]) -> None:
    assert call_script(tmp_path, PLAIN, *arguments).ns["values"] == arguments


@pytest.mark.parametrize("folder", [".", "a folder"])
def test_script_sees_what_it_sees_as_a_program_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.chdir(tmp_path)
    script = Path(folder) / "script.py"
    script.parent.mkdir(exist_ok=True)
    script.write_text(
        "import sys\n"
        "seen = [__name__, __file__, __package__, sys.argv, sys.path[0], sys.modules['__main__'].__file__,\n"
        "        sys.modules['__main__'].__dict__ is globals(), 'annotations' in globals(), __doc__]\n"
        "if len(sys.argv) > 2:\n    print(seen)\n"
    )

    hosted = run_script(script, ["x"]).ns["seen"]

    hosted[3] = [*hosted[3], "print"]
    assert run_python(tmp_path, str(script), "x", "print").stdout == f"{hosted}\n"


ENDINGS = {
    "success": ("pass", None),
    "failure": ("1 / 0", ZeroDivisionError),
    "exit": ("sys.exit(3)", ScriptExitError),
    "interrupt": ("raise KeyboardInterrupt", KeyboardInterrupt),
    "wrong syntax": ("1 +", SyntaxError),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_process_is_what_it_was_however_the_script_ends(tmp_path: Path, process: tuple[Any, ...], ending: str) -> None:
    line, error = ENDINGS[ending]
    text = f"import sys\nsys.path.insert(0, 'x')\nsys.argv.append('x')\nsys.argv = ['y']\n{line}\n"
    if error is None:
        call_script(tmp_path, text, "a")
    else:
        with pytest.raises(error):
            call_script(tmp_path, text, "a")
    main, argv, words, path, places, module = process
    assert sys.modules["__main__"] is main
    assert sys.argv is argv
    assert sys.argv == words
    assert sys.path is path
    assert sys.path == places
    assert sys.modules.get("script") is module


PICKLING = """\
from __future__ import annotations
import pickle
from dataclasses import dataclass
from naga import clicfg

@dataclass
class Config:
    param: int = 1
    inner: Inner | None = None

@dataclass
class Inner:
    x: int = 2

@clicfg(config_class=Config)
def main(cfg):
    return pickle.dumps(Inner(x=cfg.param)), pickle.loads(pickle.dumps(Inner(x=9))).x

if __name__ == '__main__':
    main()
"""


def test_class_of_the_script_can_be_pickled_and_annotated_while_it_runs(tmp_path: Path) -> None:
    text, x = call_script(tmp_path, PICKLING, "-o", "inner.x=5", "param=4").value
    assert x == 9
    with pytest.raises((AttributeError, pickle.UnpicklingError)):
        pickle.loads(text)


@pytest.mark.parametrize(
    ("statement", "code", "says"),
    [("sys.exit(3)", 3, "exit code 3"), ("sys.exit('no data')", 1, "no data"), ("raise SystemExit(-1)", -1, "-1")],
)
def test_script_that_exits_with_an_error_raises_it(tmp_path: Path, statement: str, code: int, says: str) -> None:
    with pytest.raises(ScriptExitError, match=says) as caught:
        call_script(tmp_path, f"import sys\n{statement}\n")
    assert caught.value.code == code
    assert "script.py" in str(caught.value)


@pytest.mark.parametrize("statement", ["sys.exit()", "sys.exit(0)", "raise SystemExit(None)"])
def test_script_that_exits_without_an_error_has_succeeded(tmp_path: Path, statement: str) -> None:
    result = call_script(tmp_path, f"import sys\ndone = 1\n{statement}\ndone = 2\n")
    assert result.ns["done"] == 1


def test_missing_script_names_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "process.py").touch()
    with pytest.raises(NotFoundError, match=r"no script .*proces\.py") as caught:
        run_script(tmp_path / "proces.py")
    assert caught.value.hint == f"did you mean {tmp_path / 'process.py'}?"


def test_folder_in_place_of_a_script_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NagaError, match="cannot read the script"):
        run_script(tmp_path)


def test_script_in_another_encoding_is_read_as_python_reads_it(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_bytes("# -*- coding: latin-1 -*-\nname = 'ü'\n".encode("latin-1"))
    assert run_script(tmp_path / "script.py").ns["name"] == "ü"


def test_script_is_compiled_without_what_naga_imports_from_the_future(tmp_path: Path) -> None:
    result = call_script(tmp_path, "def function(x: int): ...\n")
    assert result.ns["function"].__annotations__ == {"x": int}


def test_script_run_again_sees_nothing_of_the_first_time(tmp_path: Path) -> None:
    first = call_script(tmp_path, "x = 1\n")
    second = call_script(tmp_path, "y = 'x' in globals()\n")
    assert second.ns["y"] is False
    assert "y" not in first.ns


FIRST_IMPORT = """\
import sys
sys.modules.pop('sysconfig', None)
from naga import watch_imports
end = watch_imports()
import wave
end()
print(wave.__name__)
"""


def test_first_import_that_is_watched_finds_its_module(tmp_path: Path) -> None:
    done = run_python(tmp_path, "-c", FIRST_IMPORT)
    assert (done.stdout, done.stderr) == ("wave\n", "")
