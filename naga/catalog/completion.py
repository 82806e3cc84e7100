"""What the beginning of a run's name may become."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from naga.catalog.filters import parse_filters
from naga.catalog.librarian import Librarian
from naga.errors import NagaError
from naga.lock.project import find_project

if TYPE_CHECKING:
    from naga.catalog.ledger import Ledger
    from naga.catalog.ledger_rows import Entry

__all__ = ["complete_runs"]

_MOST = 200
"""Runs that are offered, those that started last."""
_MOST_LATEST = 3
_SECONDS = 0.15


def complete_runs(incomplete: str, *, status: str | None = None, seconds: float = _SECONDS) -> list[str]:
    """Complete a token that names a run of the project of the current folder.

    Parameters
    ----------
    incomplete : str
        Its beginning, without quotes.
    status : str, optional
        Only runs whose receipt says so, such as ``failed``, and only their folders.
    seconds : float, optional
        How long to wait. Then what was found at an earlier question is the answer, and reading goes on in a thread.

    Returns
    -------
    list of str
        ``@latest`` and its like behind ``@``; folders of runs relative to the current one, the newest first;
        identifiers where their first two characters were written. Nothing of a run's data is looked at.
    """
    entries = _Reader.of(find_project(Path.cwd()), status).entries(seconds)
    words: list[str] = []
    if status is None and entries and incomplete.startswith("@"):
        words += ["@latest", *(f"@latest~{back}" for back in range(1, min(_MOST_LATEST, len(entries))))]
    words += [os.path.relpath(Path(entry.path).parent) for entry in entries]
    if status is None and len(incomplete) > 1:
        words += [entry.id for entry in entries if entry.id is not None]
    return [word for word in dict.fromkeys(words) if word.startswith(incomplete) and word.isprintable()]


class _Reader:
    """Reads the newest runs of a project, and remembers what it found the last time."""

    _all: ClassVar[dict[tuple[Path, str | None], _Reader]] = {}

    def __init__(self, project: Path, status: str | None) -> None:
        self._librarian = Librarian(project)
        self._filters = parse_filters([f"status:{status}"] if status is not None else [])
        self._thread: threading.Thread | None = None
        self._found: list[Entry] = []

    @classmethod
    def of(cls, project: Path, status: str | None) -> _Reader:
        key = (project, status)
        if key not in cls._all:
            cls._all[key] = cls(project, status)
        return cls._all[key]

    def entries(self, seconds: float) -> list[Entry]:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._read, name="naga reads runs", daemon=True)
            self._thread.start()
        self._thread.join(seconds)
        return self._found

    def _read(self) -> None:
        # A folder that is gone, or that cannot be read, has nothing to offer.
        with contextlib.suppress(NagaError):
            self._found = self._librarian.ask(self._page)

    def _page(self, ledger: Ledger) -> list[Entry]:
        return ledger.page(str(self._librarian.root), self._filters, sort="-started", limit=_MOST)[1]
