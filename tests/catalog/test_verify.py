"""Whether a run and everything before it is still there: code, data, environment, and the receipts themselves."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import naga
from naga.errors import NotFoundError, ReceiptFormatError
from naga.lock.digest import hash_bytes
from naga.lock.receipt import Receipt, RepositoryEntry, write_receipt
from tests.pipelines import build_pipeline, copy_pipeline, make_run, run_fit

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, session_folder: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(session_folder / "gitconfig"))
        patch.setenv("NAGA_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        return build_pipeline(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture
def project(original: Path, tmp_path: Path) -> Path:
    return copy_pipeline(original, tmp_path / "project")


def rewrite(path: Path, change: Callable[[Receipt], Receipt]) -> None:
    """Change a receipt on the disk as a forger would."""
    write_receipt(path, change(naga.read_receipt(path)), overwrite=True)


def forge_ancestor(path: Path, stage: str, **changes: Any) -> None:
    """Change what a receipt embeds of a stage before it."""

    def change(receipt: Receipt) -> Receipt:
        lineage = {
            key: replace(value, **changes) if naga.stage_name(value) == stage else value
            for key, value in receipt.lineage.items()
        }
        return replace(receipt, lineage=lineage)

    rewrite(path, change)


def problems(verification: naga.Verification) -> dict[str, tuple[str, ...]]:
    """Return stage -> problems, of the stages that have any."""
    return {run.stage: run.problems for run in verification.runs if run.problems}


def test_verification_of_a_whole_pipeline_finds_everything_intact(project: Path) -> None:
    verification = naga.verify(project / "results/evaluate")
    assert [run.stage for run in verification.runs] == ["evaluate", "fit", "fit", "fit", "prepare"]
    assert verification.is_intact
    assert verification.is_same_environment
    assert {check.state for run in verification.runs for check in run.code} == {"available"}
    assert all(run.outputs for run in verification.runs)


def test_verification_without_a_token_is_of_the_run_that_started_last(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    assert naga.verify().runs[0].stage == "evaluate"


def test_verification_after_raw_data_changed_says_so_of_the_run_that_read_it(project: Path) -> None:
    (project / "data/raw.csv").write_text("1,2,4\n")
    verification = naga.verify(project / "results/evaluate")
    assert not verification.is_intact
    assert verification.is_consistent
    (check,) = verification.runs[-1].data
    assert (check.path, check.state) == ("data/raw.csv", "modified")
    assert all(run.is_intact for run in verification.runs[:-1])


def test_verification_after_a_file_of_an_output_folder_changed_names_the_file(project: Path) -> None:
    naga.verify(project / "results/prepare")
    (project / "results/prepare/parts/1.txt").write_text("by hand")
    (run,) = naga.verify(project / "results/prepare").runs
    assert [check.files for check in run.outputs if check.state == "modified"] == [("1.txt",)]


def test_verification_after_a_folder_went_away_says_missing(project: Path) -> None:
    shutil.rmtree(project / "results/fit-2")
    runs = naga.verify(project / "results/evaluate").runs
    found = {run.path: {check.state for check in run.outputs} for run in runs}
    assert found["results/fit-2/run.lock"] == {"missing"}
    assert found["results/fit-1/run.lock"] == {"intact"}


def test_verification_of_a_run_that_failed_is_not_intact(project: Path) -> None:
    run_fit(project, "fit-1", lr=2, code=1)
    verification = naga.verify(project / "results/fit-1")
    assert (verification.runs[0].status, verification.is_intact) == ("failed", False)


def test_verification_without_the_snapshots_says_gone(project: Path, git: Callable[..., str]) -> None:
    for line in git(project, "for-each-ref", "--format=%(refname)", "refs/naga").splitlines():
        git(project, "update-ref", "-d", line)
    git(project, "update-ref", "-d", "HEAD")
    git(project, "reflog", "expire", "--expire=now", "--all")
    git(project, "read-tree", "--empty")
    git(project, "gc", "--quiet", "--prune=now")
    (check,) = naga.verify(project / "results/prepare").runs[0].code
    assert check.state == "gone"


def test_verification_without_the_repository_says_gone(project: Path) -> None:
    shutil.rmtree(project / ".git")
    verification = naga.verify(project / "results/prepare")
    assert verification.runs[0].code[0].state == "gone"
    assert not verification.is_intact


def test_verification_of_a_run_that_had_no_repository_says_not_recorded_and_is_intact(tmp_path: Path) -> None:
    repos = {"project": RepositoryEntry(problem="project is not in a git repository")}
    verification = naga.verify(make_run(tmp_path, "train", "train", repos=repos).path)
    (check,) = verification.runs[0].code
    assert (check.state, check.detail) == ("not recorded", "project is not in a git repository")
    assert verification.is_intact


def test_verification_without_git_on_the_path_does_not_say_gone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project / "nothing"))
    verification = naga.verify(project / "results/prepare")
    assert verification.runs[0].code[0].state == "unknown"
    assert not verification.is_intact


def test_verification_of_a_project_that_moved_is_intact(project: Path, tmp_path: Path) -> None:
    moved = project.rename(tmp_path / "elsewhere")
    assert naga.verify(moved / "results/evaluate").is_intact


def test_verification_in_another_environment_lists_it_and_is_intact(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    verification = naga.verify(project / "results/evaluate")
    assert verification.is_intact
    assert not verification.is_same_environment
    assert {each.what for run in verification.runs for each in run.environment} == {"threads.OMP_NUM_THREADS"}


def test_environment_of_an_ancestor_is_compared_by_package_though_the_lineage_has_its_list_only_once(
    tmp_path: Path,
) -> None:
    packages = {"digest": hash_bytes(b"no-such-package==1.0"), "list": ["no-such-package==1.0"]}
    first = make_run(tmp_path, "first", "first", environment={"packages": packages})
    second = make_run(tmp_path, "second", "second", environment={"packages": packages}, prevs=[first])
    assert "list" not in second.receipt.lineage[first.receipt.id].environment["packages"]
    for run in naga.verify(second.path).runs:
        assert ("packages.no-such-package", "1.0", None) in [
            (each.what, each.recorded, each.current) for each in run.environment
        ]


@pytest.mark.parametrize(
    "changes",
    [{"config": {"lr": 7}}, {"started": "2020-01-01T00:00:00.000Z"}, {"extra": {"note": "x"}}, {"recipe": None}],
    ids=lambda changes: next(iter(changes)),
)
def test_ancestor_that_was_changed_in_the_lineage_is_found(project: Path, changes: dict[str, Any]) -> None:
    path = project / "results/evaluate/run.lock"
    forge_ancestor(path, "prepare", **changes)
    verification = naga.verify(path)
    assert not verification.is_consistent
    assert "it is not the receipt that fit read" in problems(verification)["prepare"][0]


def test_ancestor_that_was_taken_out_of_the_lineage_is_found(project: Path) -> None:
    path = project / "results/evaluate/run.lock"
    rewrite(path, lambda receipt: replace(receipt, lineage=dict(list(receipt.lineage.items())[1:])))
    found = problems(naga.verify(path))
    prepare = naga.read_receipt(project / "results/prepare/run.lock")
    assert found["fit"][0] == f"its prev prepare ({prepare.id}) is not in the lineage"


def test_ancestor_that_nobody_names_is_found(project: Path) -> None:
    path = project / "results/fit-1/run.lock"
    stranger = replace(naga.read_receipt(project / "results/fit-2/run.lock"), lineage={})
    rewrite(path, lambda receipt: replace(receipt, lineage={**receipt.lineage, stranger.id: stranger}))
    assert ("no run in the lineage names it",) in problems(naga.verify(path)).values()


def test_receipt_of_an_ancestor_that_was_changed_on_the_disk_is_found(project: Path) -> None:
    rewrite(project / "results/prepare/run.lock", lambda receipt: replace(receipt, duration=9.0))
    found = problems(naga.verify(project / "results/evaluate"))
    assert "does not say the same any more" in found["prepare"][0]


def test_config_of_the_run_itself_that_was_changed_is_found_by_its_recipe(project: Path) -> None:
    path = project / "results/fit-1/run.lock"
    rewrite(path, lambda receipt: replace(receipt, config={**receipt.config, "lr": 0.7}))
    assert problems(naga.verify(path)) == {"fit": ("its recipe is not that of its config, code, data and prevs",)}


def test_list_of_packages_that_was_changed_is_found(project: Path) -> None:
    path = project / "results/prepare/run.lock"

    def change(receipt: Receipt) -> Receipt:
        packages = {**receipt.environment["packages"], "list": ["numpy==0.1"]}
        return replace(receipt, environment={**receipt.environment, "packages": packages})

    rewrite(path, change)
    assert problems(naga.verify(path)) == {"prepare": ("its list of packages is not the one that its digest names",)}


def test_verification_of_a_receipt_that_cannot_be_read_is_an_error(project: Path) -> None:
    path = project / "results/prepare/run.lock"
    path.write_text("naga: [")
    with pytest.raises(ReceiptFormatError, match="is not a valid receipt"):
        naga.verify(path)


def test_verification_of_nothing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFoundError, match="no run is below"):
        naga.verify()


def test_verification_as_a_mapping_is_json(project: Path) -> None:
    content = json.loads(json.dumps(naga.verify(project / "results/evaluate").to_mapping()))
    assert (content["intact"], content["consistent"], content["same_environment"]) == (True, True, True)
    assert content["runs"][0]["intact"] is True
    assert content["runs"][0]["outputs"][0]["state"] == "intact"
