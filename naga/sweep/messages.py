"""What a supervisor and its workers say to each other: one line of JSON a message."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping

__all__ = ["Channel"]


class Channel:
    """One end of a connection.

    Parameters
    ----------
    connection : socket
        A stream; it belongs to the channel from now on.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = b""

    def fileno(self) -> int:
        """Return the number of the open file, for waiting on it.

        Returns
        -------
        int
        """
        return self._connection.fileno()

    def send(self, message: Mapping[str, Any]) -> bool:
        """Send a message.

        Parameters
        ----------
        message : mapping
            Plain values.

        Returns
        -------
        bool
            False when the other side is gone.
        """
        try:
            self._connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            return False
        return True

    def receive(self) -> list[dict[str, Any]] | None:
        """Wait for what comes next.

        Returns
        -------
        list of dict or None
            The messages that have come whole; None when the other side is gone.
        """
        try:
            read = self._connection.recv(1 << 16)
        except OSError:
            return None
        if not read:
            return None
        *lines, self._rest = (self._rest + read).split(b"\n")
        return [json.loads(line) for line in lines]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while (messages := self.receive()) is not None:
            yield from messages

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
