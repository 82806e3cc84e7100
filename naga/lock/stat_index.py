"""The stat index: digests of files that have not changed since they were read.

It may only change speed, never an answer. A digest is taken from here only if device, inode, size, mtime, ctime
and mode of the file are what they were, and if the file was *settled* when it was read: a second change could
not have left the same times. See `Reading` for what that takes.
"""

from __future__ import annotations

import os
import re
import struct
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

import msgspec
import xxhash

from naga.lock.cache_place import local_cache_folder
from naga.lock.folder_reading import KEY, pack_fields, stat_key

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence

    _T = TypeVar("_T")

__all__ = ["StatIndex", "pack_fields", "stat_key"]

_DIGEST_SIZE = 16
_SIGHTING = struct.Struct(f"={KEY.size}sq")

_FINE_TICK: Final = 100_000_000
"""Nanoseconds. A timer tick of the kernel is at most 10 ms; the rest is for clocks that do not run evenly."""
_COARSE_TICK: Final = 2_500_000_000
"""Nanoseconds. The coarsest time stamps in use are those of FAT, 2 s."""
_PER_BYTE: Final = 5
"""Nanoseconds that a write(2) may still take after it has set the ctime: it may be held up by a slow disk."""
_LARGEST_WRITE: Final = 2**31
"""Bytes; what one write(2) transfers at most."""

_LOCAL = frozenset(
    {"apfs", "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs"}
    | {"hfsplus", "jfs", "ntfs3", "overlay", "tmpfs", "vfat", "xfs", "zfs"}
)
_UNLISTED = frozenset({"bcachefs", "btrfs", "overlay"})
"""File systems whose files have device numbers that the table of mounts does not show."""
_MOUNT = re.compile(rb"^\d+ \d+ (\d+):(\d+) .*? - (\S+) ", re.MULTILINE)
"""Device and type in a line of /proc/self/mountinfo, see proc_pid_mountinfo(5)."""
_SHARED_MAPPING = re.compile(rb"^\S+ .w.s \S+ \S+ (\d+)", re.MULTILINE)
"""The inode in a line of /proc/PID/maps, see proc_pid_maps(5)."""

_FORMAT = 1
_COLUMNS = "id, listing, keys, digests, unsettled, summary, checksum, stored"
_TABLE = f"CREATE TABLE known ({_COLUMNS}, PRIMARY KEY (id))"
_FIND = "SELECT listing, keys, digests, unsettled, summary, checksum FROM known WHERE id = ?"
_REPLACE = f"REPLACE INTO known ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  (constants)
_DELETE_OLDEST = """
DELETE FROM known WHERE rowid IN (
    SELECT rowid FROM (
        SELECT rowid, sum(length(keys) + length(digests)) OVER (ORDER BY stored DESC) AS bytes FROM known
    ) WHERE bytes > ?
)
"""
_LARGEST: Final = 2**30
"""Bytes in use above which the older half of the index goes."""
_PATIENCE: Final = 0.25
"""Seconds to wait for another process that writes the index; after that it is cheaper to read the files."""
_BROKEN = frozenset({1, 11, 17, 20, 24, 26})
"""SQLITE_ERROR (another schema), CORRUPT, SCHEMA, MISMATCH, FORMAT and NOTADB, see sqlite.org/rescode.html."""


def columns(keys: Iterable[bytes]) -> list[memoryview[int]]:
    """Return for each of the numbers of `stat_fields` those of all stat keys."""
    numbers = memoryview(b"".join(keys)).cast("q")
    return [numbers[column::6] for column in range(6)]


def total_size(keys: Iterable[bytes]) -> int:
    """Add up the sizes of the files with these stat keys, in bytes."""
    return sum(columns(keys)[2])


class Known(msgspec.Struct, frozen=True):
    """What the index knows about one tree, or about one large file.

    Attributes
    ----------
    listing : bytes
        Digest of the names, in the order of the walk; empty for a file.
    keys : bytes
        The stat keys of the entries, 48 bytes each, in the order of the walk.
    digests : bytes
        Their digests, 16 bytes each; zeros for a link.
    unsettled : mapping of bytes to int
        Keys whose digest must not be used, and when each was seen first (ns since 1970, UTC).
    summary : bytes
        For the caller.
    """

    listing: bytes
    keys: bytes
    digests: bytes
    unsettled: Mapping[bytes, int]
    summary: bytes = b""

    @property
    def count(self) -> int:
        """How many entries there are."""
        return len(self.keys) // KEY.size

    def each_digest(self) -> list[bytes]:
        """Return the digests, one by one."""
        return _cut(self.digests, _DIGEST_SIZE)

    def settled(self) -> dict[bytes, bytes]:
        """Return the digests that may be used, by stat key."""
        pairs = zip(_cut(self.keys, KEY.size), self.each_digest(), strict=True)
        return {key: digest for key, digest in pairs if key not in self.unsettled}


class Reading(msgspec.Struct, frozen=True):
    """What has to be known before files are read, in order to judge afterwards whether they were settled.

    A file is settled when its mtime and ctime are older than the start of the reading by more than the
    granularity of the clock that made them and the time that one write may take; when no process can write to it
    through a mapping; and, on any file system that is not known to be local, when the same key was already there
    in an earlier reading.

    Attributes
    ----------
    started : int
        Nanoseconds since 1970, UTC, by the clock of this machine.
    mapped : frozenset of int
        Inodes, on whatever device, that some process had mapped for shared writing.
    expires : int
        Until when the same answer may serve for other files, ns since 1970, UTC.

    Notes
    -----
    The first condition is git's, see Documentation/technical/racy-git.txt. Whole tenths of a second in a ctime
    are taken as a sign of a coarse clock. The second is there because a page that was written through a
    mapping can be written again without a new ctime until it has been written back (mmap(2) promises an update
    only before msync(2)). The third is there because the clock of a server may be behind ours.
    """

    started: int = msgspec.field(default_factory=time.time_ns)
    mapped: frozenset[int] = frozenset()
    expires: int = 0
    _latest: ClassVar[list[Reading]] = []

    @classmethod
    def begin(cls) -> Reading:
        """Look at the clock and at the mappings of all processes that we may look into.

        The look at the processes takes milliseconds, so it is repeated only after 20 times as long. An older
        reading is as true as a new one: it merely takes fewer files for settled.
        """
        now = time.time_ns()
        for reading in cls._latest:
            if reading.started <= now < reading.expires:
                return reading
        mapped = _mapped_inodes()
        reading = cls(now, mapped, now + 20 * (time.time_ns() - now))
        cls._latest[:] = [reading]
        return reading

    @property
    def long_ago(self) -> int:
        """A time before the start by more than the granularity of any clock, ns since 1970, UTC."""
        return self.started - _COARSE_TICK

    def is_older(self, size: int, mtime: int, ctime: int) -> bool:
        """Tell whether a file of `size` bytes and these times (ns) was last written to before the reading started."""
        tick = _FINE_TICK if ctime % _FINE_TICK else _COARSE_TICK
        return max(mtime, ctime) < self.started - tick - _PER_BYTE * min(size, _LARGEST_WRITE)

    def unsettled(self, keys: Sequence[bytes], earlier: Mapping[bytes, int]) -> dict[bytes, int]:
        """Find the files whose digests must not be used again.

        Parameters
        ----------
        keys : sequence of bytes
            Stat keys of what was read.
        earlier : mapping of bytes to int
            `Known.unsettled` of the reading before.

        Returns
        -------
        dict of bytes to int
            Key -> when it was seen first (ns since 1970, UTC).
        """
        devices, inodes, sizes, mtimes, ctimes, _ = columns(keys)
        remote = set(devices) - local_devices(set(devices))
        long_ago = self.long_ago - _PER_BYTE * _LARGEST_WRITE
        if not remote and self.mapped.isdisjoint(inodes) and max([0, *mtimes, *ctimes]) < long_ago:
            return {}
        found = {}
        for number, (device, inode, mtime, ctime) in enumerate(zip(devices, inodes, mtimes, ctimes, strict=True)):
            if mtime < long_ago and ctime < long_ago and device not in remote and inode not in self.mapped:
                continue
            key, size = keys[number], sizes[number]
            first = earlier.get(key, self.started)
            seen_before = device not in remote or self.is_older(size, first, ctime)
            if inode in self.mapped or not seen_before or not self.is_older(size, mtime, ctime):
                found[key] = first
        return found


class StatIndex:
    """A file of digests that can be deleted at any time and is ignored whenever it cannot be used.

    Parameters
    ----------
    path : Path, optional
        The SQLite file; when it is not given, ``stat-index.sqlite`` in the cache folder, or among the temporary files
        where that is on a network mount.

    Notes
    -----
    Every call opens the file anew, so that an index can be shared by threads and by forked processes. Nothing
    is flushed to the disk: a checksum in each row tells what a crash has torn.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    @property
    def path(self) -> Path | None:
        """Where the index is, or will be; None where there is no local disk for it."""
        folder = None if self._path else local_cache_folder()
        return folder / "stat-index.sqlite" if folder else self._path

    def find(self, identity: bytes) -> Known | None:
        """Look up what was stored last.

        Parameters
        ----------
        identity : bytes
            As it was given to `store`.

        Returns
        -------
        Known or None
            None also when the index is broken, locked or unreadable.
        """
        row = self._ask(lambda connection: connection.execute(_FIND, (identity,)).fetchone())
        if row is None or not all(isinstance(value, bytes) for value in row):
            return None
        *content, checksum = row
        if checksum != _checksum(identity, *content):
            return None
        listing, keys, digests, unsettled, summary = content
        return Known(listing, keys, digests, dict(_SIGHTING.iter_unpack(unsettled)), summary)

    def store(self, identity: bytes, known: Known) -> None:
        """Replace what is known; without an effect when the index cannot be written.

        Parameters
        ----------
        identity : bytes
            What to find it by.
        known : Known
            All that is known about it.
        """
        unsettled = b"".join(_SIGHTING.pack(*sighting) for sighting in known.unsettled.items())
        content = known.listing, known.keys, known.digests, unsettled, known.summary
        row = identity, *content, _checksum(identity, *content), time.time_ns()

        def replace(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_REPLACE, row)
            if _bytes_in_use(connection) > _LARGEST:
                connection.execute(_DELETE_OLDEST, (_LARGEST // 2,))
            connection.execute("COMMIT")

        self._ask(replace)

    def _ask(self, question: Callable[[sqlite3.Connection], _T]) -> _T | None:
        import sqlite3

        path = self.path
        if path is None:
            return None
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as connection:
                _prepare(connection)
                return question(connection)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _BROKEN:
                with suppress(OSError):
                    path.unlink()
            return None
        except (OSError, OverflowError):
            return None


def local_devices(devices: set[int]) -> set[int]:
    """Return those of the devices whose time stamps are certainly made by the clock of this machine."""
    try:
        mounts = _MOUNT.findall(Path("/proc/self/mountinfo").read_bytes())
    except OSError:
        return set()
    types = {os.makedev(int(major), int(minor)): kind.decode() for major, minor, kind in mounts}
    default = "" if _UNLISTED.isdisjoint(types.values()) else "btrfs"
    return {device for device in devices if types.get(device, default) in _LOCAL}


def _mapped_inodes() -> frozenset[int]:
    """Return the inodes that are mapped for shared writing by a process that we may look into (Linux)."""
    inodes: set[int] = set()
    for maps in Path("/proc").glob("[0-9]*/maps"):
        with suppress(OSError):
            inodes.update(map(int, _SHARED_MAPPING.findall(maps.read_bytes())))
    return frozenset(inodes)


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = OFF")
    if _pragma(connection, "user_version") == _FORMAT:
        return
    connection.execute("BEGIN IMMEDIATE")
    if _pragma(connection, "user_version") != _FORMAT:
        connection.execute("DROP TABLE IF EXISTS known")
        connection.execute(_TABLE)
        connection.execute(f"PRAGMA user_version = {_FORMAT}")
    connection.execute("COMMIT")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _bytes_in_use(connection: sqlite3.Connection) -> int:
    pages = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
    return pages * _pragma(connection, "page_size")


def _checksum(*parts: bytes) -> bytes:
    state = xxhash.xxh3_128()
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.digest()


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]
