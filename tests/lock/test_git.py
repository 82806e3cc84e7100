"""Asking the git program, and computing its trees."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from naga.errors import GitError, NotFoundError
from naga.lock.git import Command, Objects, edit_tree, git_folder, pack, remote_url, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from naga.lock.git import Entry

    Git = Callable[..., str]

BLOBS = (
    bytes.fromhex("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
    bytes.fromhex("d00491fd7e5bb6fa28c517a0bb32b8b506539d4d"),
)


def write_program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_run_returns_what_the_command_prints(repository: Path) -> None:
    assert run(repository, "ls-files", "-z") == b"process.py\0"


def test_run_with_input_passes_it_on(repository: Path) -> None:
    assert run(repository, "hash-object", "--stdin", stdin=b"").decode().strip() == BLOBS[0].hex()


def test_run_from_another_folder_works_in_the_repository(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run(repository, "ls-files") == b"process.py\n"


def test_run_in_a_hostile_path_works(hostile_path: Path, git: Git) -> None:
    git(hostile_path, "init", "--quiet")
    assert run(hostile_path, "rev-parse", "--git-dir") == b".git\n"


def test_run_that_fails_raises_the_last_line_of_git(repository: Path) -> None:
    with pytest.raises(GitError, match=r"git rev-parse in .*: fatal: Needed a single revision") as caught:
        run(repository, "rev-parse", "--verify", "no-such-name")
    assert caught.value.path == repository


def test_run_that_fails_after_settings_names_the_subcommand(repository: Path) -> None:
    with pytest.raises(GitError, match=r"^git cat-file in"):
        run(repository, "-c", "core.abbrev=4", "cat-file", "-p", "no-such-name")


def test_run_that_fails_silently_names_the_code(repository: Path) -> None:
    with pytest.raises(GitError, match="it ended with code 1"):
        run(repository, "config", "no.such.key")


def test_run_without_git_on_path_says_what_to_install(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotFoundError, match="git was not found on PATH") as caught:
        run(repository, "status")
    assert caught.value.hint is not None
    assert "install git" in caught.value.hint


def test_run_inside_a_hook_asks_the_repository_it_was_told(
    repository: Path, tmp_path: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    git(tmp_path, "init", "--quiet", str(other))
    for name, value in {
        "GIT_DIR": other / ".git",
        "GIT_WORK_TREE": other,
        "GIT_INDEX_FILE": other / "index",
        "GIT_OBJECT_DIRECTORY": other / ".git" / "objects",
        "GIT_QUARANTINE_PATH": other,
        "GIT_PREFIX": "folder/",
    }.items():
        monkeypatch.setenv(name, str(value))
    assert run(repository, "ls-files") == b"process.py\n"
    run(repository, "update-ref", "refs/naga/test", "HEAD")
    assert run(repository, "for-each-ref", "refs/naga").endswith(b"refs/naga/test\n")


def test_run_with_a_monitor_and_hooks_configured_runs_none_of_them(repository: Path, tmp_path: Path, git: Git) -> None:
    trace = tmp_path / "ran"
    monitor = write_program(tmp_path / "monitor", f"echo monitor >> '{trace}'")
    for hook in ("post-index-change", "reference-transaction"):
        write_program(repository / ".git" / "hooks" / hook, f"echo {hook} >> '{trace}'")
    git(repository, "config", "core.fsmonitor", str(monitor))
    git(repository, "status")
    git(repository, "update-ref", "refs/naga/by-hand", "HEAD")
    assert set(trace.read_text().split()) >= {"monitor", "reference-transaction"}
    trace.unlink()
    run(repository, "status")
    run(repository, "update-index", "--force-remove", "process.py")
    run(repository, "update-ref", "refs/naga/test", "HEAD")
    assert not trace.exists()


def test_run_in_another_language_answers_in_english_and_keeps_the_locale_of_filters(
    repository: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de")
    git(repository, "config", "filter.mask.clean", "sed 's/./x/g'")
    (repository / ".gitattributes").write_text("*.txt filter=mask\n")
    (repository / "a.txt").write_text("äöü\n")
    with pytest.raises(GitError, match="Needed a single revision"):
        run(repository, "rev-parse", "--verify", "no-such-name")
    assert run(repository, "hash-object", "a.txt").decode().strip() == git(repository, "hash-object", "a.txt")


def test_run_with_a_replaced_commit_sees_the_real_one(repository: Path, git: Git) -> None:
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "second")
    second = git(repository, "rev-parse", "HEAD")
    git(repository, "replace", second, first)
    assert b"second" in run(repository, "cat-file", "commit", second)


def test_run_in_a_repository_of_somebody_else_names_the_mend(repository: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to somebody else")
    os.chown(repository, 65534, 65534)
    with pytest.raises(GitError, match="dubious ownership") as caught:
        run(repository, "status")
    assert caught.value.hint is not None
    assert f"git config --global --add safe.directory {repository}" in caught.value.hint


def test_command_that_nobody_waits_for_is_ended(repository: Path, git: Git, tmp_path: Path) -> None:
    write_program(tmp_path / "git-linger", f"touch '{tmp_path}/started'; exec sleep 5")
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    with Command(repository, "linger", variables={"PATH": path}) as command:
        process = command._process
    assert process.returncode < 0


def test_objects_read_several_names_in_turn(repository: Path, git: Git) -> None:
    head, tree = git(repository, "rev-parse", "HEAD"), git(repository, "rev-parse", "HEAD^{tree}")
    with Objects(repository) as objects:
        assert objects.read("0" * 40) is None
        commit = objects.read(head)
        assert commit is not None
        assert (commit[0], commit[1].split()[1].decode()) == (head, tree)
        found = objects.read(f"{head}^{{tree}}")
        assert found is not None
        assert found[0] == tree
        assert objects.read(f"{tree}^{{commit}}") is None


def test_objects_of_a_repository_that_git_refuses_raise_its_message(repository: Path) -> None:
    (repository / ".git" / "config").write_text("[core]\n\trepositoryformatversion = 99\n")
    with Objects(repository) as objects:
        objects._process.wait()
        with pytest.raises(GitError, match=r"git cat-file in .*version"):
            objects.read("HEAD")


def test_question_in_a_partial_clone_reaches_no_remote(repository: Path, tmp_path: Path, git: Git) -> None:
    git(repository, "config", "uploadpack.allowFilter", "true")
    clone, trace = tmp_path / "clone", tmp_path / "called"
    git(tmp_path, "clone", "--quiet", "--filter=blob:none", f"file://{repository}", str(clone))
    upload = write_program(tmp_path / "upload", f"touch '{trace}'; exec git-upload-pack \"$@\"")
    git(clone, "config", "remote.origin.uploadpack", str(upload))
    with Objects(clone) as objects:
        assert objects.read("5" * 40) is None
    assert not trace.exists()
    subprocess.run(["git", "cat-file", "-e", "5" * 40], cwd=clone, check=False, capture_output=True)
    assert trace.exists()


def test_git_folder_of_a_working_tree_is_its_git(repository: Path) -> None:
    assert git_folder(repository) == repository / ".git"


def test_git_folder_of_a_linked_worktree_is_what_its_file_names(repository: Path, git: Git, tmp_path: Path) -> None:
    linked = tmp_path / "linked ü"
    git(repository, "worktree", "add", "--quiet", "-b", "linked", str(linked))
    assert git_folder(linked).samefile(Path(git(linked, "rev-parse", "--absolute-git-dir")))


def test_git_folder_elsewhere_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="is not the top of a git working tree") as caught:
        git_folder(tmp_path)
    assert caught.value.path == tmp_path


@pytest.mark.parametrize("width", [20, 32])
def test_pack_of_objects_of_all_sizes_is_what_git_unpacks(tmp_path: Path, git: Git, width: int) -> None:
    git(tmp_path, "init", "--quiet", "--object-format", "sha1" if width == 20 else "sha256")
    trees = [b"".join(b"100644 %05d\0%s" % (i, bytes(width)) for i in range(count)) for count in (0, 1, 50, 9000)]
    for tree in trees:
        name, data = pack([("tree", b""), ("tree", tree)], width)
        run(tmp_path, "unpack-objects", "-q", stdin=data)
        assert len(name) == 2 * width
        assert run(tmp_path, "cat-file", "tree", name) == tree
    commit = f"tree {name}\nauthor a <b> 0 +0000\ncommitter a <b> 0 +0000\n\nmessage\n".encode()
    name, data = pack([("commit", commit)], width)
    run(tmp_path, "unpack-objects", "-q", stdin=data)
    assert run(tmp_path, "cat-file", "commit", name) == commit


NAMES = st.sampled_from([b"a", b"b", b"a.b", b"a-", b"a0", b"ab", b"\xff", b"new\nline", b'"', b" "])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
ENTRIES = st.tuples(st.sampled_from([b"100644", b"100755", b"120000"]), st.sampled_from(BLOBS))


def without_clashes(entries: dict[bytes, Entry | None]) -> dict[bytes, Entry | None]:
    """Drop what lies below a file, as no working tree has both."""
    files = {path for path, entry in entries.items() if entry}
    above = {path: [path[:end] for end in range(len(path)) if path[end : end + 1] == b"/"] for path in entries}
    return {path: entry for path, entry in entries.items() if not files & set(above[path])}


def write_index(root: Path, entries: dict[bytes, Entry | None]) -> str:
    """Return the tree that git makes of an index of these entries."""
    variables = {"GIT_INDEX_FILE": str(root / "index-of-the-test")}
    run(root, "read-tree", "--empty", variables=variables)
    known = ((path, entry) for path, entry in entries.items() if entry)
    lines = b"".join(b"%s %s\t%s\0" % (mode, digest.hex().encode(), path) for path, (mode, digest) in known)
    run(root, "update-index", "-z", "--index-info", stdin=lines, variables=variables)
    return run(root, "write-tree", "--missing-ok", variables=variables).decode().strip()


@given(st.dictionaries(PATHS, ENTRIES), st.dictionaries(PATHS, st.none() | ENTRIES, min_size=1))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example({b"a/b": (b"100644", BLOBS[0])}, {b"a/b": None, b"a": (b"100644", BLOBS[1])})
@example({b"a": (b"100644", BLOBS[0])}, {b"a": None, b"a/b": (b"100644", BLOBS[1])})
@example({b"a": (b"100644", BLOBS[0])}, {b"a": None})
def test_edit_tree_equals_the_tree_that_git_writes(
    repository: Path, before: dict[bytes, Entry | None], edits: dict[bytes, Entry | None]
) -> None:
    before = without_clashes(before)
    # A file that takes the place of a folder takes away what was in it, and the other way round.
    clashes = {path for path in before if path not in without_clashes({**edits, path: before[path]})}
    clashes |= {path for path in before for edit in edits if edits[edit] and edit.startswith(path + b"/")}
    edits = without_clashes(dict.fromkeys(clashes) | edits)
    base = write_index(repository, before)
    expected = write_index(repository, before | edits)
    with Objects(repository) as objects:
        tree, new = edit_tree(objects, base, edits)
    assert tree == expected
    assert pack(new, 20)[0] == tree


def test_edit_tree_without_a_base_begins_with_nothing(repository: Path, git: Git) -> None:
    with Objects(repository) as objects:
        tree, _ = edit_tree(objects, None, {b"gone": None, b"empty": (b"100644", BLOBS[0])})
    assert tree == write_index(repository, {b"empty": (b"100644", BLOBS[0])})


def test_edit_tree_with_a_file_in_the_place_of_a_folder_drops_what_was_in_it(repository: Path) -> None:
    entry = (b"100644", BLOBS[0])
    base = write_index(repository, {b"folder/a": entry, b"folder/deep/b": entry, b"c": entry})
    with Objects(repository) as objects:
        tree, _ = edit_tree(objects, base, {b"folder": entry, b"folder/deep/b": None})
    assert tree == write_index(repository, {b"folder": entry, b"c": entry})


def test_edit_tree_with_the_modes_of_old_tools_equals_what_git_writes(repository: Path) -> None:
    entry = (b"100644", BLOBS[0])
    modern = write_index(repository, {b"folder/a": entry})
    content = run(repository, "cat-file", "tree", modern).replace(b"40000 folder", b"040000 folder")
    old = run(repository, "hash-object", "-t", "tree", "--literally", "-w", "--stdin", stdin=content).decode()
    with Objects(repository) as objects:
        tree, _ = edit_tree(objects, old.strip(), {b"folder/b": entry})
    assert tree == write_index(repository, {b"folder/a": entry, b"folder/b": entry})


def test_edit_tree_with_a_missing_folder_raises(repository: Path) -> None:
    lacking = run(repository, "mktree", "--missing", stdin=b"040000 tree " + b"5" * 40 + b"\tfolder\n")
    with Objects(repository) as objects, pytest.raises(GitError, match="lacks the tree 5555"):
        edit_tree(objects, lacking.decode().strip(), {b"folder/a": (b"100644", BLOBS[0])})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:token@example.org/a/b.git", "https://example.org/a/b.git"),
        ("https://token@example.org/a/b.git", "https://example.org/a/b.git"),
        ("https://user:p@ss@example.org/a.git", "https://example.org/a.git"),
        ("https://user:pa/ss@example.org/a.git", "https://example.org/a.git"),
        ("https://example.org/a.git?access_token=abc", "https://example.org/a.git"),
        ("https://example.org/a.git#token", "https://example.org/a.git"),
        ("https://example.org:8443/@scope/a.git", "https://example.org:8443/@scope/a.git"),
        ("http://[::1]:8080/a@b.git", "http://[::1]:8080/a@b.git"),
        ("ssh://git@example.org:22/a.git", "ssh://git@example.org:22/a.git"),
        ("ssh://git:secret@example.org/a.git", "ssh://git@example.org/a.git"),
        ("git+ssh://git:secret@example.org/a.git", "git+ssh://git@example.org/a.git"),
        ("ssh://example.org/a.git", "ssh://example.org/a.git"),
        ("git@example.org:a/b.git", "git@example.org:a/b.git"),
        ("/srv/a b#c?d.git", "/srv/a b#c?d.git"),
        ("file:///srv/a@b.git", "file:///srv/a@b.git"),
    ],
)
def test_remote_url_with_credentials_comes_without(url: str, expected: str) -> None:
    assert remote_url(f"origin\t{url} (fetch)\norigin\t{url} (push)\n".encode()) == expected


SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=4).map(
    lambda text: f"5ecret{text}"
)


@given(user=SECRETS.filter(lambda user: not set(user) & set("/?#")), password=SECRETS, token=SECRETS)
def test_remote_url_holds_no_part_of_user_password_and_token(user: str, password: str, token: str) -> None:
    address = f"https://{user}:{password}@example.org/a.git?access_token={token}"
    found = remote_url(f"origin\t{address} (fetch)\n".encode())
    assert found is not None
    assert "5ecret" not in found


def test_remote_url_of_several_remotes_is_that_of_origin(repository: Path, git: Git) -> None:
    git(repository, "remote", "add", "backup", "https://example.org/backup")
    assert remote_url(run(repository, "remote", "-v")) == "https://example.org/backup"
    git(repository, "remote", "add", "other", "https://example.org/other")
    assert remote_url(run(repository, "remote", "-v")) is None
    git(repository, "remote", "add", "origin", "https://example.org/origin (fetch)")
    assert remote_url(run(repository, "remote", "-v")) == "https://example.org/origin (fetch)"


def test_remote_url_without_a_remote_is_none(repository: Path, git: Git) -> None:
    assert remote_url(run(repository, "remote", "-v")) is None
    git(repository, "config", "remote.empty.fetch", "+refs/heads/*:refs/remotes/empty/*")
    assert remote_url(run(repository, "remote", "-v")) is None


def test_import_loads_no_subprocess_and_no_tempfile() -> None:
    program = "import sys, naga.lock.snapshot\nprint(*({'subprocess', 'tempfile'} & set(sys.modules)))"
    # Without site, which may load anything.
    places = Path(__file__).parents[2], Path(str(msgspec.__file__)).parents[1]
    answer = subprocess.run(
        [sys.executable, "-S", "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places))},
    )
    assert answer.stdout == "\n"
