"""The stat index: it may change speed, never an answer."""

from __future__ import annotations

import itertools
import mmap
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import naga
from naga.errors import ChangedWhileReadError
from naga.lock import stat_index
from naga.lock.cache_place import cache_folder
from naga.lock.digest import hash_path, hash_tree
from naga.lock.manifest import compare_manifests, load_manifest
from naga.lock.stat_index import Known, Reading, StatIndex, pack_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 2**20
SECOND = 10**9
LOCAL_DEVICE = Path(__file__).stat().st_dev
UNKNOWN_DEVICE = os.makedev(250, 250)

opened: set[str] | None = None


def note_opened(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and opened is not None and isinstance(arguments[0], str | os.PathLike):
        opened.add(Path(arguments[0]).name)


sys.addaudithook(note_opened)


def files_read(root: Path) -> set[str]:
    """Hash with the index, compare with the digest without it, and return the names of the files that were opened."""
    global opened
    expected = hash_path(root, index=None)
    opened = set()
    try:
        assert hash_path(root) == expected
        paths = list(root.rglob("*")) if root.is_dir() else [root]
        return {path.name for path in paths if path.is_file()} & opened
    finally:
        opened = None


def index_path() -> Path:
    path = StatIndex().path
    assert path is not None
    return path


def settle() -> None:
    """Wait until what was written is older than the granularity of the clock, also for a reading that is reused."""
    written = time.time_ns()
    time.sleep(0.1)
    while Reading.begin().started <= written + SECOND // 10 + 5 * 2 * MIB:
        time.sleep(0.005)


@pytest.fixture(params=["large file", "tree"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a file of 2 MiB, alone or as one of a tree; it and its twin of the same size are settled and known."""
    root = tmp_path / "data"
    (root / "deep").mkdir(parents=True)
    for name in ("file", "twin"):
        (root / "deep" / name).write_bytes(name.encode() * (MIB // 2))
    settle()
    place = root if request.param == "tree" else root / "deep/file"
    files_read(place)
    assert files_read(place) == set()
    return place


def file_of(data: Path) -> Path:
    return data / "deep/file" if data.is_dir() else data


def edit(path: Path) -> None:
    """Change one byte in place."""
    with path.open("r+b") as file:
        file.seek(MIB)
        byte = file.read(1)
        file.seek(MIB)
        file.write(bytes([byte[0] ^ 1]))


def edit_and_set_mtime_back(path: Path) -> None:
    status = path.stat()
    edit(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replace_with_same_size_and_mtime(path: Path) -> None:
    status = path.stat()
    path.with_name("new").write_bytes(b"n" * status.st_size)
    os.utime(path.with_name("new"), ns=(status.st_atime_ns, status.st_mtime_ns))
    path.with_name("new").rename(path)


def swap_with_twin(path: Path) -> None:
    path.rename(path.with_name("third"))
    path.with_name("twin").rename(path)
    path.with_name("third").rename(path.with_name("twin"))


def edit_through_a_hard_link(path: Path) -> None:
    os.link(path, path.parents[2] / "other name")
    settle()
    hash_path(path)
    edit(path.parents[2] / "other name")


def rewrite_at_the_same_inode(path: Path) -> None:
    size = path.stat().st_size
    path.write_bytes(b"")
    path.write_bytes(b"z" * size)


def delete_and_make_anew(path: Path) -> None:
    size = path.stat().st_size
    path.unlink()
    path.write_bytes(b"z" * size)


@pytest.mark.parametrize(
    "change",
    [
        edit,
        edit_and_set_mtime_back,
        replace_with_same_size_and_mtime,
        swap_with_twin,
        edit_through_a_hard_link,
        rewrite_at_the_same_inode,
        delete_and_make_anew,
    ],
)
def test_index_after_a_change_that_size_and_mtime_hide_gives_the_new_digest(
    data: Path, change: Callable[[Path], None]
) -> None:
    before = hash_path(data).digest
    change(file_of(data))
    assert hash_path(data).digest == hash_path(data, index=None).digest != before
    settle()
    files_read(data)
    assert files_read(data) == set()


def test_index_after_a_change_of_times_alone_reads_again_once(data: Path) -> None:
    file_of(data).touch()
    settle()
    assert files_read(data) == {"file"}
    assert files_read(data) == set()


def test_index_knows_a_tree_that_was_renamed(data: Path) -> None:
    if data.is_dir():
        data = data.rename(data.with_name("renamed"))
    assert files_read(data) == set()


def test_index_is_not_used_for_a_small_file(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"x" * (MIB - 1))
    hash_path(tmp_path / "small")
    assert not cache_folder().exists()


def test_index_is_not_used_when_there_is_none(data: Path) -> None:
    shutil.rmtree(cache_folder())
    hash_path(data, index=None)
    assert not index_path().exists()


def test_index_of_a_tree_reads_the_one_file_that_changed_five_folders_down(tmp_path: Path) -> None:
    for number in range(5000):
        folder = tmp_path / "/".join(f"folder {digit}" for digit in f"{number // 10:05}")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / str(number)).write_text(str(number))
    settle()
    files_read(tmp_path)
    old = hash_path(tmp_path)
    changed = next(tmp_path.rglob("1234"))
    status = changed.stat()
    changed.write_text("4321")
    os.utime(changed, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert files_read(tmp_path) == {"1234"}
    manifests = [load_manifest(digest) or () for digest in (old.digest, hash_path(tmp_path).digest)]
    assert compare_manifests(*manifests) == ([], [], [changed.relative_to(tmp_path).as_posix()])


def test_index_of_a_tree_in_which_everything_was_renamed_reads_only_what_rename_touched(tmp_path: Path) -> None:
    (tmp_path / "tree/a/b").mkdir(parents=True)
    for name in ("1", "2", "b/3"):
        (tmp_path / "tree/a" / name).write_text(name)
    settle()
    files_read(tmp_path / "tree")
    (tmp_path / "tree/a").rename(tmp_path / "tree/z")
    (tmp_path / "tree/z/1").rename(tmp_path / "tree/z/one")
    assert files_read(tmp_path / "tree") <= {"one"}


def test_index_of_a_tree_keeps_digests_apart_by_pattern(tmp_path: Path) -> None:
    for name in ("a.csv", "b.txt"):
        (tmp_path / name).write_text(name)
    settle()
    patterns = [None, ["*.csv"], ["*.txt"], ["*"], ["?*"]] * 2
    found = [hash_tree(tmp_path, include=include) for include in patterns]
    assert found == [hash_tree(tmp_path, include=include, index=None) for include in patterns]
    assert len({each.digest for each in found}) == 5


def test_index_of_a_tree_follows_what_is_pruned(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    settle()
    for pruned in ("a", "b", "", "a"):
        with_index, without = (
            hash_tree(tmp_path, prune=lambda folder: folder.name == pruned, index=index)  # noqa: B023
            for index in (StatIndex(), None)
        )
        assert with_index == without


def test_index_of_files_written_again_within_one_tick_of_the_clock_gives_the_last(tmp_path: Path) -> None:
    small, large = tmp_path / "tree/small", tmp_path / "large"
    small.parent.mkdir()
    for number in range(150):
        small.write_text(f"{number:06}")
        large.write_bytes(number.to_bytes(4, "big") * (MIB // 4))
        for path in (small.parent, large):
            assert hash_path(path) == hash_path(path, index=None)


def test_index_of_a_file_that_is_written_over_while_it_is_read_remembers_no_mixture(data: Path) -> None:
    size = file_of(data).stat().st_size
    child = os.fork()
    if child == 0:
        with file_of(data).open("r+b", buffering=0) as file:
            for number in itertools.count():
                os.pwrite(file.fileno(), bytes([number % 256]) * size, 0)
    try:
        for _ in range(20):
            with suppress(ChangedWhileReadError):
                hash_path(data)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    settle()
    files_read(data)


def test_index_of_a_file_that_is_written_through_an_older_mapping_is_not_deceived(data: Path) -> None:
    with file_of(data).open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapping:
        mapping[0] = 1
        settle()
        before = hash_path(data).digest
        ctime = file_of(data).stat().st_ctime_ns
        mapping[1] = 2
        hidden = file_of(data).stat().st_ctime_ns == ctime
        assert hash_path(data).digest == hash_path(data, index=None).digest != before
    if not hidden:
        pytest.skip("here a mapping cannot be written to without a new ctime")


def test_index_of_a_file_replaced_after_the_listing_keeps_the_digest_of_what_was_read(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("old")
    settle()
    files_read(tmp_path)

    def replace(_folder: Path) -> bool:
        (tmp_path / "new").write_text("new")
        (tmp_path / "new").rename(tmp_path / "file")
        return False

    hash_tree(tmp_path, prune=replace)
    settle()
    for _ in range(3):
        files_read(tmp_path)


@pytest.mark.parametrize("seed", range(2))
def test_index_after_any_sequence_of_changes_gives_the_digest_of_the_files(tmp_path: Path, seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    root = tmp_path / "tree"
    root.mkdir()
    for _ in range(30):
        for _ in range(chance.randrange(4)):
            change_something(root, chance)
        if chance.random() < 0.5:
            time.sleep(0.15)
        assert hash_path(root) == hash_path(root, index=None)
        found = load_manifest(hash_path(root).digest)
        assert found is not None
        assert {entry.path for entry in found} == {path.relative_to(root).as_posix() for path in root.rglob("*")}


def change_something(root: Path, chance: random.Random) -> None:
    folders = [root, *(path for path in root.rglob("*") if path.is_dir() and not path.is_symlink())]
    place = chance.choice(folders) / chance.choice("abc")
    other = chance.choice(folders) / chance.choice("abc")
    if place.is_dir() and not place.is_symlink():
        if chance.random() < 0.3 and not other.is_relative_to(place):
            shutil.rmtree(other, ignore_errors=True)
            other.unlink(missing_ok=True)
            place.rename(other)
    elif place.is_file() and not place.is_symlink() and chance.random() < 0.6:
        status = place.stat()
        place.write_text(chance.choice(["one", "two"]))
        if chance.random() < 0.5:
            os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
        place.chmod(chance.choice([0o644, 0o755]))
    else:
        place.unlink(missing_ok=True)
        kind = chance.randrange(3)
        if kind == 0:
            place.mkdir()
        elif kind == 1:
            place.symlink_to(chance.choice("ab"))
        else:
            place.write_text("six")


def break_with(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip_bytes(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for place in range(0, len(content), 97):
        content[place] ^= 0xFF
    path.write_bytes(content)


def flip_bytes_of_the_content(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for place in range(4096, len(content), 211):
        content[place] ^= 1
    path.write_bytes(content)


def use_another_schema(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE known (id, other); PRAGMA user_version = 1;")


def use_a_later_format(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA user_version = 99")


def tamper(column: str, value: object) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute(f"UPDATE known SET {column} = ?", (value,)).rowcount
            connection.commit()

    return change


def forge_digests(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE known SET digests = zeroblob(length(digests))")
        connection.commit()


@pytest.mark.parametrize(
    "damage",
    [
        break_with(b""),
        break_with(b"\0"),
        break_with(b"no database at all" * 1000),
        break_with(bytes(range(256)) * 64),
        break_with(b"SQLite format 3\0" + bytes(range(256)) * 64),
        cut,
        flip_bytes,
        flip_bytes_of_the_content,
        use_another_schema,
        use_a_later_format,
        forge_digests,
        tamper("summary", b"xxh3_128:00000000000000000000000000000000 1 1"),
        tamper("keys", b""),
        tamper("digests", None),
        tamper("listing", 7),
        tamper("unsettled", "text"),
    ],
)
@pytest.mark.parametrize("data", ["tree"], indirect=True)
def test_index_that_is_broken_is_rebuilt_silently(data: Path, damage: Callable[[Path], object]) -> None:
    damage(index_path())
    files_read(data)
    files_read(data)
    assert files_read(data) == set()


def test_index_whose_place_is_a_folder_is_ignored(data: Path) -> None:
    index_path().unlink()
    index_path().mkdir()
    assert files_read(data)
    assert files_read(data)


def test_index_whose_folder_is_a_file_is_ignored(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAGA_CACHE_DIR", str(file_of(data)))
    assert files_read(data)


def test_index_locked_by_another_process_is_ignored(data: Path) -> None:
    with closing(sqlite3.connect(index_path(), isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        edit(file_of(data))
        start = time.monotonic()
        assert files_read(data) >= {"file"}
        assert time.monotonic() - start < 5
        connection.execute("ROLLBACK")


@contextmanager
def mounted(kind: str, folder: Path, *options: str) -> Iterator[Path]:
    """Mount a file system of its own for the length of a block, if this user may."""
    folder.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", kind, *options, kind, folder], capture_output=True).returncode
    ):
        pytest.skip("only root can mount, and not everywhere")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_index_on_a_full_or_read_only_disk_is_ignored(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mounted("tmpfs", tmp_path / "disk", "-o", "size=64k") as disk:
        monkeypatch.setenv("NAGA_CACHE_DIR", str(disk))
        files_read(data)
        with pytest.raises(OSError, match="No space left"):
            (disk / "filler").write_bytes(b"x" * MIB)
        for _ in range(2):
            edit(file_of(data))
            settle()
            files_read(data)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        for _ in range(2):
            edit(file_of(data))
            settle()
            files_read(data)


def test_index_on_a_file_system_of_an_unknown_clock_waits_for_a_second_reading(tmp_path: Path) -> None:
    with mounted("ramfs", tmp_path / "disk") as disk:
        (disk / "file").write_bytes(b"x" * MIB)
        for root in (disk, disk / "file"):
            settle()
            assert files_read(root) == {"file"}
            settle()
            assert files_read(root) == {"file"}
            assert files_read(root) == set()


HASH_WHILE_OTHERS_DO = """
import random, sys
from pathlib import Path
from naga.lock.digest import hash_path
root, seed = Path(sys.argv[1]), sys.argv[2]
chance = random.Random(seed)
for number in range(60):
    place = chance.choice(sorted(root.iterdir()))
    if place.name == seed:
        (place / str(chance.randrange(20))).write_text(str(chance.random()))
    if place.name in (seed, "shared"):
        assert hash_path(place) == hash_path(place, index=None), place
"""


def in_another_process(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path(naga.__file__).parents[1])}
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], env=environment)


def test_index_written_by_two_processes_gives_each_the_right_digests(tmp_path: Path) -> None:
    for name in ("one", "two", "shared"):
        (tmp_path / name).mkdir()
        for number in range(20):
            (tmp_path / name / str(number)).write_text(f"{name} {number}")
    processes = [in_another_process(HASH_WHILE_OTHERS_DO, tmp_path, seed) for seed in ("one", "two")]
    assert [process.wait(100) for process in processes] == [0, 0]
    settle()
    files_read(tmp_path)
    assert files_read(tmp_path) == set()


STORE_WITHOUT_END = """
import sys
from naga.lock.stat_index import Known, StatIndex
print("ready", flush=True)
while True:
    for number in range(20):
        StatIndex().store(b"%d" % number, Known(b"", bytes(48) * 5000, bytes(16) * 5000, {}))
"""


def test_index_of_a_process_killed_while_writing_is_still_of_use(data: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(3):
        process = in_another_process(STORE_WITHOUT_END)
        time.sleep(0.3 + chance.random() / 5)
        process.send_signal(signal.SIGKILL)
        process.wait()
        edit(file_of(data))
        settle()
        files_read(data)
        assert files_read(data) == set()


def test_index_that_grows_too_large_loses_what_was_stored_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stat_index, "_LARGEST", 100_000)
    index = StatIndex(tmp_path / "index")
    known = Known(b"", bytes(48) * 300, bytes(16) * 300, {})
    for number in range(12):
        index.store(b"%d" % number, known)
    left = [number for number in range(12) if index.find(b"%d" % number)]
    assert left == list(range(left[0], 12))
    assert left[0] > 0
    assert (tmp_path / "index").stat().st_size < 200_000


def test_index_gives_back_what_was_stored(tmp_path: Path) -> None:
    index = StatIndex(tmp_path / "new/folder/index")
    key = pack_fields((1, 2, 3, -4, 5, 6))
    known = Known(b"names", key * 2, b"d" * 32, {key: 7}, b"summary")
    assert index.find(b"id") is None
    index.store(b"id", known)
    assert index.find(b"id") == known
    assert index.find(b"other") is None
    assert known.settled() == {}
    index.store(b"id", Known(b"", key, b"d" * 16, {}))
    assert (index.find(b"id") or known).settled() == {key: b"d" * 16}


@pytest.mark.parametrize(
    ("age", "fraction", "size", "settled"),
    [
        (0, 1, 1, False),
        (SECOND // 20, 1, 1, False),
        (SECOND // 5, 1, 1, True),
        (SECOND // 5, 0, 1, False),
        (2 * SECOND, 0, 1, False),
        (3 * SECOND, 0, 1, True),
        (-SECOND, 1, 1, False),
        (4 * SECOND, 1, SECOND, False),
        (6 * SECOND, 1, SECOND, True),
        (12 * SECOND, 1, 1000 * SECOND, True),
    ],
)
@pytest.mark.parametrize("newest", ["mtime", "ctime"])
def test_reading_takes_for_settled_what_is_older_than_the_clocks_tick(
    age: int, fraction: int, size: int, settled: bool, newest: str
) -> None:
    reading = Reading(started=1_700_000_000 * SECOND)
    ctime = reading.started - age + fraction
    times = {"ctime": (0, ctime), "mtime": (reading.started - age, SECOND + fraction)}[newest]
    key = pack_fields((LOCAL_DEVICE, 1, size, *times, 0o100644))
    assert reading.unsettled([key], {}) == ({} if settled else {key: reading.started})


def test_reading_on_a_device_of_an_unknown_clock_wants_to_have_seen_a_key_before() -> None:
    if stat_index.local_devices({UNKNOWN_DEVICE}):
        pytest.skip("here files have devices that the table of mounts does not list")
    reading = Reading(started=1_700_000_000 * SECOND)
    key = pack_fields((UNKNOWN_DEVICE, 1, 1, 1, 1, 0o100644))
    assert reading.unsettled([key], {}) == {key: reading.started}
    assert reading.unsettled([key], {key: reading.started - SECOND // 20}) == {key: reading.started - SECOND // 20}
    assert reading.unsettled([key], {key: reading.started - SECOND}) == {}


@pytest.mark.parametrize(
    "fields", [pytest.param((7, 1, 1, 1), id="mapped"), pytest.param((8, 1, 2**63, 1), id="time that does not fit")]
)
def test_reading_never_settles_what_may_change_unseen(fields: tuple[int, ...]) -> None:
    reading = Reading(started=1_700_000_000 * SECOND, mapped=frozenset({7}))
    key = pack_fields((LOCAL_DEVICE, *fields, 0o100644))
    assert set(reading.unsettled([key], {key: 0})) == {key}


def test_reading_is_begun_anew_when_the_last_one_is_too_old() -> None:
    first = Reading.begin()
    time.sleep(max(0.0, (first.expires - time.time_ns()) / SECOND) + 0.01)
    assert Reading.begin().started > first.expires
