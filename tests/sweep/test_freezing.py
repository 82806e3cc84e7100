"""Frozen code: what runs is the snapshot, and its receipts speak of the project all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from naga.errors import IncompleteError, IntegrityError, RefusedError
from naga.lock.frozen import FrozenCode, checkout_of, frozen_codes, home_of, run_frozen
from naga.lock.receipt import read_receipt
from naga.lock.snapshot import read_state
from naga.sweep.freezing import freeze, list_users, release
from tests.programs import naga, run_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCRIPT = """\
import json
from pathlib import Path
from naga import clicfg, runlock
import helper
import generated

class Config:
    raw = "data/raw.csv"
    save_dir = "results/a"

@clicfg(config_class=Config)
def main(cfg):
    runlock(config=cfg, data=[cfg.raw])
    beside = Path(__file__).with_name("beside.txt").read_text()
    out = [helper.NUMBER, generated.NUMBER, beside, Path(cfg.raw).read_text(), __file__]
    (Path(cfg.save_dir) / "out.json").write_text(json.dumps(out))
    if helper.NUMBER > 100:
        raise ValueError("too many")

if __name__ == "__main__":
    main()
"""
FILES = {
    "script.py": SCRIPT,
    "helper.py": "NUMBER = 1\n",
    "beside.txt": "beside",
    "data/raw.csv": "raw",
    ".gitignore": "results/\ngenerated.py\n",
}

# Runs a script as a worker does that was told to run frozen.
RUN = """\
import json, runpy, sys
from naga.lock.frozen import FrozenCode, checkout_of, run_frozen
code = FrozenCode(**json.loads(sys.argv.pop(1)))
run_frozen([code])
script = checkout_of(sys.argv.pop(1))
sys.path.insert(0, script.rpartition("/")[0])
sys.argv[:] = [script]
runpy.run_path(script, run_name="__main__")
"""


@pytest.fixture(autouse=True)
def unfrozen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no test leave this process frozen."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    run_frozen([])


@pytest.fixture
def project(tmp_path: Path, git: Callable[..., str]) -> Path:
    """Return a repository with a script, an edited helper, and a module that git ignores."""
    folder = tmp_path / "a project"
    folder.mkdir()
    git(folder, "init", "--quiet")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    (folder / "helper.py").write_text("NUMBER = 2\n", encoding="utf-8")
    return folder


def run_from(code: FrozenCode, project: Path) -> subprocess.CompletedProcess[str]:
    import json

    return run_python(project, "-c", RUN, json.dumps(code._asdict()), str(project / "script.py"))


def frozen_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> FrozenCode:
    """Freeze a project in a process that has imported the ignored module, as one that has loaded the script."""
    (project / "generated.py").write_text("NUMBER = 3\n", encoding="utf-8")
    module = type(sys)("generated")
    module.__file__ = str(project / "generated.py")
    monkeypatch.setitem(sys.modules, "generated", module)
    return freeze(project / "script.py", "sweep-1", {"arrays": ["12"]})


def test_frozen_run_is_not_changed_by_edits_and_its_receipt_is_that_of_the_project(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = frozen_project(project, monkeypatch)
    frozen_tree = read_state(project).tree
    texts = {name: (project / name).read_text() for name in ("helper.py", "generated.py", "beside.txt")}
    for name in ("script.py", "helper.py", "generated.py"):
        (project / name).write_text("raise SystemExit(9)\n", encoding="utf-8")
    (project / "beside.txt").write_text("edited", encoding="utf-8")
    (project / "data/raw.csv").write_text("data that is there now", encoding="utf-8")

    done = run_from(code, project)
    assert done.returncode == 0, done.stderr
    place = f"{code.checkout}/script.py"
    text = (project / "results/a/out.json").read_text()
    assert text == f'[2, 3, "beside", "data that is there now", "{place}"]'

    receipt = read_receipt(project / "results/a/run.lock")
    assert receipt.status == "finished"
    assert receipt.caller["root"] == str(project)
    assert (receipt.caller["file"], receipt.caller["cwd"]) == ("script.py", ".")
    assert receipt.data["raw"].path == "data/raw.csv"
    (entry,) = receipt.repos.values()
    assert (entry.path, entry.tree, entry.dirty) == (".", frozen_tree, True)
    assert (entry.snapshot, list(receipt.repos)) == (code.state["snapshot"], ["a project"])
    (files,) = receipt.used["files"].values()
    assert sorted(files) == ["generated.py", "helper.py", "script.py"]
    assert receipt.used["undeclared"] == ["beside.txt"]

    # In the project the receipt is stale as long as the code is not what ran, and only then.
    status = naga(project, "status", "--json").stdout
    assert '"stale"' in status
    assert "helper.py" in status
    for name, content in {"script.py": SCRIPT, **texts}.items():
        (project / name).write_text(content, encoding="utf-8")
    assert '"ok"' in naga(project, "status", "--json").stdout


def test_frozen_run_that_fails_names_the_line_in_the_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "helper.py").write_text("NUMBER = 200\n", encoding="utf-8")
    assert run_from(frozen_project(project, monkeypatch), project).returncode == 1
    error = read_receipt(project / "results/a/run.lock").error
    assert error is not None
    assert (error.type, error.file, error.line) == ("ValueError", "script.py", 18)


def test_freezing_leaves_the_repository_as_it_is(project: Path, git: Callable[..., str]) -> None:
    before = git(project, "status", "--porcelain"), git(project, "stash", "list"), git(project, "worktree", "list")
    freeze(project / "script.py", "sweep-1", {})
    after = git(project, "status", "--porcelain"), git(project, "stash", "list"), git(project, "worktree", "list")
    assert after == before
    assert before[0] == " M helper.py"


def test_freezing_the_same_code_again_makes_one_checkout_and_other_code_another(project: Path) -> None:
    first, again = (freeze(project / "script.py", name, {}) for name in ("sweep-1", "sweep-2"))
    (project / "helper.py").write_text("NUMBER = 4\n", encoding="utf-8")
    other = freeze(project / "script.py", "sweep-3", {})
    assert first == again
    assert first.checkout != other.checkout
    assert (Path(first.checkout) / "helper.py").read_text() == "NUMBER = 2\n"
    assert (Path(other.checkout) / "helper.py").read_text() == "NUMBER = 4\n"


def test_checkout_that_was_changed_is_refused_but_not_what_python_leaves_there(project: Path) -> None:
    checkout = Path(freeze(project / "script.py", "sweep-1", {}).checkout)
    (checkout / "__pycache__").mkdir()
    (checkout / "__pycache__/helper.pyc").write_bytes(b"compiled")
    freeze(project / "script.py", "sweep-2", {})
    status = (checkout / "helper.py").stat()
    (checkout / "helper.py").write_text("NUMBER = 9\n", encoding="utf-8")
    os.utime(checkout / "helper.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(IntegrityError, match=r"helper\.py is not what the snapshot holds") as caught:
        freeze(project / "script.py", "sweep-3", {})
    assert "remove" in str(caught.value.hint)


def test_checkout_is_removed_when_the_last_sweep_lets_go(project: Path) -> None:
    code = freeze(project / "script.py", "sweep-1", {"arrays": ["12"]})
    freeze(project / "script.py", "sweep-2", {"arrays": ["13"]})
    users = [(Path(code.checkout), "sweep-1", {"arrays": ["12"]}), (Path(code.checkout), "sweep-2", {"arrays": ["13"]})]
    assert list(list_users(project)) == users
    release(code, "sweep-1")
    release(code, "sweep-1")
    assert Path(code.checkout, "script.py").is_file()
    release(code, "sweep-2")
    assert list((project / ".naga/frozen").iterdir()) == []
    release(code, "sweep-2")


def test_freezing_of_what_no_repository_holds_is_refused(tmp_path: Path, git: Callable[..., str]) -> None:
    (tmp_path / "script.py").write_text("", encoding="utf-8")
    with pytest.raises(RefusedError, match="in no git repository") as caught:
        freeze(tmp_path / "script.py", "sweep-1", {})
    assert "freeze: false" in str(caught.value.hint)


def test_freezing_where_nothing_can_be_written_says_so(project: Path) -> None:
    (project / ".naga").mkdir()
    (project / ".naga/frozen").write_text("no folder")
    with pytest.raises(IncompleteError, match="cannot check"):
        freeze(project / "script.py", "sweep-1", {})


def test_freezing_that_was_interrupted_is_not_taken_for_a_checkout(project: Path) -> None:
    code = freeze(project / "script.py", "sweep-1", {})
    release(code, "sweep-1")
    half = Path(code.checkout).parent / ".half"
    half.mkdir()
    assert Path(freeze(project / "script.py", "sweep-1", {}).checkout, "script.py").is_file()


def test_frozen_process_maps_paths_and_only_those_of_the_repository(tmp_path: Path) -> None:
    root, checkout = tmp_path / "root", tmp_path / "root/.naga/frozen/1"
    run_frozen([FrozenCode(str(root), str(checkout), {})])
    assert home_of(f"{checkout}/a/b.py") == f"{root}/a/b.py"
    assert (home_of(str(checkout)), home_of(f"{checkout}2/a.py")) == (str(root), f"{checkout}2/a.py")
    assert checkout_of(f"{root}/src") == f"{checkout}/src"
    for path in (f"{root}2/src", "", f"{root}/.venv/lib/python3/site-packages/a.py", sys.prefix):
        assert checkout_of(path) == path
    assert frozen_codes() == (FrozenCode(str(root), str(checkout), {}),)


def test_frozen_process_imports_what_is_installed_in_development_mode_from_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, checkout = tmp_path / "root", tmp_path / "checkout"
    monkeypatch.setattr(sys, "path", [str(root / "src"), *sys.path])
    monkeypatch.setenv("PYTHONPATH", f"{root}/src:/elsewhere")
    run_frozen([FrozenCode(str(root), str(checkout), {})])
    assert sys.path[0] == f"{checkout}/src"
    assert os.environ["PYTHONPATH"] == f"{checkout}/src:/elsewhere"
