"""Lists of tasks in all their forms: what is read from them, and what is said about those that cannot be read."""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from naga.config.arguments import parse_arguments
from naga.config.building import ConfigLayers, collect_layers
from naga.config.sweep_options import SweepOptions
from naga.config.yaml_values import ValueLoader, read_value
from naga.errors import ConfigError, NagaError, NotFoundError, UsageError
from naga.sweep.reading import read_tasks
from naga.sweep.task import Task, TaskList
from naga.sweep.task_files import read_task_file
from tests.programs import run_python

SCHEMA: dict[str, Any] = {"param": 1, "model": {"lr": 0.1, "name": "a"}, "items": None}


def read(layers: ConfigLayers | None = None, **options: Any) -> TaskList:
    return read_tasks(SweepOptions(**options), layers or collect_layers(SCHEMA, None, {}))


def read_text(folder: Path, text: str | bytes, name: str = "list.txt", task_to: str | None = "param") -> TaskList:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(tasks=str(path), task_to=task_to)


def values_of(found: TaskList) -> list[dict[str, Any]]:
    return [dict(task.values) for task in found.tasks]


def test_text_gives_one_task_a_line_with_its_place(tmp_path: Path) -> None:
    found = read_text(tmp_path, "3\n\n# a comment\n  1e-3  \nnull # behind it\n'# text'\na b.csv\r\n[1, x]")
    assert values_of(found) == [{"param": value} for value in (3, 0.001, None, "# text", "a b.csv", [1, "x"])]
    assert [task.index for task in found.tasks] == list(range(6))
    lines = [task.source.removeprefix(str(tmp_path)) for task in found.tasks]
    assert lines == [f"/list.txt:{line}" for line in (1, 4, 5, 6, 7, 8)]


def test_line_that_is_a_mapping_goes_to_the_root_or_below_the_key(tmp_path: Path) -> None:
    text = "{param: 2, model: {lr: 1e-2}}\nmodel.name: b\n"
    assert values_of(read_text(tmp_path, text, task_to=None)) == [
        {"param": 2, "model.lr": 0.01},
        {"model.name": "b"},
    ]
    assert values_of(read_text(tmp_path, "{lr: 1, name: c}", task_to="model")) == [{"model.lr": 1, "model.name": "c"}]


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("a.yml", "# two\n- param: 1\n  model: {lr: 2}\n- {param: x}\n", (2, 4)),
        ("a.yaml", "- &one {param: 1, model: {lr: 2}}\n- <<: *one\n  param: x\n", (1, 2)),
        ("a.json", '[\n {"param": 1,\n "model": {"lr": 2}},\n\n {"param": "x"}]\n', (2, 5)),
        ("a.CSV", "\ufeffparam, model.lr\r\n1,2\r\nx,3\r\n", (2, 3)),
        ("a.tsv", "param\tmodel.lr\n\n1\t2\nx\t3\n", (3, 4)),
    ],
)
def test_file_of_every_form_gives_the_same_tasks(tmp_path: Path, name: str, text: str, lines: tuple[int, ...]) -> None:
    found = read_text(tmp_path, text, name, task_to=None)
    assert values_of(found)[0] == {"param": 1, "model.lr": 2}
    assert values_of(found)[1]["param"] == "x"
    assert tuple(int(task.source.rpartition(":")[2]) for task in found.tasks) == lines


ITEMS = st.sampled_from(
    [
        "- 1",
        "- {param: 2}",
        "- param: 3",
        "  model: 4",
        "- |+",
        "- >-",
        "  text",
        "   more",
        "",
        "# comment",
        "  # comment",
        "- &a 5",
        "- *a",
        "- 'open",
        "  closed'",
        "- [6,",
        "  7]",
        "8]",
        "---",
        "...",
        "- - 9",
        "- a: &b {x: 1}",
        "- <<: *b",
        "-",
        "- x\u2028- y",
        "- ? z",
        "- #",
        "key: value",
        "-\ttab",
    ]
)


@given(st.lists(ITEMS, max_size=6), st.booleans())
@example(lines=["- &a 5", "- &a 5"], ends=True)
def test_yaml_of_any_lines_gives_what_a_parser_of_the_whole_gives(lines: list[str], ends: bool) -> None:
    text = "\n".join(lines) + "\n" * ends
    try:
        whole = yaml.load(text, Loader=ValueLoader)
    except yaml.YAMLError:
        whole = None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.yaml")
        path.write_text(text)
        try:
            _, rows = read_task_file(str(path))
        except ConfigError:
            assert not isinstance(whole, list) or not whole
        else:
            assert [row.value for row in rows] == whole


@pytest.mark.parametrize(("name", "text"), [("a.yml", "[1, two, 1e-3]"), ("a.json", '[1, "two", 0.001]')])
def test_file_of_plain_values_sets_the_key(tmp_path: Path, name: str, text: str) -> None:
    assert values_of(read_text(tmp_path, text, name)) == [{"param": value} for value in (1, "two", 0.001)]


def test_cell_that_holds_commas_quotes_or_lines_is_one_value(tmp_path: Path) -> None:
    text = 'param,items\n"a, b","[1, 2]"\n"\'\n\'",\n"x ""y""",4\n'
    found = read_text(tmp_path, text, "a.csv", task_to=None)
    assert values_of(found) == [
        {"param": "a, b", "items": [1, 2]},
        {"param": " ", "items": None},
        {"param": 'x "y"', "items": 4},
    ]
    assert [task.source[-2:] for task in found.tasks] == [":2", ":3", ":5"]


def test_standard_input_is_read_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("ü\n\n2\n".encode())))
    assert read(tasks="-", task_to="param").tasks == (
        Task(0, {"param": "ü"}, "standard input:1"),
        Task(1, {"param": 2}, "standard input:3"),
    )


def test_same_task_twice_is_left_out_and_reported_with_both_lines(tmp_path: Path) -> None:
    found = read_text(tmp_path, "0.1\nb\n1e-1\nb\n'0.1'\n")
    assert values_of(found) == [{"param": 0.1}, {"param": "b"}, {"param": "0.1"}]
    assert [task.index for task in found.tasks] == [0, 1, 2]
    path = tmp_path / "list.txt"
    assert [str(one) for one in found.duplicates] == [
        f"{path}:3 says the same as {path}:1",
        f"{path}:4 says the same as {path}:2",
    ]


def test_values_that_make_the_same_config_are_duplicates(tmp_path: Path) -> None:
    class Config:
        lr: float = 0.1
        anything: Any = None

    (tmp_path / "list.txt").write_text("1\n1.0\n1e0\n'1'\n2\n")
    layers = collect_layers(Config, None, {})
    found = read(layers, tasks=str(tmp_path / "list.txt"), task_to="lr")
    assert values_of(found) == [{"lr": 1}, {"lr": 2}]
    assert [str(one).rpartition("/")[2] for one in found.duplicates] == ["list.txt:1"] * 3
    assert len(read(layers, tasks=str(tmp_path / "list.txt"), task_to="anything").tasks) == 4


def test_same_mapping_in_another_order_is_a_duplicate_and_another_type_is_none(tmp_path: Path) -> None:
    text = "{param: 1, items: 2}\n{items: 2, param: 1}\n{items: 2, param: 1.0}\n{items: 2, param: true}\n"
    found = read_text(tmp_path, text, task_to=None)
    assert len(found.tasks) == 3
    assert len(found.duplicates) == 1


BIG_ALIASES = "- &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"- &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.txt", "1\\n2\\n", ["a.txt:1", "literal \\n", "printf '1\\n2\\n'"]),
        ("a.txt", "# list\n1\\n2\n", ["a.txt:2", "literal \\n"]),
        ("a.txt", "", ["holds no tasks", "one value a line"]),
        ("a.txt", "\n# only a comment\n", ["holds no tasks"]),
        ("a.txt", "1\n[1\n", ["a.txt:2 is not valid YAML", "quotes"]),
        ("a.txt", "1\n" + "9" * 5000, ["a.txt:2 is not valid YAML"]),
        ("a.txt", "1\n@x\n", ["a.txt:2"]),
        ("a.txt", "!!python/object/apply:os.getcwd []", ["a.txt:1 is not valid YAML"]),
        ("a.txt", b"1\n2\n\xff\xfe3\n", ["a.txt:3 is not UTF-8"]),
        ("a.txt", "1\n2\n".encode("utf-16"), ["a.txt:1 is not UTF-8", "UTF-16"]),
        ("a.txt", "[" * 3000, ["a.txt:1 is not valid YAML", "nesting"]),
        ("a.txt", "[" * 100 + "]" * 100, ["a.txt:1", "nested deeper than 64"]),
        ("a.yml", "", ["holds no tasks"]),
        ("a.yml", "[]", ["holds no tasks"]),
        ("a.yml", "a: 1\n", ["a.yml:1 must be a list"]),
        ("a.yml", "- 1\n- 'x\n", ["a.yml:", "not valid YAML"]),
        ("a.yml", "- 1\n---\n- 2\n", ["a.yml:2 is not valid YAML", "document"]),
        ("a.yml", "- {a: 1, a: 2}\n", ["a.yml:1", "the key a stands twice"]),
        ("a.yml", "- &a [*a]\n", ["a.yml:1", "nested deeper"]),
        ("a.yml", BIG_ALIASES, ["holds more than 10,000 values"]),
        ("a.json", "", ["holds no tasks"]),
        ("a.json", "[]", ["holds no tasks"]),
        ("a.json", '{"a": 1}', ["a.json:1 must be a list"]),
        ("a.json", "\n\ntrue", ["a.json:3 must be a list"]),
        ("a.json", "[1,\n2", ["a.json:2 is not valid JSON", "comma"]),
        ("a.json", "[1,\n]", ["a.json:2 is not valid JSON"]),
        ("a.json", "[1]\n[2]", ["a.json:2 is not valid JSON", "behind the list"]),
        ("a.json", '[1,\n{"a": 1, "a": 2}]', ["a.json", "line 1", "the key a stands twice"]),
        ("a.json", "[" * 100_000, ["a.json", "nested too deeply"]),
        ("a.csv", "", ["holds no tasks"]),
        ("a.csv", "param\n", ["holds no tasks"]),
        ("a.csv", "param,param\n1,2\n", ["a.csv:1", "two columns param"]),
        ("a.csv", "param,\n1,2\n", ["a.csv:1", "column 2 has no name"]),
        ("a.csv", "param,items\n1,2\n3\n", ["a.csv:3 has 1 values for 2 columns"]),
        ("a.csv", 'param\n"1\n', ["a.csv:2 is not valid CSV"]),
        ("a.csv", "param,items\n1,[\n", ["a.csv:2, column items is not valid YAML"]),
    ],
)
def test_file_that_cannot_be_read_names_the_line(tmp_path: Path, name: str, text: str | bytes, says: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        read_text(tmp_path, text, name)
    for words in says:
        assert words in caught.value.one_line()


def test_value_that_cannot_be_read_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_text(tmp_path, "1\n[hunter2\n")
    assert "hunter2" not in caught.value.one_line()


@pytest.mark.parametrize(
    ("text", "task_to", "says"),
    [
        ("3\n", None, ["list.txt:1 is a value without a key", "--task_to KEY"]),
        ("{}\n", None, ["list.txt:1", "KEY: VALUE"]),
        ("{1: 2}\n", None, ["list.txt:1", "no key"]),
        ("{param: 1, model: {lr: 1}, model.lr: 2}\n", None, ["list.txt:1 sets model.lr twice"]),
    ],
)
def test_task_without_a_sensible_key_names_the_line(
    tmp_path: Path, text: str, task_to: str | None, says: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_text(tmp_path, text, task_to=task_to)
    for words in says:
        assert words in caught.value.one_line()


def test_file_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("1\n")
    with pytest.raises(NotFoundError, match=r"lst\.txt") as caught:
        read(tasks=str(tmp_path / "lst.txt"))
    assert "list.txt" in caught.value.one_line()
    with pytest.raises(NotFoundError, match="directory"):
        read(tasks=str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_that_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("1\n")
    path.chmod(0)
    with pytest.raises(NotFoundError, match="Permission"):
        read(tasks=str(path))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["lr=0.1,0.01", "seed=0..1"], [{"lr": a, "seed": b} for a in (0.1, 0.01) for b in (0, 1)]),
        (["seed=0..4"], [{"seed": n} for n in range(5)]),
        (["seed=3..1"], [{"seed": n} for n in (3, 2, 1)]),
        (["seed=0..10..4"], [{"seed": n} for n in (0, 4, 8)]),
        (["seed=-1..1,7"], [{"seed": n} for n in (-1, 0, 1, 7)]),
        (["a=[1,2],[3]"], [{"a": [1, 2]}, {"a": [3]}]),
        (["a={x: 1, y: 2}"], [{"a.x": 1, "a.y": 2}]),
        (["a='x,y',\"z,w\""], [{"a": "x,y"}, {"a": "z,w"}]),
        (["a=it's,b"], [{"a": "it's"}, {"a": "b"}]),
        ([r"a=x\,y,z"], [{"a": "x,y"}, {"a": "z"}]),
        ([r"a=x\y"], [{"a": r"x\y"}]),
        (["a=${b},${c:1,2}"], [{"a": "${b}"}, {"a": "${c:1,2}"}]),
        (["a=null,'',true, x "], [{"a": None}, {"a": ""}, {"a": True}, {"a": "x"}]),
        (["a=b=c"], [{"a": "b=c"}]),
        (["a=../x,'0..4'"], [{"a": "../x"}, {"a": "0..4"}]),
        ([r"a\=b=1"], [{r"a\=b": 1}]),
    ],
)
def test_grid_gives_every_combination(words: list[str], expected: list[dict[str, Any]]) -> None:
    found = read(grid=tuple(words))
    assert values_of(found) == expected
    assert [task.source for task in found.tasks] == [f"--grid:{number + 1}" for number in range(len(found.tasks))]


def test_grid_below_a_key_sets_the_keys_below_it() -> None:
    assert values_of(read(grid=("lr=1,2",), task_to="model")) == [{"model.lr": 1}, {"model.lr": 2}]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["lr"], ["'lr' gives no values", "KEY=VALUE"]),
        (["=1"], ["'=1'"]),
        (["lr="], ["lr=", "empty value"]),
        (["lr=1,"], ["empty value", "null"]),
        (["lr=1,,2"], ["empty value"]),
        (["lr=1", "lr=2"], ["lr twice", "lr=VALUE,VALUE"]),
        (["lr=0.1..0.5"], ["lr=0.1..0.5", "whole numbers", "0.1,0.2"]),
        (["lr=0..4..0"], ["step"]),
        (["lr=[1,2"], ["lr is not valid YAML", "quote"]),
        (["a=0..2000", "b=0..2000"], ["combinations"]),
        (["a=0..99999999999"], ["too long"]),
    ],
)
def test_grid_that_makes_no_sense_names_the_word(words: list[str], says: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        read(grid=tuple(words))
    for word in says:
        assert word in caught.value.one_line()


CONFIG_FILE = """\
param: 5
tasks:
- 1
- ${param}
- {lr: 3}
"""


def layers_of(folder: Path, text: str, *argv: str) -> ConfigLayers:
    path = folder / "base.yml"
    path.write_text(text)
    arguments = parse_arguments(
        ["--config", str(path), *argv], program="p.py", description=None, list_keys=lambda: ("", "")
    )
    return collect_layers({**SCHEMA, "grid": [1]}, None, {}, arguments)


def test_list_in_the_file_is_found_though_the_config_has_no_such_key(tmp_path: Path) -> None:
    layers = layers_of(tmp_path, CONFIG_FILE, "--tasks_key", "tasks", "--task_to", "model.lr")
    found = read(layers, tasks_key="tasks", task_to="model")
    assert values_of(found) == [{"model": 1}, {"model": "${param}"}, {"model.lr": 3}]
    assert [task.source for task in found.tasks] == [f"{tmp_path}/base.yml:2: tasks[{n}]" for n in range(3)]
    assert layers.resolved().param == 5


def test_list_of_an_experiment_goes_before_that_of_the_file(tmp_path: Path) -> None:
    text = CONFIG_FILE + "other:\n  tasks: [7]\n"
    layers = layers_of(tmp_path, text, "--experiment", "other", "--tasks_key", "tasks")
    assert values_of(read(layers, tasks_key="tasks", task_to="param")) == [{"param": 7}]


def test_list_in_the_config_is_what_the_layers_make_of_it(tmp_path: Path) -> None:
    layers = layers_of(tmp_path, "grid: [2, 3]", "--tasks_key", "grid", "-o", "grid=[4]")
    (task,) = read(layers, tasks_key="grid", task_to="param").tasks
    assert task == Task(0, {"param": 4}, "-o: grid[0]")


@pytest.mark.parametrize(
    ("key", "error", "says"),
    [
        ("grd", NotFoundError, ["--tasks_key grd", "'grid'"]),
        ("param", ConfigError, ["'param' in", "base.yml:1", "must be a list"]),
        ("items", NotFoundError, ["items"]),
        ("tasks.lst", NotFoundError, ["tasks.lst"]),
    ],
)
def test_key_that_holds_no_list_is_named_with_its_place(
    tmp_path: Path, key: str, error: type[NagaError], says: list[str]
) -> None:
    layers = layers_of(tmp_path, "param: 5\n", "--tasks_key", key)
    with pytest.raises(error) as caught:
        read(layers, tasks_key=key, task_to="param")
    for words in says:
        assert words in caught.value.one_line()


LONG = """\
import resource, sys
from naga.config.building import collect_layers
from naga.config.sweep_options import SweepOptions
from naga.sweep.reading import read_tasks

layers = collect_layers({"param": 1}, None, {})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = read_tasks(SweepOptions(tasks=sys.argv[1], task_to="param"), layers)
print(len(found.tasks), found.tasks[-1].values["param"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("name", ["a.txt", "a.yml", "a.json"])
def test_long_list_takes_little_memory_and_meets_no_limit_of_omegaconf(tmp_path: Path, name: str) -> None:
    lines = [f"input_{number}.csv" for number in range(100_000)]
    texts = {"a.txt": "\n".join(lines), "a.yml": "".join(f"- {line}\n" for line in lines), "a.json": json.dumps(lines)}
    (tmp_path / name).write_text(texts[name])

    done = run_python(tmp_path, "-c", LONG, name)

    count, last, kibibytes = done.stdout.split()
    assert (count, last) == ("100000", lines[-1])
    assert int(kibibytes) < 150_000


words = st.text(st.sampled_from("aeE019.-+_~#:'\"[]{},&*!|>%@=$\\ nultrfs"), max_size=12)


@given(words)
def test_value_of_any_text_is_what_omegaconf_reads(text: str) -> None:
    try:
        expected = OmegaConf.to_container(OmegaConf.from_dotlist([f"key={text}"]), resolve=False)["key"]  # type: ignore[index,call-overload]
    except Exception:
        expected = Exception
    try:
        value = read_value(text)
        OmegaConf.create({"key": value})
    except Exception:
        value = Exception
    assert repr(value) == repr(expected)


@given(st.lists(st.one_of(st.integers(), st.floats(allow_nan=False), st.text(), st.booleans(), st.none()), min_size=1))
def test_json_of_any_values_gives_these_values(values: list[Any]) -> None:
    from naga.sweep.task_files import _json_items

    text = json.dumps(values, indent=1)
    assert [value for value, _ in _json_items(text)] == values
