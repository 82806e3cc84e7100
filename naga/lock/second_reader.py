"""A second process that reads files of a tree, for trees of so many files that reading them in one takes seconds.

Threads do not serve here: for small files they queue for the interpreter. What the process answers is checked in no
other way than what is read here, so it changes the time that a digest takes and nothing else: whatever it could not do,
or had not done when it went away, is done here.
"""

from __future__ import annotations

import os
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

import xxhash

from naga.lock.cores import available_cores
from naga.lock.file_digest import digest_quiet_file
from naga.lock.filters import open_folder

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence

__all__ = ["Request", "SecondReader", "main"]

_AHEAD: Final = 3
"""Requests that wait, so that the process never does; their texts must fit into a pipe."""
_LENGTH: Final = struct.Struct("<I")
_PROGRAM: Final = "import sys; sys.path[:0] = sys.argv[2:]; from naga.lock.second_reader import main; main()"

Answer = list[tuple[bytes, bytes] | None]


class Request(NamedTuple):
    """Files of one folder that are to be read.

    Attributes
    ----------
    path : str
        The folder, relative to the root.
    identity : tuple of int
        Its device and inode.
    names : list of str
    long_ago : int
        As for `naga.lock.file_digest.digest_quiet_file`.
    """

    path: str
    identity: tuple[int, int]
    names: list[str]
    long_ago: int

    def answer(self, root_fd: int) -> Answer:
        """Read the files.

        Parameters
        ----------
        root_fd : int
            The root, open.

        Returns
        -------
        list
            Stat key and digest of each file; None for one that wants more care.

        Raises
        ------
        OSError
            The folder or a file cannot be opened or read.
        """
        folder_fd = open_folder(root_fd, self.path, self.identity)
        try:
            return [digest_quiet_file(name, folder_fd, self.long_ago) for name in self.names]
        finally:
            os.close(folder_fd)


class SecondReader:
    """The process, seen from the one that asks.

    Parameters
    ----------
    root_fd : int
        The root of the tree, open.
    """

    def __init__(self, root_fd: int) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: list[int] = []
        if sys.executable and available_cores() > 1:
            with suppress(OSError):
                self._process = _start(root_fd)

    def __enter__(self) -> SecondReader:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._close()

    @property
    def wants_more(self) -> bool:
        """Whether another request can be handed over."""
        return self._process is not None and len(self._waiting) < _AHEAD

    def ask(self, number: int, request: Request) -> bool:
        """Hand a request over.

        Parameters
        ----------
        number : int
            By which the answer is told from others.
        request : Request

        Returns
        -------
        bool
            False when the process is gone.
        """
        try:
            _write(self._stream("stdin"), request)
        except OSError:
            return False
        self._waiting.append(number)
        return True

    def answers(self, *, wait: bool) -> Iterator[tuple[int, Answer | None]]:
        """Take the answers that are there.

        Parameters
        ----------
        wait : bool
            Whether to wait for those to all requests.

        Yields
        ------
        tuple
            Number of the request, and its answer; None where it has to be read here.
        """
        import select

        while self._waiting and (wait or select.select([self._stream("stdout")], [], [], 0)[0]):
            answer = _read(self._stream("stdout"))
            if answer is None:
                # It is gone, and with it what it had still to do.
                self._close()
                yield from ((number, None) for number in self._waiting)
                self._waiting.clear()
                return
            yield self._waiting.pop(0), answer or None

    def _stream(self, name: str) -> BinaryIO:
        stream: BinaryIO = getattr(self._process, name)
        return stream

    def _close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            for stream in (process.stdin, process.stdout):
                with suppress(OSError):
                    assert stream is not None
                    stream.close()
            process.kill()
            process.wait()


def main() -> None:
    """Answer requests until there are no more; the argument of the process is the number of the open root."""
    root_fd = int(sys.argv[1])
    while (request := _read(sys.stdin.buffer)) is not None:
        try:
            answer: Answer = Request._make(request).answer(root_fd)
        except OSError:
            answer = []
        _write(sys.stdout.buffer, answer)


def _start(root_fd: int) -> subprocess.Popen[bytes]:
    import subprocess

    # No site, no user's folders, no current folder: only the two packages that it needs.
    places = dict.fromkeys(str(Path(file).parents[depth]) for file, depth in ((__file__, 2), (str(xxhash.__file__), 1)))
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _PROGRAM, str(root_fd), *places],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=[root_fd],
        bufsize=0,
    )


def _write(stream: BinaryIO, value: Sequence[object]) -> None:
    import pickle

    data = pickle.dumps(tuple(value), protocol=5)
    rest = memoryview(_LENGTH.pack(len(data)) + data)
    while rest:
        rest = rest[stream.write(rest) :]
    stream.flush()


def _read(stream: BinaryIO) -> list[Any] | None:
    """Read what the other side wrote, which is this program too; None at the end."""
    import pickle

    head = _read_whole(stream, _LENGTH.size)
    data = head and _read_whole(stream, _LENGTH.unpack(head)[0])
    return list(pickle.loads(data)) if data else None  # noqa: S301 - from our own process, over a pipe of our own


def _read_whole(stream: BinaryIO, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        more = stream.read(size - len(data))
        if not more:
            return None
        data += more
    return data
