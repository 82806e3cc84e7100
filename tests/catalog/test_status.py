"""What becomes of the runs of a real pipeline when the world around them changes."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path

import pytest

import naga
from naga.errors import NotFoundError
from naga.lock.lineage import Prev
from naga.lock.stat_index import Reading
from tests.pipelines import build_pipeline, copy_pipeline, make_run, run_fit, run_stage

FITS = ("fit-1", "fit-2", "fit-3")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, session_folder: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(session_folder / "gitconfig"))
        patch.setenv("NAGA_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        return build_pipeline(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture
def project(original: Path, tmp_path: Path) -> Path:
    return copy_pipeline(original, tmp_path / "project")


def states(root: Path) -> dict[str, str | None]:
    """Return the name of each run's folder -> its state."""
    return {run.path.parent.name: run.state for run in naga.status(root)}


def other_than_ok(root: Path) -> dict[str, str | None]:
    return {name: state for name, state in states(root).items() if state != "ok"}


def reasons(root: Path, name: str) -> list[str]:
    """Return the causes of one run in words."""
    return [cause.text() for run in naga.status(root) if run.path.parent.name == name for cause in run.causes]


def test_status_of_runs_that_nobody_touched_is_ok(project: Path) -> None:
    assert states(project) == dict.fromkeys(["evaluate", *FITS, "prepare"], "ok")


def test_status_after_raw_data_changed_names_it_from_two_stages_up(project: Path) -> None:
    (project / "data/raw.csv").write_text("1,2,4\n")
    assert states(project) == dict.fromkeys(["evaluate", *FITS, "prepare"], "stale")
    (text,) = reasons(project, "evaluate")
    assert text.startswith("data/raw.csv, two stages up, changed from ")
    assert reasons(project, "prepare")[0].startswith("data/raw.csv changed from ")


def test_cause_from_two_stages_up_shows_the_way_there(project: Path) -> None:
    (project / "data/raw.csv").write_text("1,2,4\n")
    (run,) = naga.status(project / "results/evaluate")
    assert run.causes[0].chain() == "evaluate <- fit <- prepare <- data/raw.csv"
    assert run.causes[0].stages == ("evaluate", "fit", "prepare")


@pytest.mark.parametrize("name", ["README.md", "unused.py"])
def test_status_after_a_file_changed_that_no_run_used_is_ok(project: Path, name: str) -> None:
    (project / name).write_text("value = 2\n")
    assert other_than_ok(project) == {}


def test_status_after_an_imported_module_changed_is_stale_all_the_way_down(project: Path) -> None:
    (project / "scaling.py").write_text("def scaled(number):\n    return 3 * number\n")
    assert states(project) == dict.fromkeys(["evaluate", *FITS, "prepare"], "stale")
    assert reasons(project, "fit-2")[0].startswith("scaling.py, one stage up, changed from ")


def test_status_after_the_last_script_changed_is_stale_for_its_own_run_only(project: Path) -> None:
    with (project / "evaluate.py").open("a") as file:
        file.write("# the end\n")
    assert other_than_ok(project) == {"evaluate": "stale"}


def test_status_after_a_script_went_away_is_stale(project: Path) -> None:
    (project / "evaluate.py").unlink()
    assert other_than_ok(project) == {"evaluate": "stale"}
    assert reasons(project, "evaluate") == ["evaluate.py is gone"]


def test_status_after_code_was_put_back_is_ok(project: Path) -> None:
    text = (project / "scaling.py").read_text()
    (project / "scaling.py").write_text("def scaled(number):\n    return 3 * number\n")
    assert other_than_ok(project) != {}
    (project / "scaling.py").write_text(text)
    assert other_than_ok(project) == {}


def test_status_after_an_output_was_edited_is_modified_there_and_stale_below(project: Path) -> None:
    (project / "results/fit-2/model.txt").write_text("by hand")
    assert other_than_ok(project) == {"fit-2": "modified", "evaluate": "stale"}
    assert reasons(project, "evaluate")[0].startswith("results/fit-2/model.txt changed from ")


def test_status_after_an_output_was_edited_to_the_same_size_and_time_is_modified(project: Path) -> None:
    path = project / "results/fit-2/model.txt"
    naga.status(project)
    times = path.stat()
    path.write_text(path.read_text()[::-1])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert states(project)["fit-2"] == "modified"


def test_status_after_a_file_of_an_output_folder_was_edited_names_the_file(original: Path, tmp_path: Path) -> None:
    project = copy_pipeline(original, tmp_path / "project")
    shutil.rmtree(project / "results")
    run_stage(project, "prepare")
    (project / "results/prepare/parts/1.txt").write_text("by hand")
    (run,) = naga.status(project)
    assert run.state == "modified"
    assert run.causes[0].files == ("1.txt",)
    assert run.causes[0].text().endswith(" (1.txt)")


def test_status_after_an_output_was_deleted_is_missing_there_and_below(project: Path) -> None:
    (project / "results/fit-3/model.txt").unlink()
    assert other_than_ok(project) == {"fit-3": "missing", "evaluate": "missing"}
    assert reasons(project, "evaluate") == ["results/fit-3/model.txt is gone"]


def test_status_after_an_upstream_folder_was_deleted_is_missing_directly_below_only(project: Path) -> None:
    shutil.rmtree(project / "results/prepare")
    assert other_than_ok(project) == dict.fromkeys(FITS, "missing")


def test_status_below_a_folder_that_is_gone_still_sees_what_changed_above_it(project: Path) -> None:
    for name in FITS:
        (project / "results" / name / "run.lock").unlink()
    assert other_than_ok(project) == {}
    (project / "data/raw.csv").write_text("1,2,4\n")
    assert other_than_ok(project) == {"evaluate": "stale", "prepare": "stale"}
    assert "data/raw.csv, two stages up," in reasons(project, "evaluate")[0]


def test_status_after_raw_data_was_deleted_is_missing_for_the_run_that_read_it(project: Path) -> None:
    (project / "data/raw.csv").unlink()
    assert other_than_ok(project) == {"prepare": "missing"}


def test_status_after_a_stage_was_run_again_to_the_same_effect_is_ok(project: Path) -> None:
    before = naga.read_receipt(project / "results/fit-1/run.lock").id
    run_fit(project, "fit-1")
    assert naga.read_receipt(project / "results/fit-1/run.lock").id != before
    assert other_than_ok(project) == {}


def test_status_after_a_stage_was_run_again_with_another_config_names_the_key(project: Path) -> None:
    run_fit(project, "fit-1", lr=0.5)
    assert other_than_ok(project) == {"evaluate": "stale"}
    assert reasons(project, "evaluate") == ["fit, one stage up, was run again with other config (lr)"]


def test_status_after_a_stage_was_run_again_on_other_data_names_the_data(project: Path) -> None:
    (project / "data/raw.csv").write_text("1,2,4\n")
    run_stage(project, "prepare")
    assert states(project)["prepare"] == "ok"
    assert reasons(project, "fit-1")[0] == "prepare, one stage up, was run again with other data (raw)"
    assert reasons(project, "evaluate")[0] == "prepare, two stages up, was run again with other data (raw)"


def test_status_after_a_stage_was_run_again_with_other_code_names_the_file(project: Path) -> None:
    with (project / "scaling.py").open("a") as file:
        file.write("# the end\n")
    run_stage(project, "prepare")
    assert reasons(project, "fit-1") == ["prepare, one stage up, was run again with other code (scaling.py)"]


def test_status_after_a_stage_was_run_again_and_failed_says_so(project: Path) -> None:
    run_fit(project, "fit-1", lr=2, code=1)
    assert other_than_ok(project) == {"fit-1": "failed", "evaluate": "stale"}
    assert reasons(project, "evaluate") == ["fit, one stage up, was run again and is failed"]


def test_status_of_a_failed_run_tells_why(project: Path) -> None:
    run_fit(project, "fit-1", lr=2, code=1)
    (run,) = naga.status(project / "results/fit-1")
    assert (run.state, run.problem) == ("failed", "ValueError: it does not converge")


def test_status_of_a_receipt_that_was_left_over_is_started(project: Path) -> None:
    make_run(project, "train", "train", status="started")
    assert other_than_ok(project) == {"train": "started"}


def test_status_of_a_corrupt_receipt_is_unreadable_and_keeps_the_others(project: Path) -> None:
    path = project / "results/fit-1/run.lock"
    path.write_bytes(path.read_bytes()[:100] + b"\0\xff")
    assert other_than_ok(project) == {"fit-1": "unreadable"}
    (run,) = naga.status(path.parent)
    assert run.id is None
    assert str(path) in (run.problem or "")


def test_status_of_a_project_that_moved_is_ok(project: Path, tmp_path: Path) -> None:
    naga.status(project)
    moved = project.rename(tmp_path / "elsewhere")
    assert states(moved) == dict.fromkeys(["evaluate", *FITS, "prepare"], "ok")


def test_status_of_a_copy_of_a_project_speaks_of_the_copy(project: Path, original: Path) -> None:
    (project / "data/raw.csv").write_text("1,2,4\n")
    assert states(project)["prepare"] == "stale"
    assert other_than_ok(original) == {}


def test_status_of_several_projects_below_one_folder_keeps_them_apart(original: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        copy_pipeline(original, tmp_path / name)
    (tmp_path / "one/data/raw.csv").write_text("1,2,4\n")
    found = naga.status(tmp_path)
    assert {run.path.relative_to(tmp_path).parts[0] for run in found if run.state == "stale"} == {"one"}
    assert len(found) == 10


def test_status_of_a_part_of_the_project_sees_what_lies_outside_of_that_part(project: Path) -> None:
    (project / "data/raw.csv").write_text("1,2,4\n")
    assert states(project / "results/evaluate") == {"evaluate": "stale"}


def test_status_of_receipts_with_hostile_names_is_ok(hostile_path: Path) -> None:
    (hostile_path / "naga.toml").touch()
    make_run(hostile_path, "st\x1b[31mage", "a b\nc\t☃")
    (run,) = naga.status(hostile_path)
    assert run.state == "ok"
    (hostile_path / "results" / "a b\nc\t☃" / "out.txt").write_text("other")
    (run,) = naga.status(hostile_path)
    assert run.causes[0].text().startswith("results/a b\\nc\\t☃/out.txt changed from ")


@pytest.fixture
def stages(tmp_path: Path) -> Path:
    """Return a project of a first run with two outputs, and of a second that declares one of them as data."""
    (tmp_path / "naga.toml").touch()
    (tmp_path / "raw.csv").write_text("1\n")
    first = make_run(tmp_path, "first", "first", data=[tmp_path / "raw.csv"], files={"more.txt": "more"})
    make_run(tmp_path, "second", "second", prevs=[first], data=[first.path.with_name("out.txt")])
    return tmp_path


def test_status_of_a_run_that_is_modified_and_stale_is_modified(stages: Path) -> None:
    (stages / "raw.csv").write_text("2\n")
    (stages / "results/first/out.txt").write_text("by hand")
    assert states(stages)["first"] == "modified"
    assert len(reasons(stages, "first")) == 2


def test_status_of_a_run_that_is_missing_and_modified_is_missing(stages: Path) -> None:
    (stages / "results/first/more.txt").unlink()
    (stages / "results/first/out.txt").write_text("by hand")
    assert states(stages)["first"] == "missing"


def test_status_of_a_run_that_declared_what_it_read_does_not_depend_on_the_rest(stages: Path) -> None:
    (stages / "results/first/more.txt").write_text("by hand")
    assert states(stages) == {"first": "modified", "second": "ok"}
    (stages / "results/first/out.txt").write_text("by hand")
    assert states(stages) == {"first": "modified", "second": "stale"}


def test_status_of_a_run_that_declared_a_prev_by_another_path_does_not_depend_on_the_rest(tmp_path: Path) -> None:
    (tmp_path / "naga.toml").touch()
    first = make_run(tmp_path, "first", "first", files={"more.txt": "more"})
    # The receipt lies elsewhere, as runlock_path may say, so only the path of the output tells that it is one.
    (tmp_path / "receipts").mkdir()
    moved = Prev(first.path.rename(tmp_path / "receipts/run.lock"), first.receipt)
    make_run(tmp_path, "second", "second", prevs=[moved], data=[tmp_path / "results/first/out.txt"])
    (tmp_path / "results/first/more.txt").write_text("by hand")
    assert states(tmp_path) == {"receipts": "modified", "second": "ok"}


def test_status_of_a_copy_inside_of_its_project_speaks_of_the_copy(stages: Path) -> None:
    shutil.copytree(stages, stages / "copy", ignore=shutil.ignore_patterns("copy"))
    (stages / "copy/raw.csv").write_text("2\n")
    assert states(stages / "copy")["first"] == "stale"
    assert states(stages / "results")["first"] == "ok"


def test_status_of_copied_results_inside_of_a_project_speaks_of_its_data(stages: Path) -> None:
    shutil.copytree(stages / "results", stages / "backup/results")
    assert states(stages / "backup") == {"first": "ok", "second": "ok"}


def test_status_below_a_project_inside_of_another_finds_it_after_both_moved(tmp_path: Path) -> None:
    outer, inner = tmp_path / "outer", tmp_path / "outer/inner"
    inner.mkdir(parents=True)
    (outer / "naga.toml").touch()
    (inner / "naga.toml").touch()
    (inner / "raw.csv").write_text("1\n")
    first = make_run(inner, "first", "first", data=[inner / "raw.csv"])
    make_run(outer, "second", "second", prevs=[first])
    moved = outer.rename(tmp_path / "moved")
    (moved / "inner/results/first/run.lock").unlink()
    assert states(moved) == {"second": "ok"}
    (moved / "inner/raw.csv").write_text("2\n")
    assert states(moved) == {"second": "stale"}


def test_status_of_an_output_that_is_being_written_to_is_modified_and_says_so(tmp_path: Path) -> None:
    made = make_run(tmp_path, "train", "train", text="x" * 32_000_000)
    has_begun, is_over = threading.Event(), threading.Event()

    def write() -> None:
        with made.path.with_name("out.txt").open("r+b", buffering=0) as file:
            while not is_over.is_set():
                file.seek(0)
                file.write(b"y" * 1000)
                has_begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert has_begun.wait(60)
        (run,) = naga.status(tmp_path)
    finally:
        is_over.set()
        writer.join()
    assert run.state == "modified"
    assert run.causes[0].text() == "results/train/out.txt is being written to"


def test_status_of_very_many_outputs_is_that_of_one_folder_after_it_moved_too(tmp_path: Path) -> None:
    make_run(tmp_path / "project", "train", "train", files={f"{number}.txt": "x" for number in range(1001)})
    project = (tmp_path / "project").rename(tmp_path / "moved")
    assert states(project) == {"train": "ok"}
    (project / "results/train/7.txt").write_text("by hand")
    (run,) = naga.status(project)
    assert (run.state, run.causes[0].files) == ("modified", ("7.txt",))


def test_status_of_an_output_folder_with_another_run_in_it_does_not_depend_on_that(tmp_path: Path) -> None:
    made = make_run(tmp_path, "sweep", "sweep", files={"parts/a.txt": "a"})
    naga.status(tmp_path)
    shutil.copytree(made.path.parent, tmp_path / "copy")
    (tmp_path / "copy").rename(made.path.parent / "parts/inner")
    found = {run.path: run.state for run in naga.status(tmp_path)}
    assert found[made.path] == "ok"


@pytest.mark.parametrize("change", ["edit", "add", "rename", "empty folder", "mode", "link"])
def test_status_after_any_change_in_an_output_folder_is_modified_though_it_was_known(
    tmp_path: Path, change: str
) -> None:
    made = make_run(tmp_path, "train", "train", files={"parts/a.txt": "a", "parts/b.txt": "b"})
    parts = made.path.parent / "parts"
    now = time.time_ns()
    while Reading.begin().started < now + 150_000_000:
        time.sleep(0.05)
    assert states(tmp_path) == {"train": "ok"}
    assert states(tmp_path) == {"train": "ok"}
    if change == "edit":
        times = (parts / "a.txt").stat()
        (parts / "a.txt").write_text("c")
        os.utime(parts / "a.txt", ns=(times.st_atime_ns, times.st_mtime_ns))
    elif change == "add":
        (parts / "c.txt").touch()
    elif change == "rename":
        (parts / "a.txt").rename(parts / "c.txt")
    elif change == "empty folder":
        (parts / "c").mkdir()
    elif change == "mode":
        (parts / "a.txt").chmod(0o755)
    else:
        (parts / "a.txt").unlink()
        (parts / "a.txt").symlink_to("b.txt")
    assert states(tmp_path) == {"train": "modified"}


def test_status_of_a_receipt_beside_its_project_uses_the_root_that_it_recorded(tmp_path: Path) -> None:
    project, results = tmp_path / "project", tmp_path / "results"
    (project / "data").mkdir(parents=True)
    (project / "naga.toml").touch()
    (project / "data/raw.csv").write_text("1\n")
    made = make_run(project, "train", "train", data=[project / "data/raw.csv"])
    results.mkdir()
    shutil.copy(made.path, results / "run.lock")
    assert states(results) == {"results": "ok"}
    (project / "data/raw.csv").write_text("2\n")
    assert states(results) == {"results": "stale"}


def test_status_of_a_data_path_that_no_system_takes_is_missing(tmp_path: Path) -> None:
    made = make_run(tmp_path, "train", "train", data=[Path(__file__)])
    text = made.path.read_text()
    made.path.write_text(text.replace(f"path: {Path(__file__)}", 'path: "/a\\0b"'))
    assert states(tmp_path) == {"train": "missing"}


def test_status_of_an_output_that_became_a_pipe_is_missing_and_does_not_wait(tmp_path: Path) -> None:
    made = make_run(tmp_path, "train", "train")
    output = made.path.with_name("out.txt")
    output.unlink()
    os.mkfifo(output)
    (run,) = naga.status(tmp_path)
    assert run.state == "missing"
    assert "fifo" in run.causes[0].text()


def test_status_of_a_folder_without_receipts_is_empty(tmp_path: Path) -> None:
    assert naga.status(tmp_path) == ()


def test_status_of_a_folder_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    with pytest.raises(NotFoundError, match=r"there is no folder .*resutls") as caught:
        naga.status(tmp_path / "resutls")
    assert caught.value.hint == f"did you mean {tmp_path / 'results'}?"


def test_status_is_sorted_by_path_and_is_plain_values_as_a_mapping(project: Path) -> None:
    (project / "data/raw.csv").write_text("1,2,4\n")
    found = naga.status(project)
    assert [run.path for run in found] == sorted(run.path for run in found)
    content = found[0].to_mapping()
    assert content["state"] == "stale"
    assert content["causes"][0]["stages"] == ("evaluate", "fit", "prepare")
    assert content["causes"][0]["text"].startswith("data/raw.csv, two stages up,")
