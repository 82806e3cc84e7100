"""``naga verify`` and ``naga diff``: what they print, and how they end."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import naga
from naga.cli.main import main
from naga.lock.receipt import write_receipt
from tests.pipelines import build_pipeline, copy_pipeline, run_fit, run_stage


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, session_folder: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(session_folder / "gitconfig"))
        patch.setenv("NAGA_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        return build_pipeline(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture
def project(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    project = copy_pipeline(original, tmp_path / "project")
    monkeypatch.chdir(project)
    return project


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_verify_of_what_is_there_prints_each_run_and_ends_with_0(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify"]) == 0
    head, *runs = printed(capsys).splitlines()
    assert head == "results/evaluate/run.lock"
    assert [run.split()[:3] for run in runs] == [
        ["✓", "intact", stage] for stage in ("evaluate", "fit", "fit", "fit", "prepare")
    ]


def test_verify_of_what_changed_names_it_and_ends_with_1(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "data/raw.csv").write_text("1,2,4\n")
    shutil.rmtree(project / "results/fit-2")
    assert main(["verify", "results/evaluate"]) == 1
    text = printed(capsys)
    assert "  ≠ modified  prepare" in text
    assert "input: data/raw.csv changed from " in text
    assert "  ✗ missing  fit" in text
    assert "output: results/fit-2/model.txt is missing" in text


def test_verify_of_receipts_that_contradict_each_other_ends_with_65(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project / "results/prepare/run.lock"
    write_receipt(path, replace(naga.read_receipt(path), duration=9.0), overwrite=True)
    assert main(["verify", "results/evaluate"]) == 65
    assert "? inconsistent  prepare" in printed(capsys)


def test_verify_of_a_receipt_that_cannot_be_read_ends_with_65(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "results/prepare/run.lock").write_text("naga: 2\n")
    assert main(["verify", "results/prepare"]) == 65
    assert "is not a valid receipt" in capsys.readouterr().err


def test_verify_of_a_run_that_failed_ends_with_1(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_fit(project, "fit-1", lr=2, code=1)
    assert main(["verify", "results/fit-1"]) == 1
    assert "! failed  fit" in printed(capsys)


def test_verify_in_another_environment_shows_it_and_fails_only_when_asked_to(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert main(["verify", "results/prepare"]) == 0
    assert "environment: threads.OMP_NUM_THREADS was absent, is 7" in printed(capsys)
    assert main(["verify", "results/prepare", "--environment"]) == 1


def test_verify_of_several_tokens_checks_them_all(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "results/fit-2/model.txt").write_text("by hand")
    assert main(["verify", "results/fit-1"]) == 0
    assert main(["verify", "results/fit-1", "results/fit-2"]) == 1
    assert main(["verify", "--json", "results/fit-1", "results/fit-2"]) == 1
    content = json.loads(printed(capsys).partition("\n[")[2].join(["[", ""]))
    assert [each["intact"] for each in content] == [True, False]


def test_verify_of_nothing_ends_with_66(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "nothing"]) == 66


def test_diff_of_a_run_with_itself_prints_nothing_and_ends_with_0(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", "results/fit-1", "results/fit-1/model.txt"]) == 0
    assert printed(capsys) == ""


def test_diff_of_two_fits_prints_config_and_outputs_and_ends_with_1(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", "results/fit-1", "results/fit-2"]) == 1
    text = printed(capsys).splitlines()
    assert text[:4] == ["config", "  lr: 0.1 -> 0.2", "  save_dir: results/fit-1 -> results/fit-2", "outputs"]
    assert len(text) == 5


def test_diff_after_code_changed_prints_the_files_and_the_statistics_of_git(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = naga.read_receipt(project / "results/prepare/run.lock")
    shutil.copytree(project / "results/prepare", project / "results/before")
    with (project / "scaling.py").open("a") as file:
        file.write("# one\n# two\n")
    run_stage(project, "prepare")
    assert main(["diff", "results/before", "results/prepare"]) == 1
    text = printed(capsys)
    assert "code\n  scaling.py: " in text
    assert "scaling.py | 2 ++" in text
    assert "1 file changed, 2 insertions(+)" in text
    assert before.id != naga.read_receipt(project / "results/prepare/run.lock").id


def test_diff_after_only_the_readme_changed_is_none(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(project / "results/prepare", project / "results/before")
    (project / "README.md").write_text("Another text.\n")
    run_stage(project, "prepare")
    assert main(["diff", "results/before", "results/prepare"]) == 0
    assert printed(capsys) == ""
    assert naga.diff("results/before", "results/prepare").statistics == ()


def test_diff_without_the_snapshots_still_names_the_files(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(project / "results/prepare", project / "results/before")
    with (project / "scaling.py").open("a") as file:
        file.write("# one\n")
    run_stage(project, "prepare")
    shutil.rmtree(project / ".git")
    assert main(["diff", "results/before/run.lock", "results/prepare/run.lock"]) == 1
    text = printed(capsys)
    assert "scaling.py" in text
    assert "changed" not in text


def test_diff_of_data_names_the_files_of_folders_and_the_stage_before(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("prepare", "fit-1"):
        shutil.copytree(project / "results" / name, project / "results" / f"before-{name}")
    run_stage(project, "prepare")  # fills the cache of this test with the manifest of what it leaves
    (project / "data/raw.csv").write_text("1,2,4\n")
    run_stage(project, "prepare")
    run_fit(project, "fit-1")
    assert main(["diff", "results/before-prepare", "results/prepare"]) == 1
    text = printed(capsys)
    assert "data\n  raw: " in text
    assert "\n    2.txt\n" in text
    assert main(["diff", "results/before-fit-1", "results/fit-1"]) == 1
    assert "prevs\n  prepare: " in (text := printed(capsys))
    assert text.rstrip().endswith("data (raw)")


def test_diff_as_json_is_the_comparison(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "--json", "results/fit-1", "results/evaluate"]) == 1
    content = json.loads(printed(capsys))
    keys = {each["name"]: each["only_in"] for each in content["differences"] if each["section"] == "config"}
    assert keys == {"features": "first", "lr": "first", "models": "second", "save_dir": None}


def test_diff_with_a_token_that_nobody_has_ends_with_66(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "results/fit-1", "@latest~99"]) == 66
