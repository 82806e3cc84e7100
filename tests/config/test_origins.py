"""``--print_config`` names the place that each value is from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.programs import call_script, run_python

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """\
from dataclasses import dataclass, field
from naga import clicfg

class Base:
    inherited = 1
    replaced = 1

@dataclass
class Inner:
    depth: int = 3
    other: int = 4

class Config(Base):
    param = 1
    replaced = 2
    text = 'one\\n\\ntwo: # three'
    long = 'x' * 80
    numbers = [1, 2]
    empty = {}
    table = {'k': 1, 'l': 2}
    player: dict = '${table}'
    api_token = 'hunter2hunter2'
    inner: Inner = field(default_factory=Inner)
    class nested:
        x = 1.5
        y = '${param}'

@clicfg(config_class=Config)
def main(cfg): ...

if __name__ == '__main__':
    main()
""".replace("    inner: Inner = field(default_factory=Inner)", "    inner: Inner = Inner()")

CONF = """\
inherited: 5
inner: {depth: 6}
nested:
  x: ???
small:
  replaced: 7
  inner:
    other: 8
"""


@pytest.fixture
def printed(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that gives the text of the printed config, and key -> comment of it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf.yml").write_text(CONF)
    (tmp_path / "over.yml").write_text("\n\ntable: {k: 9}\n")

    def run(*arguments: str, script: str = SCRIPT) -> tuple[str, dict[str, str]]:
        call_script(tmp_path, script, *arguments, "--print_config")
        text = capsys.readouterr().out
        return text, dict(re.findall(r"^ *(\w+):.*  # (\S.*)$", text, re.MULTILINE))

    return run


def line_of(text: str) -> str:
    number = next(number for number, line in enumerate(SCRIPT.splitlines(), 1) if line.strip().startswith(text))
    return f"script.py:{number}"


def test_value_of_every_layer_is_shown_with_its_place(printed: Any) -> None:
    words = ["--config", "conf.yml", "--experiment", "small", "--overrides_path", "over.yml", "-o", "nested.x=2"]

    text, places = printed(*words)

    assert places == {
        "inherited": "conf.yml:1",
        "replaced": "conf.yml:6",
        "param": line_of("param"),
        "two": line_of("text"),  # the last line of the text
        "long": line_of("long"),
        "numbers": line_of("numbers"),
        "empty": line_of("empty"),
        "k": line_of("player"),
        "l": line_of("player"),
        "api_token": line_of("api_token"),
        "depth": "conf.yml:2",
        "other": "conf.yml:8",
        "x": "-o",
        "y": line_of("y = "),
    }
    assert "  k: 9 " in text
    assert re.search(r"^table:\n  k: 9 +# over.yml:3\n  l: 2 +# script.py:\d+$", text, re.MULTILINE)


def test_printed_config_stays_valid_yaml_in_columns(printed: Any) -> None:
    text, _ = printed("-o", "param=3")
    content = yaml.safe_load(text)
    assert content["text"] == "one\n\ntwo: # three"
    assert content["numbers"] == [1, 2]
    assert content["empty"] == {}
    assert content["long"] == "x" * 80
    assert content["api_token"] == "***"
    assert content["player"] == {"k": 1, "l": 2}
    assert "hunter2" not in text
    columns = {line.rindex("  # ") for line in text.splitlines() if "  # " in line and "x" * 80 not in line}
    assert len(columns) == 1


def test_value_that_a_layer_leaves_missing_is_from_the_layer_before(printed: Any) -> None:
    _, places = printed("--config", "conf.yml", "--experiment", "small")
    assert places["x"] == line_of("x = ")


@pytest.mark.parametrize(
    ("call", "place"),
    [
        ("main(param=5)", "main(...)"),
        ("main({'param': 5})", "the config that was given"),
        ("cfg = Config(); cfg.param = 5; main(cfg)", "the config that was given"),
    ],
)
def test_value_of_a_call_is_said_to_be_from_it(printed: Any, call: str, place: str) -> None:
    _, places = printed(script=SCRIPT.replace("    main()\n", f"    {call}\n"))
    assert places["param"] == place


def test_values_of_a_mapping_are_from_the_decorator(printed: Any) -> None:
    script = "from naga import clicfg\n@clicfg({'a': 1, 'b': {'c': 2}})\ndef main(cfg): ...\nmain()\n"
    _, places = printed("-o", "b.c=3", script=script)
    assert places == {"a": "the config of the decorator", "c": "-o"}


def test_config_of_a_sweep_is_that_of_its_first_task(printed: Any) -> None:
    script = SCRIPT.replace("param = 1", "param: int")
    text, places = printed("--grid", "param=4,5", "nested.x=1,2", script=script)
    assert text.startswith("# the first of 4 tasks\n")
    assert (places["param"], places["x"], yaml.safe_load(text)["nested"]) == (
        "--grid:1",
        "--grid:1",
        {"x": 1.0, "y": "4"},
    )


def test_errors_about_what_class_or_file_say_name_the_line(tmp_path: Path) -> None:
    script = SCRIPT.replace("    param = 1\n", "    param: int\n").replace("y = '${param}'", "y = '${parm}'")
    number = next(number for number, line in enumerate(script.splitlines(), 1) if "param: int" in line)
    (tmp_path / "script.py").write_text(script)
    missing = run_python(tmp_path, "script.py")
    assert f"no value for 'param' (int) in script.py:{number}" in missing.stderr
    wrong = run_python(tmp_path, "script.py", "-o", "param=1")
    number = next(number for number, line in enumerate(script.splitlines(), 1) if "${parm}" in line)
    assert f"'nested.y' in script.py:{number}: " in wrong.stderr
    (tmp_path / "base.yml").write_text("inherited: 1\nnested: {y: ok}\nlist: [1]\ntext: ${lst}\n")
    swept = run_python(tmp_path, "script.py", "--config", "base.yml", "--tasks_key", "list", "--task_to", "param")
    assert "'text' in base.yml:4: " in swept.stderr
