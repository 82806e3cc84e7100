"""``naga status``, ``ls``, ``lineage`` and ``show``: what they print, and how they end."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from naga.cli.main import main
from tests.pipelines import make_run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project of four runs, in which the current folder is."""
    (tmp_path / "naga.toml").touch()
    (tmp_path / "raw.csv").write_text("1\n")
    prepare = make_run(tmp_path, "prepare", "prepare", data=[tmp_path / "raw.csv"])
    fits = [make_run(tmp_path, "fit", f"fit-{lr}", prevs=[prepare], config={"lr": lr, "seed": 1}) for lr in (0.1, 0.2)]
    make_run(tmp_path, "evaluate", "evaluate", prevs=fits)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def run_on_terminal(folder: Path, *arguments: str, **environ: str) -> str:
    """Return what the command prints on a terminal."""
    ours, theirs = pty.openpty()
    environment = {**{key: value for key, value in os.environ.items() if key != "NO_COLOR"}, "TERM": "xterm", **environ}
    command = [sys.executable, "-m", "naga", *arguments]
    with subprocess.Popen(command, cwd=folder, stdout=theirs, stderr=theirs, env=environment):
        os.close(theirs)
        output = b""
        try:
            while piece := os.read(ours, 4096):
                output += piece
        except OSError:  # The other end of a terminal that is gone, on Linux.
            pass
    os.close(ours)
    return output.decode()


def test_status_of_runs_that_are_ok_prints_a_line_each_and_ends_with_0(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status"]) == 0
    assert lines(capsys) == [
        "✓ ok  evaluate  results/evaluate/run.lock",
        "✓ ok  fit       results/fit-0.1/run.lock",
        "✓ ok  fit       results/fit-0.2/run.lock",
        "✓ ok  prepare   results/prepare/run.lock",
    ]


def test_status_of_each_state_prints_its_word_and_ends_with_1(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("failed", "killed", "started"):
        make_run(project, name, name, status=name)
    make_run(project, "edited", "edited")
    (project / "results/edited/out.txt").write_text("by hand")
    (project / "results/fit-0.2/run.lock").write_text("naga: 2\n")
    (project / "results/evaluate/out.txt").unlink()
    (project / "raw.csv").write_text("2\n")
    assert main(["status"]) == 1
    words = {line.split()[-1].split("/")[1]: line.split()[1] for line in lines(capsys)}
    assert words == {
        "failed": "failed",
        "killed": "killed",
        "started": "started",
        "edited": "modified",
        "evaluate": "missing",
        "fit-0.1": "stale",
        "fit-0.2": "unreadable",
        "prepare": "stale",
    }


def test_status_with_why_prints_the_way_to_the_cause(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "raw.csv").write_text("2\n")
    assert main(["status", "--why", "results/evaluate"]) == 1
    state, cause, way = lines(capsys)
    assert state == "~ stale  evaluate  results/evaluate/run.lock"
    assert re.fullmatch(
        r"    evaluate is stale: raw.csv, two stages up, changed from [0-9a-f]{10} to [0-9a-f]{10}", cause
    )
    assert way.strip() == "evaluate <- fit <- prepare <- raw.csv"


def test_status_with_why_tells_why_a_run_failed_or_cannot_be_read(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "results/prepare/run.lock").write_text("naga: 2\n")
    assert main(["status", "--why", "results/prepare"]) == 1
    assert "its format is 2" in lines(capsys)[1]


def test_status_as_json_has_all_runs_with_their_causes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "raw.csv").write_text("2\n")
    assert main(["status", "--json"]) == 1
    content = json.loads(capsys.readouterr().out)
    assert [run["stage"] for run in content] == ["evaluate", "fit", "fit", "prepare"]
    assert content[0]["causes"][0]["stages"] == ["evaluate", "fit", "prepare"]
    assert content[0]["path"] == str(project / "results/evaluate/run.lock")


def test_status_without_receipts_says_so_and_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", str(tmp_path)]) == 0
    assert capsys.readouterr() == ("", f"naga: no receipts below {tmp_path}\n")


def test_status_of_a_folder_that_is_not_there_ends_with_66(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "resutls"]) == 66
    assert "did you mean" in capsys.readouterr().err


def test_status_on_a_terminal_is_coloured(project: Path) -> None:
    (project / "results/evaluate/out.txt").unlink()
    output = run_on_terminal(project, "status")
    assert "\x1b[31m✗ missing\x1b[0m  evaluate" in output
    assert "\x1b[32m✓ ok\x1b[0m       fit" in output


def test_status_on_a_terminal_that_wants_no_colour_is_plain(project: Path) -> None:
    assert "\x1b" not in run_on_terminal(project, "status", NO_COLOR="1")


def test_control_characters_of_a_receipt_do_not_reach_the_terminal(project: Path) -> None:
    made = make_run(project, "e\x1b[2Jl", "a\x1b[2Jb", config={"k\x1b[2J": "v\x1b[2J"})
    other = make_run(project, "e\x1b[2Jl", "other", config={"k\x1b[2J": "w\x1b[2J"})
    (made.path.parent / "out.txt").unlink()
    pair = [str(made.path), str(other.path)]
    commands = [
        *(["status"], ["status", "--why"], ["ls"], ["lineage", pair[0]], ["verify", pair[0]], ["diff", *pair]),
        *(["show", pair[0]], ["show", "a\x1b[2Jc"], ["digest", "a\x1b[2Jc"], ["digest", "--check", "a\x1b[2Jc"]),
    ]
    for command in commands:
        output = run_on_terminal(project, *command, NO_COLOR="1")
        assert "\x1b" not in output, command
        assert "\\x1b[2J" in output, command


def test_lineage_is_drawn_as_a_tree_with_states(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "results/fit-0.2/out.txt").write_text("by hand")
    assert main(["lineage", "results/evaluate"]) == 0
    assert lines(capsys) == [
        "~ stale  evaluate  results/evaluate/run.lock",
        "├─ ✓ ok  fit  results/fit-0.1/run.lock",
        "│  └─ ✓ ok  prepare  results/prepare/run.lock",
        "└─ ≠ modified  fit  results/fit-0.2/run.lock",
        "   └─ ✓ ok  prepare  results/prepare/run.lock",
    ]


def test_paths_that_are_printed_in_a_subfolder_name_the_runs_there(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / "results")
    assert main(["status"]) == 0
    by_status = [line.split()[-1] for line in lines(capsys)]
    assert main(["lineage", "evaluate"]) == 0
    by_lineage = [line.split()[-1] for line in lines(capsys)]
    assert by_lineage[0] == "evaluate/run.lock"
    assert set(by_lineage) == set(by_status)

    monkeypatch.chdir("evaluate")
    assert main(["lineage", "."]) == 0
    for path in [line.split()[-1] for line in lines(capsys)]:
        assert main(["show", path]) == 0
        assert "finished" in capsys.readouterr().out


def test_lineage_draws_out_a_stage_that_two_others_read_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = make_run(project, "first", "first")
    second = make_run(project, "second", "second", prevs=[first])
    sides = [make_run(project, "side", f"side-{number}", prevs=[second]) for number in range(2)]
    last = make_run(project, "last", "last", prevs=sides)
    assert main(["lineage", str(last.path)]) == 0
    assert lines(capsys)[1:] == [
        "├─ ✓ ok  side  results/side-0/run.lock",
        "│  └─ ✓ ok  second  results/second/run.lock",
        "│     └─ ✓ ok  first  results/first/run.lock",
        "└─ ✓ ok  side  results/side-1/run.lock",
        "   └─ ✓ ok  second  results/second/run.lock  (above)",
    ]


def test_lineage_of_a_chain_of_50_is_drawn_to_its_end(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = make_run(project, "stage", "0")
    for number in range(1, 50):
        made = make_run(project, "stage", str(number), prevs=[made])
    assert main(["lineage", str(made.path)]) == 0
    drawn = lines(capsys)
    assert len(drawn) == 50
    assert drawn[-1].endswith("└─ ✓ ok  stage  results/0/run.lock")


def test_lineage_as_json_has_the_edges(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lineage", "--json", "@latest"]) == 0
    content = json.loads(capsys.readouterr().out)
    root = content["runs"][content["root"]]
    assert [content["runs"][prev]["stage"] for prev in root["prevs"]] == ["fit", "fit"]


def test_lineage_of_nothing_ends_with_66(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lineage", "nothing"]) == 66


def test_ls_prints_a_table_with_the_values_in_which_runs_of_a_stage_differ(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ls"]) == 0
    captured = capsys.readouterr()
    header, *rows = captured.out.splitlines()
    assert captured.err == ""
    assert header.split() == ["ID", "STAGE", "STATUS", "STARTED", "TOOK", "SAVE_DIR", "CONFIG"]
    assert [row.split()[1] for row in rows] == ["evaluate", "fit", "fit", "prepare"]
    assert [row.split()[-1] for row in rows] == ["results/evaluate", "lr=0.2", "lr=0.1", "results/prepare"]
    assert " 1.00 s  " in rows[0]
    assert not any("seed" in row for row in rows)


def test_ids_that_ls_prints_are_tokens(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["ls", "stage:fit"])
    for row in lines(capsys)[1:]:
        assert main(["show", row.split()[0]]) == 0
        assert lines(capsys)[0].startswith("fit  finished")


def test_ls_with_filters_and_root_prints_what_fits(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", "stage:fit", "lr>0.1", "--root", "results"]) == 0
    (_, row) = lines(capsys)
    assert "results/fit-0.2" in row


def test_ls_by_state_shows_the_state(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "raw.csv").write_text("2\n")
    assert main(["ls", "stale", "stage:fit"]) == 0
    assert all("~ stale" in row for row in lines(capsys)[1:])


def test_ls_above_its_limit_says_that_there_are_more(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(50):
        make_run(project, "many", f"many-{number:02}")
    assert main(["ls"]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 51
    assert captured.err == "naga: these are the newest 50; --limit N shows more\n"
    assert main(["ls", "--limit", "2"]) == 0
    assert len(lines(capsys)) == 3


def test_ls_as_json_has_all_runs_unless_there_is_a_limit(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(50):
        make_run(project, "many", f"many-{number:02}")
    assert main(["ls", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 54
    assert main(["ls", "--json", "--limit", "3"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3


def test_ls_without_a_run_that_fits_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", "lr>1"]) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "naga: no runs below . that these filters fit\n")


@pytest.mark.parametrize("command", ["lineage", "show"])
def test_command_without_a_token_is_about_the_run_that_started_last(
    project: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command, "@latest"]) == 0
    expected = capsys.readouterr().out
    assert main([command]) == 0
    assert capsys.readouterr().out == expected


def test_ls_with_a_filter_that_is_none_ends_with_2_and_names_the_place(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ls", "stage:fit", "lr>"]) == 2
    assert "'lr>': a value is missing (character 4)" in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["0", "-1", "x"])
def test_ls_with_a_limit_that_is_none_ends_with_2(
    project: Path, limit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ls", f"--limit={limit}"]) == 2


def test_show_takes_every_kind_of_token(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy("results/evaluate/out.txt", "copy.txt")
    for token in ("@latest", "results/evaluate", "results/evaluate/run.lock", "copy.txt"):
        assert main(["show", token]) == 0
        assert lines(capsys)[0] == "evaluate  finished after 1.00 s"


@pytest.mark.parametrize("command", ["status", "ls", "lineage", "show", "verify", "diff", "digest"])
def test_help_of_a_command_has_examples_and_exit_codes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert f"\n  naga {command}" in text
    assert command == "show" or "exit codes: 0" in text
    assert "--json" in text
