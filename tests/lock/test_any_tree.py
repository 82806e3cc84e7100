"""Trees at random on a real file system: any change changes the digest, and the same tree has the same one."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from naga.lock.digest import hash_path, hash_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = st.sampled_from(
    ["a", "b", "c.txt", ".d", "e f", "tab\t", "line\nfeed", "back\\slash", "\udcff", "é", "-x", "'\""]
)
TARGETS = st.sampled_from(["a", "b", "../a", "gone", ".", "/etc/passwd", "a/b"])


class File(NamedTuple):
    """A file that holds a few bytes, so and so often."""

    data: bytes
    times: int
    is_executable: bool


class Link(NamedTuple):
    """A symbolic link."""

    target: str


Node = File | Link | dict[str, Any]
"""A folder is a mapping of names to nodes."""

FILES = st.builds(File, st.binary(max_size=40), st.sampled_from([1, 1, 1, 5000]), st.booleans())
LEAVES: st.SearchStrategy[Node] = FILES | st.builds(Link, TARGETS) | st.builds(dict)
NODES = st.recursive(LEAVES, lambda below: st.dictionaries(NAMES, below, max_size=4), max_leaves=12)
TREES = st.dictionaries(NAMES, NODES, min_size=1, max_size=5)


def lay(place: Path, node: Node) -> None:
    """Make a file, a link, or a folder with all that is in it."""
    if isinstance(node, File):
        place.write_bytes(node.data * node.times)
        place.chmod(0o755 if node.is_executable else 0o644)
    elif isinstance(node, Link):
        place.symlink_to(node.target)
    else:
        place.mkdir()
        for name, child in node.items():
            lay(place / name, child)


@contextmanager
def laid(tree: dict[str, Node]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        lay(Path(folder) / "root", tree)
        yield Path(folder) / "root"


def entries(root: Path) -> list[Path]:
    return sorted(root.rglob("*"), key=os.fsencode)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def folders_of(root: Path) -> list[Path]:
    return [root, *(path for path in entries(root) if path.is_dir() and not path.is_symlink())]


def add(root: Path, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(folders_of(root))) / data.draw(NAMES)
    assume(not os.path.lexists(place))
    lay(place, data.draw(NODES))


def take_away(root: Path, data: st.DataObject) -> None:
    remove(data.draw(st.sampled_from(entries(root))))


def rename(root: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(entries(root)))
    other = data.draw(st.sampled_from(folders_of(root))) / data.draw(NAMES)
    assume(not os.path.lexists(other) and not other.is_relative_to(path))
    path.rename(other)


def replace(root: Path, data: st.DataObject) -> None:
    """Put something else into the place of an entry."""
    path = data.draw(st.sampled_from(entries(root)))
    before = describe(path)
    remove(path)
    lay(path, data.draw(NODES))
    assume(describe(path) != before)


def edit(root: Path, data: st.DataObject) -> None:
    """Change one bit of a file, or its length; the times of the file stay."""
    files = [path for path in entries(root) if path.is_file() and not path.is_symlink()]
    assume(files)
    path = data.draw(st.sampled_from(files))
    content, status = bytearray(path.read_bytes()), path.stat()
    if content and data.draw(st.booleans()):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    else:
        content += data.draw(st.binary(min_size=1, max_size=3))
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def flip_the_executable_bit(root: Path, data: st.DataObject) -> None:
    files = [path for path in entries(root) if path.is_file() and not path.is_symlink()]
    assume(files)
    path = data.draw(st.sampled_from(files))
    path.chmod(path.stat().st_mode ^ 0o100)


def swap(root: Path, data: st.DataObject) -> None:
    one, other = (data.draw(st.sampled_from(entries(root))) for _ in range(2))
    assume(not one.is_relative_to(other) and not other.is_relative_to(one) and describe(one) != describe(other))
    one.rename(root.parent / "aside")
    other.rename(one)
    (root.parent / "aside").rename(other)


CHANGES = [add, take_away, rename, replace, edit, flip_the_executable_bit, swap]


def describe(path: Path) -> object:
    """Say all that counts of an entry, without anything of naga."""
    if path.is_symlink():
        return "link", os.readlink(os.fsencode(path))
    if path.is_dir():
        return "dir", {os.fsencode(child.name): describe(child) for child in path.iterdir()}
    return "file", path.read_bytes(), bool(path.stat().st_mode & 0o100)


@pytest.mark.slow
@settings(max_examples=200)
@given(tree=TREES, data=st.data())
def test_any_change_of_any_tree_changes_its_digest(tree: dict[str, Node], data: st.DataObject) -> None:
    with laid(tree) as root:
        before = describe(root), hash_path(root).digest
        data.draw(st.sampled_from(CHANGES))(root, data)
        after = describe(root), hash_path(root).digest

        assert before[0] != after[0]
        assert before[1] != after[1]
        assert hash_tree(root, index=None).digest == after[1]


@pytest.mark.slow
@settings(max_examples=200)
@given(tree=TREES)
def test_any_tree_has_the_digest_of_the_same_tree_elsewhere(tree: dict[str, Node]) -> None:
    with laid(tree) as one, laid(dict(reversed(tree.items()))) as other:
        assert hash_path(one).digest == hash_path(other, index=None).digest
