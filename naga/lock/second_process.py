"""A second process that shares the work of one, for what keeps an interpreter busy for seconds.

Threads do not serve here: they queue for the interpreter. Whatever the process could not do, or had not done when it
went away, is left to the one that asked.
"""

from __future__ import annotations

import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from naga.lock.cores import available_cores

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Sequence
    from types import ModuleType
    from typing import Self

__all__ = ["SecondProcess", "serve"]

_PIPE_SIZE: Final = 2**20
"""Bytes, where the system lets us choose, so that the process need not wait until somebody takes its answers."""
_LENGTH: Final = struct.Struct("<I")
_PROGRAM: Final = "import sys; sys.path[:0] = sys.argv[2:]; from {} import main; main()"


class SecondProcess:
    """The process, seen from the one that asks.

    Parameters
    ----------
    module : str
        The module of which ``main`` is called; that is to call `serve`.
    packages : sequence of module
        What it needs besides naga.
    argument : str, optional
        The first argument of the process.
    descriptors : sequence of int, optional
        Open files that it inherits.
    ahead : int, optional
        Requests that wait, so that the process never does; their texts must fit into a pipe.
    """

    def __init__(
        self,
        module: str,
        packages: Sequence[ModuleType],
        *,
        argument: str = "",
        descriptors: Sequence[int] = (),
        ahead: int = 3,
    ) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: list[int] = []
        self._ahead = ahead
        if sys.executable and available_cores() > 1:
            with suppress(OSError):
                self._process = _start(module, packages, argument, descriptors)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._close()

    @property
    def wants_more(self) -> bool:
        """Whether another request can be handed over."""
        return self._process is not None and len(self._waiting) < self._ahead

    def ask(self, number: int, request: object) -> bool:
        """Hand a request over.

        Parameters
        ----------
        number : int
            By which the answer is told from others.
        request : object
            Plain values.

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

    def answers(self, *, wait: bool) -> Iterator[tuple[int, Any]]:
        """Take the answers that are there.

        Parameters
        ----------
        wait : bool
            Whether to wait for those to all requests.

        Yields
        ------
        tuple
            Number of the request, and its answer; None where the process is gone.
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
            yield self._waiting.pop(0), answer[0]

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


def serve(answer: Callable[[Any], object]) -> None:
    """Answer requests until there are no more.

    Parameters
    ----------
    answer : callable
        Gets a request, and returns plain values.
    """
    while (request := _read(sys.stdin.buffer)) is not None:
        _write(sys.stdout.buffer, answer(request[0]))


def _start(
    module: str, packages: Sequence[ModuleType], argument: str, descriptors: Sequence[int]
) -> subprocess.Popen[bytes]:
    import subprocess

    # No site, no user's folders, no current folder: only the packages that it needs.
    files = [str(package.__file__) for package in packages]
    places = dict.fromkeys([str(Path(__file__).parents[2]), *(str(Path(file).parents[1]) for file in files)])
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _PROGRAM.format(module), argument, *places],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=descriptors,
        bufsize=0,
        pipesize=_PIPE_SIZE,
    )


def _write(stream: BinaryIO, value: object) -> None:
    import pickle

    data = pickle.dumps((value,), protocol=5)
    rest = memoryview(_LENGTH.pack(len(data)) + data)
    while rest:
        rest = rest[stream.write(rest) :]
    stream.flush()


def _read(stream: BinaryIO) -> tuple[Any] | None:
    """Read what the other side wrote, which is this program too; None at the end."""
    import pickle

    head = _read_whole(stream, _LENGTH.size)
    data = head and _read_whole(stream, _LENGTH.unpack(head)[0])
    value: tuple[Any] | None = pickle.loads(data) if data else None  # noqa: S301 - from our own process, by our own pipe
    return value


def _read_whole(stream: BinaryIO, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        more = stream.read(size - len(data))
        if not more:
            return None
        data += more
    return data
