"""What ``-h`` and ``--print_config`` print, and what they leave alone."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.programs import call_script, run_python

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = '''\
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from naga import clicfg

class Color(Enum):
    RED = 1
    BLUE = 2

class Base:
    inherited = 1  # from the base
    replaced = 1  # never shown

class Inner:
    depth: int = 3  # of the tree

@dataclass
class Data:
    rate: float = 0.5
    """how fast"""

class Config(Base):
    # what it is
    # all about
    above = 'x'
    at_the_end: int | None = None  # at the end of its line
    below = Path('data/input.csv')
    """A docstring
    below the key."""
    replaced = 2  # shown
    several = [  # at the first line
        1,
    ]
    color = Color.RED
    bare = True
    required: str  # must be given

    class nested:
        # nested above
        x = 1.5

        class deeper:
            y = 'z'  # deeper still

    by_object = Inner()
    by_type: Data = field(default_factory=Data)

@clicfg(config_class=Config)
def main(cfg):
    """Do what a main does."""
    print('main ran')
    Path('ran').touch()

if __name__ == '__main__':
    main()
'''.replace("    by_type: Data = field(default_factory=Data)", "    by_type: Data = Data()")

LISTING = """\
above            str                'x'             what it is all about
at_the_end       int | None         null            at the end of its line
below            Path               data/input.csv  A docstring below the key.
replaced         int                2               shown
several          list               [1]             at the first line
color            Color (RED, BLUE)  RED
bare             bool               True
required         str                (required)      must be given
nested.x         float              1.5             nested above
nested.deeper.y  str                'z'             deeper still
by_object.depth  int                3               of the tree
by_type.rate     float              0.5             how fast
inherited        int                1               from the base
"""


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_every_key_with_type_default_and_comment(tmp_path: Path, option: str) -> None:
    (tmp_path / "process.py").write_text(SCRIPT)

    done = run_python(tmp_path, "process.py", option)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: process.py")
    assert "Do what a main does." in done.stdout
    listed = {line.strip() for line in done.stdout.splitlines()}
    for line in LISTING.splitlines():
        assert line in listed
    assert "never shown" not in done.stdout
    for name in ("--config", "--experiment", "-o", "--print_config", "--debug"):
        assert name in done.stdout


@pytest.mark.parametrize("option", ["-h", "--print_config"])
def test_help_and_printed_config_run_nothing_and_write_nothing(tmp_path: Path, option: str) -> None:
    (tmp_path / "process.py").write_text(SCRIPT)

    done = run_python(tmp_path, "process.py", option, "-o", "required=x")

    assert done.returncode == 0
    assert "main ran" not in done.stdout
    assert [path.name for path in tmp_path.iterdir() if path.name != "__pycache__"] == ["process.py"]


def test_help_needs_no_valid_config(tmp_path: Path) -> None:
    (tmp_path / "process.py").write_text(SCRIPT)
    done = run_python(tmp_path, "process.py", "--config", "nowhere.yml", "-o", "nope=1", "-h")
    assert (done.returncode, done.stderr) == (0, "")


def test_help_imports_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    report = "import atexit, json, sys; atexit.register(lambda: print(json.dumps(sorted(sys.modules))))\n"
    (tmp_path / "process.py").write_text(report + SCRIPT)

    done = run_python(tmp_path, "process.py", "-h")

    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "omegaconf" in loaded
    unwanted = {"git", "IPython", "mlflow", "subprocess", "sqlite3", "importlib.metadata", "rich", "tqdm", "pandas"}
    assert loaded & (unwanted | {"naga.lock.snapshot", "naga.lock.environment"}) == set()


def test_help_of_a_mapping_lists_its_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = """\
        from naga import clicfg
        @clicfg(config_class={'a': 1, 'b': {'c': None, 2: 'two'}, 'd': {}})
        def main(cfg): ...
        main()
    """
    call_script(tmp_path, textwrap.dedent(script), "-h")
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    for line in ("a int 1", "b.c any null", "b.2 str 'two'", "d mapping {}"):
        assert line in lines


def test_help_shows_the_values_of_the_object_that_main_is_called_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = """\
        from naga import clicfg
        class Config:
            param = 1
        @clicfg(config_class=Config)
        def main(cfg): ...
        config = Config()
        config.param = 77
        main(config)
    """
    call_script(tmp_path, textwrap.dedent(script), "-h")
    assert "77" in capsys.readouterr().out


PRINTED = """\
from enum import Enum
from pathlib import Path
from naga import clicfg

class Color(Enum):
    RED = 1

class Config:
    param = 1
    save_dir = 'results/${param}'
    place = Path('a')
    color = Color.RED
    api_token = 'hunter2hunter2'
    class inner:
        text = 'ü'

@clicfg(config_class=Config)
def main(cfg):
    raise AssertionError('main ran')

if __name__ == '__main__':
    main()
"""


@pytest.mark.parametrize("option", ["--print_config", "--print-config"])
def test_printed_config_is_what_the_receipt_would_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    (tmp_path / "conf.yml").write_text("inner:\n  text: from the file\n")

    result = call_script(tmp_path, PRINTED, "--config", str(tmp_path / "conf.yml"), "-o", "param=3", option)

    printed = capsys.readouterr().out
    assert yaml.safe_load(printed) == {
        "param": 3,
        "save_dir": "results/3",
        "place": "a",
        "color": "RED",
        "api_token": "***",
        "inner": {"text": "from the file"},
    }
    assert next(iter(yaml.safe_load(printed))) == "param"
    assert (result.receipt, result.value) == (None, None)
    assert not (tmp_path / "results").exists()


def test_printed_config_that_is_wrong_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "process.py").write_text(PRINTED)
    done = run_python(tmp_path, "process.py", "--print_config", "-o", "parm=3")
    assert (done.returncode, done.stdout) == (78, "")
    assert "'parm'" in done.stderr
