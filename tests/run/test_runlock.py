"""What a run may declare, in every form, and where its receipt goes."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from naga import NagaError, Receipt, hash_path, last_receipt, read_receipt
from naga.errors import ConflictError, IntegrityError, NotFoundError
from tests.programs import load_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STAGES = """\
from pathlib import Path
from naga import clicfg

@clicfg(config_class={'save_dir': '???', 'fails': False})
def stage(cfg):
    (Path(cfg.save_dir) / 'out.txt').write_text('1')
    if cfg.fails:
        raise ValueError('on purpose')
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with data in it and two stages that have finished."""
    monkeypatch.chdir(tmp_path)
    for name in ("a/x.csv", "b/x.csv", "data/input.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    stages = load_module(tmp_path, STAGES, "stages")
    for name in ("prepare", "fit"):
        stages.stage(save_dir=f"results/{name}")
    return tmp_path


def declare(folder: Path, declared: str, path: str = "run.lock") -> Receipt:
    """Return the receipt of a plain function that declares something, given as the text of arguments."""
    imports = "from pathlib import Path\nfrom omegaconf import OmegaConf\nimport naga\nfrom naga import runlock\n"
    load_module(folder, f"{imports}def main():\n    runlock({declared})\n").main()
    receipt = read_receipt(folder / path)
    assert receipt.status == "finished"
    return receipt


def call_main(folder: Path, body: str, config: str = "{'param': 1, 'save_dir': 'results/process'}") -> Any:
    """Call a decorated main with this body."""
    imports = "import threading\nimport naga\nfrom naga import clicfg, runlock\n"
    text = f"{imports}\n@clicfg(config_class={config})\ndef main(cfg):\n"
    return load_module(folder, text + textwrap.indent(textwrap.dedent(body), "    ")).main()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("None", {}),
        ("[]", {}),
        ("'data/input.csv'", {"input": "data/input.csv"}),
        ("Path('data/input.csv')", {"input": "data/input.csv"}),
        ("['data/input.csv', Path('a/x.csv')]", {"input": "data/input.csv", "x": "a/x.csv"}),
        ("('data/input.csv',)", {"input": "data/input.csv"}),
        ("{'data/input.csv'}", {"input": "data/input.csv"}),
        ("{'raw': 'data/input.csv'}", {"raw": "data/input.csv"}),
        ("{'raw': Path('data')}", {"raw": "data"}),
        ("'data'", {"data": "data"}),
        ("'data/'", {"data": "data"}),
        ("'./data/../data/input.csv'", {"input": "data/input.csv"}),
        ("['a/x.csv', 'b/x.csv', 'a']", {"x": "a/x.csv", "x_2": "b/x.csv", "a": "a"}),
        ("OmegaConf.create(['data/input.csv'])", {"input": "data/input.csv"}),
        ("OmegaConf.create({'raw': 'data/input.csv'})", {"raw": "data/input.csv"}),
    ],
)
def test_data_of_every_form_is_recorded_under_a_name_of_its_own(
    folder: Path, data: str, expected: dict[str, str]
) -> None:
    entries = declare(folder, f"data={data}").data
    assert {name: entry.path for name, entry in entries.items()} == expected
    assert all(entry.digest == hash_path(Path(entry.path)).digest for entry in entries.values())


@pytest.mark.parametrize("form", ["{}", "[{}]", "{{'data': {}}}"])
def test_data_of_which_patterns_choose_a_part_is_recorded_with_them(folder: Path, form: str) -> None:
    (folder / "data/notes.tmp").write_text("1")
    declared = form.format("naga.hash_path('data', exclude=['*.tmp'])")
    (entry,) = declare(folder, f"data={declared}").data.values()
    assert (entry.path, entry.files, entry.include, entry.exclude) == ("data", 1, (), ("*.tmp",))
    assert entry.digest == hash_path("data", exclude=["*.tmp"]).digest != hash_path("data").digest


def test_run_that_reads_what_the_patterns_of_its_data_leave_out_has_not_declared_it(folder: Path) -> None:
    for name in ("data/notes.tmp", "data/deep/notes.csv"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("1")
    body = """\
        runlock(data=naga.hash_path('data', include=['*.csv', '*.tmp'], exclude=['deep/']))
        for name in ('input.csv', 'notes.tmp', 'deep/notes.csv'):
            open('data/' + name).close()"""
    call_main(folder, body)
    receipt = read_receipt(folder / "results/process/run.lock")
    assert receipt.used["undeclared"] == ["data/deep/notes.csv"]


def test_data_of_which_a_chosen_file_changes_meanwhile_makes_the_run_failed(folder: Path) -> None:
    body = """\
        runlock(data=naga.hash_path('data', exclude=['*.tmp']))
        open('data/{}', 'w').close()"""
    call_main(folder, body.format("notes.tmp"))
    assert read_receipt(folder / "results/process/run.lock").status == "finished"
    with pytest.raises(IntegrityError, match="changed while the run was going"):
        call_main(folder, body.format("input.csv"))
    assert read_receipt(folder / "results/process/run.lock").status == "failed"


@pytest.mark.parametrize(
    ("prevs", "expected"),
    [
        ("'results/prepare'", {"prepare": "prepare"}),
        ("Path('results/prepare')", {"prepare": "prepare"}),
        ("'results/prepare/run.lock'", {"prepare": "prepare"}),
        ("'results/prepare/out.txt'", {"out": "prepare"}),
        ("['results/prepare', 'results/fit']", {"prepare": "prepare", "fit": "fit"}),
        ("{'first': 'results/fit'}", {"first": "fit"}),
        ("['results/prepare/out.txt', 'results/fit/out.txt']", {"out": "prepare", "out_2": "fit"}),
    ],
)
def test_prevs_of_every_form_are_recorded_with_their_receipts(
    folder: Path, prevs: str, expected: dict[str, str]
) -> None:
    receipt = declare(folder, f"prevs={prevs}")
    ids = {stage: read_receipt(Path("results") / stage / "run.lock").id for stage in ("prepare", "fit")}
    assert {name: entry.id for name, entry in receipt.prevs.items()} == {
        name: ids[stage] for name, stage in expected.items()
    }
    assert set(receipt.lineage) == {ids[stage] for stage in expected.values()}


@pytest.mark.parametrize(
    ("repos", "names"),
    [
        ("'.'", ["repository"]),
        ("['.']", ["repository"]),
        ("Path('src')", ["src"]),
        ("'process.py'", ["repository"]),
        ("{'code': '.'}", ["code"]),
        ("['.', '../other']", ["other", "repository"]),
    ],
)
def test_repos_of_every_form_are_recorded_with_their_state(
    repository: Path, git: Callable[..., str], monkeypatch: pytest.MonkeyPatch, repos: str, names: list[str]
) -> None:
    (repository / "src").mkdir()
    other = repository.parent / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    git(other, "commit", "--quiet", "--allow-empty", "--message", "first")
    monkeypatch.chdir(repository)

    receipt = declare(repository, f"repos={repos}")

    assert sorted(receipt.repos) == names
    for name, entry in receipt.repos.items():
        assert entry.commit == git(other if name == "other" else repository, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("declared", "error", "says"),
    [
        ("data='data/inptu.csv'", NotFoundError, ["data/inptu.csv", "data/input.csv"]),
        ("data=['data/input.csv', 'nowhere.csv']", NotFoundError, ["nowhere.csv"]),
        ("prevs='data'", NotFoundError, ["data", "run.lock"]),
        ("prevs='results/prepar'", NotFoundError, ["results/prepar", "results/prepare"]),
        ("repos='nowhere'", NotFoundError, ["nowhere"]),
    ],
)
def test_something_declared_that_is_not_there_writes_nothing(
    folder: Path, declared: str, error: type[NagaError], says: list[str]
) -> None:
    with pytest.raises(error) as caught:
        declare(folder, declared)
    for words in says:
        assert words in caught.value.one_line()
    assert not (folder / "run.lock").exists()


def test_prev_that_did_not_finish_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="on purpose"):
        load_module(folder, STAGES).stage(save_dir="results/broken", fails=True)
    with pytest.raises(IntegrityError, match="failed"):
        declare(folder, "prevs='results/broken'")


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ("None", "run.lock"),
        ("{'param': 1}", "run.lock"),
        ("{'save_dir': 'out'}", "out/run.lock"),
        ("{'save_dir': Path('out')}", "out/run.lock"),
        ("OmegaConf.create({'save_dir': 'out/${param}', 'param': 3})", "out/3/run.lock"),
        ("type('Config', (), {'save_dir': 'out'})", "out/run.lock"),
        ("type('Config', (), {'save_dir': 'out'})()", "out/run.lock"),
    ],
)
def test_receipt_without_a_place_goes_to_save_dir_or_the_current_folder(folder: Path, config: str, path: str) -> None:
    declare(folder, f"config={config}", path)
    assert (path == "run.lock") == (folder / "run.lock").exists()


@pytest.mark.parametrize("path", ["deep/down/run.lock", "other.lock"])
def test_receipt_with_a_place_goes_there(folder: Path, path: str) -> None:
    receipt = declare(folder, f"config={{'save_dir': 'out'}}, runlock_path='{path}'", path)
    assert receipt.config == {"save_dir": "out"}
    assert not (folder / "out").exists()


def test_runlock_in_a_decorated_main_enriches_its_receipt(folder: Path) -> None:
    identifier = call_main(folder, "return runlock(config=cfg, data='data/input.csv', prevs='results/prepare').id")

    receipt = read_receipt(folder / "results/process/run.lock")
    assert (receipt.id, receipt.status) == (identifier, "finished")
    assert (list(receipt.data), list(receipt.prevs)) == (["input"], ["prepare"])
    assert receipt.caller["function"] == "main"
    assert not (folder / "run.lock").exists()


def test_runlock_with_another_place_moves_the_receipt_of_a_decorated_main(folder: Path) -> None:
    call_main(folder, "runlock(config=cfg, runlock_path='elsewhere/run.lock')")
    assert read_receipt(folder / "elsewhere/run.lock").status == "finished"
    assert not (folder / "results/process/run.lock").exists()


def test_runlock_called_twice_keeps_what_both_calls_declared(folder: Path) -> None:
    body = """\
        runlock(data='a/x.csv')
        config = {'param': 2, 'save_dir': 'results/process'}
        runlock(config=config, data=['b/x.csv', 'a/x.csv'], prevs='results/fit')
    """
    call_main(folder, body)

    receipt = read_receipt(folder / "results/process/run.lock")
    assert {name: entry.path for name, entry in receipt.data.items()} == {"x": "a/x.csv", "x_2": "b/x.csv"}
    assert list(receipt.prevs) == ["fit"]
    assert receipt.config["param"] == 2


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Let threads take turns so often that whatever can happen between them does."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("eager_threads")
def test_runlock_in_threads_of_a_decorated_main_enriches_its_receipt(folder: Path) -> None:
    for number in range(80):
        (folder / f"data/{number}.csv").write_text(str(number))
    body = """\
        runlock()
        for begin in range(0, 80, 16):
            names = [f'data/{number}.csv' for number in range(begin, begin + 16)]
            threads = [threading.Thread(target=runlock, kwargs={'data': name}) for name in names]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    """
    call_main(folder, body)

    receipt = read_receipt(folder / "results/process/run.lock")
    assert sorted(receipt.data) == sorted(str(number) for number in range(80))
    assert receipt.status == "finished"


def test_two_runs_of_one_place_at_once_are_a_conflict(folder: Path) -> None:
    body = """\
        if cfg.param == 1:
            globals()['main'](param=2)
    """
    with pytest.raises(ConflictError, match=r"results/process/run\.lock"):
        call_main(folder, body)
    assert read_receipt(folder / "results/process/run.lock").config["param"] == 2


def test_run_in_the_place_of_an_earlier_one_replaces_its_receipt(folder: Path) -> None:
    first, second = declare(folder, "config={'param': 1}"), declare(folder, "config={'param': 2}")
    assert first.id != second.id
    assert read_receipt(folder / "run.lock").config == {"param": 2}


def test_last_receipt_is_the_one_of_the_run_that_ended_last(folder: Path) -> None:
    receipt = declare(folder, "config={'param': 7}")
    last = last_receipt()
    assert last is not None
    path, found = last
    assert (path, found.id) == (folder / "run.lock", receipt.id)
