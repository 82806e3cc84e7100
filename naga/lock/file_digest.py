"""The digest of one file, read at the speed of the machine, with proof that it did not change meanwhile."""

from __future__ import annotations

import os
import stat
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import xxhash

from naga.errors import ChangedWhileReadError
from naga.lock.filters import AGAIN, read_error, special_file_error
from naga.lock.folder_reading import READ_FILE, stat_key

if TYPE_CHECKING:
    from pathlib import Path

    from naga.lock.progress import ByteBar

__all__ = ["digest_file"]

_LARGE: Final = 8 * 2**20
"""Bytes from which on a file is worth a second thread."""
_BLOCK: Final = 512 * 2**10
"""Bytes that stay in the second-level cache of common processors between being read and being hashed."""
_TICK: Final = int(2e9 * time.clock_getres(5)) if sys.platform == "linux" else 20_000_000
"""Nanoseconds in which two changes may get the same ctime: two ticks of the kernel's CLOCK_REALTIME_COARSE."""
_PATIENCE: Final = 10
"""How many changes to wait for, a tick each."""


def digest_file(
    place: Path, bar: ByteBar, name: str | None = None, folder_fd: int | None = None
) -> tuple[os.stat_result, bytes]:
    """Read a file, and make sure that it did not change meanwhile.

    Parameters
    ----------
    place : Path
        The file, for messages; and to open it where it is no part of a tree.
    bar : ByteBar
    name, folder_fd : str and int, optional
        Its name in an open folder, when it is part of a tree.

    Returns
    -------
    status : os.stat_result
    digest : bytes

    Raises
    ------
    ChangedWhileReadError, NotFoundError, IntegrityError
        It changed, is not there, cannot be read or is no file; the message names `place`.
    """
    inside = folder_fd is not None
    path = place if name is None else name
    try:
        descriptor = os.open(path, READ_FILE | (os.O_NOFOLLOW if inside else 0), dir_fd=folder_fd)
        try:
            before = _wait_for_quiet(descriptor, place)
            size, digest = _hash_descriptor(descriptor, before.st_size, bar)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        named = os.stat(path, dir_fd=folder_fd, follow_symlinks=not inside)
    except OSError as error:
        raise read_error(place, error) from error
    if size != before.st_size or not stat_key(before) == stat_key(after) == stat_key(named):
        raise ChangedWhileReadError(f"{place} changed while it was read", hint=AGAIN, path=place)
    return before, digest


def _wait_for_quiet(descriptor: int, place: Path) -> os.stat_result:
    """Return the status of an open file as soon as a further change would be visible in its ctime."""
    for _ in range(_PATIENCE):
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise special_file_error(place)
        wait = status.st_ctime_ns + _TICK - time.time_ns()
        if not 0 < wait <= _TICK:
            return status
        time.sleep(wait / 1e9)
    raise ChangedWhileReadError(f"{place} changed while it was read", hint=AGAIN, path=place)


def _hash_descriptor(descriptor: int, size: int, bar: ByteBar) -> tuple[int, bytes]:
    """Return the number of bytes up to the end of the file or just above `size`, and their digest."""
    if size >= _LARGE:
        return _Relay(descriptor, size, bar).run()
    state, buffer, done = xxhash.xxh3_128(), memoryview(bytearray(min(size + 1, _BLOCK))), 0
    while done <= size and (count := os.readv(descriptor, [buffer])):
        state.update(buffer[:count])
        bar.add(count)
        done += count
    return done, state.digest()


class _Relay:
    """Two threads that read every other block of a file each, and hash their blocks in turn."""

    def __init__(self, descriptor: int, size: int, bar: ByteBar) -> None:
        self._descriptor, self._size, self._bar = descriptor, size, bar
        self._state, self._done, self._failed = xxhash.xxh3_128(), 0, False
        self._turns = threading.Lock(), threading.Lock()
        self._turns[1].acquire()

    def run(self) -> tuple[int, bytes]:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(self._take_lane, 1)
            try:
                self._take_lane(0)
                other.result()
            except BaseException:
                self._stop()
                raise
        return self._done, self._state.digest()

    def _stop(self) -> None:
        self._failed = True
        for turn in self._turns:
            with suppress(RuntimeError):  # Nobody waits for it.
                turn.release()

    def _take_lane(self, lane: int) -> None:
        mine, other = self._turns[lane], self._turns[1 - lane]
        buffer = memoryview(bytearray(_BLOCK))
        try:
            for start in range(lane * _BLOCK, self._size, 2 * _BLOCK):
                count = _fill(self._descriptor, buffer[: self._size - start], start)
                mine.acquire()
                if self._failed:
                    return
                self._state.update(buffer[:count])
                self._done += count
                self._bar.add(count)
                other.release()
        except BaseException:
            self._stop()
            raise


def _fill(descriptor: int, buffer: memoryview, start: int) -> int:
    done = 0
    while done < len(buffer) and (count := os.preadv(descriptor, [buffer[done:]], start + done)):
        done += count
    return done
