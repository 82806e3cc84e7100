"""The digest of a tree: what is known is taken over, the rest is read, and the manifest is kept."""

from __future__ import annotations

import errno
import os
import resource
from bisect import bisect_left
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

import xxhash

from naga.lock.file_digest import digest_file
from naga.lock.filters import read_error
from naga.lock.folder_reading import digest_small_file, open_folder, stat_key
from naga.lock.manifest import has_manifest, hash_bytes, keep_manifest, load_lines
from naga.lock.manifest_lines import entry_line, file_lines, join_lines
from naga.lock.second_reader import SecondReader
from naga.lock.stat_index import Known, columns, local_devices, total_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from naga.lock.filters import Folder, Selection
    from naga.lock.folder_reading import Answer, Request
    from naga.lock.progress import ByteBar
    from naga.lock.stat_index import Reading

__all__ = ["Tree"]

_BATCH: Final = 256
"""Files of a tree that one thread reads at a time."""
_READERS: Final = 16
"""Threads for small files, when it is the disk that takes the time."""
MANY_FILES: Final = 20_000
"""Files from which on a second process pays, which takes a tenth of a second to start."""
_LINK = bytes(16)
"""What stands for the digest of a link in the index."""


class _Span(NamedTuple):
    """The entries of one folder: the files are numbered from `start`, the links from `middle` to `stop`."""

    folder: Folder
    start: int
    middle: int
    stop: int


_Chunk = tuple[_Span, list[int]]
"""Entries of one folder that are read at a time."""


class Tree:
    """A tree while it is read: the names, stat keys and digests of all files and links, by number.

    A digest that is not known is empty, that of a link all zeros.

    Parameters
    ----------
    root : Path
        The root, for messages.
    root_fd : int
        The root, open.
    bar : ByteBar
    folders : list of Folder
        What `naga.lock.filters.walk` found.
    """

    def __init__(self, root: Path, root_fd: int, bar: ByteBar, folders: list[Folder]) -> None:
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
        """Take over what is known.

        Parameters
        ----------
        known : Known
            What the index knows.

        Returns
        -------
        bool
            Whether it is everything, so that nothing is left to do.
        """
        if known.listing != self._listing:
            settled = known.settled()
            self._digests = [settled.get(key, b"") for key in self._keys]
            return False
        digest = known.summary.split()[0].decode()
        if known.keys == b"".join(self._keys) and not known.unsettled and has_manifest(digest):
            return True
        self._old_lines = load_lines(digest)
        self._digests = known.each_digest()
        for number in self._changed(known):
            self._digests[number] = b""
        return False

    def _changed(self, known: Known) -> list[int]:
        """Return the entries whose digest must not be taken over, and look closer only where keys are others."""
        keys, width = b"".join(self._keys), len(self._keys[0]) if self._keys else 0
        numbers = []
        for start in range(0, len(self._keys), _BATCH):
            here = slice(start * width, (start + _BATCH) * width)
            if known.keys[here] != keys[here]:
                batch = range(start, min(start + _BATCH, len(self._keys)))
                numbers += [each for each in batch if self._keys[each] != known.keys[each * width : (each + 1) * width]]
        if known.unsettled:
            numbers += [number for number, key in enumerate(self._keys) if key in known.unsettled]
        return numbers

    def read(self, reading: Reading) -> None:
        """Read everything that is not known.

        Parameters
        ----------
        reading : Reading
            When the reading began.
        """
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

        if sum(len(numbers) for _, numbers in self._chunks) < MANY_FILES:
            _read_alone(read, self._chunks)
        else:
            self._read_together(read, local, reading.long_ago)

    def _read_together(self, read: Callable[[_Chunk], None], local: set[int], long_ago: int) -> None:
        """Let a second process take chunks from the end while this one takes them from the beginning."""
        waiting = deque(range(len(self._chunks)))
        with SecondReader(self._root_fd) as second:
            while waiting:
                while waiting and second.wants_more:
                    number = waiting.pop()
                    span, numbers = self._chunks[number]
                    request = self._request(span, numbers, long_ago if span.folder.identity[0] in local else 0)
                    if request is None or not second.ask(number, request):
                        read(self._chunks[number])
                if waiting:
                    read(self._chunks[waiting.popleft()])
                for number, answer in second.answers(wait=not waiting):
                    self._take_answer(read, number, answer)

    def _request(self, span: _Span, numbers: list[int], long_ago: int) -> Request | None:
        if numbers[-1] >= span.middle:
            return None
        return span.folder.path, span.folder.identity, [self._names[number] for number in numbers], long_ago

    def _take_answer(self, read: Callable[[_Chunk], None], number: int, answer: Answer | None) -> None:
        span, numbers = self._chunks[number]
        if answer is None:
            read((span, numbers))
            return
        for place, found in zip(numbers, answer, strict=True):
            if found is not None:
                self._keys[place], self._digests[place] = found
                if self._bar.shown:
                    self._bar.add(total_size(found[:1]))
        left = [place for place, found in zip(numbers, answer, strict=True) if found is None]
        if left:
            read((span, left))

    def keep_manifest(self, selection: Selection) -> bytes:
        """Put the manifest into the cache.

        Parameters
        ----------
        selection : Selection
            The patterns, which are part of the manifest.

        Returns
        -------
        bytes
            The digest, the number of files and their bytes, as a text.
        """
        data = join_lines(self._lines(), selection.include, selection.exclude)
        digest = hash_bytes(data)
        keep_manifest(digest, data)
        files = [key for span in self._spans for key in self._keys[span.start : span.middle]]
        return f"{digest} {len(files)} {total_size(files)}".encode()

    def found(self, summary: bytes, reading: Reading, known: Known | None) -> Known:
        """Say what the index should know.

        Parameters
        ----------
        summary : bytes
            What `keep_manifest` returned.
        reading : Reading
        known : Known or None
            What the index knew before.

        Returns
        -------
        Known
        """
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
                    elif found := digest_small_file(name, folder_fd, long_ago):
                        self._keys[number], self._digests[number] = found
                        if self._bar.shown:
                            self._bar.add(total_size(found[:1]))
                    else:
                        status, digest = digest_file(self._root / folder.below(name), self._bar, name, folder_fd)
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
        files = [number for number in numbers if number < span.middle]
        _, _, sizes, _, _, modes = columns([self._keys[number] for number in files])
        paths, digests = [above + self._names[number] for number in files], [self._digests[number] for number in files]
        lines = file_lines(paths, modes, sizes, digests)
        links = [number for number in numbers if number >= span.middle]
        lines += [entry_line(above + self._names[number], "link", self._targets[number]) for number in links]
        return os.fsencode("\n".join(lines)).split(b"\n") if lines else []


def _read_alone(read: Callable[[_Chunk], None], chunks: list[_Chunk]) -> None:
    rest = iter(chunks)
    files = waits = 0
    for chunk in rest:
        before = _waits()
        read(chunk)
        waits += _waits() - before
        files += len(chunk[1])
        # Threads pay when it is the disk that takes the time; else they queue for the interpreter.
        if waits > _BATCH // 4 + files // 8:
            _in_threads(read, list(rest))


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
