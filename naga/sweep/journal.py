"""Journals: what each supervisor of a sweep has seen, one line a task.

They are a view and no truth: they tell displays what goes on, and which receipts need not be read again as long as
their files are what they were.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["Journal", "JournalReader"]


class Journal:
    """The journal of one supervisor.

    Parameters
    ----------
    folder : Path
        The folder of the sweep.
    name : str
        Of the supervisor, unlike all others.
    """

    def __init__(self, folder: Path, name: str) -> None:
        path = folder / "journal" / f"{name}.jsonl"
        self.name = path.name
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)

    def note(self, entry: Mapping[str, Any]) -> None:
        """Add a line.

        Parameters
        ----------
        entry : mapping
            Plain values.
        """
        os.write(self._descriptor, json.dumps(entry, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class JournalReader:
    """Reads the journals of a sweep, and each time only what has come since.

    Parameters
    ----------
    folder : Path
        The folder of the sweep.
    but : str
        The journal to leave out.
    """

    def __init__(self, folder: Path, but: str = "") -> None:
        self._folder = folder / "journal"
        self._but = but
        self._positions: dict[str, int] = {}

    def new_entries(self) -> Iterator[dict[str, Any]]:
        """Read what has come.

        Yields
        ------
        dict
        """
        for name in sorted(os.listdir(self._folder)):  # noqa: PTH208
            if name != self._but and name.endswith(".jsonl"):
                yield from self._read(name)

    def _read(self, name: str) -> Iterator[dict[str, Any]]:
        with (self._folder / name).open("rb") as file:
            file.seek(self._positions.get(name, 0))
            for line in file:
                # The last one may not be whole yet.
                if not line.endswith(b"\n"):
                    break
                self._positions[name] = self._positions.get(name, 0) + len(line)
                yield json.loads(line)
