"""Trees that two processes read together: the digest is the same, whatever becomes of the second one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import xxhash

from naga import hash_path
from naga.errors import IntegrityError
from naga.lock import folder_reading
from naga.lock.filters import Folder, Selection, opened_root, walk
from naga.lock.second_walk import walk_together

FILES = 3000


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tree with everything that a digest counts."""
    root = tmp_path_factory.mktemp("tree ü")
    for number in range(FILES):
        folder = root / f"{number % 7}" / "deep er"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number} ü\n.bin").write_bytes(os.urandom(number % 100))
    (root / "3" / "large.bin").write_bytes(os.urandom(200_000))
    (root / "4" / "program").touch(mode=0o755)
    (root / "5" / "link").symlink_to("nowhere")
    (root / "empty").mkdir()
    return root


@pytest.fixture
def alone(tree: Path) -> str:
    """Return the digest that one process computes."""
    return hash_path(tree).digest


@pytest.fixture
def together(alone: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Have small trees read by two processes, and nothing be known of them; return what is to come out."""
    monkeypatch.setattr("naga.lock.tree_digest.MANY_FILES", 1)
    monkeypatch.setattr("naga.lock.digest.MANY_FILES", 1)
    monkeypatch.setattr("naga.lock.second_process.available_cores", lambda: 2)
    monkeypatch.setenv("NAGA_CACHE_DIR", str(tmp_path / "cache"))
    return alone


def test_digest_by_two_processes_is_that_of_one(tree: Path, together: str) -> None:
    assert hash_path(tree).digest == together
    assert hash_path(tree).digest == together


@pytest.mark.parametrize("program", ["", "/nowhere", "/bin/false", "/bin/true"])
def test_digest_where_the_second_process_cannot_start_is_the_same(
    tree: Path, together: str, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    assert hash_path(tree).digest == together


@pytest.fixture(params=[0.02, 0.03, 0.04, 0.06, 0.1])
def killed(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each second process killed after so many seconds."""
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nexec timeout --signal=KILL {request.param} "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


@pytest.mark.usefixtures("killed")
def test_digest_while_the_second_process_is_killed_is_the_same(tree: Path, together: str) -> None:
    assert hash_path(tree).digest == together


def listed(tree: Path, *, together: bool) -> list[Folder]:
    with opened_root(tree) as root_fd:
        return walk_together(tree, root_fd) if together else list(walk(tree, root_fd, Selection(), with_keys=True))


def test_walk_by_two_processes_lists_what_that_of_one_lists(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("naga.lock.second_process.available_cores", lambda: 2)
    assert listed(tree, together=True) == listed(tree, together=False)


@pytest.mark.usefixtures("killed")
def test_walk_while_the_second_process_is_killed_lists_the_same(tree: Path, together: str) -> None:
    assert listed(tree, together=True) == listed(tree, together=False)


def test_digest_of_a_known_tree_that_two_processes_walk_tells_every_change(tree: Path, together: str) -> None:
    assert hash_path(tree).digest == together
    for number in range(7):
        more = tree / f"{number}" / "deep er" / "more"
        more.touch()
        assert hash_path(tree).digest != together
        more.unlink()
        assert hash_path(tree).digest == together


def test_digest_of_a_known_tree_with_a_pipe_that_two_processes_walk_names_it(tree: Path, together: str) -> None:
    hash_path(tree)
    for number in range(7):
        pipe = tree / f"{number}" / "deep er" / "pipe"
        os.mkfifo(pipe)
        with pytest.raises(IntegrityError, match="pipe"):
            hash_path(tree)
        pipe.unlink()


def test_digest_after_a_file_changed_that_the_second_process_reads_is_another(
    tree: Path, together: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tree / "6" / "deep er" / "6 ü\n.bin"
    before = file.read_bytes()
    file.write_bytes(bytes(len(before)))
    assert hash_path(tree).digest != together
    file.write_bytes(before)
    assert hash_path(tree).digest == together


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_digest_of_a_file_that_cannot_be_read_names_it(tree: Path, together: str) -> None:
    file = tree / "6" / "deep er" / "6 ü\n.bin"
    file.chmod(0)
    with pytest.raises(IntegrityError, match="6 ü"):
        hash_path(tree)
    file.chmod(0o644)


def test_digest_of_a_tree_with_a_pipe_names_it(tree: Path, together: str) -> None:
    os.mkfifo(tree / "6" / "pipe")
    with pytest.raises(IntegrityError, match="pipe"):
        hash_path(tree)
    (tree / "6" / "pipe").unlink()


def test_program_of_the_second_process_imports_nothing_of_naga() -> None:
    places = [str(Path(str(xxhash.__file__)).parents[1]), str(Path(folder_reading.__file__).parent)]
    program = f"import sys; sys.path += {places!r}; import folder_reading, messages; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True, capture_output=True, text=True)

    loaded = set(done.stdout.split())
    assert {"folder_reading", "messages", "xxhash"} <= loaded
    # Importing these takes longer than all else that it does before it can answer.
    assert loaded.isdisjoint({"naga", "naga.lock", "typing", "re", "dataclasses", "pathlib", "msgspec", "pickle"})
