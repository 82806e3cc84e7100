"""Which layer wins, and what an experiment may see of the file around it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import omegaconf
import pytest
from omegaconf import OmegaConf

from naga.errors import (
    ConfigError,
    ConfigFileError,
    MissingValueError,
    NagaError,
    NotFoundError,
    UnknownKeyError,
    WrongTypeError,
)
from tests.programs import call_script

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCRIPT = """\
from naga import clicfg

class Config:
    param = 1
    save_dir = 'results/class'
    name: str = 'n'
    table = {'a': 1}
    class inner:
        x = 1

@clicfg(config_class=Config, lock=False)
def main(cfg, further=None):
    return cfg

if __name__ == '__main__':
    main()
"""


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that gives the config of a script for the text of a config file and arguments."""

    def run(text: str, *arguments: str, script: str = SCRIPT) -> dict[str, Any]:
        path = tmp_path / "conf.yml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        config = call_script(tmp_path, script, "--config", str(path), *arguments).value
        content = OmegaConf.to_container(config, resolve=True)
        assert isinstance(content, dict)
        return {str(key): value for key, value in content.items()}

    return run


LAYERS = """
    param: 2
    name: file
    process:
      param: 3
"""


@pytest.mark.parametrize(
    ("text", "arguments", "call", "param"),
    [
        ("", [], "main()", 1),
        (LAYERS.replace("process:\n      param: 3", ""), [], "main()", 2),
        (LAYERS, ["--experiment", "process"], "main()", 3),
        (LAYERS, ["--experiment", "process", "-o", "param=4"], "main()", 4),
        (LAYERS, ["--experiment", "process", "-o", "param=4"], "main(param=5)", 5),
        (LAYERS, ["--experiment", "process", "-o", "param=4"], "main(Config())", 4),
        ("", [], "main({'param': 9})", 9),
        ("", ["-o", "param=4"], "main({'param': 9})", 4),
        ("", [], "main({'param': 9}, param=5)", 5),
    ],
)
def test_later_layer_wins_over_the_ones_before(
    load: Callable[..., dict[str, Any]], text: str, arguments: list[str], call: str, param: int
) -> None:
    config = load(text, *arguments, script=SCRIPT.replace("    main()\n", f"    {call}\n"))
    assert config["param"] == param


def test_object_of_the_class_lies_below_the_file(load: Callable[..., dict[str, Any]]) -> None:
    call = "    cfg = Config(); cfg.param = 7; cfg.name = 'object'; cfg.table = {'b': 2}; main(cfg)\n"
    config = load("name: file\n", script=SCRIPT.replace("    main()\n", call))
    assert (config["param"], config["name"], config["table"]) == (7, "file", {"b": 2})


@pytest.mark.parametrize("call", ["cfg = Config(); cfg.param = 'abc'; main(cfg)", "main(param='abc')"])
def test_object_with_a_value_of_the_wrong_type_names_the_key(load: Callable[..., dict[str, Any]], call: str) -> None:
    with pytest.raises(WrongTypeError, match=r"'param' in .* must be int, not 'abc'"):
        load("", script=SCRIPT.replace("    main()\n", f"    {call}\n"))


def test_object_of_another_class_sets_the_keys_that_it_has(load: Callable[..., dict[str, Any]]) -> None:
    call = "    class Other:\n        param = 8\n        class inner:\n            x = 9\n    main({})\n"
    for given in ("Other()", "Other"):
        config = load("", script=SCRIPT.replace("    main()\n", call.format(given)))
        assert (config["param"], config["name"], config["inner"]) == (8, "n", {"x": 9})


def test_config_of_omegaconf_keeps_its_interpolations(load: Callable[..., dict[str, Any]]) -> None:
    imports = "from omegaconf import OmegaConf\n"
    call = "    main(OmegaConf.create({'save_dir': 'r/${param}', 'name': '???'}), param=3)\n"
    config = load("", script=imports + SCRIPT.replace("    main()\n", call))
    assert (config["save_dir"], config["name"]) == ("r/3", "n")


def test_node_of_a_config_of_omegaconf_sees_the_config_around_it(load: Callable[..., dict[str, Any]]) -> None:
    call = """\
    from omegaconf import OmegaConf
    main(OmegaConf.create({'folder': 'F', 'process': {'save_dir': '${folder}/x'}}).process)
"""
    assert load("", script=SCRIPT.replace("    main()\n", call))["save_dir"] == "F/x"


def test_config_that_a_main_was_given_can_be_given_to_another(load: Callable[..., dict[str, Any]]) -> None:
    call = """\
    cfg = main(param=5, name='\\\\${literal}', inner={'x': 2})
    main(cfg)
"""
    expected = {"param": 5, "name": "${literal}", "inner": {"x": 2}}
    config = load("", script=SCRIPT.replace("    main()\n", call))
    assert {key: config[key] for key in expected} == expected
    parts = call.replace("main(cfg)", "main(inner=cfg.inner, table={'b': cfg.inner})")
    config = load("", script=SCRIPT.replace("    main()\n", parts).replace("'a': 1", "'b': None"))
    assert (config["inner"], config["table"]) == ({"x": 2}, {"b": {"x": 2}})


def test_part_of_a_config_that_a_main_was_given_can_be_given_to_another(load: Callable[..., dict[str, Any]]) -> None:
    call = """\
    cfg = main(table={'a': '\\\\${literal}'})
    main(table=cfg.table)
"""
    assert load("", script=SCRIPT.replace("    main()\n", call))["table"] == {"a": "${literal}"}


@pytest.mark.parametrize(
    ("text", "experiment", "arguments", "expected"),
    [
        ("process: {save_dir: 'results/${param}'}", "process", ["-o", "param=3"], {"save_dir": "results/3"}),
        ("process: {save_dir: '${folder}/${other.x}'}\nfolder: F\nother: {x: 3}", "process", [], {"save_dir": "F/3"}),
        ("a: {b: {param: 7}}", "a.b", [], {"param": 7}),
        ("a: {param: 4, save_dir: 'r/${.param}'}", "a", [], {"save_dir": "r/4"}),
        ("param: 9\nname: top\na: {name: node}", "a", [], {"param": 9, "name": "node"}),
        ("save_dir: top\na: {save_dir: '${save_dir}/a'}", "a", [], {"save_dir": "top/a"}),
        ("inner: {x: 5}\na: {inner: {x: '${inner.x}'}}", "a", [], {"inner": {"x": 5}}),
        ("save_dir: '${folder}/${param}'\nfolder: F\na: {save_dir: '${save_dir}/a'}", "a", ["-o", "param=3"],
         {"save_dir": "F/3/a"}),
        ("a: {param: 5, save_dir: 'r/${a.param}'}", "a", ["-o", "param=3"], {"save_dir": "r/3"}),
        ("a: {b: {param: 5, save_dir: 'r/${a.b.param}'}}", "a.b", ["-o", "param=3"], {"save_dir": "r/3"}),
        ("a: {param: 5, save_dir: '${b.out}'}\nb: {out: 'r/${a.param}'}", "a", ["-o", "param=3"], {"save_dir": "r/3"}),
        ("a: ${b}\nb: {param: 4}", "a", [], {"param": 4}),
        ("a: {table: '${b}'}\nb: {z: 8}", "a", [], {"table": {"z": 8}}),
        ("a: {param: 4}\nb: {x: '${nowhere}', y: '${runlock_data:nope.csv}', z: '???'}", "a", [], {"param": 4}),
        ("save_dir: '${nowhere}'\na: {save_dir: s}", "a", [], {"save_dir": "s"}),
        ("1: one\na: {param: 2}", "a", [], {"param": 2}),
    ],
)  # fmt: skip
def test_experiment_lies_over_the_keys_of_its_file(
    load: Callable[..., dict[str, Any]], text: str, experiment: str, arguments: list[str], expected: dict[str, Any]
) -> None:
    config = load(text, "--experiment", experiment, *arguments)
    assert {key: config[key] for key in expected} == expected


@pytest.mark.skipif(omegaconf.__version__.startswith("2.3"), reason="OmegaConf 2.3 takes no interpolation there")
def test_mapping_of_the_file_may_stand_in_for_a_nested_config(load: Callable[..., dict[str, Any]]) -> None:
    text = "a: {inner: '${b}'}\nb: {x: '${param}'}"
    assert load(text, "--experiment", "a", "-o", "param=8")["inner"] == {"x": 8}
    with pytest.raises(ConfigError, match="'inner'"):
        load(text.replace("x:", "y:"), "--experiment", "a")


def test_experiment_adds_no_keys_of_the_file_around_it(load: Callable[..., dict[str, Any]]) -> None:
    config = load("folder: F\nprocess: {param: 2}\nother: {x: 1}", "--experiment", "process")
    assert list(config) == ["param", "save_dir", "name", "table", "inner"]


def test_required_key_may_stand_beside_the_experiment(load: Callable[..., dict[str, Any]]) -> None:
    script = SCRIPT.replace("param = 1", "param: int")
    assert load("param: 6\na: {name: x}", "--experiment", "a", script=script)["param"] == 6
    with pytest.raises(MissingValueError, match="'param'"):
        load("a: {name: x}", "--experiment", "a", script=script)


@pytest.mark.parametrize(
    ("text", "experiment", "error", "says"),
    [
        ("process: {param: 1}", "proces", NotFoundError, ["'proces'", "conf.yml", "'process'"]),
        ("a: {b: {param: 1}}", "a.c", NotFoundError, ["'a.c'", "'a.b'"]),
        ("a: 3", "a", NotFoundError, ["'a'", "none"]),
        ("a:", "a", NotFoundError, ["'a'"]),
        ("a:\n  zz: 3", "a", UnknownKeyError, ["'zz'", "conf.yml:2"]),
        ("a:\n  inner:\n    zz: 3", "a", UnknownKeyError, ["'inner.zz'", "conf.yml:3"]),
        ("a:\n  param: x", "a", WrongTypeError, ["'param'", "conf.yml:2", "int"]),
        ("a: {save_dir: '${nowhere}'}", "a", ConfigError, ["'save_dir'", "nowhere"]),
        ("a: {save_dir: '${a.save_dir}'}", "a", ConfigError, ["'save_dir'", "ecursive"]),
    ],
)
def test_experiment_that_makes_no_sense_names_the_key(
    load: Callable[..., dict[str, Any]], text: str, experiment: str, error: type[NagaError], says: list[str]
) -> None:
    with pytest.raises(error) as caught:
        load(text, "--experiment", experiment)
    for words in says:
        assert words in caught.value.one_line()


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("\nparam: abc", WrongTypeError, ["'param'", "conf.yml:2", "int", "'abc'"]),
        ("\ninner: 3", WrongTypeError, ["'inner'", "conf.yml:2", "not 3", "inner.x"]),
        ("\n\ntable: [1]", WrongTypeError, ["'table'", "conf.yml:3", "a list"]),
        ("inner:\n  x: abc", WrongTypeError, ["'inner.x'", "conf.yml:2"]),
        ("save_dir: ${nope", ConfigFileError, ["'save_dir'", "conf.yml:1"]),
        ("param: 1\nparam: 2", ConfigFileError, ["conf.yml:2", "param"]),
        ("save_dir: ${oc.env:NOT_SET}", ConfigError, ["'save_dir'", "NOT_SET"]),
        ("save_dir: ${nope:1}", ConfigError, ["'save_dir'", "nope"]),
        ("save_dir: ${save_dir}", ConfigError, ["'save_dir'", "ecursive"]),
        ("name: ${inner}", ConfigError, ["'name'"]),
    ],
)
def test_file_that_does_not_fit_names_key_and_line(
    load: Callable[..., dict[str, Any]], text: str, error: type[NagaError], says: list[str]
) -> None:
    with pytest.raises(error) as caught:
        load(text)
    for words in says:
        assert words in caught.value.one_line()
    assert "\n" not in caught.value.one_line()


def test_item_of_a_list_in_a_file_is_named_with_its_line(load: Callable[..., dict[str, Any]]) -> None:
    script = SCRIPT.replace("param = 1", "param: list[int] = [1]")
    with pytest.raises(WrongTypeError, match=r"'param\[1\]' in .*conf.yml:3 must be int, not 'x'"):
        load("param:\n  - 1\n  - x\n", script=script)


def test_value_that_is_resolved_is_not_resolved_again_when_it_is_read(
    load: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITERAL", "${param} and \\${param}")
    config = load("name: ${oc.env:LITERAL}\nsave_dir: '${name}'\ntable: {a: '\\${param}', b: '${name}'}")
    literal = "${param} and \\${param}"
    assert config == {**config, "name": literal, "save_dir": literal, "table": {"a": "${param}", "b": literal}}


def test_file_of_overrides_lies_over_the_experiment_and_below_the_words(
    load: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "over.yml"
    path.write_text("param: 20\nname: over\ninner: {x: 21}\n")
    config = load(LAYERS, "--experiment", "process", "--overrides_path", str(path), "-o", "name=word")
    assert (config["param"], config["name"], config["inner"]) == (20, "word", {"x": 21})


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("name: x\nparm: 3\n", UnknownKeyError, ["'parm'", "over.yml:2", "'param'"]),
        ("\nparam: abc\n", WrongTypeError, ["'param'", "over.yml:2", "int", "'abc'"]),
        ("[1]", ConfigFileError, ["over.yml", "mapping"]),
        (None, NotFoundError, ["over.yml"]),
    ],
)
def test_file_of_overrides_that_does_not_fit_is_named_with_its_line(
    load: Callable[..., dict[str, Any]], tmp_path: Path, text: str | None, error: type[NagaError], says: list[str]
) -> None:
    path = tmp_path / "over.yml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(error) as caught:
        load("", "--overrides_path", str(path))
    for words in says:
        assert words in caught.value.one_line()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("param: 2\nname: ${parm}\n", ["'name' in", "conf.yml:2", "'parm'", "did you mean 'param'?"]),
        ("\ninner:\n  x: ${innr.x}\n", ["'inner.x' in", "conf.yml:3", "'innr.x'", "did you mean 'inner.x'?"]),
        ("param: ${name}\n", ["'param' in", "conf.yml:1", "'n'", "Integer"]),
        ("name: ${nowhere:1}\n", ["'name' in", "conf.yml:1", "nowhere"]),
        ("param: ${inner.x}\ninner: {x: '${param}'}\n", ["conf.yml:", "ecursi"]),
    ],
)
def test_interpolation_that_leads_nowhere_names_file_line_and_nearest(
    load: Callable[..., dict[str, Any]], text: str, says: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text)
    for words in says:
        assert words in caught.value.one_line()


def test_interpolation_of_a_secret_that_does_not_fit_does_not_show_it(
    load: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_KEY", "hunter2hunter2")
    with pytest.raises(ConfigError, match=r"'api_key' in .*conf.yml:1") as caught:
        load("api_key: ${oc.env:THE_KEY}\n", script=SCRIPT.replace("param = 1", "param = 1\n    api_key = 1"))
    assert "hunter2" not in caught.value.one_line()
