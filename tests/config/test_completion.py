"""Completion of a script's command line: what is read from its source, and that its body never runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from naga import complete_arguments
from tests.programs import run_python

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """\
from __future__ import annotations
import dataclasses
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import ClassVar, Literal, Optional
from naga import clicfg
from conf.shared import Shared
import conf.other as other

raise SystemExit('the script ran')

class Color(Enum):
    RED = 1
    BLUE = 2

class Base:
    inherited = 1
    replaced = 1

@dataclass
class Inner:
    depth: int = 3
    flag: bool = False

class Config(Base):
    lr: float = 0.1
    replaced = True
    color = Color.RED
    maybe: Optional[Color] = None
    mode: 'Literal["fast", "slow"]' = 'fast'
    number: int | None = None
    place = Path('a')
    inner: Inner = field(default_factory=Inner)
    by_object = Inner()
    shared: Shared = Shared()
    other: other.Other = other.Other()
    items: list[int] = []
    Limit: ClassVar[int] = 3
    _private = 2

    class nested:
        x = 1.5
        class deeper:
            y = 'z'

    class Kind(Enum):
        A = 1

    kind: Kind = Kind.A

    @property
    def computed(self): ...

@clicfg(config_class=Config)
def main(cfg): ...
"""

KEYS = [
    *("inherited=", "replaced=", "lr=", "color=", "maybe=", "mode=", "number=", "place="),
    *("inner.depth=", "inner.flag=", "by_object.depth=", "by_object.flag=", "shared.color=", "shared.base.root="),
    *("other.deep=", "items=", "nested.x=", "nested.deeper.y=", "kind="),
]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/__init__.py").write_text("raise SystemExit('the package ran')\n")
    (tmp_path / "conf/shared.py").write_text(
        "from .colors import Color as Paint\nfrom . import base\n"
        "class Shared:\n    color: Paint = Paint.GREEN\n    base: base.Base = base.Base()\n"
    )
    (tmp_path / "conf/colors.py").write_text("from enum import Enum\nclass Color(Enum):\n    GREEN = 1\n    GREY = 2\n")
    (tmp_path / "conf/base.py").write_text("class Base:\n    root = '/'\n")
    (tmp_path / "conf/other.py").write_text("from conf.colors import *\nclass Other:\n    deep: Color = Color.GREY\n")
    (tmp_path / "conf/base.yml").write_text(
        "lr: 1\nnested: {x: 1}\nsmall:\n  lr: 2\nbig:\n  huge: {lr: 3}\nlists: [1]\n"
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "list.txt").write_text("1\n")
    path = tmp_path / "process.py"
    path.write_text(SCRIPT)
    return path


@pytest.mark.parametrize("words", [["-o"], ["--override"], ["-o", "lr=2"], ["--grid"], ["--debug", "-o", "lr", "2"]])
def test_keys_of_all_levels_follow_the_option(script: Path, words: list[str]) -> None:
    assert complete_arguments(script, words, "") == KEYS


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        (["-o"], "in", ["inherited=", "inner.depth=", "inner.flag="]),
        (["-o"], "inner.f", ["inner.flag="]),
        (["-o"], "replaced=", ["replaced=true", "replaced=false"]),
        (["-o"], "replaced=t", ["replaced=true"]),
        (["-o"], "color=", ["color=RED", "color=BLUE"]),
        (["-o"], "maybe=", ["maybe=RED", "maybe=BLUE", "maybe=null"]),
        (["-o"], "mode=", ["mode=fast", "mode=slow"]),
        (["-o"], "shared.color=", ["shared.color=GREEN", "shared.color=GREY"]),
        (["-o"], "other.deep=GREY", ["other.deep=GREY"]),
        (["-o"], "kind=", ["kind=A"]),
        (["-o"], "number=", []),
        (["-o"], "nope=", []),
        (["-o"], "place=d", ["place=data/"]),
        (["-o", "color"], "", ["RED", "BLUE"]),
        (["-o", "lr", "2", "color"], "B", ["BLUE"]),
        (["--grid"], "color=RED,", ["color=RED,RED", "color=RED,BLUE"]),
        (["--config"], "", ["conf/", "data/"]),
        (["--config"], "conf/", ["conf/base.yml"]),
        ([], "--config=conf/b", ["--config=conf/base.yml"]),
        (["--tasks"], "l", ["list.txt"]),
        (["--config", "conf/base.yml", "--experiment"], "", ["small", "big", "big.huge"]),
        (["--config=conf/base.yml", "--experiment"], "big.", ["big.huge"]),
        (["--config", "nope.yml", "--experiment"], "", []),
        (["--experiment"], "", []),
        (["--config", "conf/base.yml", "--tasks_key"], "", ["items", "lists"]),
        (["--tasks", "list.txt", "--task-to"], "inner", ["inner", "inner.depth", "inner.flag"]),
        (["--n_jobs"], "", []),
        ([], "--ov", ["--overrides_path", "--override"]),
        ([], "--print-", ["--print-config"]),
        (["-o", "lr=2"], "--exp", ["--experiment"]),
        (["--debug"], "--dry", ["--dry_run"]),
        (["--config", "conf/base.yml"], "--dry", ["--dry_run"]),
        ([], "wor", []),
    ],
)
def test_word_is_completed_by_what_may_stand_there(
    script: Path, words: list[str], incomplete: str, expected: list[str]
) -> None:
    assert complete_arguments(script, words, incomplete) == expected


def test_options_are_offered_where_no_value_is_due(script: Path) -> None:
    offered = complete_arguments(script, ["--debug"], "")
    assert {"-o", "-h", "--config", "--experiment", "--tasks", "--grid", "--print_config"} <= set(offered)


@pytest.mark.parametrize(
    ("config", "keys"),
    [
        ("{'a': 1, 'b': {'c': True}, 'd': {}}", ["a=", "b.c=", "d="]),
        ("dict(a=1, b=dict(c=2))", ["a=", "b.c="]),
        ("OmegaConf.create({'a': 1})", ["a="]),
        ("SETTINGS", ["x=", "y.z="]),
        ("Plain()", ["p="]),
        ("plain", ["p="]),
        ("neighbour.Far", ["f="]),
        ("Ring", ["r=", "again="]),
        ("unknown", []),
        ("make()", []),
    ],
)
def test_config_of_every_kind_is_followed_to_its_keys(tmp_path: Path, config: str, keys: list[str]) -> None:
    (tmp_path / "neighbour.py").write_text("if True:\n    class Far:\n        f = 1\n")
    text = f"""\
from naga import clicfg as decorated
import neighbour
SETTINGS = {{'x': 1, 'y': {{'z': 2}}}}
class Plain:
    p = 1
plain = Plain()
class Ring:
    r = 1
    again: 'Ring | None' = None
@decorated({config})
async def main(cfg): ...
"""
    path = tmp_path / "s.py"
    path.write_text(text)
    assert complete_arguments(path, ["-o"], "") == keys


@pytest.mark.parametrize("text", ["", "def main(cfg): ...", "def main(:", "\0", "@clicfg\ndef main(cfg): ..."])
def test_script_without_a_main_of_its_own_completes_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.py"
    path.write_text(text)
    assert complete_arguments(path, [], "--") == []


def test_modules_that_import_each_other_come_to_an_end(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("from b import C\nD = C\n")
    (tmp_path / "b.py").write_text("from a import C, D\nC = D\n")
    path = tmp_path / "s.py"
    path.write_text("from a import C\n@clicfg(C)\ndef main(cfg): ...\n")
    assert complete_arguments(path, ["-o"], "") == []


def test_completion_loads_neither_omegaconf_nor_the_script(script: Path) -> None:
    code = (
        "import json, sys; from pathlib import Path; from naga import complete_arguments;"
        "found = complete_arguments(Path('process.py'), ['-o'], 'inner.d');"
        "print(json.dumps([found, sorted(sys.modules)]))"
    )
    done = run_python(script.parent, "-c", code)
    found, loaded = json.loads(done.stdout)
    assert found == ["inner.depth="]
    assert set(loaded) & {"omegaconf", "IPython", "conf", "subprocess", "yaml", "msgspec"} == set()
