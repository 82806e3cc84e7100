"""Runs that are repeated from their snapshot, and compared with what was recorded."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from naga import Receipt, read_receipt
from naga.errors import (
    ConfigError,
    ConflictError,
    IncompleteError,
    IntegrityError,
    NotFoundError,
    RefusedError,
    UsageError,
)
from naga.lock.settings import read_settings
from naga.lock.tolerance import check_rules
from naga.rerun.attest import Rerun
from naga.rerun.rerun import rerun
from tests.programs import naga, run_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEAD = """\
import json, os, random, sys, time
from pathlib import Path
from naga import clicfg, runlock

with open(os.environ["MARKS"], "a") as marks:
    marks.write("run\\n")
"""

PROCESS = (
    HEAD
    + """
class Config:
    param = 1
    text: str = "plain"
    series: list = [1, 2.5, 1e-7, "1e5", None]
    input_path = "data/input.csv"
    save_dir = "results/process"

@clicfg(config_class=Config)
def main(cfg):
    runlock(config=cfg, data=[cfg.input_path])
    rows = Path(cfg.input_path).read_text()
    content = {"param": cfg.param, "text": cfg.text, "series": list(cfg.series), "rows": rows}
    (Path(cfg.save_dir) / "out.json").write_text(json.dumps(content))

if __name__ == "__main__":
    main()
"""
)


def script(body: str, config: str = "", save_dir: str = "'results/process'") -> str:
    """Return a stage whose main has the given lines."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return (
        f"{HEAD}\nclass Config:\n    save_dir = {save_dir}\n"
        + "".join(f"    {line}\n" for line in config.splitlines())
        + f"\n@clicfg(config_class=Config)\ndef main(cfg):\n    out = Path(cfg.save_dir)\n{lines}\n\n"
        + 'if __name__ == "__main__":\n    main()\n'
    )


@dataclass
class Project:
    """A repository with a stage ``process.py``, and what tells whether something in it was touched."""

    root: Path
    marks: Path
    temporary: Path
    git: Callable[..., str]

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def commit(self) -> None:
        self.git(self.root, "add", "--all")
        self.git(self.root, "commit", "--quiet", "--message", "more")

    def run(self, *words: str, folder: str = ".", **environ: str) -> Receipt:
        """Run ``process.py`` or what `words` say, and return the receipt of results/process."""
        done = run_python(self.root / folder, *(words or ("process.py",)), **environ)
        assert done.returncode == 0, done.stderr
        return self.receipt()

    def receipt(self, place: str = "results/process") -> Receipt:
        return read_receipt(self.root / place / "run.lock")

    def rerun(self, place: str = "results/process", **options: Any) -> Rerun:
        """Repeat the run in this process, and make sure that nothing of the person's was touched."""
        before, listed = self.content(), self.git(self.root, "worktree", "list")
        try:
            return rerun(self.root / place, **{"quiet": True, **options})
        finally:
            assert self.content() == before
            assert self.git(self.root, "worktree", "list") == listed
            if not options.get("keep"):
                assert list(self.temporary.iterdir()) == []

    def content(self) -> dict[str, bytes | str]:
        """Return every file, of git's folder too, apart from attestations."""
        found: dict[str, bytes | str] = {}
        for path in sorted(self.root.rglob("*")):
            if ".naga/attestations" not in path.as_posix() and path.name not in ("attestations", ".naga"):
                is_file = path.is_file() and not path.is_symlink()
                found[str(path)] = path.read_bytes() if is_file else os.readlink(path) if path.is_symlink() else ""
        return found

    def runs(self) -> int:
        return len(self.marks.read_text().splitlines())


@pytest.fixture
def project(
    repository: Path, git: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    marks = tmp_path / "marks"
    marks.touch()
    monkeypatch.setenv("MARKS", str(marks))
    project = Project(repository, marks, temporary, git)
    project.write("process.py", PROCESS)
    project.write(".gitignore", "/data/\n/results/\n__pycache__/\n")
    project.write("data/input.csv", "1,2\n")
    project.commit()
    yield project


def only(result: Rerun, name: str) -> Any:
    """Return the verdict on one output."""
    (output,) = [output for output in result.outputs if output.path == name]
    return output


def attested(result: Rerun) -> dict[str, Any]:
    assert result.attestation is not None
    content = yaml.safe_load(result.attestation.read_text())
    assert isinstance(content, dict)
    return content


# The verdict


def test_rerun_of_a_deterministic_run_gives_the_same_bits(project: Project) -> None:
    receipt = project.run("process.py", "-o", "param=3", "series=[0.1,'1e5','yes',null]", "text=ü ☃ 'x'")

    result = project.rerun()

    assert (result.verdict, result.exit_code, result.unset, result.config) == ("same", 0, (), ())
    assert only(result, "out.json").recorded == receipt.outputs["out.json"].digest
    assert project.runs() == 2


def test_rerun_keeps_an_attestation_beside_the_receipt(project: Project) -> None:
    receipt = project.run()

    result = project.rerun()

    content = attested(result)
    folder = project.root / "results/process/.naga/attestations"
    assert result.attestation == folder / f"{result.id}.yml"
    assert os.listdir(folder) == [f"{result.id}.yml"]
    assert content["attestation"] == 1
    assert content["run"] == receipt.id
    assert content["verdict"] == "same"
    assert content["who"].count("@") == 1
    assert content["when"].endswith("Z")
    assert content["where"].keys() == {"system", "machine", "python"}
    assert content["environment"].startswith("xxh3_128:")
    assert [output["path"] for output in content["outputs"]] == ["out.json"]


def test_rerun_of_a_run_that_writes_the_time_names_the_file_that_is_different(project: Project) -> None:
    project.write(
        "process.py", script("(out / 'a.txt').write_text('a')\n(out / 'time.txt').write_text(str(time.time_ns()))")
    )
    project.run()

    result = project.rerun()

    assert (result.verdict, result.exit_code) == ("different", 1)
    assert [(output.path, output.verdict) for output in result.outputs] == [
        ("a.txt", "same"),
        ("time.txt", "different"),
    ]
    assert attested(result)["verdict"] == "different"


def test_rerun_with_a_rule_for_numbers_is_within_the_tolerance(project: Project) -> None:
    noise = "(out / 'loss.csv').write_text(f'step,loss\\n1,{1 + time.time_ns() % 1000 / 1e9}\\n')"
    project.write("process.py", script(noise))
    project.run()
    assert project.rerun().verdict == "different"
    project.write("naga.toml", '[[compare]]\npattern = "*.csv"\nkind = "numbers"\nrtol = 1e-3\n')

    result = project.rerun()

    assert (result.verdict, result.exit_code) == ("within", 0)
    loss = only(result, "loss.csv")
    assert (loss.verdict, loss.rule) == ("within", "numbers")
    assert loss.place.startswith("line 2: ")
    assert 0 < loss.relative < 1e-3
    assert (loss.rtol, loss.atol) == (1e-3, 0.0)


def test_rules_of_the_page_on_reruns_are_valid(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs/rerun.md"
    (block,) = re.findall(r"^```toml\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    (tmp_path / "naga.toml").write_text(block)

    rules = read_settings(tmp_path).compare

    check_rules(rules)
    assert [rule.kind for rule in rules] == ["numbers", "text"]


def test_rerun_with_rules_that_mean_nothing_is_refused_before_anything_is_run(project: Project) -> None:
    project.run()
    project.write("naga.toml", '[[compare]]\npattern = "*.csv"\nkind = "number"\n')

    with pytest.raises(ConfigError, match="number"):
        project.rerun()

    assert project.runs() == 1


def test_rerun_of_a_run_with_a_seed_in_its_config_draws_the_same_numbers(project: Project) -> None:
    project.write("process.py", script("(out / 'x.txt').write_text(str(random.random()))", config="seed = 7"))
    receipt = project.run("process.py", "-o", "seed=11")
    if "seeds" not in receipt.environment:
        pytest.skip("runs do not set seeds yet")

    result = project.rerun()

    assert receipt.environment["seeds"] == {"random": 11}
    assert result.verdict == "same"


def test_rerun_takes_the_seed_of_hashes_from_the_receipt(project: Project) -> None:
    project.write("process.py", script("(out / 'x.txt').write_text(' '.join({'a', 'b', 'c', 'd', 'e', 'f'}))"))
    project.run(PYTHONHASHSEED="12")

    assert project.rerun().verdict == "same"


def test_rerun_of_trees_names_the_files_that_are_added_missing_or_different(project: Project) -> None:
    body = """\
again = len(Path(os.environ["MARKS"]).read_text().splitlines()) > 1
(out / "tree/deep").mkdir(parents=True)
(out / "same").mkdir()
(out / "same/x").write_text("x")
(out / "tree/deep/x").write_text("again" if again else "first")
(out / "tree/same").write_text("same")
(out / ("tree/new" if again else "tree/old")).write_text("x")
(out / ("new" if again else "old")).write_text("x")
(out / "tool").write_text("x")
(out / "tree/tool").write_text("x")
(out / "tree/tool").chmod(0o755 if again else 0o644)"""
    project.write("process.py", script(body))
    project.run()

    result = project.rerun()

    assert result.verdict == "different"
    assert {output.path: output.verdict for output in result.outputs} == {
        "new": "added",
        "old": "missing",
        "same/": "same",
        "tool": "same",
        "tree/deep/x": "different",
        "tree/new": "added",
        "tree/old": "missing",
        "tree/same": "same",
        "tree/tool": "different",
    }
    assert only(result, "tree/tool").place == "it is executable now"


def test_rerun_when_the_recorded_outputs_are_gone_compares_digests(project: Project) -> None:
    body = "(out / 'a').write_text('a')\n(out / 'b.csv').write_text(str(time.time_ns()))\n(out / 'tree').mkdir()\n"
    project.write("process.py", script(body + "(out / 'tree/x').write_text(str(time.time_ns()))"))
    project.write("naga.toml", '[[compare]]\npattern = "*"\nkind = "numbers"\nrtol = 9\n')
    project.run()
    assert project.rerun().verdict == "within"
    for name in ("a", "b.csv", "tree/x"):
        (project.root / "results/process" / name).unlink()

    result = project.rerun()

    assert {output.path: output.verdict for output in result.outputs} == {
        "a": "same",
        "b.csv": "different",
        "tree/x": "different",
    }
    assert "not there any more" in only(result, "b.csv").place


def test_rerun_that_fails_is_told_with_its_error(project: Project) -> None:
    project.write(
        "process.py", script("(out / 'a').write_text('a')\nif 'FAIL' in os.environ: raise ValueError('no luck')")
    )
    project.run()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIL", "1")
        result = project.rerun()

    assert (result.verdict, result.exit_code, result.error) == ("failed", 1, "ValueError: no luck")
    assert attested(result)["verdict"] == "failed"
    assert "no luck" in attested(result)["log"]


def test_rerun_that_is_killed_is_not_taken_for_finished(project: Project) -> None:
    project.write("process.py", script("(out / 'a').write_text('a')\nif 'FAIL' in os.environ: os.kill(os.getpid(), 9)"))
    project.run()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIL", "1")
        result = project.rerun()

    assert (result.verdict, result.error) == ("failed", "it is started and ended with signal 9")


def test_rerun_in_another_environment_shows_the_differences_and_goes_on(project: Project) -> None:
    project.run(OMP_NUM_THREADS="3")

    result = project.rerun()

    assert result.verdict == "same"
    assert ("threads.OMP_NUM_THREADS", "3") in {(found.what, found.recorded) for found in result.differences}


# The code


def test_rerun_after_the_working_tree_moved_on_runs_the_old_code(project: Project) -> None:
    project.write("process.py", PROCESS.replace('"param": cfg.param', '"param": cfg.param * 10'))
    project.write("helper.py", "ADDED = 1\n")
    project.run("process.py", "-o", "param=3")
    project.write("process.py", "raise SystemExit('the new code')\n")
    project.commit()

    assert project.rerun().verdict == "same"


def test_rerun_of_untracked_code_that_is_gone_by_now_runs_it(project: Project) -> None:
    project.write("helper.py", "def work():\n    return 'helped'\n")
    project.write("process.py", "import helper\n" + script("(out / 'x').write_text(helper.work())"))
    project.run()
    (project.root / "helper.py").unlink()
    project.git(project.root, "checkout", "--quiet", "--", "process.py")

    assert project.rerun().verdict == "same"


def test_rerun_finds_git_as_the_run_did(project: Project) -> None:
    ask = "import subprocess\nanswer = lambda *words: subprocess.check_output(['git', *words], text=True)\n"
    body = "(out / 'git').write_text(answer('rev-parse', 'HEAD', '--abbrev-ref', 'HEAD') + answer('describe', '--tags')"
    project.git(project.root, "tag", "v1")
    project.write("process.py", ask + script(body + " + answer('status', '--short'))"))
    project.write("untracked.txt", "x")
    receipt = project.run()

    assert project.rerun().verdict == "same"
    assert receipt.repos["repository"].dirty


def test_rerun_without_the_snapshot_is_not_found(project: Project) -> None:
    project.write("process.py", PROCESS + "# edited\n")
    snapshot = project.run().repos["repository"].snapshot
    project.git(project.root, "update-ref", "-d", f"refs/naga/{snapshot}")
    project.git(project.root, "gc", "--quiet", "--prune=now")

    with pytest.raises(NotFoundError, match=str(snapshot)[:10]):
        project.rerun()


def test_rerun_of_a_module_in_a_package_runs_it_as_one(project: Project) -> None:
    project.write("stages/__init__.py", "")
    project.write("stages/helper.py", "WORD = 'helped'\n")
    project.write("stages/process.py", "from .helper import WORD\n" + script("(out / 'x').write_text(WORD)"))
    project.run("-m", "stages.process")

    result = project.rerun()

    assert result.verdict == "same"
    assert result.command[:3] == ("python", "-m", "stages.process")


def test_rerun_imports_from_the_snapshot_what_is_installed_from_the_working_tree(project: Project) -> None:
    project.write("src/library.py", "WORD = 'old'\n")
    project.write("process.py", script("import library\n(out / 'x').write_text(library.WORD)"))
    path = str(project.root / "src")
    project.run(PYTHONPATH=path)
    project.write("src/library.py", "WORD = 'new'\n")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        result = project.rerun()

    assert result.verdict == "same"


def test_rerun_of_a_package_found_by_a_hook_imports_it_from_the_snapshot(project: Project) -> None:
    # As editable installs of setuptools do it: a finder behind the others, and nothing on sys.path.
    project.write("library/__init__.py", "WORD = 'old'\n")
    site = project.marks.with_name("site")
    site.mkdir()
    finder = f"""\
import importlib.util, sys
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "library":
            return importlib.util.spec_from_file_location(name, "{project.root}/library/__init__.py")
sys.meta_path.append(Finder)
"""
    (site / "sitecustomize.py").write_text(finder)
    project.write("scripts/process.py", script("import library\n(out / 'x').write_text(library.WORD)"))
    project.run("scripts/process.py", PYTHONPATH=str(site))
    project.write("library/__init__.py", "WORD = 'new'\n")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(site))
        result = project.rerun()

    assert result.verdict == "same"


def test_rerun_that_imports_changed_code_from_the_working_tree_is_void(project: Project) -> None:
    project.write("lib/library.py", "WORD = 'word'\n")
    project.write(
        "process.py",
        f"import sys\nsys.path.insert(0, {str(project.root / 'lib')!r})\n"
        + script("import library\n(out / 'x').write_text(library.WORD)"),
    )
    project.run()
    assert project.rerun().verdict == "same"
    project.write("lib/library.py", "WORD = 'word'  # edited\n")

    with pytest.raises(IntegrityError, match=r"lib/library\.py"):
        project.rerun()


def test_rerun_takes_over_code_that_git_ignores_as_long_as_it_is_the_same(project: Project) -> None:
    project.write(".gitignore", "/data/\n/results/\n__pycache__/\n_version.py\n")
    project.write("_version.py", "VERSION = '1'\n")
    project.write("process.py", "import _version\n" + script("(out / 'x').write_text(_version.VERSION)"))
    project.run()
    assert project.rerun().verdict == "same"

    project.write("_version.py", "VERSION = '2'\n")
    with pytest.raises(IntegrityError, match=r"_version\.py"):
        project.rerun()

    (project.root / "_version.py").unlink()
    with pytest.raises(NotFoundError, match=r"_version\.py"):
        project.rerun()


def test_rerun_of_two_repositories_takes_the_snapshots_of_both(
    project: Project, tmp_path: Path, git: Callable[..., str]
) -> None:
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "--quiet")
    (library / "shared.py").write_text("WORD = 'old'\n")
    git(library, "add", ".")
    git(library, "commit", "--quiet", "--message", "first")
    body = "runlock(config=cfg, repos=['.', '../library'])\nsys.path.insert(0, '../library')\nimport shared\n"
    project.write("process.py", script(body + "(out / 'x').write_text(shared.WORD)"))
    project.run()
    (library / "shared.py").write_text("WORD = 'new'\n")

    assert project.rerun().verdict == "same"


# The config


def test_rerun_leaves_literal_interpolations_literal(project: Project) -> None:
    texts = ["${x}", "a ${oc.env:HOME} b", "\\${x}", "${${", "'${x}\"\n#: - é", "1e5", "yes", ""]
    body = "(out / 'x').write_text(json.dumps([cfg.text, list(cfg.nested.texts)]))"
    project.write("process.py", script(body, config="text: str = ''\nnested: dict = {'texts': []}"))
    project.run()
    receipt = project.root / "results/process/run.lock"
    content = receipt.read_text().replace("text: ''", f"text: {json.dumps(texts[1])}")
    receipt.write_text(content.replace("texts: []", f"texts: {json.dumps(texts)}"))
    assert project.receipt().config["nested"]["texts"] == texts

    result = project.rerun(keep=True)

    assert result.folder is not None
    assert json.loads((result.folder / "results/process/x").read_text()) == [texts[1], texts]


def test_rerun_leaves_secrets_to_the_environment_and_says_which(project: Project) -> None:
    config = "db: dict = {'password': os.environ['DB'], 'host': 'h'}\nurl: str = f\"https://me:{os.environ['DB']}@h/\""
    project.write("process.py", script("(out / 'n').write_text(str(len(cfg.db.password)) + cfg.db.host)", config))
    secret = "correct-horse-battery"
    project.run("process.py", "-o", "db.host=other", DB=secret)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DB", secret)
        result = project.rerun()

    assert (result.verdict, result.unset) == ("same", ("db.password", "url"))
    assert attested(result)["unset"] == ["db.password", "url"]
    assert result.attestation is not None
    assert secret not in result.attestation.read_text()


def test_rerun_redacts_the_end_of_what_the_run_printed(project: Project) -> None:
    project.write("process.py", script("(out / 'x').write_text('x')\nprint('hello', os.environ['API_TOKEN'])"))
    secret = "correct-horse-battery"
    project.run(API_TOKEN=secret)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("API_TOKEN", secret)
        result = project.rerun()

    assert "hello" in result.log
    assert secret not in result.log
    assert "hello" in attested(result)["log"]


def test_rerun_gives_resolved_data_and_prevs_as_references_again(project: Project) -> None:
    project.write("data/run.lock", "")
    prepare = script("(out / 'x.csv').write_text('1')", save_dir="'results/prepare'")
    project.write("prepare.py", prepare)
    body = "runlock(config=cfg, **cfg.runlock)\n(out / 'x').write_text(open(cfg.runlock.data.rows).read())"
    project.write("process.py", script(body, config="runlock: dict"))
    project.write(
        "conf.yml",
        "runlock:\n  data: {rows: '${runlock_data:data/input.csv}'}\n  prevs: ['${runlock_prev:results/prepare}']\n",
    )
    assert run_python(project.root, "prepare.py").returncode == 0
    receipt = project.run("process.py", "--config", "conf.yml")
    assert receipt.config["runlock"]["data"]["rows"].keys() == {"path", "digest"}

    assert project.rerun().verdict == "same"


def test_rerun_of_a_run_in_a_subfolder_finds_its_relative_paths(project: Project) -> None:
    project.write("work/.gitignore", "*\n")
    project.run("../process.py", "-o", "input_path=../data/input.csv", "save_dir=../results/process", folder="work")

    assert project.rerun().verdict == "same"


def test_rerun_of_a_main_that_was_called_from_python_calls_it(project: Project) -> None:
    receipt = project.run("-c", r"import process; process.main(param=3, text='called \${x}')")
    assert receipt.config["text"] == "called ${x}"

    result = project.rerun()

    assert result.verdict == "same"
    assert "process.main" in " ".join(result.command)


def test_rerun_of_a_coroutine_that_was_called_from_python_awaits_it(project: Project) -> None:
    body = script("(out / 'x').write_text('x')").replace("def main", "async def main")
    project.write("process.py", body)
    project.run("-c", "import asyncio, process; asyncio.run(process.main())")

    assert project.rerun().verdict == "same"


def test_rerun_of_a_main_in_a_folder_of_modules_calls_it(project: Project) -> None:
    project.write("src/fit.py", "import word\n" + script("(out / 'x').write_text(word.WORD)"))
    project.write("src/word.py", "WORD = 'word'\n")
    project.write("drive.py", "import sys\nsys.path.insert(0, 'src')\nfrom fit import main\nmain()\n")
    project.run("drive.py")

    assert project.rerun().verdict == "same"


def test_rerun_of_a_main_in_an_imported_package_calls_it(project: Project) -> None:
    project.write("src/stages/__init__.py", "")
    project.write("src/stages/fit.py", "from . import word\n" + script("(out / 'x').write_text(word.WORD)"))
    project.write("src/stages/word.py", "WORD = 'word'\n")
    project.write("drive.py", "import sys\nsys.path.insert(0, 'src')\nfrom stages.fit import main\nmain()\n")
    project.run("drive.py")

    assert project.rerun().verdict == "same"


def test_rerun_of_a_plain_main_repeats_its_command_line(project: Project) -> None:
    plain = f"""{HEAD}
def main(word):
    runlock(config={{"word": word, "save_dir": "results/process"}}, data=["data/input.csv"])
    Path("results/process/x").write_text(word)

main(*sys.argv[1:])
"""
    project.write("process.py", plain)
    project.run("process.py", "a b; $HOME")

    result = project.rerun()

    assert (result.verdict, result.command) == ("same", ("python", "process.py", "a b; $HOME"))


# The inputs


def test_rerun_with_a_modified_input_is_refused_before_anything_is_run(project: Project) -> None:
    project.run()
    project.write("data/input.csv", "1,3\n")

    with pytest.raises(IntegrityError, match=r"data/input\.csv is not what the run read") as caught:
        project.rerun()

    assert caught.value.exit_code == 65
    assert project.runs() == 1


def test_rerun_without_an_input_is_refused_before_anything_is_run(project: Project) -> None:
    project.run()
    (project.root / "data/input.csv").unlink()

    with pytest.raises(NotFoundError, match=r"data/input\.csv is gone") as caught:
        project.rerun()

    assert caught.value.exit_code == 66
    assert project.runs() == 1


def test_rerun_takes_an_input_that_git_has_from_the_snapshot(project: Project) -> None:
    project.write("table.csv", "1,2\n")
    project.run("process.py", "-o", "input_path=table.csv")
    project.write("table.csv", "3,4\n")

    assert project.rerun().verdict == "same"


def test_rerun_that_reads_another_input_than_was_recorded_is_void(project: Project) -> None:
    table = project.write("table.csv", "1,2\n")
    body = f"runlock(config=cfg, data=[{str(table)!r}])\n(out / 'x').write_text(Path({str(table)!r}).read_text())"
    project.write("process.py", script(body))
    project.run()
    assert project.rerun().verdict == "same"
    project.write("table.csv", "3,4\n")

    with pytest.raises(IntegrityError, match="read another table"):
        project.rerun()


def test_rerun_of_a_tree_of_inputs_brings_all_of_it(project: Project) -> None:
    body = """\
runlock(config=cfg, data=["data"])
found = sorted(str(p) + str(p.is_symlink()) + str(p.is_dir()) for p in Path("data").rglob("*"))
(out / "found").write_text("\\n".join(found))"""
    project.write("data/deep/x.csv", "x")
    (project.root / "data/empty").mkdir()
    (project.root / "data/link").symlink_to("deep/x.csv")
    project.write("process.py", script(body))
    project.run()

    assert project.rerun().verdict == "same"

    project.write("data/deep/x.csv", "y")
    with pytest.raises(IntegrityError, match=r"deep/x\.csv"):
        project.rerun()


def test_rerun_of_a_part_of_a_tree_brings_that_part(project: Project) -> None:
    body = """\
import naga
runlock(config=cfg, data=naga.hash_path("data", exclude=["*.tmp"]))
(out / "found").write_text(" ".join(sorted(p.name for p in Path("data").rglob("*.csv"))))"""
    project.write("data/deep/x.csv", "x")
    project.write("data/notes.tmp", "1")
    project.write("process.py", script(body))
    project.run()
    project.write("data/notes.tmp", "2")

    assert project.rerun().verdict == "same"


def test_rerun_of_a_tree_that_git_has_in_part_takes_each_file_from_where_it_is_intact(project: Project) -> None:
    project.write("table/tracked.csv", "old")
    project.write("table/ignored.bin", "1")
    project.write(".gitignore", "/results/\n__pycache__/\n*.bin\n")
    body = "runlock(config=cfg, data=['table'])\n(out / 'x').write_text(Path('table/tracked.csv').read_text())"
    project.write("process.py", script(body))
    project.run()
    project.write("table/tracked.csv", "new")

    assert project.rerun().verdict == "same"


def test_rerun_finds_inputs_beside_the_project(project: Project, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/x.csv").write_text("x")
    for path in ("../shared/x.csv", str(tmp_path / "shared/x.csv")):
        project.run("process.py", "-o", f"input_path={path}")
        assert project.rerun().verdict == "same"

    (tmp_path / "shared/x.csv").write_text("y")
    with pytest.raises(IntegrityError, match=r"shared/x\.csv"):
        project.rerun()


def test_rerun_brings_what_the_run_read_without_declaring_it(project: Project) -> None:
    project.write("data/lookup.txt", "looked up")
    project.write("process.py", script("(out / 'x').write_text(Path('data/lookup.txt').read_text())"))
    if not project.run().used["undeclared"]:
        pytest.skip("runs do not watch what they read yet")

    assert project.rerun().verdict == "same"


PREPARE = script(
    "(out / 'x.csv').write_text(str(cfg.rows))\n(out / 'tree').mkdir()\n(out / 'tree/y').write_text('y')",
    config="rows = 5",
    save_dir="'results/prepare'",
)
FIT = script(
    "runlock(config=cfg, prevs=['results/prepare'])\n(out / 'model').write_text(Path(cfg.table).read_text() * 2)",
    config="table = 'results/prepare/x.csv'",
)


def run_two_stages(project: Project) -> Receipt:
    project.write("prepare.py", PREPARE)
    project.write("process.py", FIT)
    assert run_python(project.root, "prepare.py").returncode == 0
    return project.run()


def test_rerun_of_a_stage_with_prevs_finds_their_outputs_and_receipts(project: Project) -> None:
    recorded = run_two_stages(project)

    result = project.rerun(keep=True)

    assert result.verdict == "same"
    assert result.folder is not None
    again = read_receipt(result.folder / "results/process/run.lock")
    assert again.prevs == recorded.prevs


def test_rerun_of_a_run_whose_data_is_the_folder_of_a_stage_finds_it_as_such(project: Project) -> None:
    project.write("prepare.py", PREPARE)
    body = "runlock(config=cfg, data=['results/prepare'])\n(out / 'x').write_text('x')"
    project.write("process.py", script(body))
    assert run_python(project.root, "prepare.py").returncode == 0
    project.run()

    assert project.rerun().verdict == "same"


def test_rerun_after_the_stage_before_was_run_again_alike_uses_the_recorded_receipt(project: Project) -> None:
    run_two_stages(project)
    shutil.rmtree(project.root / "results/prepare/tree")
    assert run_python(project.root, "prepare.py").returncode == 0

    assert project.rerun().verdict == "same"


def test_rerun_with_a_modified_output_of_the_stage_before_is_refused(project: Project) -> None:
    run_two_stages(project)
    project.write("results/prepare/tree/y", "z")

    with pytest.raises(IntegrityError, match="tree"):
        project.rerun()

    shutil.rmtree(project.root / "results/prepare")
    with pytest.raises(NotFoundError, match="results/prepare"):
        project.rerun()


def test_rerun_of_a_receipt_whose_lineage_was_tampered_with_is_refused(project: Project) -> None:
    run_two_stages(project)
    receipt = project.root / "results/process/run.lock"
    receipt.write_text(receipt.read_text().replace('"rows": 5', '"rows": 6'))

    with pytest.raises(IntegrityError, match="results/prepare"):
        project.rerun()
    assert project.runs() == 2


# What belongs to the person is not written to


def test_rerun_of_a_run_that_writes_to_its_inputs_writes_to_copies(project: Project) -> None:
    body = "rows = Path('data/input.csv').read_text()\nrunlock(config=cfg, data=['data/input.csv'])\n"
    project.write("process.py", script(body + "open('data/input.csv', 'w').write(rows)\n(out / 'x').write_text(rows)"))
    project.run()
    before = (project.root / "data/input.csv").stat().st_mtime_ns

    assert project.rerun().verdict == "same"
    assert (project.root / "data/input.csv").stat().st_mtime_ns == before


def test_rerun_with_linked_inputs_does_not_write_through_the_links(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("naga.rerun.provision.COPY_LIMIT", 0)
    body = "runlock(config=cfg, data=['data'])\n(out / 'x').write_text(str(Path('data/input.csv').is_symlink()))\n"
    project.write("process.py", script(body + "if 'SPOIL' in os.environ: open('data/input.csv', 'a').write('spoilt')"))
    project.run()
    result = project.rerun()
    assert only(result, "x").verdict == "different"

    monkeypatch.setenv("SPOIL", "1")
    result = project.rerun()

    assert result.verdict == "failed"
    assert "PermissionError: a rerun does not write to" in str(result.error)


def test_rerun_that_changes_linked_inputs_by_other_programs_is_noticed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("naga.rerun.provision.COPY_LIMIT", 0)
    body = "runlock(config=cfg, data=['data'])\n(out / 'x').write_text('x')\n"
    project.write("process.py", script(body + "if 'SPOIL' in os.environ: os.system('echo spoilt >> data/input.csv')"))
    project.run()
    monkeypatch.setenv("SPOIL", "1")

    with pytest.raises(IntegrityError, match="data changed while the rerun was going"):
        rerun(project.root / "results/process", quiet=True)


@pytest.mark.parametrize("inside", [True, False])
def test_rerun_of_a_run_with_an_absolute_save_dir_writes_elsewhere(
    project: Project, tmp_path: Path, inside: bool
) -> None:
    folder = project.root / "results/process" if inside else tmp_path / "outputs"
    config = "model = '${save_dir}/model'"
    project.write("process.py", script("Path(cfg.model).write_text('m')", config, save_dir="'results/process'"))
    done = run_python(project.root, "process.py", "-o", f"save_dir={folder}")
    assert done.returncode == 0, done.stderr
    before = (folder / "model").stat()

    result = project.rerun(str(folder))

    after = (folder / "model").stat()
    assert (result.verdict, result.config) == ("same", ())
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


SPOILING = """
import shutil
place = Path({place!r})
def attempts():
    yield lambda: open(place / "out.txt", "w")
    yield lambda: open(str(place / "out.txt").encode(), "r+b")
    yield lambda: os.open(place / "out.txt", os.O_WRONLY | os.O_TRUNC)
    yield lambda: (place / "new").mkdir()
    yield lambda: (place / "out.txt").unlink()
    yield lambda: (place / "out.txt").rename(out / "moved")
    yield lambda: (out / "out.txt").rename(place / "moved")
    yield lambda: os.truncate(place / "out.txt", 0)
    yield lambda: os.utime(place / "out.txt")
    yield lambda: shutil.rmtree(place)
    yield lambda: os.symlink("/", place / "new")
    yield lambda: os.link(out / "out.txt", place / "new")
stopped = 0
for attempt in attempts() if "SPOIL" in os.environ else ():
    try:
        attempt()
    except PermissionError as error:
        assert "does not write to" in str(error)
        stopped += 1
(out / "stopped").write_text(str(stopped))
(place / "out.txt").read_text()
(out / "out.txt").write_text("x")
"""


def test_rerun_of_a_run_that_knows_its_folder_by_heart_is_stopped_from_writing(project: Project) -> None:
    place = str(project.root / "results/process")
    project.write("process.py", script("(out / 'out.txt').write_text('x')" + SPOILING.format(place=place)))
    project.run()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPOIL", "1")
        result = project.rerun(keep=True)

    assert result.error is None
    assert result.folder is not None
    assert (result.folder / "results/process/stopped").read_text() == "12"


def test_rerun_with_a_linked_folder_of_results_makes_a_real_one(project: Project, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    (scratch / "kept").mkdir(parents=True)
    (scratch / "kept/file").write_text("kept")
    project.write(".gitignore", "/data/\n__pycache__/\n")
    (project.root / "results").symlink_to(scratch)
    project.commit()
    project.run()
    before = {path: path.stat().st_mtime_ns for path in scratch.rglob("*") if path.is_file()}
    assert len(before) >= 3

    result = project.rerun(keep=True)

    assert result.verdict == "same"
    assert result.folder is not None
    assert not (result.folder / "results").is_symlink()
    attestations = scratch / "process/.naga/attestations"
    assert {path: path.stat().st_mtime_ns for path in scratch.rglob("*") if path.is_file()} == {
        **before,
        **{path: path.stat().st_mtime_ns for path in attestations.iterdir()},
    }


def test_rerun_does_not_take_committed_results_for_its_own(project: Project) -> None:
    project.write(".gitignore", "/data/\n__pycache__/\n")
    lazy = "if not (out / 'x').exists():\n    (out / 'x').write_text(str(time.time_ns()))\n"
    project.write("process.py", script(lazy))
    project.run()
    project.commit()
    project.run()

    result = project.rerun()

    assert (result.verdict, only(result, "x").verdict) == ("different", "different")


def test_rerun_lets_files_of_the_repository_in_the_save_dir_be(project: Project) -> None:
    project.write(".gitignore", "/data/\n__pycache__/\n")
    project.write("results/process/README", "what this is")
    project.write("process.py", script("(out / 'x').write_text('x')"))
    project.commit()
    project.run()

    result = project.rerun()

    assert (result.verdict, only(result, "README").verdict, only(result, "x").verdict) == ("same", "unwritten", "same")


# What cannot be repeated


def test_rerun_of_notebook_cells_is_refused(project: Project) -> None:
    (project.root / "results/process").mkdir(parents=True)
    (project.root / "results/process/x").write_text("x")
    done = run_python(
        project.root, "-c", "from naga.run.cells import record_cells; record_cells('results/process', ['x = 1'])"
    )
    assert done.returncode == 0, done.stderr

    with pytest.raises(RefusedError, match="cells of a notebook") as caught:
        project.rerun()

    assert caught.value.exit_code == 77


def test_rerun_without_a_repository_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKS", str(tmp_path / "marks"))
    (tmp_path / "process.py").write_text(script("(out / 'x').write_text('x')"))
    assert run_python(tmp_path, "process.py").returncode == 0

    with pytest.raises(RefusedError, match="not in a git repository"):
        rerun(tmp_path / "results/process")


@pytest.mark.parametrize(
    ("source", "words", "reason"),
    [
        (
            "def main(x):\n    runlock(config={'save_dir': 'results/process'})\n",
            "import process; process.main(1)",
            "plain",
        ),
        (
            "C = {'save_dir': 'results/process'}\ndef make():\n    @clicfg(C)\n    def main(_): pass\n    return main",
            "import process; process.make()()",
            "inside another function",
        ),
    ],
)
def test_rerun_of_a_function_whose_call_is_not_recorded_is_refused(
    project: Project, source: str, words: str, reason: str
) -> None:
    project.write("process.py", HEAD + source.replace("pass", "Path('results/process/x').write_text('x')"))
    project.write("results/process/x", "x")
    project.run("-c", words)

    with pytest.raises(RefusedError, match=reason):
        project.rerun()


def test_rerun_of_a_plain_script_whose_command_line_held_a_secret_is_refused(project: Project) -> None:
    body = "runlock(config={'save_dir': 'results/process'})\nPath('results/process/x').write_text('x')\n"
    project.write("process.py", HEAD + body)
    project.run("process.py", "--password", "correct-horse")

    with pytest.raises(RefusedError, match="secret"):
        project.rerun()


def test_rerun_of_a_failed_run_has_nothing_to_compare_with(project: Project) -> None:
    project.write("process.py", script("(out / 'x').write_text('x')\nraise ValueError"))
    run_python(project.root, "process.py")

    with pytest.raises(RefusedError, match="is failed"):
        project.rerun()


def test_rerun_of_a_run_without_outputs_has_nothing_to_compare(project: Project) -> None:
    project.write("process.py", script("pass"))
    project.run()

    with pytest.raises(RefusedError, match="no outputs"):
        project.rerun()


def test_rerun_with_the_temporary_folder_in_the_project_is_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.run()
    (project.root / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(project.root / "tmp"))

    with pytest.raises(RefusedError, match="lies in the project"):
        project.rerun()


# Where the project lies


def test_rerun_in_a_folder_of_hostile_name_gives_the_same_bits(project: Project, hostile_path: Path) -> None:
    moved = hostile_path / "project"
    project.root.rename(moved)
    moved_project = Project(moved, project.marks, project.temporary, project.git)
    moved_project.write("process.py", PROCESS + "# edited\n")
    moved_project.run()

    assert moved_project.rerun().verdict == "same"


def test_rerun_after_the_project_was_moved_finds_everything_where_it_is_now(project: Project, tmp_path: Path) -> None:
    project.run("process.py", "-o", f"input_path={project.root / 'data/input.csv'}")
    moved = project.root.rename(tmp_path / "moved")

    result = Project(moved, project.marks, project.temporary, project.git).rerun()

    assert result.verdict == "same"


def test_rerun_in_a_linked_worktree_with_a_root_below_its_top_gives_the_same_bits(
    project: Project, tmp_path: Path
) -> None:
    tree = tmp_path / "linked"
    project.git(project.root, "worktree", "add", "--quiet", "--detach", str(tree))
    sub = tree / "analysis"
    sub.mkdir()
    (sub / "naga.toml").touch()
    (sub / "process.py").write_text(PROCESS)
    (sub / "data").mkdir()
    (sub / "data/input.csv").write_text("1,2\n")
    assert run_python(sub, "process.py").returncode == 0

    assert Project(sub, project.marks, project.temporary, project.git).rerun().verdict == "same"


def test_rerun_in_a_repository_with_settings_of_its_own_checks_out_alike(project: Project) -> None:
    project.git(project.root, "config", "core.autocrlf", "true")
    project.git(project.root, "config", "core.sparseCheckout", "true")
    project.git(project.root, "config", "filter.upper.smudge", "tr a-z A-Z")
    project.git(project.root, "config", "filter.upper.clean", "tr A-Z a-z")
    (project.root / ".git/info/attributes").write_text("*.txt filter=upper\n")
    project.write("words.txt", "WORDS\n")
    project.write("process.py", script("(out / 'x').write_bytes(Path('words.txt').read_bytes())").replace("\n", "\r\n"))
    project.run()

    result = project.rerun(keep=True)

    assert result.folder is not None
    assert (result.folder / "words.txt").read_bytes() == b"WORDS\r\n"
    assert b"\r\n" in (result.folder / "process.py").read_bytes()


def test_rerun_in_a_repository_with_long_object_names_gives_the_same_bits(
    project: Project, tmp_path: Path, git: Callable[..., str]
) -> None:
    root = tmp_path / "long"
    root.mkdir()
    git(root, "init", "--quiet", "--object-format=sha256")
    (root / "process.py").write_text(script("(out / 'x').write_text('x')"))
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "first")
    long = Project(root, project.marks, project.temporary, git)
    long.run()

    assert long.rerun().verdict == "same"


# Only repeating, keeping, and only asking


@pytest.mark.parametrize("name", ["again", "repository/results/again"])
def test_rerun_into_a_folder_leaves_outputs_and_a_receipt_there(project: Project, tmp_path: Path, name: str) -> None:
    recorded = project.run("process.py", "-o", "param=4")
    folder = tmp_path / name

    result = rerun(project.root / "results/process", check=False, save_dir=folder, quiet=True)

    receipt = read_receipt(folder / "run.lock")
    assert (result.verdict, result.exit_code, result.attestation, result.save_dir) == ("repeated", 0, None, folder)
    assert receipt.status == "finished"
    assert receipt.outputs["out.json"].digest == recorded.outputs["out.json"].digest
    assert receipt.repos["repository"].snapshot == recorded.repos["repository"].snapshot
    assert not (project.root / "results/process/.naga/attestations").exists()


def test_rerun_into_a_folder_leaves_an_input_in_the_old_folder_where_it_is(project: Project, tmp_path: Path) -> None:
    project.write("results/process/input.csv", "1,2")
    project.run("process.py", "-o", "input_path=results/process/input.csv")

    assert project.rerun(check=False, save_dir=tmp_path / "again").verdict == "repeated"


def test_rerun_into_a_folder_that_holds_something_is_a_conflict(project: Project, tmp_path: Path) -> None:
    project.run()
    (tmp_path / "file").touch()

    with pytest.raises(ConflictError):
        project.rerun(check=False, save_dir=tmp_path)
    assert project.runs() == 1


@pytest.mark.parametrize("options", [{"check": False}, {"check": True, "save_dir": "x"}])
def test_rerun_that_is_told_neither_or_both_is_misused(project: Project, options: dict[str, Any]) -> None:
    project.run()

    with pytest.raises(UsageError):
        project.rerun(**options)


def test_rerun_that_only_asks_runs_and_writes_nothing(project: Project) -> None:
    project.run()

    result = project.rerun(dry_run=True)

    assert (result.verdict, result.exit_code, result.attestation) == ("planned", 0, None)
    assert result.command == ("python", "process.py", "--config", "CONFIG")
    assert project.runs() == 1
    assert not (project.root / "results/process/.naga/attestations").exists()
    (project.root / "data/input.csv").unlink()
    with pytest.raises(NotFoundError):
        project.rerun(dry_run=True)


def test_rerun_whose_attestation_cannot_be_kept_stops_before_it_runs(project: Project) -> None:
    project.run()
    (project.root / "results/process/.naga").mkdir(exist_ok=True)
    (project.root / "results/process/.naga/attestations").write_text("in the way")

    with pytest.raises(IncompleteError, match="attestation"):
        project.rerun()
    assert project.runs() == 1


# The command, and its end by force


def test_rerun_command_prints_the_verdict_and_the_run_itself(project: Project) -> None:
    project.write("process.py", script("print('so it goes')\n(out / 'x').write_text('x')"))
    project.run()

    done = naga(project.root, "rerun", "@latest", "--check")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:2] == ["so it goes", "same bits: 1 output"]
    assert "attestation: results/process/.naga/attestations/" in done.stdout


def test_rerun_command_names_what_is_different_and_exits_with_1(project: Project) -> None:
    project.write("process.py", script("(out / 'x\\n').write_text(str(time.time_ns()))\n(out / 'y').write_text('y')"))
    project.run()

    done = naga(project.root, "rerun", "results/process", "--check")

    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "different: 1 of 2 outputs"
    assert done.stdout.splitlines()[1].startswith("  x\\n  different, byte ")


def test_rerun_command_with_json_prints_nothing_else(project: Project) -> None:
    project.write("process.py", script("print('so it goes')\n(out / 'x').write_text('x')"))
    receipt = project.run()

    done = naga(project.root, "rerun", "results/process", "--check", "--json")

    content = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (content["run"], content["verdict"], content["log"]) == (receipt.id, "same", "so it goes\n")
    assert Path(content["path"]).is_file()


@pytest.mark.parametrize(
    ("spoil", "code"), [("results/process/run.lock", 66), ("data/input.csv", 66), ("+data/input.csv", 65)]
)
def test_rerun_command_exits_with_the_code_of_the_error(project: Project, spoil: str, code: int) -> None:
    project.run()
    path = project.root / spoil.removeprefix("+")
    path.write_text("spoilt") if spoil.startswith("+") else path.unlink()

    done = naga(project.root, "rerun", "results/process", "--check")

    assert done.returncode == code
    assert done.stderr.startswith("naga: error: ")
    assert done.stderr.count("\n") == 1


def start_waiting(project: Project) -> tuple[subprocess.Popen[bytes], int]:
    """Start a rerun whose run waits, and return it with the process id of the run."""
    body = "(out / 'x').write_text('x')\nwait = os.environ.get('WAIT')\n"
    body += "if wait:\n    Path(wait).write_text(str(os.getpid()))\n    try: time.sleep(60)\n"
    body += "    except KeyboardInterrupt: Path(wait).write_text('interrupted')"
    project.write("process.py", script(body))
    project.run()
    signs = project.marks.with_name("signs")
    process = subprocess.Popen(
        [sys.executable, "-m", "naga", "rerun", "results/process", "--check", "--json"],
        cwd=project.root,
        env={**os.environ, "WAIT": str(signs)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not (signs.exists() and signs.read_text()):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    return process, int(signs.read_text())


def is_alive(identifier: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{identifier}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_rerun_that_is_told_to_end_removes_its_folder_and_ends_the_run(
    project: Project, number: signal.Signals, code: int
) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("there is no /proc here to tell whether a process lives")
    process, run = start_waiting(project)
    before = project.content()

    process.send_signal(number)

    assert process.wait(30) == code
    assert list(project.temporary.iterdir()) == []
    assert not is_alive(run)
    assert project.marks.with_name("signs").read_text() == "interrupted"
    assert project.content() == before


def test_rerun_that_was_killed_leaves_a_folder_that_the_next_one_removes(project: Project) -> None:
    process, run = start_waiting(project)
    (left,) = project.temporary.iterdir()
    before, listed = project.content(), project.git(project.root, "worktree", "list")
    stranger = project.temporary / "naga-rerun-stranger"
    stranger.mkdir()

    process.kill()
    process.wait(30)
    assert project.content() == before
    assert project.git(project.root, "worktree", "list") == listed

    # The run itself goes on, and its folder with it.
    rerun(project.root / "results/process", quiet=True)
    assert left.exists()

    os.kill(run, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while left.exists() and time.monotonic() < deadline:
        rerun(project.root / "results/process", quiet=True, dry_run=True)
    assert list(project.temporary.iterdir()) == [stranger]
