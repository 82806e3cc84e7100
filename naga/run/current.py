"""The runs that are going on in this process, innermost last."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from naga.lock.receipt import Receipt
    from naga.run.active import ActiveRun

__all__ = ["current_run", "last_receipt", "note_ended", "running"]

_run: ContextVar[ActiveRun | None] = ContextVar("naga_run", default=None)
_all: list[ActiveRun] = []
_last: list[tuple[Path, Receipt]] = []


@contextlib.contextmanager
def running(run: ActiveRun) -> Iterator[None]:
    """Make a run the current one for the length of a block.

    Parameters
    ----------
    run : ActiveRun
    """
    token = _run.set(run)
    _all.append(run)
    try:
        yield
    finally:
        _all.remove(run)
        _run.reset(token)


def current_run() -> ActiveRun | None:
    """Return the run that the caller is part of.

    Returns
    -------
    ActiveRun or None
        In a thread that the main started, which does not inherit the context, the only run that is going on.
    """
    run = _run.get()
    if run is None and len(_all) == 1:
        return _all[0]
    return run


def note_ended(path: Path, receipt: Receipt) -> None:
    """Remember the receipt of a run that has just ended.

    Parameters
    ----------
    path : Path
        Where it lies, absolute.
    receipt : Receipt
    """
    _last[:] = [(path, receipt)]


def last_receipt() -> tuple[Path, Receipt] | None:
    """Return the receipt of the last run that ended in this process.

    Returns
    -------
    tuple or None
        Where it was written, absolute, and the receipt; None when no run with a receipt has ended yet.
    """
    return _last[0] if _last else None
