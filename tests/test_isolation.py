"""No test reads what the person who runs it has set up, or leaves anything there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

seen_caches: set[str] = set()


def test_git_config_in_a_test_comes_from_the_test_session_alone(repository: Path, git: Callable[..., str]) -> None:
    origins = git(repository, "config", "--list", "--show-scope").splitlines()
    assert {line.split()[0] for line in origins} == {"global", "local"}
    assert git(repository, "config", "user.name") == "test"


def test_variables_of_naga_and_git_in_a_test_are_those_of_the_session() -> None:
    left = {name for name in os.environ if name.startswith(("NAGA_", "GIT_", "FLEXLOCK_DEBUG"))}
    assert left - {"NAGA_TEST_FULL"} == {"NAGA_CACHE_DIR", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"}


def test_cache_of_one_test_is_new() -> None:
    assert not Path(os.environ["NAGA_CACHE_DIR"]).exists()
    seen_caches.add(os.environ["NAGA_CACHE_DIR"])


def test_cache_of_another_test_is_another() -> None:
    assert os.environ["NAGA_CACHE_DIR"] not in seen_caches


@given(st.integers())
def test_example_of_hypothesis_runs_within_the_isolation(_number: int) -> None:
    assert os.environ["GIT_CONFIG_SYSTEM"] == os.devnull


def test_repository_is_clean_and_has_one_commit(repository: Path, git: Callable[..., str]) -> None:
    assert git(repository, "status", "--porcelain") == ""
    assert git(repository, "rev-list", "--count", "HEAD") == "1"


def test_hostile_path_holds_files_like_any_other(hostile_path: Path) -> None:
    (hostile_path / "file").write_text("x", encoding="utf-8")
    assert [path.read_text(encoding="utf-8") for path in hostile_path.iterdir()] == ["x"]
    assert {" ", "'", '"', "\n", "☃"} <= set(hostile_path.name)
