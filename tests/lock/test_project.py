"""Where a project begins, and how its paths are written down."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naga.lock.project import absolute_path, find_project, nearest_path, portable_path, resolve_path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "code").mkdir(parents=True)
    (root / "naga.toml").touch()
    return root


@pytest.mark.parametrize("mark", ["naga.toml", ".git"])
def test_find_project_is_the_nearest_folder_with_a_mark(tmp_path: Path, mark: str) -> None:
    inner = tmp_path / "outer" / "inner"
    (inner / "a" / "b").mkdir(parents=True)
    (tmp_path / "outer" / "naga.toml").touch()
    (inner / mark).touch()

    assert find_project(inner / "a" / "b") == inner
    assert find_project(inner / "a" / "missing.py") == inner
    assert find_project(inner) == inner
    assert find_project(tmp_path / "outer") == tmp_path / "outer"


def test_find_project_without_a_mark_is_the_folder_itself(tmp_path: Path) -> None:
    (tmp_path / "script.py").touch()

    assert find_project(tmp_path) == tmp_path
    assert find_project(tmp_path / "script.py") == tmp_path
    assert find_project(tmp_path / "missing.py") == tmp_path


def test_find_project_of_relative_path_counts_from_the_current_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / "code")

    assert find_project(Path()) == project
    assert find_project(Path("../code/x.py")) == project


def test_find_project_through_a_link_keeps_the_link(project: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(project)

    assert find_project(tmp_path / "link" / "code") == tmp_path / "link"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("data/raw.csv", "code/data/raw.csv"),
        ("../data/raw.csv", "data/raw.csv"),
        ("./x/../y", "code/y"),
        ("..", "."),
        (".", "code"),
        ("../../elsewhere", None),
        ("../../project-2/x", None),
    ],
)
def test_portable_path_of_relative_path_is_relative_to_the_root(
    project: Path, monkeypatch: pytest.MonkeyPatch, path: str, expected: str | None
) -> None:
    monkeypatch.chdir(project / "code")

    assert portable_path(path, project) == (expected or os.path.normpath(project / "code" / path))
    assert portable_path(Path(path).absolute(), project) == portable_path(path, project)


def test_portable_path_of_a_link_in_the_project_keeps_its_name(project: Path, tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    (tmp_path / "big" / "raw.csv").touch()
    (project / "data").symlink_to(tmp_path / "big")
    (project / "raw.csv").symlink_to(tmp_path / "big" / "raw.csv")

    assert portable_path(project / "data" / "raw.csv", project) == "data/raw.csv"
    assert portable_path(project / "raw.csv", project) == "raw.csv"
    assert portable_path(tmp_path / "big" / "raw.csv", project) == str(tmp_path / "big" / "raw.csv")


def test_portable_path_through_a_link_to_the_project_is_relative_all_the_same(project: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(project)
    (tmp_path / "deep").symlink_to(project / "code")
    (tmp_path / "big").mkdir()
    (project / "data").symlink_to(tmp_path / "big")

    for root in (project, tmp_path / "link"):
        assert portable_path(project / "code" / "a.py", root) == "code/a.py"
        assert portable_path(tmp_path / "link" / "code" / "a.py", root) == "code/a.py"
        assert portable_path(tmp_path / "deep" / "a.py", root) == "code/a.py"
        assert portable_path(project / "data" / "raw.csv", root) == "data/raw.csv"
        assert portable_path(project, root) == "."


def test_portable_path_with_dots_behind_a_link_is_where_the_file_is(project: Path, tmp_path: Path) -> None:
    (tmp_path / "big" / "inner").mkdir(parents=True)
    (tmp_path / "big" / "raw.csv").touch()
    (project / "data").symlink_to(tmp_path / "big" / "inner")

    assert portable_path(project / "data" / ".." / "raw.csv", project) == str(tmp_path / "big" / "raw.csv")
    assert portable_path(project / "code" / ".." / "raw.csv", project) == "raw.csv"


def test_portable_path_of_the_root_of_the_system_is_relative_to_it() -> None:
    assert portable_path("/a/b", Path("/")) == "a/b"


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8)
PARTS = st.lists((NAMES | st.sampled_from(["..", "."])), max_size=6)


@given(PARTS, PARTS)
def test_resolve_path_of_portable_path_is_the_same_place(root_parts: list[str], parts: list[str]) -> None:
    root = Path(os.path.normpath(os.path.join("/nowhere", *root_parts)))
    path = os.path.join(root, *parts)

    text = portable_path(path, root)

    assert os.path.normpath(resolve_path(text, root)) == os.path.normpath(path)
    assert ".." not in Path(text).parts
    assert resolve_path(text, root).is_absolute()


def test_absolute_path_is_without_dots_and_keeps_links(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "link").symlink_to(project / "code")
    monkeypatch.chdir(project)

    assert absolute_path("link/./a.py") == project / "link" / "a.py"
    assert absolute_path("code/../link") == project / "link"
    assert absolute_path("") == project


def test_nearest_path_is_a_sibling_at_the_first_level_that_is_missing(project: Path) -> None:
    (project / "code" / "process.py").touch()

    assert nearest_path(project / "code" / "proces.py") == project / "code" / "process.py"
    assert nearest_path(project / "cod" / "process.py") == project / "code"
    assert nearest_path(project / "code" / "zzz") is None
    assert nearest_path(project / "code" / "process.py" / "x") is None


@pytest.mark.parametrize("text", ["x" * 300, "a\0b", "x,y\n" * 2000, "/" + "x/" * 5000])
def test_nearest_path_of_what_is_no_path_is_none(text: str) -> None:
    assert nearest_path(Path(text)) is None
