"""The snapshot holds the exact working tree, and the person's repository stays as it was."""

from __future__ import annotations

import io
import os
import random
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from naga.errors import GitError, NotFoundError
from naga.lock import snapshot as room
from naga.lock.snapshot import RepositoryState, find_root, has_snapshot, read_state, take_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    Git = Callable[..., str]
    Arrange = Callable[[Path, Git], None]

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "snapshots.md"


@pytest.fixture
def repo(tmp_path: Path, git: Git) -> Path:
    """Return a repository with files, a folder, a link and a program, all older than the index."""
    root = tmp_path / "repo"
    git(tmp_path, "init", "--quiet", str(root))
    for name in ("a.py", "b.py", "folder/c.py", "folder/deep/d.py", "run.sh", "data.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{name}\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("a.py")
    (root / ".gitignore").write_text("*.ignored\nignored/\n")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "first")
    (root / "x.ignored").write_text("ignored\n")
    return root


def picture(root: Path, *, without: tuple[str, ...] = ()) -> dict[str, tuple[int, int, bytes]]:
    """Return everything that can be seen of a folder: mode, time and content of all below it."""
    seen = {}
    for folder, folders, files in os.walk(os.fsencode(root)):
        for name in [*folders, *files]:
            path = os.path.join(folder, name)
            relative = os.fsdecode(os.path.relpath(path, os.fsencode(root)))
            if not relative.startswith(without):
                info = os.lstat(path)
                content = b""
                if stat.S_ISREG(info.st_mode):
                    content = Path(os.fsdecode(path)).read_bytes()
                elif stat.S_ISLNK(info.st_mode):
                    content = os.readlink(path)
                # Git touches objects and shared indexes that are in use, even to read them.
                ageless = name in folders or relative.startswith((".git/objects/", ".git/sharedindex."))
                seen[relative] = (info.st_mode, 0 if ageless else info.st_mtime_ns, content)
    return seen


def exact_tree(root: Path, git: Git) -> str:
    """Return the tree that git makes of all that is not ignored, in a copy of the repository."""
    copy = root.parent / f"copy-of-{root.name}"
    subprocess.run(["cp", "--archive", root, copy], check=True)
    for line in git(copy, "ls-files", "-v").splitlines():
        if line[0].islower():
            git(copy, "update-index", "--no-assume-unchanged", line[2:])
        if line[0] in "Ss" and os.path.lexists(copy / line[2:]):
            git(copy, "update-index", "--no-skip-worktree", line[2:])
    git(copy, "-c", "core.safecrlf=false", "-c", "core.fsmonitor=false", "add", "--all")
    tree = git(copy, "write-tree")
    shutil.rmtree(copy)
    return tree


def observe(root: Path) -> RepositoryState:
    """Ask both questions, and check all that must hold in every situation."""
    before = picture(root)
    status = ["git", "--no-optional-locks", "status", "--porcelain=v2", "--branch", "--ignored"]
    before_status = subprocess.run(status, cwd=root, check=True, capture_output=True).stdout
    answer = read_state(root)
    assert picture(root) == before
    state = take_snapshot(root)
    ours = (".git/objects/", ".git/refs/naga")
    assert picture(root, without=ours) == {path: seen for path, seen in before.items() if not path.startswith(ours)}
    assert subprocess.run(status, cwd=root, check=True, capture_output=True).stdout == before_status
    assert msgspec.structs.replace(state, snapshot=None) == answer
    return state


def assert_snapshot_is(state: RepositoryState, tree: str, git: Git) -> None:
    assert state.tree == tree
    assert state.snapshot is not None
    assert git(state.root, "rev-parse", f"{state.snapshot}^{{tree}}") == tree
    assert git(state.root, "for-each-ref", "--format=%(objectname) %(refname)", "refs/naga") == (
        f"{state.snapshot} refs/naga/{state.snapshot}"
    )
    git(state.root, "fsck", "--strict", "--no-dangling")
    assert state.dirty == (git(state.root, "rev-parse", "HEAD^{tree}") != tree)
    assert (state.snapshot == state.commit) == (not state.dirty)


def clean(root: Path, git: Git) -> None:
    pass


def dirty(root: Path, git: Git) -> None:
    (root / "a.py").write_text("changed\n")


def staged(root: Path, git: Git) -> None:
    dirty(root, git)
    git(root, "add", "a.py")


def staged_then_edited(root: Path, git: Git) -> None:
    staged(root, git)
    (root / "a.py").write_text("changed again\n")


def staged_then_reverted(root: Path, git: Git) -> None:
    staged(root, git)
    (root / "a.py").write_text("a.py\n")


def untracked(root: Path, git: Git) -> None:
    (root / "new").mkdir()
    (root / "new" / "e.py").write_text("new\n")
    (root / "folder" / "f.py").write_text("new\n")
    (root / "empty.py").touch()


def staged_new(root: Path, git: Git) -> None:
    untracked(root, git)
    git(root, "add", ".")


def staged_new_then_deleted(root: Path, git: Git) -> None:
    staged_new(root, git)
    (root / "new" / "e.py").unlink()


def deleted(root: Path, git: Git) -> None:
    (root / "folder" / "deep" / "d.py").unlink()


def deleted_folder(root: Path, git: Git) -> None:
    shutil.rmtree(root / "folder")


def deleted_everything(root: Path, git: Git) -> None:
    shutil.rmtree(root / "folder")
    for path in root.iterdir():
        if path.name != ".git":
            path.unlink()


def staged_deletion(root: Path, git: Git) -> None:
    git(root, "rm", "--quiet", "a.py", "folder/deep/d.py")


def removed_from_the_index_only(root: Path, git: Git) -> None:
    git(root, "rm", "--quiet", "--cached", "a.py", "data.txt")
    (root / "data.txt").unlink()


def renamed(root: Path, git: Git) -> None:
    git(root, "config", "status.renames", "copies")
    git(root, "mv", "folder/c.py", "moved.py")
    (root / "b.py").rename(root / "folder" / "b.py")


def mode_changed(root: Path, git: Git) -> None:
    (root / "a.py").chmod(0o755)
    (root / "run.sh").chmod(0o644)


def file_to_folder(root: Path, git: Git) -> None:
    (root / "a.py").unlink()
    (root / "a.py").mkdir()
    (root / "a.py" / "inner.py").write_text("inner\n")


def folder_to_file(root: Path, git: Git) -> None:
    shutil.rmtree(root / "folder")
    (root / "folder").write_text("a file now\n")


def file_to_folder_and_back(root: Path, git: Git) -> None:
    file_to_folder(root, git)
    git(root, "add", ".")
    shutil.rmtree(root / "a.py")
    (root / "a.py").write_text("a file again\n")


def folder_to_link(root: Path, git: Git) -> None:
    (root / "folder").rename(root / "elsewhere")
    (root / "folder").symlink_to("elsewhere")


def links(root: Path, git: Git) -> None:
    (root / "link").unlink()
    (root / "link").symlink_to("b.py")
    (root / "dangling").symlink_to("no/such/file")
    (root / "outward").symlink_to("/")
    (root / "a.py").unlink()
    (root / "a.py").symlink_to("b.py")
    (root / "to-folder").symlink_to("folder")


def hostile_names(root: Path, git: Git) -> None:
    names = (b"with space", b"new\nline", b'"quoted"', b"'", b"tab\t", b"-a", b"\\", b"*", b":(top)", b"\xff\xfe")
    for name in names:
        folder = os.fsencode(root) + b"/d " + name
        os.mkdir(folder)
        for path in (folder + b"/" + name, os.fsencode(root) + b"/" + name):
            Path(os.fsdecode(path)).write_bytes(b"new\n")
    git(root, "add", "--", "*")
    for name in names:
        Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_bytes(b"edited\n")


def hidden_names(root: Path, git: Git) -> None:
    for name in (".hidden", ".github/workflows/x.yml", ".env.example", "secrets.py", "tokenizer.json", "x.pub"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("code\n")


def detached(root: Path, git: Git) -> None:
    git(root, "checkout", "--quiet", "--detach")
    dirty(root, git)


def diverge(root: Path, git: Git) -> None:
    """Make the branch `side`, which changes, adds and deletes what the current branch will change too."""
    git(root, "checkout", "--quiet", "-b", "side")
    (root / "a.py").write_text("theirs\n")
    (root / "added.py").write_text("theirs\n")
    (root / "folder" / "c.py").write_text("theirs\n")
    git(root, "rm", "--quiet", "b.py")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "side")
    git(root, "checkout", "--quiet", "-")
    (root / "a.py").write_text("ours\n")
    (root / "b.py").write_text("ours\n")
    (root / "added.py").write_text("ours\n")
    git(root, "rm", "--quiet", "folder/c.py")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "main")


def merge_with_conflicts(root: Path, git: Git) -> None:
    diverge(root, git)
    assert subprocess.run(["git", "merge", "side"], cwd=root, check=False, capture_output=True).returncode
    assert len(git(root, "ls-files", "--unmerged").splitlines()) == 9


def merge_with_a_conflict_removed_by_hand(root: Path, git: Git) -> None:
    merge_with_conflicts(root, git)
    (root / "a.py").unlink()
    (root / "b.py").write_text("settled\n")


def rebase_with_conflicts(root: Path, git: Git) -> None:
    diverge(root, git)
    assert subprocess.run(["git", "rebase", "side"], cwd=root, check=False, capture_output=True).returncode


def stash_present(root: Path, git: Git) -> None:
    dirty(root, git)
    git(root, "config", "status.showStash", "true")
    git(root, "stash")
    (root / "b.py").write_text("changed\n")


def intent_to_add(root: Path, git: Git) -> None:
    untracked(root, git)
    git(root, "add", "--intent-to-add", "new/e.py", "empty.py")


def assumed_unchanged(root: Path, git: Git) -> None:
    git(root, "update-index", "--assume-unchanged", "a.py", "link", "run.sh", "b.py", "folder/c.py", "data.txt")
    dirty(root, git)
    (root / "link").unlink()
    (root / "link").symlink_to("b.py")
    (root / "run.sh").chmod(0o644)
    (root / "b.py").unlink()
    folder_to_link(root, git)


def only_a_link_assumed_unchanged(root: Path, git: Git) -> None:
    git(root, "update-index", "--assume-unchanged", "link")
    (root / "link").unlink()
    (root / "link").symlink_to("b.py")


def absent_by_flag_and_now_a_folder(root: Path, git: Git) -> None:
    folder_to_file(root, git)
    git(root, "add", ".")
    git(root, "update-index", "--skip-worktree", "folder")
    (root / "folder").unlink()
    (root / "folder").mkdir()
    (root / "folder" / "x.py").write_text("new\n")


def split_index(root: Path, git: Git) -> None:
    # Files as young as the index would be in both parts of it.
    for name in git(root, "ls-files").splitlines():
        os.utime(root / name, (10**9, 10**9), follow_symlinks=False)
    git(root, "update-index", "--refresh")
    git(root, "update-index", "--assume-unchanged", "b.py")
    git(root, "config", "core.splitIndex", "true")
    git(root, "update-index", "--split-index")
    assert list((root / ".git").glob("sharedindex.*"))
    (root / "b.py").write_text("changed\n")
    staged_then_edited(root, git)


def caches_in_the_index(root: Path, git: Git) -> None:
    git(root, "config", "core.untrackedCache", "true")
    git(root, "config", "feature.manyFiles", "true")
    git(root, "update-index", "--index-version", "4", "--untracked-cache")
    git(root, "status")
    untracked(root, git)


def monitor_that_misses_a_change(root: Path, git: Git) -> None:
    monitor = root.parent / "monitor"
    monitor.write_text("#!/bin/sh\nprintf 'token\\0'\n")
    monitor.chmod(0o755)
    git(root, "config", "core.fsmonitor", str(monitor))
    git(root, "config", "core.fsmonitorHookVersion", "2")
    git(root, "update-index", "--fsmonitor")
    git(root, "status")
    git(root, "status")
    dirty(root, git)
    assert git(root, "status", "--porcelain") == ""


def settings_of_status(root: Path, git: Git) -> None:
    for name, value in {
        "status.showUntrackedFiles": "no",
        "status.branch": "false",
        "status.relativePaths": "true",
        "status.aheadBehind": "true",
        "color.ui": "always",
        "column.ui": "always",
        "diff.renames": "copies",
        "core.quotePath": "true",
        "core.abbrev": "4",
    }.items():
        git(root, "config", name, value)
    untracked(root, git)
    renamed(root, git)


def index_missing(root: Path, git: Git) -> None:
    (root / ".git" / "index").unlink()
    dirty(root, git)


def line_ends_converted(root: Path, git: Git) -> None:
    (root / "crlf.txt").write_bytes(b"one\r\ntwo\r\n")
    git(root, "add", "crlf.txt")
    git(root, "commit", "--quiet", "--message", "with carriage returns")
    git(root, "config", "core.autocrlf", "true")
    git(root, "config", "core.safecrlf", "true")
    # What has carriage returns in the index keeps them, and what has none does not get any.
    (root / "crlf.txt").write_bytes(b"one\r\ntwo\r\nthree\r\n")
    (root / "a.py").write_bytes(b"one\r\ntwo\r\n")
    (root / "new.txt").write_bytes(b"one\r\ntwo\r\n")
    (root / "mixed.txt").write_bytes(b"one\r\ntwo\n")


def filtered(root: Path, git: Git) -> None:
    git(root, "config", "filter.upper.clean", "tr a-z A-Z")
    git(root, "config", "filter.upper.smudge", "tr A-Z a-z")
    (root / ".gitattributes").write_text("*.txt filter=upper\nfolder/*.py ident\n")
    (root / "data.txt").write_text("filtered\n")
    (root / "folder" / "c.py").write_text("$Id: 0123 $\n")


def modes_not_trusted(root: Path, git: Git) -> None:
    git(root, "config", "core.fileMode", "false")
    (root / "run.sh").chmod(0o644)
    (root / "run.sh").write_text("edited\n")


def modes_and_contents_assumed(root: Path, git: Git) -> None:
    modes_not_trusted(root, git)
    git(root, "update-index", "--assume-unchanged", "run.sh")


def stat_ignored(root: Path, git: Git) -> None:
    git(root, "config", "core.ignoreStat", "true")
    git(root, "update-index", "--really-refresh")
    dirty(root, git)
    untracked(root, git)


def reflogs_of_all_refs(root: Path, git: Git) -> None:
    git(root, "config", "core.logAllRefUpdates", "always")
    dirty(root, git)


SITUATIONS = (
    absent_by_flag_and_now_a_folder,
    *(clean, dirty, staged, staged_then_edited, staged_then_reverted, untracked, staged_new),
    *(staged_new_then_deleted, deleted, deleted_folder, deleted_everything, staged_deletion),
    *(removed_from_the_index_only, renamed, mode_changed, file_to_folder, folder_to_file),
    *(file_to_folder_and_back, folder_to_link, links, hostile_names, hidden_names, detached),
    *(merge_with_conflicts, merge_with_a_conflict_removed_by_hand, rebase_with_conflicts, stash_present),
    *(intent_to_add, assumed_unchanged, only_a_link_assumed_unchanged, split_index, caches_in_the_index),
    *(line_ends_converted, filtered, modes_not_trusted, modes_and_contents_assumed, stat_ignored),
    *(reflogs_of_all_refs, monitor_that_misses_a_change, settings_of_status, index_missing),
)


@pytest.mark.parametrize("arrange", SITUATIONS, ids=lambda arrange: arrange.__name__)
def test_take_snapshot_in_a_situation_holds_the_exact_tree(repo: Path, git: Git, arrange: Arrange) -> None:
    arrange(repo, git)
    state = observe(repo)
    assert state.excluded == ()
    assert_snapshot_is(state, exact_tree(repo, git), git)


@pytest.mark.parametrize("arrange", [clean, staged_then_reverted, dirty], ids=lambda arrange: arrange.__name__)
def test_take_snapshot_is_dirty_exactly_when_the_tree_differs(repo: Path, git: Git, arrange: Arrange) -> None:
    arrange(repo, git)
    assert take_snapshot(repo).dirty == (arrange is dirty)


def clear(path: Path) -> None:
    """Make room for a file: remove what is there, and what stands in the way of its folder."""
    for place in (path, *path.parents[:2]):
        if place.is_symlink() or place.is_file():
            place.unlink()
    if path.is_dir():
        shutil.rmtree(path)
    path.parent.mkdir(parents=True, exist_ok=True)


def work_at_random(root: Path, chance: random.Random) -> None:
    """Do one thing to a file or to the index; git may refuse it."""
    name = chance.choice(["a.py", "b.py", "folder", "folder/c.py", "folder/deep/d.py", "new/e.py", "link", "run.sh"])
    path = root / name
    text = chance.choice(["one\n", "two\n", "three\n"])
    commands = (
        ["add", "--", name],
        ["add", "--all"],
        ["add", "--intent-to-add", "--", name],
        ["rm", "--cached", "-r", "--quiet", "--", name],
        ["commit", "--quiet", "--message", text],
        ["reset", "--quiet", "--", name],
        ["update-index", "--assume-unchanged", name],
        ["update-index", "--skip-worktree", name],
        ["stash", "--quiet"],
        ["checkout", "--quiet", "--", name],
    )
    match chance.randrange(6):
        case 0 | 1:
            clear(path)
            path.write_text(text)
        case 2:
            clear(path)
        case 3:
            clear(path)
            path.symlink_to(chance.choice(["data.txt", "new", "nowhere"]))
        case 4 if path.is_file():
            path.chmod(path.stat().st_mode ^ 0o111)
        case _:
            command = ["git", *chance.choice(commands)]
            subprocess.run(command, cwd=root, check=False, capture_output=True)


@pytest.mark.parametrize("seed", range(12))
def test_take_snapshot_after_work_at_random_holds_the_exact_tree(repo: Path, git: Git, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(chance.randrange(5, 25)):
        work_at_random(repo, chance)
    state = observe(repo)
    assert state.excluded == ()
    assert_snapshot_is(state, exact_tree(repo, git), git)


def test_take_snapshot_with_the_index_locked_does_not_need_it(repo: Path, git: Git) -> None:
    tree = exact_tree(repo, git)
    (repo / ".git" / "index.lock").touch()
    assert observe(repo).tree == tree


def test_take_snapshot_archived_equals_the_working_tree(repo: Path, git: Git) -> None:
    for arrange in (untracked, links, hostile_names, mode_changed, deleted):
        if arrange is not mode_changed:
            arrange(repo, git)
    (repo / "run.sh").chmod(0o644)
    (repo / "data.txt").chmod(0o755)
    snapshot = take_snapshot(repo).snapshot
    archive = subprocess.run(
        ["git", "archive", "--format=tar", str(snapshot)], cwd=repo, check=True, capture_output=True
    )
    unpacked = repo.parent / "unpacked"
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        for member in tar:
            member.name = os.fsdecode(member.name.encode("utf-8", "surrogateescape"))
            if not member.isdir():
                tar.extract(member, unpacked, filter="fully_trusted")
    subprocess.run(["rm", "-r", repo / ".git", repo / "x.ignored"], check=True)
    assert files_of(unpacked) == files_of(repo)


def files_of(root: Path) -> dict[str, tuple[bool, bytes]]:
    """Return the files and links of a folder as git sees them."""
    return {
        path: (bool(mode & 0o100) or stat.S_ISLNK(mode), content)
        for path, (mode, _, content) in picture(root).items()
        if not stat.S_ISDIR(mode)
    }


def test_take_snapshot_of_a_same_size_edit_in_the_second_of_git_add_has_it(repo: Path, git: Git) -> None:
    in_one_second = False
    while not in_one_second:
        # From just behind the edge of a second on, so that only the content tells the files apart.
        time.sleep(1 - time.time() % 1)
        second = int(time.time())
        (repo / "a.py").write_text("12345\n")
        git(repo, "add", "a.py")
        (repo / "a.py").write_text("54321\n")
        in_one_second = int(time.time()) == second
    time.sleep(1 - time.time() % 1)
    assert git(repo, "show", f"{take_snapshot(repo).snapshot}:a.py") == "54321"


def test_take_snapshot_of_a_hostile_root_works(hostile_path: Path, git: Git) -> None:
    git(hostile_path, "init", "--quiet")
    (hostile_path / "a.py").write_text("new\n")
    state = observe(hostile_path)
    assert state.root == hostile_path
    assert git(hostile_path, "show", f"{state.snapshot}:a.py") == "new"


def test_take_snapshot_of_a_relative_root_is_absolute(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo.parent)
    assert take_snapshot(Path("repo")).root == repo


def test_take_snapshot_with_sha256_has_long_ids(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "--quiet", "--object-format=sha256", "new")
    root = tmp_path / "new"
    (root / "folder").mkdir()
    untracked(root, git)
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "first")
    git(root, "update-index", "--assume-unchanged", "empty.py")
    (root / "empty.py").write_text("edited\n")
    (root / "folder" / "f.py").unlink()
    state = observe(root)
    assert len(state.snapshot or "") == 64
    assert_snapshot_is(state, exact_tree(root, git), git)


def test_take_snapshot_on_an_unborn_branch_has_no_commit(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=trunk", "new")
    root = tmp_path / "new"
    (root / "a.py").write_text("staged\n")
    (root / "b.py").write_text("staged\n")
    git(root, "add", ".")
    (root / "a.py").write_text("edited\n")
    (root / "b.py").unlink()
    (root / "c.py").write_text("untracked\n")
    state = observe(root)
    assert (state.commit, state.branch, state.dirty) == (None, "trunk", True)
    assert state.tree == exact_tree(root, git)
    assert git(root, "rev-parse", f"refs/naga/{state.snapshot}^{{tree}}") == state.tree


def test_take_snapshot_of_an_empty_repository_has_nothing_to_hold(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "--quiet", "new")
    for _ in range(2):
        state = observe(tmp_path / "new")
        assert (state.commit, state.tree, state.snapshot, state.dirty) == (None, None, None, False)
        (tmp_path / "new" / "a.py").write_text("staged, then deleted\n")
        git(tmp_path / "new", "add", ".")
        (tmp_path / "new" / "a.py").unlink()


def test_take_snapshot_names_branch_and_commit(repo: Path, git: Git) -> None:
    git(repo, "checkout", "--quiet", "-b", "feature/ü")
    state = take_snapshot(repo)
    assert (state.branch, state.commit) == ("feature/ü", git(repo, "rev-parse", "HEAD"))
    git(repo, "checkout", "--quiet", "--detach")
    assert take_snapshot(repo).branch is None


def test_take_snapshot_of_the_same_tree_adds_one_commit_and_one_ref(repo: Path, git: Git) -> None:
    dirty(repo, git)
    first = take_snapshot(repo)
    objects, others = set(picture(repo / ".git" / "objects")), picture(repo / ".git", without=("objects",))
    os.utime(repo / "a.py")
    assert take_snapshot(repo) == first
    assert set(picture(repo / ".git" / "objects")) == objects
    assert picture(repo / ".git", without=("objects",)) == others
    (repo / "a.py").write_text("changed once more\n")
    assert take_snapshot(repo).snapshot != first.snapshot
    assert len(git(repo, "for-each-ref", "refs/naga").splitlines()) == 2


def test_take_snapshot_of_the_same_tree_in_a_clone_is_the_same_commit(repo: Path, git: Git) -> None:
    clone = repo.parent / "clone"
    git(repo, "clone", "--quiet", str(repo), str(clone))
    for root in (repo, clone):
        dirty(root, git)
    git(clone, "commit", "--quiet", "--allow-empty", "--message", "another history")
    git(clone, "config", "user.name", "somebody else")
    assert take_snapshot(repo).snapshot == take_snapshot(clone).snapshot


def test_take_snapshot_has_no_parent_and_no_person(repo: Path, git: Git) -> None:
    git(repo, "config", "user.useConfigOnly", "true")
    git(repo, "config", "user.name", "")
    dirty(repo, git)
    commit = git(repo, "cat-file", "commit", str(take_snapshot(repo).snapshot))
    assert [line.split()[0] for line in commit.splitlines()[:3]] == ["tree", "author", "committer"]
    assert "naga <naga@localhost> 0 +0000" in commit


def test_take_snapshot_without_any_identity_works(repo: Path, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("EMAIL", "")
    git(repo, "config", "commit.gpgSign", "true")
    dirty(repo, git)
    assert take_snapshot(repo).snapshot is not None


def test_take_snapshot_survives_garbage_collection(repo: Path, git: Git) -> None:
    dirty(repo, git)
    old = take_snapshot(repo)
    assert old.snapshot is not None
    git(repo, "checkout", "--quiet", "a.py")
    git(repo, "commit", "--quiet", "--amend", "--message", "rewritten")
    left = take_snapshot(repo).snapshot
    git(repo, "commit", "--quiet", "--amend", "--message", "rewritten again")
    git(repo, "reflog", "expire", "--expire=now", "--all")
    git(repo, "gc", "--quiet", "--prune=now")
    assert git(repo, "show", f"{old.snapshot}:a.py") == "changed"
    assert has_snapshot(repo, str(left))
    # The ref is packed now, and still known.
    dirty(repo, git)
    seen = picture(repo / ".git")
    assert take_snapshot(repo).snapshot == old.snapshot
    assert picture(repo / ".git", without=("objects",)) == {
        path: value for path, value in seen.items() if not path.startswith("objects")
    }


def test_take_snapshot_in_a_linked_worktree_is_about_that_one(repo: Path, git: Git) -> None:
    linked = repo.parent / "linked"
    git(repo, "worktree", "add", "--quiet", "-b", "other", str(linked))
    dirty(repo, git)
    (linked / "b.py").write_text("linked\n")
    git(linked, "add", "b.py")
    (linked / "b.py").write_text("linked and edited\n")
    git(linked, "update-index", "--assume-unchanged", "data.txt")
    (linked / "data.txt").write_text("hidden edit\n")
    before = picture(repo, without=(".git/objects/", ".git/refs/naga"))
    state = observe(linked)
    assert picture(repo, without=(".git/objects/", ".git/refs/naga")) == before
    assert (state.root, state.branch) == (linked, "other")
    assert git(repo, "show", f"refs/naga/{state.snapshot}:b.py") == "linked and edited"
    assert git(repo, "show", f"refs/naga/{state.snapshot}:data.txt") == "hidden edit"
    assert git(repo, "show", f"refs/naga/{state.snapshot}:a.py") == "a.py"


@pytest.fixture
def with_submodule(repo: Path, git: Git) -> Path:
    library = repo.parent / "library"
    git(repo, "init", "--quiet", str(library))
    (library / "lib.py").write_text("library\n")
    git(library, "add", ".")
    git(library, "commit", "--quiet", "--message", "library")
    git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "sub")
    git(repo, "commit", "--quiet", "--message", "with submodule")
    return repo


def test_take_snapshot_with_a_clean_submodule_is_clean(with_submodule: Path) -> None:
    state = observe(with_submodule)
    assert (state.dirty, state.excluded) == (False, ())


def test_take_snapshot_with_a_moved_submodule_holds_its_head(with_submodule: Path, git: Git) -> None:
    git(with_submodule, "config", "submodule.sub.ignore", "all")
    sub = with_submodule / "sub"
    git(sub, "commit", "--quiet", "--allow-empty", "--message", "ahead")
    state = observe(with_submodule)
    assert git(with_submodule, "rev-parse", f"{state.snapshot}:sub") == git(sub, "rev-parse", "HEAD")
    assert (state.dirty, state.excluded) == (True, ())


def test_take_snapshot_with_a_moved_submodule_that_is_assumed_unchanged_holds_its_head(
    with_submodule: Path, git: Git
) -> None:
    git(with_submodule, "update-index", "--assume-unchanged", "sub")
    git(with_submodule / "sub", "commit", "--quiet", "--allow-empty", "--message", "ahead")
    state = observe(with_submodule)
    head = git(with_submodule / "sub", "rev-parse", "HEAD")
    assert git(with_submodule, "rev-parse", f"{state.snapshot}:sub") == head


@pytest.mark.parametrize("name", ["lib.py", "untracked.py"])
def test_take_snapshot_with_changes_inside_a_submodule_lists_it(with_submodule: Path, git: Git, name: str) -> None:
    (with_submodule / "sub" / name).write_text("changed inside\n")
    state = observe(with_submodule)
    assert (state.dirty, state.excluded) == (False, ("sub/",))
    inside = observe(with_submodule / "sub")
    assert git(inside.root, "show", f"{inside.snapshot}:{name}") == "changed inside"


def test_take_snapshot_without_the_folder_of_a_submodule_lacks_it(with_submodule: Path, git: Git) -> None:
    shutil.rmtree(with_submodule / "sub")
    assert_snapshot_is(observe(with_submodule), exact_tree(with_submodule, git), git)
    (with_submodule / "sub").write_text("a file now\n")
    assert observe(with_submodule).tree == exact_tree(with_submodule, git)


def test_take_snapshot_with_a_monitor_in_a_submodule_does_not_run_it(with_submodule: Path, git: Git) -> None:
    trace = with_submodule.parent / "ran"
    monitor = with_submodule.parent / "monitor"
    monitor.write_text(f"#!/bin/sh\ntouch '{trace}'\n")
    monitor.chmod(0o755)
    git(with_submodule / "sub", "config", "core.fsmonitor", str(monitor))
    git(with_submodule, "status")
    assert trace.exists()
    trace.unlink()
    (with_submodule / "sub" / "lib.py").write_text("changed inside\n")
    assert take_snapshot(with_submodule).excluded == ("sub/",)
    assert not trace.exists()


@pytest.mark.parametrize("options", [["--cone"], ["--no-cone"], ["--cone", "--sparse-index"]], ids=" ".join)
def test_take_snapshot_in_a_sparse_checkout_keeps_what_is_not_there(repo: Path, git: Git, options: list[str]) -> None:
    (repo / "other").mkdir()
    for name in ("x.py", "y.py"):
        (repo / "other" / name).write_text(f"{name}\n")
    git(repo, "add", ".")
    git(repo, "commit", "--quiet", "--message", "other")
    git(repo, "sparse-checkout", "init", *options)
    git(repo, "sparse-checkout", "set", *options, "/folder/" if "--no-cone" in options else "folder")
    assert not (repo / "other").exists()
    assert not observe(repo).dirty
    (repo / "folder" / "c.py").write_text("changed\n")
    # Somebody put a file back by hand, and edited it.
    (repo / "other").mkdir()
    (repo / "other" / "x.py").write_text("put back\n")
    state = observe(repo)
    assert git(repo, "show", f"{state.snapshot}:folder/c.py") == "changed"
    assert git(repo, "show", f"{state.snapshot}:other/x.py") == "put back"
    assert git(repo, "show", f"{state.snapshot}:other/y.py") == "y.py"
    assert git(repo, "show", f"{state.snapshot}:b.py") == "b.py"


def test_read_state_with_a_sparse_index_to_come_writes_no_object(repo: Path, git: Git) -> None:
    git(repo, "sparse-checkout", "set", "--cone", "folder/deep")
    (repo / "folder" / "deep" / "new.py").write_text("new\n")
    git(repo, "add", "folder/deep/new.py")
    # From now on git folds what is not there into trees, and writes those that it lacks, even to tell the status.
    git(repo, "config", "index.sparse", "true")
    before = picture(repo)
    assert read_state(repo).dirty
    assert picture(repo) == before
    git(repo, "--no-optional-locks", "status")
    assert picture(repo) != before


def test_take_snapshot_in_a_sparse_checkout_obeys_attributes_that_are_not_there(repo: Path, git: Git) -> None:
    (repo / ".gitattributes").write_text("*.txt text\n")
    git(repo, "add", ".")
    git(repo, "commit", "--quiet", "--message", "attributes")
    git(repo, "update-index", "--skip-worktree", ".gitattributes")
    (repo / ".gitattributes").unlink()
    (repo / "data.txt").write_bytes(b"one\r\ntwo\r\n")
    state = observe(repo)
    assert git(repo, "cat-file", "-s", f"{state.snapshot}:data.txt") == "8"
    assert git(repo, "show", f"{state.snapshot}:.gitattributes") == "*.txt text"


def test_take_snapshot_of_an_edit_hidden_by_skip_worktree_has_it(repo: Path, git: Git) -> None:
    git(repo, "update-index", "--skip-worktree", "run.sh", "b.py")
    (repo / "run.sh").write_text("hidden edit\n")
    (repo / "b.py").unlink()
    state = observe(repo)
    assert git(repo, "show", f"{state.snapshot}:run.sh") == "hidden edit"
    assert git(repo, "show", f"{state.snapshot}:b.py") == "b.py"


def test_take_snapshot_with_a_nested_repository_leaves_it_out(repo: Path, git: Git) -> None:
    for name in ("nested", "folder/unborn"):
        git(repo, "init", "--quiet", name)
        (repo / name / "inner.py").write_text("inner\n")
    git(repo / "nested", "add", ".")
    git(repo / "nested", "commit", "--quiet", "--message", "nested")
    git(repo, "worktree", "add", "--quiet", "tree")
    state = observe(repo)
    assert (state.dirty, state.excluded) == (False, ("folder/unborn/", "nested/", "tree/"))
    assert observe(repo / "nested").root == repo / "nested"


def test_take_snapshot_with_a_repository_in_the_place_of_a_file_lists_it(repo: Path, git: Git) -> None:
    (repo / "a.py").unlink()
    git(repo, "init", "--quiet", "a.py")
    git(repo / "a.py", "commit", "--quiet", "--allow-empty", "--message", "nested")
    state = observe(repo)
    assert state.excluded == ("a.py/",)
    assert "a.py" not in git(repo, "ls-tree", "--name-only", str(state.snapshot)).split()


def test_take_snapshot_of_two_repositories_keeps_them_apart(repo: Path, git: Git, repository: Path) -> None:
    dirty(repo, git)
    first, second = take_snapshot(repo), take_snapshot(repository)
    assert (first.dirty, second.dirty) == (True, False)
    assert has_snapshot(repo, str(first.snapshot))
    assert not has_snapshot(repository, str(first.snapshot))


def test_take_snapshot_of_ten_thousand_untracked_files_has_them_all(repo: Path, git: Git) -> None:
    (repo / "many").mkdir()
    for number in range(10_000):
        (repo / "many" / f"{number:05}.py").write_bytes(b"%d\n" % (number % 100))
    state = take_snapshot(repo)
    names = git(repo, "ls-tree", "--name-only", f"{state.snapshot}:many").splitlines()
    assert names == [f"{number:05}.py" for number in range(10_000)]
    assert git(repo, "show", f"{state.snapshot}:many/04242.py") == "42"


def test_take_snapshot_of_many_edited_files_has_them_all(repo: Path, git: Git) -> None:
    for number in range(150):
        (repo / f"{number}.py").write_text(f"{number}\n")
    git(repo, "add", ".")
    for number in range(150):
        (repo / f"{number}.py").write_text(f"{number} edited\n")
    modes_not_trusted(repo, git)
    assert_snapshot_is(observe(repo), exact_tree(repo, git), git)


def test_take_snapshot_with_outputs_leaves_out_the_untracked_ones(repo: Path, git: Git) -> None:
    for name in ("out/1/model.bin", "out/2.txt", "figure.png", "folder/result.csv", "outside.py", "outer/x.py"):
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text("output\n")
    (repo / "tracked").mkdir()
    (repo / "tracked" / "kept.py").write_text("code\n")
    git(repo, "add", "tracked")
    (repo / "tracked" / "left.csv").write_text("output\n")
    leave_out = [repo / "out", Path("figure.png"), repo / "folder" / "result.csv", Path("tracked/"), Path("none")]
    state = take_snapshot(repo, leave_out=leave_out)
    assert state.excluded == ("figure.png", "folder/result.csv", "out/", "tracked/")
    added = git(repo, "diff", "--name-only", "HEAD", str(state.snapshot)).splitlines()
    assert added == ["outer/x.py", "outside.py", "tracked/kept.py"]
    assert msgspec.structs.replace(state, snapshot=None) == read_state(repo, leave_out=leave_out)


def test_take_snapshot_with_outputs_spelled_through_links_leaves_them_out(repo: Path) -> None:
    alias = repo.parent / "alias"
    alias.symlink_to(repo)
    (repo / "out").mkdir()
    (repo / "out" / "1.txt").write_text("output\n")
    (repo / "latest").symlink_to("out")
    for root in (repo, alias):
        for place in (repo, alias):
            assert take_snapshot(root, leave_out=[place / "latest"]).excluded == ("latest", "out/")
            assert take_snapshot(root, leave_out=[place / "folder" / ".." / "out"]).excluded == ("out/",)


def test_take_snapshot_with_the_root_as_output_leaves_no_code_out(repo: Path, git: Git) -> None:
    untracked(repo, git)
    (repo / "run.lock").write_text("naga: 1\n")
    state = take_snapshot(repo, leave_out=[repo, repo.parent])
    assert state.excluded == ("run.lock",)
    assert git(repo, "show", f"{state.snapshot}:new/e.py") == "new"


def test_take_snapshot_with_receipts_leaves_out_their_folders(repo: Path, git: Git) -> None:
    for name in ("runs/1/model.bin", "runs/1/deep/log.txt", "runs/notes.md", "done/code.py"):
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text("file\n")
    (repo / "runs" / "1" / "run.lock").write_text("naga: 1\n")
    git(repo, "add", "done")
    (repo / "done" / "run.lock").write_text("naga: 1\n")
    state = observe(repo)
    assert state.excluded == ("done/", "runs/1/")
    assert git(repo, "diff", "--name-only", "HEAD", str(state.snapshot)).split() == ["done/code.py", "runs/notes.md"]


def test_take_snapshot_with_large_files_leaves_out_untracked_ones(repo: Path, git: Git) -> None:
    (repo / "tracked.bin").write_bytes(bytes(1001))
    git(repo, "add", "tracked.bin")
    (repo / "fits.bin").write_bytes(bytes(1000))
    (repo / "large.bin").write_bytes(bytes(1001))
    (repo / "large-link").symlink_to("large.bin")
    state = take_snapshot(repo, size_limit=1000)
    assert state.excluded == ("large.bin",)
    added = git(repo, "diff", "--name-only", "HEAD", str(state.snapshot)).split()
    assert added == ["fits.bin", "large-link", "tracked.bin"]
    assert take_snapshot(repo).excluded == ()


SECRETS = (
    *(".env", ".env.local", "ENV/.Env", "server.pem", "tls.key", "id_rsa", "id_rsa.old", "id_ed25519", "a.p12"),
    *("a.pfx", ".netrc", ".pypirc", ".npmrc", "credentials", "credentials.json", "client_secret_1.json"),
    *(
        "my-secrets.yaml",
        "kubeconfig",
        "service-account-prod.json",
        "service_account.json",
        ".git-credentials",
        "deep/er/.env",
    ),
)


@pytest.mark.parametrize("name", SECRETS)
def test_take_snapshot_with_a_secret_leaves_it_out_unless_tracked(repo: Path, git: Git, name: str) -> None:
    (repo / name).parent.mkdir(parents=True, exist_ok=True)
    (repo / name).write_text("secret\n")
    state = observe(repo)
    assert (state.dirty, state.excluded) == (False, (name,))
    git(repo, "add", name)
    assert git(repo, "show", f"{take_snapshot(repo).snapshot}:{name}") == "secret"


@pytest.mark.parametrize("name", [".GIT/x.py", "git~1"])
def test_take_snapshot_with_a_name_that_git_refuses_lists_it(repo: Path, name: str) -> None:
    (repo / name).parent.mkdir(exist_ok=True)
    (repo / name).write_text("code\n")
    assert observe(repo).excluded == (name,)


def test_take_snapshot_with_bytes_that_are_no_text_lists_them(repo: Path) -> None:
    Path(os.fsdecode(os.fsencode(repo) + b"/\xff.pem")).write_text("secret\n")
    assert observe(repo).excluded == ("\udcff.pem",)


def test_take_snapshot_with_a_failing_filter_names_the_file(repo: Path, git: Git) -> None:
    git(repo, "config", "filter.broken.clean", "false")
    git(repo, "config", "filter.broken.required", "true")
    (repo / ".gitattributes").write_text("*.txt filter=broken\n")
    (repo / "data.txt").write_text("changed\n")
    with pytest.raises(GitError, match=r"data\.txt: clean filter 'broken' failed"):
        take_snapshot(repo)


def run_without_privileges(program: str, *arguments: str) -> str:
    """Run a program for which modes count even if it is root's."""
    command = [sys.executable, "-c", program, *arguments]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("modes do not stop root, and there is no setpriv")
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout


def test_take_snapshot_with_a_read_only_repository_names_it_and_can_still_be_asked(repo: Path, git: Git) -> None:
    dirty(repo, git)
    folders = [repo / ".git", *(path for path in (repo / ".git").rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    program = """
import sys
from pathlib import Path
from naga.errors import GitError
from naga.lock.snapshot import read_state, take_snapshot
root = Path(sys.argv[1])
print(read_state(root).tree)
try:
    take_snapshot(root)
except GitError as error:
    print(error.one_line())
"""
    tree, message = run_without_privileges(program, str(repo)).splitlines()
    for folder in folders:
        folder.chmod(0o755)
    assert tree == exact_tree(repo, git)
    assert str(repo / ".git") in message
    assert "may not read or write" in message


def test_take_snapshot_with_an_unreadable_untracked_file_lists_it(repo: Path) -> None:
    (repo / "private.bin").write_text("not mine\n")
    (repo / "private.bin").chmod(0)
    program = """
import sys
from pathlib import Path
from naga.lock.snapshot import take_snapshot
print(*take_snapshot(Path(sys.argv[1])).excluded)
"""
    assert run_without_privileges(program, str(repo)) == "private.bin\n"


def test_take_snapshot_of_somebody_elses_repository_names_the_mend(repo: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to somebody else")
    os.chown(repo, 65534, 65534)
    for ask in (take_snapshot, read_state):
        with pytest.raises(GitError, match="dubious ownership") as caught:
            ask(repo)
        assert caught.value.path == repo
        assert f"safe.directory {repo}" in str(caught.value.hint)


def test_take_snapshot_without_git_is_not_found(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repo))
    with pytest.raises(NotFoundError, match="git was not found on PATH"):
        take_snapshot(repo)


def test_take_snapshot_below_the_top_is_not_found(repo: Path) -> None:
    for ask in (take_snapshot, read_state):
        with pytest.raises(NotFoundError, match="is not the top of a git working tree"):
            ask(repo / "folder")


def test_take_snapshot_by_eight_processes_at_once_makes_one_commit(repo: Path, git: Git) -> None:
    untracked(repo, git)
    program = """
import sys, time
from pathlib import Path
from naga.lock.snapshot import take_snapshot
print("ready", flush=True)
sys.stdin.readline()
for _ in range(3):
    print(take_snapshot(Path(sys.argv[1])).snapshot, flush=True)
"""
    before = picture(repo, without=(".git/objects/", ".git/refs/naga"))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(repo)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(8)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    found = [line for process in processes for line in process.communicate()[0].split()]
    assert len(found) == 24
    assert len(set(found)) == 1
    assert picture(repo, without=(".git/objects/", ".git/refs/naga")) == before
    assert git(repo, "for-each-ref", "--format=%(refname)", "refs/naga") == f"refs/naga/{found[0]}"
    assert git(repo, "rev-parse", f"{found[0]}^{{tree}}") == exact_tree(repo, git)


def test_take_snapshot_while_another_holds_the_lock_of_the_ref_waits(repo: Path, git: Git) -> None:
    dirty(repo, git)
    snapshot = take_snapshot(repo).snapshot
    git(repo, "update-ref", "-d", f"refs/naga/{snapshot}")
    lock = repo / ".git" / "refs" / "naga" / f"{snapshot}.lock"
    lock.parent.mkdir(exist_ok=True)
    lock.touch()
    with subprocess.Popen(["sh", "-c", f"sleep 0.5; rm '{lock}'"]):
        assert take_snapshot(repo).snapshot == snapshot
    assert git(repo, "rev-parse", f"refs/naga/{snapshot}") == snapshot


def test_take_snapshot_leaves_nothing_in_the_temporary_folder(
    repo: Path, git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    monkeypatch.setattr("tempfile.tempdir", None)
    dirty(repo, git)
    observe(repo)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_read_state_of_a_clean_tree_knows_the_tree_of_head(repo: Path, git: Git) -> None:
    state = read_state(repo)
    assert (state.tree, state.snapshot) == (git(repo, "rev-parse", "HEAD^{tree}"), None)


def test_state_has_the_url_without_credentials(repo: Path, git: Git) -> None:
    assert read_state(repo).url is None
    git(repo, "remote", "add", "backup", "https://me:token@example.org/backup.git")
    assert read_state(repo).url == "https://example.org/backup.git"
    git(repo, "remote", "add", "origin", "short:code.git")
    git(repo, "config", "url.https://me:token@example.org/.insteadOf", "short:")
    assert read_state(repo).url == "https://example.org/code.git"


def test_has_snapshot_knows_what_was_taken_and_nothing_else(repo: Path, git: Git) -> None:
    dirty(repo, git)
    state = take_snapshot(repo)
    assert has_snapshot(repo, str(state.snapshot))
    assert has_snapshot(repo, str(state.commit))
    for other in ("0" * 40, str(state.tree), "HEAD", "main", str(state.snapshot)[:10], "", "--help", "\n", "\udcff"):
        assert not has_snapshot(repo, other)
    git(repo, "tag", "--annotate", "--message", "a tag", "tag")
    assert not has_snapshot(repo, git(repo, "rev-parse", "tag"))
    with pytest.raises(NotFoundError):
        has_snapshot(repo / "folder", str(state.snapshot))


def test_has_snapshot_without_its_tree_is_false(repo: Path, git: Git) -> None:
    dirty(repo, git)
    state = take_snapshot(repo)
    tree = str(state.tree)
    (repo / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    assert not has_snapshot(repo, str(state.snapshot))


def test_find_root_of_a_file_or_folder_is_the_nearest_top(repo: Path, git: Git) -> None:
    git(repo, "init", "--quiet", "nested")
    for path, expected in {
        "": repo,
        "a.py": repo,
        "folder/deep/d.py": repo,
        "folder/not/there": repo,
        "folder/../a.py": repo,
        "nested/x": repo / "nested",
        "nested/../x": repo,
    }.items():
        assert find_root(repo / path) == expected


def test_find_root_of_a_relative_path_is_absolute(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo / "folder")
    assert find_root(Path("c.py")) == repo


def test_find_root_in_a_linked_worktree_and_in_a_submodule_is_their_top(with_submodule: Path, git: Git) -> None:
    linked = with_submodule.parent / "linked"
    git(with_submodule, "worktree", "add", "--quiet", str(linked))
    assert find_root(linked / "folder") == linked
    assert find_root(with_submodule / "sub" / "lib.py") == with_submodule / "sub"


def test_find_root_outside_and_in_a_bare_repository_is_none(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "bare.git")
    (tmp_path / ".git").mkdir()
    assert find_root(tmp_path / "bare.git" / "objects") is None


@pytest.mark.parametrize("name", ["SECRET_NAMES", "HARMLESS_NAMES"])
def test_page_lists_the_names_of_secrets(name: str) -> None:
    marked = PAGE.read_text(encoding="utf-8").partition(f"<!-- {name} -->")[2].partition("<!-- end -->")[0]
    listed = re.findall(r"`([^`]+)`", marked)
    assert sorted(listed) == sorted(getattr(room, name))
    assert len(listed) > 3


def test_page_shows_commands_that_work(repo: Path, git: Git) -> None:
    (repo / "train.py").write_text("print('train')\n")
    git(repo, "init", "--quiet", "--bare", "../origin.git")
    git(repo, "remote", "add", "origin", "../origin.git")
    snapshot = take_snapshot(repo).snapshot
    blocks = re.findall(r"^```bash\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    program = "\n".join(["set -eux", *blocks])
    env = {**os.environ, "snapshot": str(snapshot)}
    answer = subprocess.run(["bash", "-c", program], cwd=repo, env=env, check=True, capture_output=True, text=True)
    assert "print('train')" in answer.stdout
    assert (repo.parent / "copy" / "train.py").exists()
    assert git(repo, "for-each-ref", "refs/naga") == ""
    assert f"refs/naga/{snapshot}" in git(repo.parent / "origin.git", "for-each-ref")


COUNT = """
import sys
from pathlib import Path
from naga.lock.snapshot import take_snapshot
started = []
sys.addaudithook(lambda event, what: started.append(what[1][-1]) if event == "subprocess.Popen" else None)
take_snapshot(Path(sys.argv[1]))
print(len(started))
"""


@pytest.mark.parametrize(("arrange", "again", "new"), [(clean, 3, 4), (dirty, 5, 7)])
def test_take_snapshot_starts_few_processes(repo: Path, git: Git, arrange: Arrange, again: int, new: int) -> None:
    arrange(repo, git)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", COUNT, str(repo)]
    counts = [subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout for _ in range(2)]
    assert list(map(int, counts)) == [new, again]
