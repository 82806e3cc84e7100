"""The forms of ``-o``: they give what OmegaConf gives, or one line that says what is wrong."""

from __future__ import annotations

import shlex
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from naga import NagaError
from naga.errors import ConfigError, UnknownKeyError, UsageError, WrongTypeError
from tests.programs import call_script

SCRIPT = """\
from enum import Enum
from pathlib import Path
from naga import clicfg

class Color(Enum):
    RED = 1
    BLUE = 2

class Config:
    param = 1
    text = 'x'
    rate = 0.1
    flag = False
    place = Path('a')
    color = Color.RED
    numbers = [1, 2]
    table = {'k': 1}
    maybe: int | None = 3
    anything = None
    class inner:
        x = 1
        y = 'y'

@clicfg(config_class=Config)
def main(cfg):
    return cfg

if __name__ == '__main__':
    main()
"""


def changed(folder: Path, line: str) -> dict[str, Any]:
    """Return what a command line, written as in a shell, changes of the defaults."""
    before = OmegaConf.to_container(call_script(folder, SCRIPT).value)
    after = OmegaConf.to_container(call_script(folder, SCRIPT, *shlex.split(line)).value, resolve=True)
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    return {
        str(key): value.name if isinstance(value, Enum) else value
        for key, value in after.items()
        if repr(value) != repr(before[key])
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-o param=10", {"param": 10}),
        ("-o param 10", {"param": 10}),
        ("-o param=10 text=z", {"param": 10, "text": "z"}),
        ("-o param 10 text=z", {"param": 10, "text": "z"}),
        ("-o text=z param 10", {"param": 10, "text": "z"}),
        ("-o param=9 -o param=10", {"param": 10}),
        ("-o param=9 param=10", {"param": 10}),
        ("--override param=10", {"param": 10}),
        ("--override=param=10", {"param": 10}),
        ("-oparam=10", {"param": 10}),
        ("-o param=-5", {"param": -5}),
        ("-o param -5", {"param": -5}),
        ("-o rate=-.5", {"rate": -0.5}),
        ("-o rate=1e-3", {"rate": 0.001}),
        ("-o rate 1e-3", {"rate": 0.001}),
        ("-o anything=1e-3", {"anything": 0.001}),
        ("-o anything='[1, {a: b}]'", {"anything": [1, {"a": "b"}]}),
        ("-o anything=on", {"anything": True}),
        ("-o maybe=null", {"maybe": None}),
        ("-o maybe=", {"maybe": None}),
        ("-o flag=yes", {"flag": True}),
        ("-o flag true", {"flag": True}),
        ("-o color=BLUE", {"color": "BLUE"}),
        ("-o place=/x/y", {"place": Path("/x/y")}),
        ("-o text=ü☃", {"text": "ü☃"}),
        ("-o 'text=a b'", {"text": "a b"}),
        ("""-o 'text="quoted"'""", {"text": "quoted"}),
        ("""-o text="'null'" """, {"text": "null"}),
        ("""-o text="''" """, {"text": ""}),
        ("-o text=-z", {"text": "-z"}),
        ("-o text=--config", {"text": "--config"}),
        ("-o text=a=b", {"text": "a=b"}),
        ("-o text=a:b", {"text": "a:b"}),
        ("-o text=2020-01-01", {"text": "2020-01-01"}),
        ("-o 'text=pre${param}post'", {"text": "pre1post"}),
        (r"-o 'text=\${param}'", {"text": "${param}"}),
        ("-o numbers=[3,4,5]", {"numbers": [3, 4, 5]}),
        ("-o numbers[0]=5", {"numbers": [5, 2]}),
        ("-o numbers.1=5 param=2", {"numbers": [1, 5], "param": 2}),
        ("-o table.z=3", {"table": {"k": 1, "z": 3}}),
        ("-o table[a.b]=3", {"table": {"k": 1, "a.b": 3}}),
        ("-o inner.x=5 inner.y=z", {"inner": {"x": 5, "y": "z"}}),
        ("-o 'inner={x: 3}'", {"inner": {"x": 3, "y": "y"}}),
    ],
)
def test_override_of_every_form_sets_the_value(tmp_path: Path, line: str, expected: dict[str, Any]) -> None:
    assert changed(tmp_path, line) == expected


@pytest.mark.parametrize(
    ("line", "error", "says"),
    [
        ("-o text=", WrongTypeError, ["'text' in -o must be str, not None", "quote"]),
        ("-o text=null", WrongTypeError, ["'text'", "str"]),
        ("-o 'text=a: b'", WrongTypeError, ["'text'", "str", "a mapping"]),
        ("-o param=1.0", WrongTypeError, ["'param'", "int", "1.0"]),
        ("-o color=blue", WrongTypeError, ["'color'", "Color (RED, BLUE)", "'blue'"]),
        ("-o numbers=3", WrongTypeError, ["'numbers'", "list", "3"]),
        ("-o 'numbers={a: 1}'", WrongTypeError, ["'numbers'", "list", "a mapping"]),
        ("-o table=[1]", WrongTypeError, ["'table'", "dict", "a list"]),
        ("-o inner=3", WrongTypeError, ["'inner'", "not 3", "inner.x=VALUE"]),
        ("-o inner.x=abc", WrongTypeError, ["'inner.x'", "int", "'abc'"]),
        ("-o inner.xx=3", UnknownKeyError, ["'inner.xx'", "'inner.x'"]),
        ("-o parm=3", UnknownKeyError, ["'parm' in -o", "'param'"]),
        ("-o numbers[7]=5", ConfigError, ["numbers"]),
        ("-o text=[1", ConfigError, ["-o text", "YAML", "quote it"]),
        ("-o text=@x", ConfigError, ["-o text", "YAML"]),
        ("-o text='!!python/name:os.system'", ConfigError, ["-o text", "YAML"]),
        ("-o 'text=${nope'", ConfigError, ["text"]),
        ("-o =3", UsageError, ["'=3'", "KEY=VALUE"]),
        ("-o ''", UsageError, ["KEY=VALUE"]),
        ("-o param", UsageError, ["'param' has no value", "-o param=VALUE"]),
        ("-o", UsageError, ["-o"]),
        ("-o text a=b", UsageError, ["'text' has no value"]),
        ("-o text -z", UsageError, ["-o text has no value", "-o text=-z"]),
        ("-o rate -1e-3", UsageError, ["-o rate=-1e-3"]),
        ("-o param=1 --confg x", UsageError, ["unknown option --confg", "--config"]),
        ("param", UsageError, ["'param'", "-o param=VALUE"]),
        ("param=3", UsageError, ["'param=3'", "-o param=3?"]),
    ],
)
def test_override_that_makes_no_sense_names_key_and_remedy(
    tmp_path: Path, line: str, error: type[NagaError], says: list[str]
) -> None:
    with pytest.raises(error) as caught:
        call_script(tmp_path, SCRIPT, *shlex.split(line))
    for words in says:
        assert words in caught.value.one_line()


def test_override_of_a_secret_key_that_does_not_fit_does_not_show_it(tmp_path: Path) -> None:
    with pytest.raises(WrongTypeError, match="'api_key' in -o must be int") as caught:
        call_script(tmp_path, SCRIPT.replace("param", "api_key"), "-o", "api_key=hunter2")
    assert "hunter2" not in caught.value.one_line()


@pytest.mark.parametrize("line", ["-o api_token=[hunter2", "-o 'api_token={hunter2: [x}'", "-o api_token=!hunter2"])
def test_override_of_a_secret_key_that_cannot_be_read_does_not_show_it(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        call_script(tmp_path, SCRIPT.replace("text", "api_token"), *shlex.split(line))
    assert "api_token" in caught.value.one_line()
    assert "hunter2" not in caught.value.one_line()


@pytest.mark.parametrize(
    "words", [[r"table.a\.b=3"], [r"table.a\=b=3"], [r"table.a\=b", "3"], [r"anything=a\.b"], [r"table.a\b=3"]]
)
def test_override_with_escapes_gives_what_omegaconf_gives(tmp_path: Path, words: list[str]) -> None:
    dotlist = OmegaConf.from_dotlist(["=".join(words)])
    expected = OmegaConf.to_container(OmegaConf.merge({"table": {"k": 1}}, dotlist))
    assert isinstance(expected, dict)
    config = OmegaConf.to_container(call_script(tmp_path, SCRIPT, "-o", *words).value)
    assert isinstance(config, dict)
    assert {key: config[key] for key in expected} == expected


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=12) | st.sampled_from(["1e-3", "010", "0x1f", "~", "1_0", "[a, b", "yes", "{a: 1}"]))
def test_override_of_any_text_gives_what_omegaconf_gives(tmp_path: Path, text: str) -> None:
    assume("${" not in text)
    try:
        expected = OmegaConf.to_container(OmegaConf.from_dotlist([f"anything={text}"]))
    except (yaml.YAMLError, ValueError):
        with pytest.raises(ConfigError):
            call_script(tmp_path, SCRIPT, "-o", f"anything={text}")
        return
    assert isinstance(expected, dict)
    given_value = OmegaConf.to_container(call_script(tmp_path, SCRIPT, "-o", f"anything={text}").value)
    assert isinstance(given_value, dict)
    assert repr(given_value["anything"]) == repr(expected["anything"])
