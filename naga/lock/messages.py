"""Messages between two processes of one program, over pipes of their own.

A second process may load this module without the package, so it imports nothing of naga, and of the rest only what
costs nothing.
"""

from __future__ import annotations

import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any, BinaryIO

__all__ = ["read_message", "serve", "write_message"]

_LENGTH = struct.Struct("<I")


def serve(answer: Callable[[Any], object], codec: ModuleType) -> None:
    """Answer requests from standard input until there are no more.

    Parameters
    ----------
    answer : callable
        Gets a request, and returns what `codec` can write.
    codec : module
        ``pickle`` or ``marshal``, the same on both sides.
    """
    while (request := read_message(sys.stdin.buffer, codec)) is not None:
        write_message(sys.stdout.buffer, answer(request[0]), codec)


def write_message(stream: BinaryIO, value: object, codec: ModuleType) -> None:
    """Write a value, whole.

    Parameters
    ----------
    stream : file
        Without a buffer, or with one.
    value : object
    codec : module
    """
    data = codec.dumps((value,))
    rest = memoryview(_LENGTH.pack(len(data)) + data)
    while rest:
        rest = rest[stream.write(rest) :]
    stream.flush()


def read_message(stream: BinaryIO, codec: ModuleType) -> tuple[Any] | None:
    """Read a value that the other side wrote, which is this program too.

    Parameters
    ----------
    stream : file
    codec : module

    Returns
    -------
    tuple or None
        The value alone in a tuple; None at the end.
    """
    head = _read_whole(stream, _LENGTH.size)
    data = head and _read_whole(stream, _LENGTH.unpack(head)[0])
    value: tuple[Any] | None = codec.loads(data) if data else None
    return value


def _read_whole(stream: BinaryIO, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        more = stream.read(size - len(data))
        if not more:
            return None
        data += more
    return data
