"""The quickstart, from top to bottom in a clean kernel, and its stages as scripts: real data, real receipts."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from vega_datasets import local_data

import naga
import naga_ipython
from naga import Receipt, hash_path, read_receipt
from tests.programs import run_python

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "quickstart.ipynb"
STAGES = ("prepare", "fit", "evaluate")
USED = {"prepare": "features.py", "fit": "regression.py", "evaluate": "regression.py"}
FAILING = "run-newest"

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Quickstart:
    """The executed notebook, and the repository that it ran in."""

    repository: Path
    outputs: dict[str, list[Any]]

    @property
    def results(self) -> Path:
        """Return the folder that holds the folders of the stages."""
        return self.repository / "notebooks" / "weather" / "results"

    def shown(self, cell: str, mime: str = "text/plain") -> str:
        """Return what a cell shows as its value."""
        (data,) = [output.data for output in self.outputs[cell] if "data" in output]
        return str(data[mime])

    def receipt(self, stage: str) -> Receipt:
        """Return the receipt that a stage left."""
        return read_receipt(self.results / stage / "run.lock")


def lay_out(repository: Path, environ: dict[str, str]) -> None:
    """Make a repository of one commit that holds the notebook and its scripts, as after a clone."""
    ignored = shutil.ignore_patterns("results", "data", "__pycache__", ".ipynb_checkpoints")
    shutil.copytree(NOTEBOOK.parent, repository / "notebooks", ignore=ignored)
    shutil.copy(ROOT / ".gitignore", repository)
    for arguments in (["init"], ["add", "--all"], ["commit", "--message", "first"]):
        command = ["git", *arguments, "--quiet"] if arguments[0] != "add" else ["git", *arguments]
        subprocess.run(command, cwd=repository, env=environ, check=True)


@pytest.fixture(scope="module")
def environ(session_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment that is no person's, for what is made once for all tests of this file."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("NAGA_", "GIT_", "FLEXLOCK_"))}
    own = {"GIT_CONFIG_GLOBAL": str(session_folder / "gitconfig"), "GIT_CONFIG_SYSTEM": os.devnull}
    return {**kept, **own, "NAGA_CACHE_DIR": str(tmp_path_factory.mktemp("cache")), "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def quickstart(environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Quickstart:
    """Return the notebook as ``scripts/demo`` executes it."""
    repository, copy = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("executed") / NOTEBOOK.name
    lay_out(repository, environ)
    program = str(ROOT / "scripts" / "execute_notebook.py")
    command = [sys.executable, program, "notebooks/quickstart.ipynb", str(copy)]
    done = subprocess.run(command, cwd=repository, env=environ, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    cells = nbformat.read(copy, as_version=4).cells
    return Quickstart(repository, {cell.id: cell.outputs for cell in cells if cell.cell_type == "code"})


def plain(traceback: list[str]) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(traceback))


def test_notebook_as_it_is_stored_has_cell_ids_and_no_outputs() -> None:
    document = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    nbformat.validate(document)
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    code = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    assert all((cell["outputs"], cell["execution_count"]) == ([], None) for cell in code)


@pytest.mark.parametrize("stage", STAGES)
def test_stage_run_by_the_magic_shows_that_it_finished(quickstart: Quickstart, stage: str) -> None:
    first, *_, second = quickstart.shown(f"run-{stage}").splitlines()
    assert first.startswith(f"{stage}.py: finished in ")
    assert second == f"receipt: results/{stage}/run.lock"
    assert "finished" in quickstart.shown(f"run-{stage}", "text/html")


def test_value_of_the_last_stage_is_shown_and_beats_persistence(quickstart: Quickstart) -> None:
    metrics = json.loads((quickstart.results / "evaluate" / "metrics.json").read_text(encoding="utf-8"))
    assert 0 < metrics["model"] < metrics["persistence"]
    shown = quickstart.shown("run-evaluate", "text/html")
    assert str(metrics["model"]) in shown
    assert str(metrics["persistence"]) in shown


def test_plot_of_the_last_stage_is_shown_as_a_picture(quickstart: Quickstart) -> None:
    picture = base64.b64decode(quickstart.shown("show-plot", "image/png"))
    assert picture.startswith(b"\x89PNG")
    assert picture == (quickstart.results / "evaluate" / "forecast.png").read_bytes()


@pytest.mark.parametrize("mime", ["text/plain", "text/html"])
def test_receipt_of_the_last_stage_shows_all_three_stages(quickstart: Quickstart, mime: str) -> None:
    text = quickstart.shown("show-receipt", mime)
    for stage in STAGES[:2]:
        assert f"notebooks/weather/results/{stage}/run.lock" in text
    words = re.sub(r"<[^>]*>", " ", text).split()
    for stage in STAGES:
        state = words[words.index(stage) + 1 :][:2]
        assert state == ["✓", "intact"] if mime == "text/html" else state[0] == "finished"


def test_failure_shows_one_traceback_without_a_file_of_naga(quickstart: Quickstart) -> None:
    errors = [output for output in quickstart.outputs[FAILING] if output.output_type == "error"]
    (text,) = [plain(error.traceback) for error in errors]
    assert text.count("Traceback (most recent call last)") == 1
    assert text.endswith("LinAlgError: Singular matrix")
    files = [Path(file).expanduser() for file in re.findall(r"^File (.+?):\d+", text, re.MULTILINE)]
    assert [file.name for file in files[:3]] == ["fit.py", "fit.py", "regression.py"]
    for package in (naga, naga_ipython):
        folder = Path(str(package.__file__)).parent
        assert not [file for file in files if file.is_relative_to(folder)]


def test_failure_leaves_the_locals_that_the_next_cell_uses(quickstart: Quickstart) -> None:
    said = "".join(output.text for output in quickstart.outputs[FAILING] if output.output_type == "stream")
    assert re.fullmatch(r"naga: solve_weights\(\) at regression\.py:\d+ - .*\binputs, matrix\n", said)
    assert quickstart.shown("use-locals") == "['was_drizzle', 'was_snow']"


def test_failed_run_has_a_receipt_until_it_is_repaired(quickstart: Quickstart) -> None:
    shown = quickstart.shown("show-failed")
    assert shown.startswith("fit  failed after ")
    assert "numpy.linalg.LinAlgError: Singular matrix  (notebooks/weather/regression.py:" in shown
    assert quickstart.receipt("newest").status == "finished"
    assert quickstart.receipt("evaluate_newest").prevs.keys() == {"newest", "prepare"}


@pytest.mark.parametrize("stage", STAGES)
def test_receipt_of_a_stage_is_finished_and_names_its_code(
    quickstart: Quickstart, stage: str, git: Callable[..., str]
) -> None:
    receipt = quickstart.receipt(stage)
    assert (receipt.status, receipt.error) == ("finished", None)
    (files,) = receipt.used["files"].values()
    assert {Path(file).name for file in files} == {f"{stage}.py", USED[stage]}
    (entry,) = receipt.repos.values()
    assert (entry.commit, entry.dirty) == (git(quickstart.repository, "rev-parse", "HEAD"), False)


def test_receipts_hold_the_digests_of_what_lies_there(quickstart: Quickstart) -> None:
    seattle = quickstart.receipt("prepare").data["seattle"]
    assert Path(seattle.path).samefile(local_data.seattle_weather.filepath)
    assert seattle.digest == hash_path(local_data.seattle_weather.filepath).digest
    for stage in STAGES:
        outputs = quickstart.receipt(stage).outputs
        assert outputs
        for name, entry in outputs.items():
            assert entry.digest == hash_path(quickstart.results / stage / name).digest
    made, read = quickstart.receipt("prepare").outputs["features.csv"], quickstart.receipt("fit").data["features"]
    assert read.digest == made.digest


def test_lineage_of_the_last_stage_holds_the_two_before_it(quickstart: Quickstart) -> None:
    prepare, fit, evaluate = (quickstart.receipt(stage) for stage in STAGES)
    assert {name: entry.id for name, entry in evaluate.prevs.items()} == {"prepare": prepare.id, "fit": fit.id}
    assert list(evaluate.lineage) == [prepare.id, fit.id]
    assert list(fit.lineage) == [prepare.id]
    embedded = evaluate.lineage[prepare.id]
    assert (embedded.status, embedded.outputs, embedded.recipe) == ("finished", prepare.outputs, prepare.recipe)


def test_notebook_changes_nothing_that_git_sees(quickstart: Quickstart, git: Callable[..., str]) -> None:
    assert git(quickstart.repository, "status", "--porcelain") == ""
    assert git(quickstart.repository, "rev-list", "--count", "HEAD") == "1"


@pytest.fixture
def weather(tmp_path: Path, environ: dict[str, str]) -> Path:
    """Return the folder of the scripts in a repository of its own."""
    lay_out(tmp_path, environ)
    return tmp_path / "notebooks" / "weather"


def run_stage(weather: Path, stage: str, *arguments: str) -> Receipt:
    """Run a stage as a script and return its receipt."""
    done = run_python(weather, f"{stage}.py", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    changed = [word.partition("=")[2] for word in arguments if word.startswith("save_dir=")]
    return read_receipt(weather / (changed[0] if changed else f"results/{stage}") / "run.lock")


def test_stages_run_as_scripts_give_the_same_recipes_and_outputs(quickstart: Quickstart, weather: Path) -> None:
    for stage in STAGES:
        script, magic = run_stage(weather, stage), quickstart.receipt(stage)
        assert script.recipe == magic.recipe
        assert script.outputs == magic.outputs


def test_option_of_a_stage_changes_its_outputs(quickstart: Quickstart, weather: Path) -> None:
    receipt = run_stage(weather, "prepare", "-o", "horizon=2")
    assert receipt.config["horizon"] == 2
    assert receipt.outputs["features.csv"].digest != quickstart.receipt("prepare").outputs["features.csv"].digest


def test_stages_take_their_nodes_of_the_config_file(weather: Path) -> None:
    for stage in STAGES:
        done = run_python(weather, f"{stage}.py", "--config", "conf/weather.yml", "--experiment", stage)
        assert (done.returncode, done.stderr) == (0, "")
    prepare, fit, evaluate = (read_receipt(weather / f"results/three_days/{stage}/run.lock") for stage in STAGES)
    assert prepare.config["horizon"] == 3
    assert evaluate.config["model"]["digest"] == evaluate.data["model"].digest == fit.outputs["model.json"].digest
    assert list(evaluate.lineage) == [prepare.id, fit.id]
    metrics = json.loads((weather / "results/three_days/evaluate/metrics.json").read_text(encoding="utf-8"))
    assert 0 < metrics["model"] < metrics["persistence"]
