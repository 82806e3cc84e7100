"""Patterns, and the walk that applies them."""

from __future__ import annotations

import os
import socket
import time
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from naga.errors import ChangedWhileReadError, ConfigError, IntegrityError
from naga.lock.digest import hash_tree
from naga.lock.filters import Selection
from naga.lock.manifest import load_manifest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def make_tree(root: Path, *paths: str) -> Path:
    """Make files, and folders for the paths that end with a slash."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).mkdir() if path.endswith("/") else (root / path).write_text(path)
    return root


def paths_of(root: Path, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None) -> list[str]:
    entries = load_manifest(hash_tree(root, include=include, exclude=exclude).digest)
    assert entries is not None
    return [entry.path for entry in entries]


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*.csv", "a.csv", True),
        ("*.csv", "deep/down/a.csv", True),
        ("*.csv", "a.csv.gz", False),
        ("*.csv", ".csv", True),
        ("*", "line\nfeed", True),
        ("A.csv", "a.csv", False),
        ("raw/*.csv", "raw/a.csv", True),
        ("raw/*.csv", "raw/deep/a.csv", False),
        ("raw/*.csv", "old/raw/a.csv", False),
        ("/a.csv", "a.csv", True),
        ("/a.csv", "raw/a.csv", False),
        ("raw/**/a.csv", "raw/a.csv", True),
        ("raw/**/a.csv", "raw/1/2/3/a.csv", True),
        ("raw/**/x/**/a.csv", "raw/1/x/a.csv", True),
        ("raw/**/x/**/a.csv", "raw/1/y/a.csv", False),
        ("**/a/b", "a/a/b", True),
        ("**/a/*/b", "a/a/a/b", True),
        ("raw/**", "raw/1/2", True),
        ("raw/**", "raw", False),
        ("**", "a", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[ab].txt", "b.txt", True),
        ("[!ab].txt", "b.txt", False),
        ("[!ab].txt", "c.txt", True),
        ("[.txt", "[.txt", True),
        ("ü*", "übung", True),
        ("\udcff", "\udcff", True),
    ],
)
def test_pattern_fits_exactly_what_the_formats_page_says(pattern: str, path: str, fits: bool) -> None:
    assert Selection.of(include=[pattern]).includes(path, folder=False) is fits
    assert Selection.of(exclude=[pattern]).excludes(path, folder=True) is fits


def test_pattern_with_a_slash_at_its_end_fits_folders_only() -> None:
    selection = Selection.of(exclude=["build/"])
    assert selection.excludes("a/build", folder=True)
    assert not selection.excludes("a/build", folder=False)


@pytest.mark.parametrize("pattern", ["", "/", "//", "a//b", ".", "..", "../a", "a/./b", "a/..", "a\0b"])
def test_pattern_that_can_fit_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError, match="can fit nothing") as caught:
        Selection.of(exclude=["fine", pattern])
    assert caught.value.key == "exclude"
    assert caught.value.hint


def test_pattern_outside_of_a_list_is_refused() -> None:
    with pytest.raises(ConfigError, match="include is a text"):
        Selection.of(include="*.csv")


def test_patterns_are_sorted_and_kept_once() -> None:
    selection = Selection.of(["b", "a", "b"], iter(["\udcff", "é"]))
    assert selection == Selection(("a", "b"), ("é", "\udcff"))


def reference_fits(names: list[str], pattern: list[str]) -> bool:
    """Match by trying everything."""
    if not pattern:
        return not names
    if pattern[0] == "**":
        return any(reference_fits(names[skipped:], pattern[1:]) for skipped in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0], pattern[0]) and reference_fits(names[1:], pattern[1:])


@given(
    st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=6),
    st.lists(st.sampled_from(["a", "b", "*", "a*", "?", "**", "**"]), min_size=2, max_size=6),
)
@example(["a", "b", "a", "b"], ["**", "a", "**", "b"])
def test_pattern_of_several_names_fits_as_if_everything_were_tried(names: list[str], pattern: list[str]) -> None:
    meaning = [*pattern, "*"] if pattern[-1] == "**" else pattern
    fits = Selection.of(include=["/".join(pattern)]).includes("/".join(names), folder=False)
    assert fits == reference_fits(names, meaning)


def test_pattern_made_to_take_for_ever_takes_no_time() -> None:
    selection = Selection.of(exclude=["/".join(["**", "a"] * 30) + "/b", "*a" * 60 + "b"])
    start = time.process_time()
    assert not selection.excludes("/".join(["a"] * 200), folder=False)
    assert not selection.excludes("a" * 250, folder=False)
    assert time.process_time() - start < 2


def test_walk_without_patterns_lists_everything(tmp_path: Path) -> None:
    make_tree(tmp_path, "a/b/c.txt", "empty/", ".hidden")
    assert paths_of(tmp_path) == [".hidden", "a", "a/b", "a/b/c.txt", "empty"]


def test_walk_with_exclude_leaves_out_what_is_below_too(tmp_path: Path) -> None:
    make_tree(tmp_path, "a/cache/1", "cache/2/3", "b/cached")
    assert paths_of(tmp_path, exclude=["cache"]) == ["a", "b", "b/cached"]


def test_walk_with_include_lists_no_folder_that_is_merely_passed(tmp_path: Path) -> None:
    make_tree(tmp_path, "a/b/c.csv", "a/b/c.txt", "keep/x/y", "keep/empty/", "empty/")
    assert paths_of(tmp_path, include=["*.csv", "keep/"]) == ["a/b/c.csv", "keep", "keep/empty", "keep/x", "keep/x/y"]


def test_walk_with_both_lets_exclude_win(tmp_path: Path) -> None:
    make_tree(tmp_path, "keep/a.csv", "keep/b.tmp", "c.csv", "tmp/d.csv")
    assert paths_of(tmp_path, include=["keep", "*.csv"], exclude=["*.tmp", "tmp"]) == ["c.csv", "keep", "keep/a.csv"]


def test_walk_treats_a_link_to_a_folder_as_no_folder(tmp_path: Path) -> None:
    make_tree(tmp_path, "real/x")
    (tmp_path / "link").symlink_to("real")
    assert paths_of(tmp_path, exclude=["link/", "real/"]) == ["link"]


def test_walk_does_not_mind_excluded_entries_that_have_no_digest(tmp_path: Path) -> None:
    make_tree(tmp_path, "run/x", "a")
    os.mkfifo(tmp_path / "run/fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
        assert paths_of(tmp_path, exclude=["run", "socket"]) == ["a"]
        assert paths_of(tmp_path, include=["a"]) == ["a"]
        with pytest.raises(IntegrityError, match="socket is a socket, a fifo or a device") as caught:
            hash_tree(tmp_path, exclude=["run"])
    assert caught.value.path == tmp_path / "socket"


def test_prune_is_asked_about_each_folder_but_the_root_and_leaves_out_all_below(tmp_path: Path) -> None:
    make_tree(tmp_path, "a/b/c", "d/run.lock", "d/e/f")
    (tmp_path / "link").symlink_to("a")
    asked = []

    def prune(folder: Path) -> bool:
        asked.append(folder)
        return (folder / "run.lock").exists()

    pruned = hash_tree(tmp_path, prune=prune)
    assert sorted(asked) == [tmp_path / "a", tmp_path / "a/b", tmp_path / "d"]
    assert pruned.digest == hash_tree(make_tree(tmp_path, "a/b/c"), prune=lambda folder: folder.name == "d").digest
    assert pruned.digest != hash_tree(tmp_path, exclude=["d"]).digest
    assert pruned.files == 1


def test_walk_of_a_folder_replaced_by_a_link_follows_nothing(tmp_path: Path) -> None:
    root, outside = make_tree(tmp_path / "root", "a/b/c"), make_tree(tmp_path / "outside", "b/secret")

    def replace(folder: Path) -> bool:
        if folder.name == "b":
            (root / "a").rename(tmp_path / "elsewhere")
            (root / "a").symlink_to(outside)
        return False

    with pytest.raises(ChangedWhileReadError) as caught:
        hash_tree(root, prune=replace)
    assert caught.value.path == root / "a/b"


def test_walk_of_a_folder_that_gets_entries_while_it_is_listed_is_refused(tmp_path: Path) -> None:
    root = make_tree(tmp_path / "root", *(f"{number}/" for number in range(2000)))
    stop = tmp_path / "stop"
    child = os.fork()
    if child == 0:
        while not stop.exists():
            (root / "new").mkdir()
            (root / "new").rmdir()
        os._exit(0)
    messages: set[str] = set()
    deadline = time.monotonic() + 20
    try:
        while time.monotonic() < deadline and not any("changed while it was listed" in each for each in messages):
            with pytest.raises(ChangedWhileReadError) as caught:
                for _ in range(100):
                    hash_tree(root, index=None)
            messages.add(str(caught.value))
    finally:
        stop.touch()
        os.waitpid(child, 0)
    assert f"{root} changed while it was listed" in messages


@pytest.mark.parametrize("depth", [3, 60])
def test_walk_reaches_folders_below_the_longest_path(tmp_path: Path, depth: int) -> None:
    name = "n" * 200
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=folder)
        inner = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=folder))
    os.symlink("file", "link", dir_fd=folder)
    os.close(folder)
    assert paths_of(tmp_path)[-2:] == ["/".join([name] * depth + [last]) for last in ("file", "link")]
