"""Digests of files and trees, without regard to the index."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import pytest
import xxhash

import naga
from naga.errors import ChangedWhileReadError, IntegrityError, NotFoundError
from naga.lock.digest import ALGORITHM, PathDigest, hash_bytes, hash_file, hash_path, hash_tree
from naga.lock.manifest import load_manifest, manifest_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
FORMATS = ROOT / "docs" / "formats.md"
MIB = 2**20
HOSTILE = [
    "line\nfeed",
    "tab\t",
    "back\\slash",
    "\\n",
    " ",
    "-x",
    "*",
    "'\"",
    "cr\r",
    "\x01",
    "\udcff\udcfe",
    "é",
    "e\u0301",
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a tree with every kind of entry."""
    root = tmp_path / "tree"
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/data.bin").write_bytes(bytes(range(256)) * 1000)
    (root / "a/run.sh").write_text("true\n")
    (root / "a/run.sh").chmod(0o755)
    (root / "empty").mkdir()
    (root / "link").symlink_to("a/run.sh")
    (root / "nowhere").symlink_to("../../gone")
    return root


def reference(data: bytes) -> str:
    return f"xxh3_128:{xxhash.xxh3_128_hexdigest(data)}"


def hash_fully(path: Path) -> str:
    return hash_path(path, index=None).digest


@pytest.fixture
def shell_digest(tmp_path: Path) -> Callable[..., str]:
    """Return the script of the formats page as a function."""
    if not shutil.which("xxhsum"):
        pytest.skip("xxhsum is not installed (Debian: apt install xxhash)")
    (code,) = re.findall(r"```bash\n(.*?)```", FORMATS.read_text(encoding="utf-8"), re.DOTALL)
    script = tmp_path / "tree-digest.sh"

    def run(folder: Path, *patterns: str) -> str:
        lines = "".join(f"printf '{pattern}\\n'; " for pattern in patterns)
        script.write_text(code.replace("sort | xxhsum", f"{{ {lines} sort; }} | xxhsum"))
        command = ["bash", str(script), str(folder)]
        return f"xxh3_128:{subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()[0]}"

    return run


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "xxh3_128:99aa06d3014798d86001c324468d497f"),
        (b"a", "xxh3_128:a96faf705af16834e6c632b61e964e1f"),
        (b"naga", "xxh3_128:0916dbe7a84548857c829f212249cbe6"),
    ],
)
def test_digest_of_bytes_is_the_same_for_ever(data: bytes, digest: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(data)
    assert hash_bytes(data) == hash_file(tmp_path / "file") == digest
    assert digest.startswith(f"{ALGORITHM}:")


@pytest.mark.parametrize("blocks", [2**16, 2**19, 8 * MIB, 8 * MIB + 2**19, 9 * MIB])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_digest_of_a_file_of_any_size_is_that_of_its_bytes(tmp_path: Path, blocks: int, more: int) -> None:
    data = os.urandom(1000) * ((blocks + more) // 1000 + 1)
    (tmp_path / "file").write_bytes(data[: blocks + more])
    expected = reference(data[: blocks + more])
    assert hash_file(tmp_path / "file") == expected
    assert hash_path(tmp_path / "file") == PathDigest(tmp_path / "file", expected, blocks + more, "file")
    (entry,) = load_manifest(hash_tree(tmp_path).digest) or ()
    assert entry.digest == expected


def test_digest_of_files_that_have_been_at_rest_for_long_is_that_of_their_bytes(tmp_path: Path) -> None:
    sizes = [0, 1, 2**16 - 1, 2**16, 2**16 + 1, MIB, 9 * MIB]
    for size in sizes:
        (tmp_path / str(size)).write_bytes(os.urandom(100) * (size // 100) + b"x" * (size % 100))
    time.sleep(2.6)
    expected = {str(size): (size, reference((tmp_path / str(size)).read_bytes())) for size in sizes}
    entries = load_manifest(hash_fully(tmp_path)) or ()
    assert {entry.path: (entry.size, entry.digest) for entry in entries} == expected


def test_digest_of_a_file_does_not_depend_on_how_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    monkeypatch.chdir(tmp_path)
    digests = {hash_path(each).digest for each in ("file", "./file", "link", tmp_path / "link")}
    assert digests == {reference(b"x")}


def test_digest_of_a_file_pays_no_regard_to_patterns(tmp_path: Path) -> None:
    (tmp_path / "a.tmp").write_text("x")
    found = hash_path(tmp_path / "a.tmp", include=["*.csv"], exclude=["*.tmp"])
    assert (found.digest, found.include, found.exclude) == (reference(b"x"), (), ())


def test_digest_of_a_tree_has_all_that_is_needed_to_compute_it_again(tree: Path) -> None:
    found = hash_path(tree, ["a", "link", "a"], ["*.sh"])
    assert found == hash_path(tree, found.include, found.exclude)
    assert (found.kind, found.files, found.size) == ("tree", 1, 256_000)
    assert (found.path, found.include, found.exclude) == (tree, ("a", "link"), ("*.sh",))


def test_digest_of_a_tree_is_that_of_its_entries(tree: Path) -> None:
    entries = load_manifest(hash_fully(tree))
    assert entries is not None
    assert manifest_digest(reversed(entries)) == hash_fully(tree)
    assert [(entry.path, entry.kind, entry.executable, entry.size, entry.target) for entry in entries] == [
        ("a", "dir", False, 0, None),
        ("a/b", "dir", False, 0, None),
        ("a/b/data.bin", "file", False, 256_000, None),
        ("a/run.sh", "file", True, 5, None),
        ("empty", "dir", False, 0, None),
        ("link", "link", False, 0, "a/run.sh"),
        ("nowhere", "link", False, 0, "../../gone"),
    ]


def test_digest_of_a_tree_is_what_the_script_of_the_formats_page_prints(
    tree: Path, shell_digest: Callable[..., str]
) -> None:
    for name in HOSTILE:
        (tree / "a" / name).mkdir()
        (tree / "a" / name / name).write_text(name, errors="surrogateescape")
        (tree / name).symlink_to(name * 2)
    assert hash_fully(tree) == shell_digest(tree)
    patterns = ["exclude\\tnothing here", "exclude\\t~"]
    assert hash_path(tree, exclude=["~", "nothing here"]).digest == shell_digest(tree, *patterns)


def test_digest_of_an_empty_tree_is_that_of_nothing(tmp_path: Path) -> None:
    found = hash_path(tmp_path)
    assert (found.digest, found.files, found.size) == (reference(b""), 0, 0)


def _rename(tree: Path) -> None:
    (tree / "empty").rename(tree / "void")


def _swap_names(tree: Path) -> None:
    (tree / "a/run.sh").rename(tree / "a/b/x")
    (tree / "a/b/data.bin").rename(tree / "a/run.sh")
    (tree / "a/b/x").rename(tree / "a/b/data.bin")


def _replace_file_by_folder(tree: Path) -> None:
    (tree / "a/run.sh").unlink()
    (tree / "a/run.sh").mkdir()


def _replace_link_by_its_target(tree: Path) -> None:
    (tree / "link").unlink()
    shutil.copy2(tree / "a/run.sh", tree / "link")


def _point_link_elsewhere(tree: Path) -> None:
    (tree / "link").unlink()
    (tree / "link").symlink_to("./a/run.sh")


def _flip_a_bit(tree: Path) -> None:
    with (tree / "a/b/data.bin").open("r+b") as file:
        file.seek(100_000)
        file.write(b"\xff")


def _replace_by_a_copy(tree: Path) -> None:
    shutil.copytree(tree, tree.with_name("copy"), symlinks=True)
    shutil.rmtree(tree)
    tree.with_name("copy").rename(tree)


@pytest.mark.parametrize(
    "change",
    [
        _rename,
        _swap_names,
        _replace_file_by_folder,
        _replace_link_by_its_target,
        _point_link_elsewhere,
        _flip_a_bit,
        lambda tree: (tree / "a/run.sh").chmod(0o644),
        lambda tree: (tree / "empty").rmdir(),
        lambda tree: (tree / "more").mkdir(),
        lambda tree: (tree / "more").touch(),
        lambda tree: (tree / "a/b").rename(tree / "b"),
    ],
)
def test_digest_of_a_tree_changes_with(tree: Path, change: Callable[[Path], None]) -> None:
    before = hash_fully(tree)
    change(tree)
    assert hash_fully(tree) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: os.utime(tree / "a/run.sh", (0, 0)),
        lambda tree: (tree / "a/run.sh").chmod(0o700),
        lambda tree: (tree / "empty").chmod(0o700),
        lambda tree: os.link(tree / "a/run.sh", tree.parent / "twin"),
        lambda tree: tree.rename(tree.with_name("b")).rename(tree),
        _replace_by_a_copy,
    ],
)
def test_digest_of_a_tree_does_not_change_with(tree: Path, change: Callable[[Path], object]) -> None:
    before = hash_fully(tree)
    change(tree)
    assert hash_fully(tree) == before


def test_links_below_the_root_are_recorded_and_not_followed(tree: Path, tmp_path: Path) -> None:
    (tree / "out").symlink_to(tmp_path)
    (tree / "loop").symlink_to(".")
    (tree / "self").symlink_to("self")
    entries = {entry.path: entry for entry in load_manifest(hash_fully(tree)) or ()}
    assert [entries[name].target for name in ("out", "loop", "self")] == [str(tmp_path), ".", "self"]
    assert not any(path.startswith(("out/", "loop/", "self/")) for path in entries)


def test_root_that_is_a_link_is_followed(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tree)
    found = hash_path(tmp_path / "link")
    assert (found.digest, found.path) == (hash_fully(tree), tmp_path / "link")


def test_tree_with_a_hostile_name_is_hashed(hostile_path: Path, tree: Path) -> None:
    shutil.copytree(tree, hostile_path / "tree", symlinks=True)
    assert hash_fully(hostile_path / "tree") == hash_fully(tree)


def test_tree_of_files_with_times_out_of_range_is_hashed(tmp_path: Path) -> None:
    for name, seconds in (("past", -(2**31)), ("future", 2**34), ("far", 10**10)):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (seconds, seconds))
    first = hash_tree(tmp_path)
    assert first == hash_tree(tmp_path) == hash_tree(tmp_path, index=None)


@pytest.mark.parametrize("name", ["missing", "missing/deeper", "file/below", "dangling", "nul\0"])
def test_path_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("gone")
    for function in (hash_path, hash_file, hash_tree):
        with pytest.raises(NotFoundError, match="there is nothing at") as caught:
            function(tmp_path / name)
        assert caught.value.path == tmp_path / name
        assert caught.value.hint


@pytest.mark.parametrize("place", ["fifo", "tree/fifo"])
def test_fifo_is_refused_and_not_waited_for(tmp_path: Path, place: str) -> None:
    (tmp_path / "tree").mkdir()
    os.mkfifo(tmp_path / place)
    with pytest.raises(IntegrityError, match="is a socket, a fifo or a device") as caught:
        hash_path((tmp_path / place) if place == "fifo" else tmp_path / "tree")
    assert caught.value.path == tmp_path / place


@pytest.mark.parametrize("place", ["socket", "tree/deep/socket"])
def test_socket_is_refused_and_named_unless_it_is_excluded(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tree/deep").mkdir(parents=True)
    # The path of a socket may have a hundred characters only.
    monkeypatch.chdir((tmp_path / place).parent)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
    asked = tmp_path / place.partition("/")[0]
    with pytest.raises(IntegrityError, match="is a socket, a fifo or a device") as caught:
        hash_path(asked)
    assert caught.value.path == tmp_path / place
    if asked.is_dir():
        assert hash_path(asked, exclude=["socket"]).files == 0


def test_device_is_refused() -> None:
    with pytest.raises(IntegrityError, match="/dev/null is a socket, a fifo or a device"):
        hash_path("/dev/null")


def test_path_in_a_loop_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(IntegrityError, match="cannot be read"):
        hash_path(tmp_path / "loop")


def test_wrong_function_for_a_kind_says_the_right_one(tree: Path) -> None:
    with pytest.raises(IntegrityError, match="is a folder, not a file"):
        hash_file(tree)
    with pytest.raises(IntegrityError, match="is a file, not a folder"):
        hash_tree(tree / "a/run.sh")


@contextmanager
def _ordinary_user() -> Iterator[None]:
    """Take the rights of root away for the length of a block."""
    me = os.geteuid()
    os.seteuid(me or 65534)
    try:
        yield
    finally:
        os.seteuid(me)


@pytest.mark.parametrize("name", ["a/run.sh", "a/b"])
def test_entry_that_may_not_be_read_is_named(tree: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / name).chmod(0)
    monkeypatch.chdir(tree)
    with _ordinary_user(), pytest.raises(IntegrityError, match="cannot be read: Permission denied") as caught:
        hash_path(".")
    (tree / name).chmod(0o755)
    assert caught.value.path == Path(name)
    assert "exclude" in (caught.value.hint or "")


def test_root_that_may_not_be_read_is_named(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    (tree / "empty").chmod(0)
    with _ordinary_user():
        for path in ("empty", "empty/below"):
            with pytest.raises(IntegrityError, match="cannot be read: Permission denied") as caught:
                hash_path(path)
            assert caught.value.path == Path(path)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(naga.__file__).parents[1])}


@pytest.mark.parametrize("function", [hash_path, hash_file, lambda path: hash_tree(path.parent)])
@pytest.mark.parametrize("pause", [0, 0.015])
def test_file_that_grows_while_it_is_read_is_refused(
    tmp_path: Path, function: Callable[[Path], object], pause: float
) -> None:
    path = tmp_path / "data"
    with path.open("wb") as file:
        file.truncate(256 * MIB)

    def grow(file: BinaryIO) -> None:
        file.write(b"x")
        time.sleep(pause)

    growth = pytest.raises(ChangedWhileReadError, match="data changed while it was read")
    with _written_all_the_time(path, grow), growth as caught:
        for _ in range(100):
            function(path)
    assert caught.value.path == path
    assert caught.value.hint


def _replace_file(path: Path, content: bytes) -> None:
    (path.parent / "new").write_bytes(content)
    (path.parent / "new").rename(path)


def _replace_folder(path: Path, content: bytes) -> None:
    """Let the folder be a link that leads to another folder, in which nothing changes."""
    other = path.parents[1] / f"real {content[:1]!r}"
    if not other.exists():
        other.mkdir()
        (other / path.name).write_bytes(content)
    (path.parents[1] / "new").symlink_to(other)
    if not path.parent.is_symlink():
        shutil.rmtree(path.parent)
    (path.parents[1] / "new").rename(path.parent)


@pytest.mark.parametrize("replace", [_replace_file, _replace_folder])
def test_file_that_is_replaced_while_it_is_read_gives_an_old_a_new_or_no_digest(
    tmp_path: Path, replace: Callable[[Path, bytes], None]
) -> None:
    path = tmp_path / "folder/data"
    path.parent.mkdir()
    contents = [b"a" * (64 * MIB), b"b" * (32 * MIB)]
    path.write_bytes(contents[0])
    for content in contents:
        replace(path, content)
    turns = itertools.count()
    refused = 0
    deadline = time.monotonic() + 20
    with _written_all_the_time(path, lambda _file: replace(path, contents[next(turns) % 2])):
        while time.monotonic() < deadline and refused < 3:
            try:
                assert hash_fully(path) in {reference(content) for content in contents}
            except ChangedWhileReadError:
                refused += 1
    assert refused


class _written_all_the_time:
    """Do something to a file again and again, in a thread of its own."""

    def __init__(self, path: Path, write: Callable[..., object]) -> None:
        self._path, self._write = path, write
        self._stop, self._thread = threading.Event(), threading.Thread(target=self._work)

    def _work(self) -> None:
        with self._path.open("r+b", buffering=0) as file:
            file.seek(0, os.SEEK_END)
            while not self._stop.is_set():
                self._write(cast("BinaryIO", file))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.mark.parametrize("kind", ["gone", "folder", "link", "fifo"])
def test_file_that_becomes_something_else_after_the_listing_is_refused(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (root / "file").write_text("x")
    replacements: dict[str, Callable[[Path], None]] = {
        "gone": lambda path: None,
        "folder": Path.mkdir,
        "link": lambda path: path.symlink_to(__file__),
        "fifo": os.mkfifo,
    }

    def replace(_folder: Path) -> bool:
        (root / "file").unlink()
        replacements[kind](root / "file")
        return False

    expected = IntegrityError if kind in ("fifo", "folder") else ChangedWhileReadError
    with pytest.raises(expected) as caught:
        hash_tree(root, prune=replace)
    assert caught.value.path == root / "file"


def test_file_changed_after_the_listing_is_read_as_it_is_then(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("old")
    hash_tree(tmp_path)

    def change(_folder: Path) -> bool:
        (tmp_path / "file").write_text("new!")
        return False

    assert hash_tree(tmp_path, prune=change).digest == hash_fully(tmp_path)


def test_file_whose_size_is_a_lie_is_refused() -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("there is no /proc")
    with pytest.raises(ChangedWhileReadError):
        hash_path("/proc/self/status")


def test_slow_disk_makes_threads_that_find_the_same_digest(tmp_path: Path) -> None:
    for number in range(1500):
        folder = tmp_path / str(number % 15)
        folder.mkdir(exist_ok=True)
        (folder / str(number)).write_bytes(number.to_bytes(4, "big") * 1500)
    expected = hash_fully(tmp_path)
    os.sync()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    threads = set()
    threading.setprofile(lambda *_: threads.add(threading.get_ident()))
    try:
        assert hash_fully(tmp_path) == expected
    finally:
        threading.setprofile(None)
    if not threads:
        pytest.skip("the disk is too fast, or none at all, for threads to be used")


def test_import_of_the_module_is_light() -> None:
    code = "import sys, naga.lock.digest; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=_environment(), check=True
    )
    heavy = {"tqdm", "sqlite3", "platformdirs", "subprocess", "concurrent.futures", "importlib.metadata", "yaml"}
    assert heavy & set(result.stdout.split()) == set()


def test_interrupt_of_the_reading_of_a_large_file_ends_it_at_once(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**36)
    code = f"""
from naga.lock.digest import hash_path
print("ready", flush=True)
hash_path({str(tmp_path / "large")!r}, index=None)
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment()) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert b"KeyboardInterrupt" in errors


def test_memory_for_a_large_file_is_that_for_a_few_blocks(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**30)
    code = f"""
import resource
from naga.lock.digest import hash_path
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
hash_path({str(tmp_path / "large")!r}, index=None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=_environment(), check=True
    )
    assert int(result.stdout) * (1 if sys.platform == "darwin" else 1024) < 20 * MIB
