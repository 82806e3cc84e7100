"""What a run opened for reading, and which of it nobody had declared."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from naga.lock.reads import undeclared_reads, watched_reads


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (
        "data/a.csv",
        "data/deep/b.csv",
        "single.csv",
        "other.csv",
        "code.py",
        "lib/site-packages/x.txt",
        ".git/x",
    ):
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1\n")
    (tmp_path / "outside.csv").write_text("1\n")
    return tmp_path / "project"


def test_watched_reads_collects_what_is_opened_for_reading_however_it_is_named(project: Path) -> None:
    found: set[str] = set()
    with watched_reads(found):
        (project / "single.csv").read_text()
        Path(os.fsdecode(os.fsencode(project / "data/a.csv"))).read_bytes()
        descriptor = os.open(os.fsencode(project / "other.csv"), os.O_RDONLY)
        with os.fdopen(descriptor) as file:
            file.read()
        (project / "written.csv").write_text("1\n")
    (project / "code.py").read_text()

    assert {str(project / name) for name in ("single.csv", "data/a.csv", "other.csv")} <= found
    assert not {name for name in found if name.endswith(("written.csv", "code.py"))}


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("other.csv", ["other.csv"]),
        ("./data/../other.csv", ["other.csv"]),
        ("data//../other.csv", ["other.csv"]),
        ("single.csv", []),
        ("data/../single.csv", []),
        ("data/a.csv", []),
        ("data/deep/b.csv", []),
        ("../outside.csv", []),
        ("code.py", []),
        ("lib/site-packages/x.txt", []),
        (".git/x", []),
        ("gone.csv", []),
        ("data", []),
        ("lib/..", []),
        ("", []),
        ("/", []),
    ],
)
@pytest.mark.parametrize("absolute", [False, True])
def test_undeclared_reads_lists_files_of_the_project_that_were_not_declared(
    project: Path, name: str, listed: list[str], *, absolute: bool
) -> None:
    opened = f"{project}/{name}" if absolute else name

    assert undeclared_reads([opened], project, project, [project / "data", project / "single.csv"]) == listed


def test_undeclared_reads_counts_relative_paths_from_the_folder_of_the_run(project: Path) -> None:
    assert undeclared_reads(["a.csv", "../other.csv"], project / "data", project, []) == ["data/a.csv", "other.csv"]


def test_undeclared_reads_finds_a_file_among_any_number_of_others(project: Path) -> None:
    for number in range(100):
        (project / f"data/{number}.csv").touch()
    everything = sorted(path.name for path in (project / "data").iterdir() if path.is_file())

    assert [undeclared_reads([name], project / "data", project, []) for name in everything] == [
        [f"data/{name}"] for name in everything
    ]


def test_undeclared_reads_counts_a_link_to_a_file_but_not_to_a_folder_nor_to_nothing(project: Path) -> None:
    for name, target in (("file", "other.csv"), ("folder", "data"), ("nothing", "gone.csv")):
        (project / name).symlink_to(target)

    assert undeclared_reads(["file", "folder", "nothing"], project, project, []) == ["file"]
