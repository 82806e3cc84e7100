"""Being told when something below a root changes, where the operating system does so."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import naga

__all__ = ["Watch"]

_SKIPPED = frozenset({".git", ".naga", ".venv", "__pycache__", "node_modules", "site-packages", ".ipynb_checkpoints"})
_INTERVAL = 5.0
"""Seconds after which a browser should ask again where nobody tells us of changes."""
_START = 2.0
"""Seconds for which whoever asks waits for the watch to begin, so as not to be told of another way for a moment."""
_PATIENCE = 300
"""Milliseconds after which the thread looks whether it should end."""
_QUIET = 2.0
"""Seconds between two events about files that are no receipts: a log that grows must not keep browsers busy."""
_MANY = 1000
"""Changes at a time from which on it is quicker to look through all folders."""
_MOST_TOLD = 100


class Watch:
    """Watches one root in a thread of its own, which does not keep the server alive.

    Parameters
    ----------
    librarian : Librarian
        Is told what changed.
    root : str
        The root as browsers name it.
    emit : callable
        Gets the data of an event.
    is_wanted : bool
        False to have browsers ask again in any case.
    """

    def __init__(
        self, librarian: naga.Librarian, root: str, emit: Callable[[dict[str, Any]], None], *, is_wanted: bool
    ) -> None:
        self._librarian = librarian
        self._root = root
        self._emit = emit
        self._ended = threading.Event()
        self._has_begun = threading.Event()
        self._is_watching = False
        self._problem: str | None = self._find_problem() if is_wanted else "it is switched off in the configuration"
        self._version = ""
        self._world_changed = False
        self._told = 0.0
        if self._problem is None:
            self._problem = "watching has not begun yet"
            threading.Thread(target=self._run, name=f"naga watches {root or 'the root'}", daemon=True).start()
        else:
            self._has_begun.set()

    def stop(self) -> None:
        """Stop watching."""
        self._ended.set()

    def describe(self) -> dict[str, Any]:
        """Return how changes are noticed.

        Returns
        -------
        dict
            ``mode`` (watching or polling), ``interval`` in seconds after which a browser should ask again, and the
            ``problem`` for which it has to.
        """
        self._has_begun.wait(_START)
        if self._is_watching:
            return {"mode": "watching", "interval": None, "problem": None}
        return {"mode": "polling", "interval": _INTERVAL, "problem": self._problem}

    def _find_problem(self) -> str | None:
        kind = self._librarian.network
        if kind is not None:
            return f"nobody tells of changes that other machines make on this {kind} mount"
        try:
            import watchfiles  # noqa: F401 - only whether it is there
        except ImportError:
            return "watchfiles is not installed: pip install 'naga-ipython[lab]'"
        return None

    def _run(self) -> None:
        import watchfiles

        changes = watchfiles.watch(
            self._librarian.root,
            watch_filter=_is_of_interest,
            debounce=200,
            step=50,
            stop_event=self._ended,
            rust_timeout=_PATIENCE,
            yield_on_timeout=True,
            raise_interrupt=False,
        )
        try:
            for changed in changes:
                if not self._is_watching:
                    self._begin()
                self._take({path for _, path in changed})
        except (OSError, RuntimeError) as error:
            # The limit on watches, or the folder is gone: whoever asks finds out by asking.
            self._problem = f"the system does not tell of changes: {error}"
        finally:
            self._is_watching = False
            self._librarian.max_age = 2.0
            self._has_begun.set()

    def _begin(self) -> None:
        """Look through all folders once more: something may have changed before anybody told us."""
        self._librarian.look_again()
        self._librarian.max_age = float("inf")
        self._version = self._ask_version()
        self._is_watching, self._problem = True, None
        self._has_begun.set()

    def _take(self, paths: set[str]) -> None:
        if paths:
            if len(paths) > _MANY:
                self._librarian.look_again()
            self._librarian.touch(paths)
            version = self._ask_version()
            if version != self._version:
                self._version = version
                self._tell("receipts", paths)
                return
            self._world_changed = True
        if self._world_changed and time.monotonic() > self._told + _QUIET:
            self._tell("world", ())

    def _tell(self, kind: str, paths: Iterable[str]) -> None:
        self._told, self._world_changed = time.monotonic(), False
        start = f"{str(self._librarian.root).rstrip('/')}/"
        receipts = sorted(path[len(start) :] for path in paths if path.endswith("/run.lock") and path.startswith(start))
        self._emit({"root": self._root, "version": self._version, "kind": kind, "paths": receipts[:_MOST_TOLD]})

    def _ask_version(self) -> str:
        self._librarian.refresh()
        return self._librarian.version


def _is_of_interest(_: object, path: str) -> bool:
    name = path.rpartition("/")[2]
    is_temporary = name.startswith(".naga-") and name.endswith(".tmp")
    return not is_temporary and _SKIPPED.isdisjoint(path.split("/"))
