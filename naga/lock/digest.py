"""Digests of bytes, files and trees.

A file's digest is that of its bytes, a tree's that of its manifest. docs/formats.md has the recipe, and says what
xxHash is not: a defence against a forger.
"""

from __future__ import annotations

import errno
import os
import resource
import stat
import sys
import threading
import time
import warnings
from bisect import bisect_left
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import xxhash

from naga.errors import ChangedWhileReadError, IntegrityError
from naga.lock.filters import (
    AGAIN,
    Selection,
    open_folder,
    opened_root,
    read_error,
    root_status,
    special_file_error,
    walk,
)
from naga.lock.manifest import (
    ALGORITHM,
    entry_line,
    has_manifest,
    hash_bytes,
    join_lines,
    keep_manifest,
    load_lines,
)
from naga.lock.stat_index import (
    Known,
    Reading,
    StatIndex,
    local_devices,
    pack_fields,
    stat_fields,
    stat_key,
    total_size,
    unpack_keys,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from naga.lock.filters import Folder

__all__ = ["ALGORITHM", "USER_INDEX", "PathDigest", "hash_bytes", "hash_file", "hash_path", "hash_tree"]

USER_INDEX: Final = StatIndex()
"""The index in the user's cache folder."""

_SMALL: Final = 64 * 2**10
"""Bytes that one read takes without mapping new memory for each file."""
_INDEXED: Final = 2**20
"""Bytes below which a file is read faster than it is found in the index."""
_LARGE: Final = 8 * 2**20
"""Bytes from which on a file is worth a second thread."""
_BLOCK: Final = 512 * 2**10
"""Bytes that stay in the second-level cache of common processors between being read and being hashed."""
_BATCH: Final = 256
"""Files of a tree that one thread reads at a time."""
_READERS: Final = 16
"""Threads for small files, when it is the disk that takes the time."""
_LINK = bytes(16)
"""What stands for the digest of a link in the index."""
_TICK: Final = int(2e9 * time.clock_getres(5)) if sys.platform == "linux" else 20_000_000
"""Nanoseconds in which two changes may get the same ctime: two ticks of the kernel's CLOCK_REALTIME_COARSE."""
_PATIENCE: Final = 10
"""How many changes to wait for, a tick each."""
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class PathDigest:
    """The digest of a file or a tree, with what is needed to compute it again.

    Attributes
    ----------
    path : Path
        As it was given.
    digest : str
        ``xxh3_128:`` and 32 hexadecimal digits.
    size : int
        Bytes of the file, or of all files of the tree.
    kind : {"file", "tree"}
        What it is.
    files : int or None
        Number of files, for trees only.
    include, exclude : tuple of str
        The patterns that chose the entries of a tree; empty for a file.
    """

    path: Path
    digest: str
    size: int
    kind: Literal["file", "tree"]
    files: int | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


def hash_path(
    path: str | os.PathLike[str],
    include: Iterable[str] | None = None,
    exclude: Iterable[str] | None = None,
    *,
    index: StatIndex | None = USER_INDEX,
    progress: bool = True,
) -> PathDigest:
    """Compute the digest of a file or of a tree.

    Parameters
    ----------
    path : str or path-like
        The file or folder, or a link to one.
    include, exclude : iterable of str, optional
        Which entries of a tree count, see `naga.lock.filters.Selection`; without an effect on a file.
    index : StatIndex or None, optional
        Where the digests of unchanged files are looked up; None reads every byte.
    progress : bool, optional
        Whether to show a bar on standard error when it takes longer than a second.

    Returns
    -------
    PathDigest

    Raises
    ------
    NotFoundError
        There is nothing at `path`.
    ChangedWhileReadError
        Something was written there at the same time.
    IntegrityError
        Something cannot be read, or is a socket, a fifo or a device.
    ConfigError
        A pattern can fit nothing.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "a.txt").write_text("naga")
    ...     hash_path(Path(folder) / "a.txt").digest
    'xxh3_128:0916dbe7a84548857c829f212249cbe6'
    """
    place = Path(path)
    selection = Selection.of(include, exclude)
    status = root_status(place)
    if stat.S_ISDIR(status.st_mode):
        return hash_tree(place, include=selection.include, exclude=selection.exclude, index=index, progress=progress)
    with _Progress(place.name, shown=progress, total=status.st_size) as bar:
        if index is None or status.st_size < _INDEXED:
            status, digest = _read_file(place, bar)
        else:
            status, digest = _find_or_read(place, status, index, bar)
    return PathDigest(place, f"{ALGORITHM}:{digest.hex()}", status.st_size, "file")


def hash_file(path: str | os.PathLike[str]) -> str:
    """Compute the digest of a file by reading all of it; errors as for `hash_path`.

    Parameters
    ----------
    path : str or path-like
        The file, or a link to one.

    Returns
    -------
    str
        ``xxh3_128:`` and 32 hexadecimal digits.
    """
    place = Path(path)
    if stat.S_ISDIR(root_status(place).st_mode):
        raise IntegrityError(f"{place} is a folder, not a file", hint="folders are for hash_path", path=place)
    _, digest = _read_file(place, _Progress(place.name, shown=False))
    return f"{ALGORITHM}:{digest.hex()}"


def hash_tree(
    root: str | os.PathLike[str],
    *,
    include: Iterable[str] | None = None,
    exclude: Iterable[str] | None = None,
    prune: Callable[[Path], bool] | None = None,
    index: StatIndex | None = USER_INDEX,
    progress: bool = True,
) -> PathDigest:
    """Compute the digest of a tree, and keep its manifest in the cache.

    Parameters
    ----------
    root : str or path-like
        The folder, or a link to one. Links below it are recorded and never followed.
    include, exclude, index, progress
        As for `hash_path`, which also has the errors.
    prune : callable, optional
        Gets the path of each folder below the root; True leaves it out with everything below it. Unlike the
        patterns it is no part of the digest: the tree is hashed as if the folder were not there.

    Returns
    -------
    PathDigest
        `naga.lock.manifest.load_manifest` finds the entries by the digest.
    """
    place = Path(root)
    selection = Selection.of(include, exclude)
    with opened_root(place) as root_fd, _Progress(place.name, shown=progress) as bar:
        identity = _tree_identity(root_fd, selection)
        known = index.find(identity) if index else None
        with_keys = known is not None or bar.shown
        folders = list(walk(place, root_fd, selection, prune=prune, with_keys=with_keys))
        tree = _Tree(place, root_fd, bar, folders)
        if known and tree.compare(known):
            summary = known.summary
        else:
            reading = Reading.begin() if index else Reading()
            tree.read(reading)
            summary = tree.keep_manifest(selection)
            if index:
                index.store(identity, tree.found(summary, reading, known))
    digest, files, size = summary.decode().split()
    return PathDigest(place, digest, int(size), "tree", int(files), selection.include, selection.exclude)


class _Progress:
    """A bar for the bytes that are read; it appears after a second, if somebody can see it."""

    def __init__(self, label: str, *, shown: bool, total: int | None = None) -> None:
        self.shown = shown and _is_watched()
        self.total = total
        self._label = label
        self._start = time.monotonic()
        self._lock = threading.Lock()
        self._bar: Any = None
        self._done = 0

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def add(self, count: int) -> None:
        if not self.shown:
            return
        with self._lock:
            self._done += count
            if self._bar is not None:
                self._bar.update(count)
            elif time.monotonic() > self._start + 1:
                self._bar = self._new_bar()

    def _new_bar(self) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # A notebook without ipywidgets gets a bar of text.
            from tqdm.auto import tqdm

            return tqdm(desc=self._label, total=self.total, initial=self._done, unit="B", unit_scale=True, leave=False)


def _is_watched() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel") or (sys.stderr is not None and sys.stderr.isatty())


def _find_or_read(
    place: Path, status: os.stat_result, index: StatIndex, bar: _Progress
) -> tuple[os.stat_result, bytes]:
    key = stat_key(status)
    known = index.find(_file_identity(key))
    digest = known.settled().get(key) if known else None
    if digest is not None:
        return status, digest
    reading = Reading.begin()
    status, digest = _read_file(place, bar)
    key = stat_key(status)
    unsettled = reading.unsettled([key], known.unsettled if known else {})
    index.store(_file_identity(key), Known(b"", key, digest, unsettled))
    return status, digest


def _file_identity(key: bytes) -> bytes:
    return b"file" + key[:16]


def _tree_identity(root_fd: int, selection: Selection) -> bytes:
    patterns = os.fsencode(repr((selection.include, selection.exclude)))
    return b"tree" + stat_key(os.fstat(root_fd))[:16] + patterns


def _read_file(
    place: Path, bar: _Progress, name: str | None = None, folder_fd: int | None = None
) -> tuple[os.stat_result, bytes]:
    """Read the file `place`, by its `name` in an open folder when it is part of a tree."""
    inside = folder_fd is not None
    path = place if name is None else name
    try:
        descriptor = os.open(path, _READ | (os.O_NOFOLLOW if inside else 0), dir_fd=folder_fd)
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


def _read_quiet_file(name: str, folder_fd: int, long_ago: int) -> tuple[bytes, bytes] | None:
    """Return the stat key and the digest of a file that is small and was not changed since `long_ago`, else None.

    One look at its status is enough then: it was not changed after the reading began.
    """
    descriptor = os.open(name, _READ | os.O_NOFOLLOW, dir_fd=folder_fd)
    try:
        data = os.read(descriptor, _SMALL)
        fields = stat_fields(os.fstat(descriptor))
    finally:
        os.close(descriptor)
    _, _, size, mtime, ctime, mode = fields
    if len(data) != size or mtime >= long_ago or ctime >= long_ago or not stat.S_ISREG(mode):
        return None
    return pack_fields(fields), xxhash.xxh3_128_digest(data)


def _hash_descriptor(descriptor: int, size: int, bar: _Progress) -> tuple[int, bytes]:
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

    def __init__(self, descriptor: int, size: int, bar: _Progress) -> None:
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


class _Span(NamedTuple):
    """The entries of one folder: the files are numbered from `start`, the links from `middle` to `stop`."""

    folder: Folder
    start: int
    middle: int
    stop: int


_Chunk = tuple[_Span, list[int]]
"""Entries of one folder that are read at a time."""


class _Tree:
    """A tree while it is read: the names, stat keys and digests of all files and links, by number.

    A digest that is not known is empty, that of a link all zeros.
    """

    def __init__(self, root: Path, root_fd: int, bar: _Progress, folders: list[Folder]) -> None:
        self._root, self._root_fd, self._bar = root, root_fd, bar
        self._names = [name for folder in folders for name in (*folder.files, *folder.links)]
        self._keys = [key for folder in folders for key in folder.keys] or [b""] * len(self._names)
        self._digests = [b""] * len(self._names)
        self._targets: dict[int, str] = {}
        self._chunks: list[_Chunk] = []
        self._old_lines: list[bytes] | None = None
        self._spans, start = [], 0
        for folder in folders:
            middle = start + len(folder.files)
            self._spans.append(_Span(folder, start, middle, middle + len(folder.links)))
            start = middle + len(folder.links)
        listing = [f"{folder.path}/{len(folder.files)}" for folder in folders] + self._names
        self._listing = xxhash.xxh3_128_digest(os.fsencode("\0".join(listing)))

    def compare(self, known: Known) -> bool:
        """Take over what is known. Return True if it is everything, so that nothing is left to do."""
        if known.listing != self._listing:
            settled = known.settled()
            self._digests = [settled.get(key, b"") for key in self._keys]
            return False
        digest = known.summary.split()[0].decode()
        if known.keys == b"".join(self._keys) and not known.unsettled and has_manifest(digest):
            return True
        self._old_lines = load_lines(digest)
        self._digests = [
            digest if key == old and key not in known.unsettled else b""
            for key, old, digest in zip(self._keys, *known.columns(), strict=True)
        ]
        return False

    def read(self, reading: Reading) -> None:
        """Read everything that is not known."""
        if self._old_lines is None:
            for span in self._spans:
                self._digests[span.middle : span.stop] = [b""] * (span.stop - span.middle)
        self._chunks = [chunk for span in self._spans for chunk in self._unread(span)]
        if self._bar.shown:
            self._bar.total = total_size(self._read_keys())
        local = local_devices({span.folder.identity[0] for span in self._spans})

        def read(chunk: _Chunk) -> None:
            span, numbers = chunk
            self._read_chunk(span, numbers, reading.long_ago if span.folder.identity[0] in local else 0)

        rest = iter(self._chunks)
        files = waits = 0
        for chunk in rest:
            before = _waits()
            read(chunk)
            waits += _waits() - before
            files += len(chunk[1])
            # Threads pay when it is the disk that takes the time; else they queue for the interpreter.
            if waits > _BATCH // 4 + files // 8:
                _in_threads(read, list(rest))

    def keep_manifest(self, selection: Selection) -> bytes:
        """Put the manifest into the cache. Return digest, number of files and bytes as a text."""
        data = join_lines(self._lines(), selection.include, selection.exclude)
        digest = hash_bytes(data)
        keep_manifest(digest, data)
        files = [key for span in self._spans for key in self._keys[span.start : span.middle]]
        return f"{digest} {len(files)} {total_size(files)}".encode()

    def found(self, summary: bytes, reading: Reading, known: Known | None) -> Known:
        """Say what the index should know."""
        unsettled = reading.unsettled(self._read_keys(), known.unsettled if known else {})
        return Known(self._listing, b"".join(self._keys), b"".join(self._digests), unsettled, summary)

    def _unread(self, span: _Span) -> Iterator[_Chunk]:
        waiting = [number for number in range(span.start, span.stop) if not self._digests[number]]
        for start in range(0, len(waiting), _BATCH):
            yield span, waiting[start : start + _BATCH]

    def _read_keys(self) -> list[bytes]:
        return [self._keys[number] for _, numbers in self._chunks for number in numbers]

    def _read_chunk(self, span: _Span, numbers: list[int], long_ago: int) -> None:
        folder, name = span.folder, ""
        try:
            folder_fd = open_folder(self._root_fd, folder.path, folder.identity)
            try:
                for number in numbers:
                    name = self._names[number]
                    if number >= span.middle:
                        self._keys[number] = self._read_link(number, name, folder_fd)
                        self._digests[number] = _LINK
                    elif found := _read_quiet_file(name, folder_fd, long_ago):
                        self._keys[number], self._digests[number] = found
                        if self._bar.shown:
                            self._bar.add(total_size(found[:1]))
                    else:
                        status, digest = _read_file(self._root / folder.below(name), self._bar, name, folder_fd)
                        self._keys[number], self._digests[number] = stat_key(status), digest
            finally:
                os.close(folder_fd)
        except OSError as error:
            raise read_error(self._root / folder.below(name), error) from error

    def _read_link(self, number: int, name: str, folder_fd: int) -> bytes:
        before = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
        self._targets[number] = os.readlink(name, dir_fd=folder_fd)
        after = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
        if stat_key(before) != stat_key(after):
            raise FileNotFoundError(errno.ENOENT, "another link is there now", name)
        return stat_key(after)

    def _lines(self) -> list[bytes]:
        if self._old_lines is not None:
            for chunk in self._chunks:
                for line in self._lines_of(*chunk):
                    start = line[: line.index(b"\t") + 1]
                    self._old_lines[bisect_left(self._old_lines, start)] = line
            return self._old_lines
        lines = []
        for span in self._spans:
            if span.folder.counts:
                lines.append(os.fsencode(entry_line(span.folder.path, "dir", "-")))
            lines += self._lines_of(span, range(span.start, span.stop))
        return lines

    def _lines_of(self, span: _Span, numbers: Sequence[int]) -> list[bytes]:
        above = span.folder.below("")
        lines = []
        for number, (_, _, size, _, _, mode) in zip(
            numbers, unpack_keys([self._keys[number] for number in numbers]), strict=True
        ):
            path = above + self._names[number]
            if number < span.middle:
                content = f"{ALGORITHM}:{self._digests[number].hex()}"
                lines.append(entry_line(path, "file", content, size, mode & stat.S_IXUSR != 0))
            else:
                lines.append(entry_line(path, "link", self._targets[number]))
        return os.fsencode("\n".join(lines)).split(b"\n") if lines else []


def _in_threads(read: Callable[[_Chunk], None], chunks: list[_Chunk]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(_READERS)
    try:
        for _ in pool.map(read, chunks):
            pass
    finally:
        pool.shutdown(cancel_futures=True)


def _waits() -> int:
    """Return how often this thread, or else this process, has given up the processor to wait for something."""
    return resource.getrusage(getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)).ru_nvcsw
