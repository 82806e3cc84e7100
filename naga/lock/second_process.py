"""A second process that shares the work of one, for what keeps an interpreter busy for seconds.

Threads do not serve here: they queue for the interpreter. Whatever the process could not do, or had not done when it
went away, is left to the one that asked.
"""

from __future__ import annotations

import marshal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from naga.lock.cores import available_cores
from naga.lock.messages import read_message, write_message
from naga.lock.messages import serve as serve_messages

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Sequence
    from types import ModuleType
    from typing import Self

__all__ = ["SecondProcess", "serve"]

_PIPE_SIZE: Final = 2**20
"""Bytes, where the system lets us choose, so that the process need not wait until somebody takes its answers."""
_PROGRAM: Final = "import sys; sys.path[:0] = sys.argv[2:]; from {} import main; main()"
_PROGRAM_ALONE: Final = (
    "import sys; sys.path += sys.argv[2:]; from messages import serve; from {} import main; main(serve)"
)


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
    alone : bool, optional
        Whether the module is one of this room that imports nothing of naga. It is then loaded without the package,
        which takes less than half of the time; its ``main`` gets `naga.lock.messages.serve`, and messages have the
        form of marshal.
    """

    def __init__(
        self,
        module: str,
        packages: Sequence[ModuleType],
        *,
        argument: str = "",
        descriptors: Sequence[int] = (),
        ahead: int = 3,
        alone: bool = False,
    ) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: list[int] = []
        self._ahead = ahead
        self._codec = marshal if alone else _pickle()
        if sys.executable and available_cores() > 1:
            with suppress(OSError):
                self._process = _start(module, packages, argument, descriptors, alone=alone)

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
            write_message(self._stream("stdin"), request, self._codec)
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
            answer = read_message(self._stream("stdout"), self._codec)
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
    serve_messages(answer, _pickle())


def _pickle() -> ModuleType:
    import pickle

    return pickle


def _start(
    module: str, packages: Sequence[ModuleType], argument: str, descriptors: Sequence[int], *, alone: bool
) -> subprocess.Popen[bytes]:
    import subprocess

    # No site, no user's folders, no current folder: only the packages that it needs.
    files = [str(package.__file__) for package in packages]
    here = Path(__file__).parents[0 if alone else 2]
    places = dict.fromkeys([str(here), *(str(Path(file).parents[1]) for file in files)])
    program = _PROGRAM_ALONE.format(module.rpartition(".")[2]) if alone else _PROGRAM.format(module)
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", program, argument, *places],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=descriptors,
        bufsize=0,
        pipesize=_PIPE_SIZE,
    )
