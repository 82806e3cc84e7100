"""Equal recipes mean the same computation, wherever its files lie."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import xxhash
import yaml

from naga.lock.receipt import DataEntry, PrevEntry, Receipt, read_receipt
from naga.lock.recipe import config_without_locations, recipe_digest
from tests.lock.samples import digest_of, make_receipt, run_id
from tests.programs import run_python

if TYPE_CHECKING:
    from collections.abc import Callable

PREV = make_receipt(1)


def data_at(path: str, content: str = "raw") -> DataEntry:
    return DataEntry(path=path, digest=digest_of(content), size=10, kind="file")


def prev_at(path: str, receipt: Receipt = PREV) -> dict[str, Any]:
    entry = PrevEntry(id=receipt.id, digest=digest_of(path), path=path)
    return {"prevs": {"prepare": entry}, "lineage": {receipt.id: receipt}}


def run(**changes: Any) -> Receipt:
    """Return the receipt of a run, at the root of ``/project`` when nothing else is said."""
    caller = {"file": "fit.py", "function": "main", "cwd": ".", "root": "/project", **changes.pop("caller", {})}
    values: dict[str, Any] = {
        "caller": caller,
        "config": {"rate": 0.1, "input": "data/raw.csv", "save_dir": "results/a"},
        "used": {"files": {"project": {"fit.py": digest_of("fit"), "lib/net.py": digest_of("net")}}},
        "data": {"raw": data_at("data/raw.csv")},
        **prev_at("results/prepare/run.lock"),
        **changes,
    }
    return make_receipt(2, **values)


SAME = {
    "another save_dir": run(config={"rate": 0.1, "input": "data/raw.csv", "save_dir": "/tmp/b"}),
    "no save_dir": run(config={"rate": 0.1, "input": "data/raw.csv"}),
    "the data somewhere else": run(
        data={"raw": data_at("/mnt/raw.csv")}, config={"rate": 0.1, "input": "/mnt/raw.csv"}
    ),
    "the data somewhere else below the root": run(
        data={"raw": data_at("other/raw.csv")}, config={"rate": 0.1, "input": "./x/../other/raw.csv"}
    ),
    "the prev somewhere else": run(**prev_at("elsewhere/run.lock")),
    "the folder of the prev in the config": run(
        config={"rate": 0.1, "input": "data/raw.csv", "stage": "results/prepare"}
    ),
    "the receipt of the prev in the config": run(
        config={"rate": 0.1, "input": "data/raw.csv", "stage": "/project/results/prepare/run.lock"}
    ),
    "a place in the save_dir in the config": run(
        config={"rate": 0.1, "input": "data/raw.csv", "save_dir": "a", "log": "a/b/log"}
    ),
    "what runlock was given": run(config={"rate": 0.1, "input": "data/raw.csv", "runlock": {"data": {"x": "y"}}}),
    "another folder": run(
        caller={"cwd": "code"}, config={"rate": 0.1, "input": "../data/raw.csv", "save_dir": "../results/a"}
    ),
    "another machine": run(caller={"root": "/home/other"}),
    "another script folder": run(caller={"file": "scripts/fit.py"}),
    "another name of the repository": run(
        used={"files": {"clone": {"lib/net.py": digest_of("net"), "fit.py": digest_of("fit")}}}
    ),
    "another order": run(config={"save_dir": "results/a", "input": "data/raw.csv", "rate": 0.1}),
    "another time and environment": run(started="2025", duration=None, environment={}, outputs={}, repos={}),
    "a prev of another run with the same recipe": run(
        **prev_at("x/run.lock", make_receipt(9, recipe=PREV.recipe, config={"x": 1}))
    ),
}


@pytest.mark.parametrize("other", SAME.values(), ids=SAME)
def test_recipe_of_the_same_computation_is_the_same(other: Receipt) -> None:
    assert recipe_digest(other) == recipe_digest(run())


OTHER = {
    "config": run(config={"rate": 0.2, "input": "data/raw.csv"}),
    "type of a value": run(config={"rate": "0.1", "input": "data/raw.csv"}),
    "key of the config": run(config={"rate": 0.1, "input": "data/raw.csv", "new": None}),
    "path that is no declared location": run(config={"rate": 0.1, "input": "data/other.csv"}),
    "path beside the save_dir": run(config={"rate": 0.1, "input": "data/raw.csv", "save_dir": "a", "x": "ab"}),
    "function": run(caller={"function": "train"}),
    "name of the script": run(caller={"file": "other.py"}),
    "code": run(used={"files": {"project": {"fit.py": digest_of("fit 2"), "lib/net.py": digest_of("net")}}}),
    "path of the code": run(used={"files": {"project": {"fit.py": digest_of("fit"), "net.py": digest_of("net")}}}),
    "less code": run(used={"files": {"project": {"fit.py": digest_of("fit")}}}),
    "data": run(data={"raw": data_at("data/raw.csv", "raw 2")}),
    "name of the data": run(data={"test": data_at("data/raw.csv")}),
    "more data": run(data={"raw": data_at("data/raw.csv"), "b": data_at("data/b.csv")}),
    "recipe of the prev": run(**prev_at("results/prepare/run.lock", make_receipt(1, recipe=digest_of("2")))),
    "prev without recipe": run(**prev_at("results/prepare/run.lock", make_receipt(1, recipe=None))),
    "no prev": run(prevs={}, lineage={}),
}


@pytest.mark.parametrize("other", OTHER.values(), ids=OTHER)
def test_recipe_of_another_computation_is_another(other: Receipt) -> None:
    assert recipe_digest(other) != recipe_digest(run())


def test_recipe_covers_files_of_one_path_in_two_repositories() -> None:
    def used(one: str, other: str) -> Receipt:
        files = {"a": {"lib.py": digest_of(one)}, "b": {"lib.py": digest_of(other)}}
        return run(used={"files": files})

    recipes = {recipe_digest(used(one, other)) for one, other in [("x", "y"), ("x", "z"), ("w", "y")]}
    assert len(recipes) == 3
    assert recipe_digest(used("x", "y")) == recipe_digest(used("y", "x"))


def test_recipe_of_names_that_are_no_utf8_is_the_same_after_reading() -> None:
    spelled = run(used={"files": {"p": {"\\udcff.py": digest_of("a"), "b.py": digest_of("b")}}})

    assert recipe_digest(run(used={"files": {"p": {"\udcff.py": digest_of("a"), "b.py": digest_of("b")}}})) == (
        recipe_digest(spelled)
    )


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"save_dir": "x", "runlock": {}, "a": 1}, {"a": 1}),
        ({"a": {"save_dir": "y", "b": "data.csv"}}, {"a": {"save_dir": "y"}}),
        ({"a": ["data.csv", "b", ["/p/data.csv"]]}, {"a": ["b", []]}),
        ({"a": "", "b": None, "c": ".", "d": "data.csv.gz"}, {"a": "", "b": None, "c": ".", "d": "data.csv.gz"}),
        ({"a": "out", "b": "out/x/y", "c": "output", "d": "./out/"}, {"c": "output"}),
        ({"a": {"path": "data.csv", "digest": "d"}, "b": [{"path": "data.csv", "id": "i"}]}, {"b": []}),
        (
            {"a": {"path": "data.csv", "rows": 5}, "b": {"path": "x", "id": "i"}},
            {"a": {"rows": 5}, "b": {"path": "x", "id": "i"}},
        ),
    ],
)
def test_config_without_locations_keeps_everything_else(config: dict[str, Any], expected: dict[str, Any]) -> None:
    assert config_without_locations(config, {"/p/data.csv"}, "/p", "/p/out") == expected


def test_config_without_locations_and_without_save_dir_keeps_paths() -> None:
    assert config_without_locations({"a": "/x", "b": "y"}, set(), "/p", "") == {"a": "/x", "b": "y"}


SCRIPT = """\
import os
from naga import clicfg, runlock
import net

class Config:
    rate = 0.5
    names = ['ä', 'b']
    input_path = '../data/raw.csv'
    save_dir = 'results/fit'
    log = 'results/fit/log'

@clicfg(config_class=Config)
def main(cfg):
    runlock(config=cfg, data=[cfg.input_path], prevs={'prepare': 'results/prepare'})
    os.chdir('/')
    open(os.path.join(os.path.dirname(__file__), cfg.save_dir, 'out'), 'w').close()

if __name__ == '__main__':
    main()
"""

PREPARE = """\
from naga import clicfg

@clicfg(config_class={'save_dir': 'results/prepare'})
def main(cfg): ...

main()
"""


@pytest.fixture
def real_run(tmp_path: Path, git: Callable[..., str]) -> Path:
    """Return the receipt of a real run, which goes to another folder before it ends."""
    (tmp_path / "naga.toml").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "raw.csv").write_text("1,2\n")
    code = tmp_path / "code"
    code.mkdir()
    git(tmp_path, "init", "--quiet")
    (code / "net.py").write_text("")
    (code / "fit.py").write_text(SCRIPT)
    (code / "prepare.py").write_text(PREPARE)
    for script in ("prepare.py", "fit.py"):
        done = run_python(code, script)
        assert (done.returncode, done.stderr) == (0, "")
    return code / "results" / "fit" / "run.lock"


def test_recipe_of_a_real_run_can_be_computed_again_from_its_receipt(real_run: Path) -> None:
    receipt = read_receipt(real_run)

    assert receipt.recipe == recipe_digest(receipt)


def test_recipe_of_a_real_run_can_be_computed_without_naga(real_run: Path) -> None:
    content = yaml.safe_load(real_run.read_bytes())
    caller, config = content["caller"], content["config"]
    root, folder = caller["root"], os.path.join(caller["root"], caller["cwd"])
    places = {os.path.join(root, entry["path"]) for entry in content["data"].values()}
    for entry in content["prevs"].values():
        places |= {os.path.join(root, entry["path"]), os.path.dirname(os.path.join(root, entry["path"]))}
    save_dir = os.path.normpath(os.path.join(folder, config["save_dir"]))
    rest = {}
    for key, value in config.items():
        path = os.path.normpath(os.path.join(folder, value)) if isinstance(value, str) else ""
        if key not in ("save_dir", "runlock") and path not in places and not f"{path}/".startswith(f"{save_dir}/"):
            rest[key] = value
    code: dict[str, list[str]] = {}
    for files in content["used"]["files"].values():
        for path, digest in files.items():
            code[path] = sorted([*code.get(path, []), digest])
    recipe = {
        "stage": os.path.basename(caller["file"]) + ":" + caller["function"],
        "config": rest,
        "code": code,
        "data": {name: entry["digest"] for name, entry in content["data"].items()},
        "prevs": {name: content["lineage"][entry["id"]]["recipe"] for name, entry in content["prevs"].items()},
    }
    text = json.dumps(recipe, sort_keys=True, separators=(",", ":"), ensure_ascii=True)

    assert rest == {"rate": 0.5, "names": ["ä", "b"]}
    assert sorted(code) == ["code/fit.py", "code/net.py"]
    assert content["recipe"] == f"xxh3_128:{xxhash.xxh3_128_hexdigest(text.encode('ascii'))}"


def test_recipe_of_a_run_names_the_prevs_of_its_lineage() -> None:
    assert recipe_digest(run(lineage={})) == recipe_digest(
        run(**prev_at("results/prepare/run.lock", make_receipt(1, recipe=None)))
    )
    assert run_id(1) in run().lineage
