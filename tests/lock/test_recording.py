"""The receipt of one run while it is being made."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from naga.errors import ConfigError, ConflictError, LeaseLostError, ReceiptFormatError
from naga.lock.digest import hash_file, hash_path
from naga.lock.inputs import read_data
from naga.lock.lineage import read_prev
from naga.lock.receipt import ErrorEntry, Receipt, read_receipt, write_receipt
from naga.lock.recipe import recipe_digest
from naga.lock.recording import Recording
from naga.lock.shared import Shared
from tests.lock.samples import make_receipt
from tests.programs import run_python

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "tr0ub4dor&3-horse"


@pytest.fixture
def project(repository: Path, git: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with data, which is the current folder."""
    (repository / ".gitignore").write_text("results/\ndata/\n")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "ignore")
    (repository / "data").mkdir()
    (repository / "data" / "raw.csv").write_text("1,2\n")
    monkeypatch.chdir(repository)
    return repository


CONFIG: dict[str, Any] = {"param": 1, "save_dir": "results/process"}


def record(project: Path, config: dict[str, Any] | None = None, **caller: Any) -> Recording:
    """Return the recording of a run of process.py."""
    described = {"module": "__main__", "function": "main", "file": str(project / "process.py"), "argv": [], **caller}
    return Recording(CONFIG if config is None else config, described)


def started(project: Path, config: dict[str, Any] | None = None, **caller: Any) -> Recording:
    """Return the recording of a run that has started in its save_dir."""
    recording = record(project, config, **caller)
    recording.start(Path((config or CONFIG)["save_dir"]) / "run.lock")
    return recording


def on_disk(recording: Recording) -> Receipt:
    assert recording.path is not None
    return read_receipt(recording.path)


def save(name: str, text: str = "x") -> Path:
    """Write an output of the run."""
    path = Path("results/process") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_recording_that_started_is_on_the_disk_as_started(project: Path, git: Callable[..., str]) -> None:
    recording = started(project, argv=["-o", "param=1"])

    receipt = on_disk(recording)
    assert recording.path == project / "results" / "process" / "run.lock"
    assert receipt == recording.receipt
    assert (receipt.status, receipt.finished, receipt.duration, receipt.recipe) == ("started", None, None, None)
    assert abs(datetime.fromisoformat(receipt.started) - datetime.now(UTC)) < timedelta(minutes=1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", receipt.started)
    assert receipt.config == CONFIG
    assert receipt.caller == {
        "module": "__main__",
        "function": "main",
        "file": "process.py",
        "argv": ["-o", "param=1"],
        "cwd": ".",
        "root": str(project),
    }
    assert receipt.repos["repository"].commit == git(project, "rev-parse", "HEAD")
    assert receipt.used["files"] == {"repository": {"process.py": hash_file(project / "process.py")}}
    assert receipt.environment["packages"]["list"]


SCRIPT = """\
from pathlib import Path
from naga import clicfg

@clicfg(config_class={'save_dir': 'results/process'})
def main(cfg):
    print(*[line for line in Path('results/process/run.lock').read_text().splitlines() if line.startswith('status')])

main()
"""


def test_recording_of_a_real_run_is_started_before_main_runs(project: Path) -> None:
    (project / "process.py").write_text(SCRIPT)

    assert run_python(project, "process.py").stdout == "status: started\n"
    assert read_receipt(project / "results/process/run.lock").status == "finished"


def test_recording_whose_guard_says_no_writes_no_receipt_over_that_of_another_run(project: Path) -> None:
    other = started(project)
    other.finish()
    before_path, before = Path(str(other.path)), on_disk(other)

    def guard() -> None:
        raise LeaseLostError("another worker has taken over", path=project)

    late = Recording({}, dict(before.caller), shared=Shared(guard=guard))
    with pytest.raises(LeaseLostError):
        late.start(before_path)

    assert on_disk(other) == before


def test_recording_that_finished_has_everything(project: Path) -> None:
    recording = started(project)
    recording.declare(data={"raw": read_data("data/raw.csv")})
    assert on_disk(recording).data["raw"].path == "data/raw.csv"
    out = save("out.txt")

    receipt = recording.finish()

    assert receipt == on_disk(recording)
    assert receipt.status == "finished"
    assert receipt.error is None
    assert receipt.finished is not None
    assert receipt.finished >= receipt.started
    assert receipt.duration is not None
    assert 0 <= receipt.duration < 60
    assert receipt.data["raw"].digest == hash_path("data/raw.csv").digest
    assert receipt.outputs["out.txt"].path == "results/process/out.txt"
    assert receipt.outputs["out.txt"].digest == hash_file(out)
    assert receipt.recipe == recipe_digest(receipt)


def test_recording_that_failed_says_what_and_where(project: Path) -> None:
    recording = started(project)
    save("half.txt")

    receipt = recording.fail(ErrorEntry(type="E", message="why", file=str(project / "lib" / "x.py"), line=3))

    assert receipt == on_disk(recording)
    assert receipt.status == "failed"
    assert receipt.error == ErrorEntry(type="E", message="why", file="lib/x.py", line=3)
    assert receipt.outputs.keys() == {"half.txt"}
    assert receipt.recipe is not None


def test_recording_shortens_the_message_of_an_exception_that_holds_a_table(project: Path) -> None:
    receipt = started(project).fail(ErrorEntry(type="E", message="1,2\n" * 10**6))

    assert receipt.error is not None
    assert len(receipt.error.message) < 11_000
    assert receipt.error.message.endswith("... (3990000 more characters)")


def test_recording_of_outputs_has_trees_but_no_other_runs(project: Path) -> None:
    recording = started(project)
    save("figures/a.png")
    save("figures/b/c.png")
    save("log.txt")
    save(".naga/frames")
    write_receipt(save("task_1/out").with_name("run.lock"), make_receipt())

    outputs = recording.finish().outputs

    assert outputs.keys() == {"figures"}
    assert (outputs["figures"].kind, outputs["figures"].files) == ("tree", 2)
    assert outputs["figures"].digest == hash_path("results/process/figures").digest


def test_recording_with_an_unreadable_output_is_failed_and_says_which(project: Path) -> None:
    recording = started(project)
    save("out.txt")
    os.mkfifo("results/process/pipe")

    receipt = recording.finish()

    assert receipt.status == "failed"
    assert receipt.error is not None
    assert receipt.error.type == "IncompleteRecord"
    assert "results/process/pipe" in receipt.error.message
    assert receipt.outputs.keys() == {"out.txt"}


def test_recording_of_a_failure_with_an_unreadable_output_keeps_the_error_of_the_run(project: Path) -> None:
    recording = started(project)
    save("out.txt")
    os.mkfifo("results/process/pipe")

    receipt = recording.fail(ErrorEntry(type="E", message="why"))

    assert receipt.error == ErrorEntry(type="E", message="why")
    assert on_disk(recording) == receipt


def change_content(path: Path) -> None:
    path.write_text("3,4\n")


def delete(path: Path) -> None:
    path.unlink()


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("change", [change_content, delete, replace_by_folder])
@pytest.mark.parametrize("declared", ["data/raw.csv", "data"])
def test_recording_whose_input_changed_is_failed_with_that_reason(
    project: Path, change: Callable[[Path], None], declared: str
) -> None:
    recording = started(project)
    recording.declare(data={"good": read_data("process.py"), "raw": read_data(declared)})
    change(project / "data" / "raw.csv")

    receipt = recording.finish()

    assert receipt.status == "failed"
    assert receipt.error is not None
    assert receipt.error.type == "InputChanged"
    assert receipt.error.message == f"the input raw ({project / declared}) changed while the run was going"


def test_recording_whose_input_was_only_touched_is_finished(project: Path) -> None:
    recording = started(project)
    recording.declare(data={"raw": read_data("data")})
    os.utime("data/raw.csv", (1, 1))

    assert recording.finish().status == "finished"


def test_recording_of_a_run_that_goes_to_another_folder_finds_its_files(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = started(project)
    recording.declare(data={"raw": read_data("data/raw.csv")})
    save("out.txt")
    monkeypatch.chdir("/")
    recording.declare(config=CONFIG)

    receipt = recording.finish()

    assert receipt.status == "finished"
    assert receipt.data["raw"].path == "data/raw.csv"
    assert receipt.outputs.keys() == {"out.txt"}
    assert recording.path == project / "results" / "process" / "run.lock"


def test_recording_of_a_script_that_is_edited_meanwhile_has_the_digest_of_what_ran(
    project: Path, git: Callable[..., str]
) -> None:
    before = hash_file(project / "process.py")
    recording = started(project)
    (project / "process.py").write_text("edited\n")

    receipt = recording.finish()

    assert receipt.used["files"]["repository"]["process.py"] == before
    assert git(project, "show", f"{receipt.repos['repository'].snapshot}:process.py") == "print('hello')"


def test_recording_in_a_place_that_another_run_took_since_is_a_conflict_and_leaves_it(project: Path) -> None:
    first, second = started(project), started(project)

    with pytest.raises(ConflictError):
        first.declare(data={"raw": read_data("data/raw.csv")})
    with pytest.raises(ConflictError):
        first.finish()
    with pytest.raises(ConflictError):
        first.fail(ErrorEntry(type="E", message="why"))
    assert on_disk(second) == second.receipt
    assert second.finish().status == "finished"


def test_recording_where_an_earlier_run_was_replaces_it(project: Path) -> None:
    first = started(project).finish()
    second = started(project).finish()

    assert read_receipt(project / "results/process/run.lock") == second
    assert first.id < second.id
    assert first.recipe == second.recipe


def test_recording_declared_without_a_start_goes_to_save_dir(project: Path) -> None:
    recording = record(project)
    recording.declare(data={"raw": read_data("data/raw.csv")})

    assert recording.path == project / "results" / "process" / "run.lock"
    assert on_disk(recording).status == "started"


def test_recording_without_save_dir_goes_to_the_current_folder(project: Path) -> None:
    recording = record(project, {})
    recording.declare()

    assert recording.path == project / "run.lock"
    assert recording.finish().outputs == {}


def test_recording_with_another_path_moves_its_receipt(project: Path) -> None:
    recording = started(project)
    recording.declare(path=Path("elsewhere/other.lock"))

    assert os.listdir("results/process") == []
    assert recording.path == project / "elsewhere" / "other.lock"
    assert on_disk(recording).status == "started"
    save("out.txt")
    assert recording.finish().outputs.keys() == {"out.txt"}
    assert os.listdir("elsewhere") == ["other.lock"]


@pytest.mark.parametrize("spelling", ["results/../results/process/run.lock", "link/run.lock"])
def test_recording_with_the_same_path_spelled_otherwise_stays(project: Path, spelling: str) -> None:
    recording = started(project)
    (project / "link").symlink_to("results/process")
    recording.declare(path=Path(spelling))

    assert on_disk(recording) == recording.receipt
    assert os.listdir("results/process") == ["run.lock"]


def test_recording_that_moves_leaves_the_receipt_of_another_run_where_it_is(project: Path) -> None:
    first, second = started(project), started(project)
    first.declare(path=Path("elsewhere/run.lock"))

    assert on_disk(second) == second.receipt
    assert on_disk(first) == first.receipt


@pytest.mark.parametrize("save_dir", [".", "..", "sub/..", "/", "link"])
def test_recording_with_a_save_dir_that_holds_the_code_is_refused(project: Path, save_dir: str) -> None:
    (project / "sub").mkdir()
    (project / "link").symlink_to(project)

    with pytest.raises(ConfigError, match="holds the code itself") as caught:
        record(project, {"save_dir": save_dir})
    assert caught.value.key == "save_dir"
    assert caught.value.hint


def test_recording_of_a_script_reached_through_a_link_knows_its_folder(project: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(project)

    with pytest.raises(ConfigError, match="holds the code itself"):
        record(tmp_path / "link", {"save_dir": str(project)})
    receipt = started(tmp_path / "link").finish()
    assert receipt.caller["file"] == "process.py"
    assert receipt.used["files"] == {"link": {"process.py": hash_file("process.py")}}


def test_recording_above_a_limit_fails_before_the_run(project: Path) -> None:
    with pytest.raises(ReceiptFormatError, match="most of them in config"):
        started(project, {"save_dir": "results/process", "table": list(range(300_000))})
    assert not (project / "results/process/run.lock").exists()


def test_recording_names_repositories_as_declared(project: Path, tmp_path: Path, git: Callable[..., str]) -> None:
    other = tmp_path / "other" / "repository"
    other.mkdir(parents=True)
    git(other, "init", "--quiet")
    (other / "lib.py").touch()
    recording = started(project)
    recording.declare(repos={"repository": other})
    assert {name: entry.path for name, entry in on_disk(recording).repos.items()} == {
        "repository": str(other),
        "repository_2": ".",
    }

    recording.declare(repos={"code": project / "data"})
    receipt = recording.finish()

    assert {name: entry.path for name, entry in receipt.repos.items()} == {"repository": str(other), "code": "."}
    assert receipt.used["files"] == {"repository": {}, "code": {"process.py": hash_file("process.py")}}
    assert "no commits" in str(receipt.repos["repository"].problem)


def test_recording_that_moves_keeps_the_names_of_repositories(project: Path) -> None:
    recording = started(project)
    recording.declare(repos={"code": project})
    recording.declare(path=Path("elsewhere.lock"))

    assert on_disk(recording).repos.keys() == {"code"}


def test_recording_outside_of_a_repository_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "process.py").touch()

    receipt = started(tmp_path).finish()

    (entry,) = receipt.repos.values()
    assert "not in a git repository" in str(entry.problem)
    assert receipt.used["files"] == {tmp_path.name: {"process.py": hash_file("process.py")}}


def test_recording_with_code_of_its_own_has_it_beside_the_repositories(project: Path) -> None:
    recording = record(project)
    recording.add_code("cells", project / "data", {"cells.py": "xxh3_128:" + "0" * 32}, "kept beside the receipt")
    recording.start(project / "results" / "process" / "run.lock")

    receipt = recording.finish()

    assert receipt.repos.keys() == {"repository", "cells"}
    assert (receipt.repos["cells"].path, receipt.repos["cells"].problem) == ("data", "kept beside the receipt")
    assert receipt.used["files"]["cells"] == {"cells.py": "xxh3_128:" + "0" * 32}


@pytest.mark.parametrize("is_started", [True, False])
def test_recording_of_a_run_after_others_has_their_lineage_and_one_list_of_packages(
    project: Path, is_started: bool
) -> None:
    first = started(project, {"save_dir": "results/a"}).finish()
    second = started(project, {"save_dir": "results/b"})
    second.declare(prevs={"a": read_prev("results/a")})
    second.finish()
    third = started(project, {"save_dir": "results/c"}) if is_started else record(project, {"save_dir": "results/c"})
    third.declare(prevs={"b": read_prev("results/b/run.lock")})

    receipt = third.finish()

    assert list(receipt.lineage) == [first.id, second.receipt.id]
    assert receipt.prevs["b"].path == "results/b/run.lock"
    packages = [item.environment["packages"] for item in (receipt, *receipt.lineage.values())]
    assert ["list" in item for item in packages] == [True, False, False]
    assert len({item["digest"] for item in packages}) == 1


def test_recording_with_seeds_and_reads_has_them(project: Path) -> None:
    seeds = {"random": 1}
    recording = Recording(CONFIG, {"file": str(project / "process.py")}, seeds=seeds)
    recording.start(Path("results/process/run.lock"))
    seeds["numpy"] = 1

    receipt = recording.finish([str(project / "data" / "raw.csv")])

    assert receipt.environment["seeds"] == {"numpy": 1, "random": 1}
    assert receipt.used["undeclared"] == ["data/raw.csv"]


def test_recording_that_is_strict_is_failed_by_an_undeclared_read(project: Path) -> None:
    receipt = started(project).finish([str(project / "data" / "raw.csv")], strict=True)

    assert receipt.status == "failed"
    assert receipt.error == ErrorEntry(type="UndeclaredReads", message="read but not declared: data/raw.csv")


def bytes_below(folder: Path) -> bytes:
    """Return all bytes of all files of naga below a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*.lock")))


def test_recording_hides_secrets_of_config_command_line_environment_and_exception(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXAMPLE_API_KEY", "key-9f8e7d6c5b4a")
    config = {**CONFIG, "db": {"password": SECRET}, "url": f"https://me:{SECRET}@example.org", "max_tokens": 5}
    recording = started(project, config, argv=["--db.password", SECRET, f"db.password={SECRET}", "key-9f8e7d6c5b4a"])
    assert SECRET.encode() not in bytes_below(project)

    receipt = recording.fail(ErrorEntry(type="E", message=f"cannot log in with {SECRET} and key-9f8e7d6c5b4a"))

    assert SECRET.encode() not in bytes_below(project)
    assert b"9f8e7d6c5b4a" not in bytes_below(project)
    assert receipt.config["db"] == {"password": "***"}
    assert receipt.config["max_tokens"] == 5
    assert receipt.error is not None
    assert receipt.error.message == "cannot log in with *** and ***"
    assert len(receipt.caller["argv"]) == 4


def test_recording_hides_a_secret_that_it_learns_of_late_on_the_command_line_too(project: Path) -> None:
    recording = started(project, argv=[SECRET])
    recording.declare(config={**CONFIG, "password": SECRET})

    assert SECRET.encode() not in bytes_below(project)
    assert recording.receipt.caller["argv"] == ["***"]


def test_recording_leaves_readable_what_the_project_says_is_no_secret(project: Path) -> None:
    (project / "naga.toml").write_text('readable = ["password"]\n')

    receipt = started(project, {**CONFIG, "password": "of the zip files of the course"}).finish()

    assert receipt.config["password"] == "of the zip files of the course"


def test_recording_that_cannot_be_written_is_an_error_that_names_the_file(project: Path) -> None:
    (project / "results").write_text("a file in the place of the folder")

    with pytest.raises(OSError, match="results"):
        started(project)
