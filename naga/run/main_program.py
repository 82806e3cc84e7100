"""Being the main program of this process for a while, and leaving the process as it was."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import types
    from collections.abc import Iterator, Sequence

__all__ = ["as_main_program"]


@contextlib.contextmanager
def as_main_program(module: types.ModuleType, argv: Sequence[str], folder: Path) -> Iterator[None]:
    """Make a module the main program for the length of a block.

    Parameters
    ----------
    module : module
    argv : sequence of str
        The program and its arguments.
    folder : Path
        Where imports are looked for first.

    Notes
    -----
    Afterwards ``__main__``, ``sys.argv``, ``sys.path``, the working directory and the event loop are what they were,
    whatever happened.
    """
    with _place_kept(), _outside_running_loop():
        before = sys.modules["__main__"], sys.argv, sys.path
        places = list(sys.path)
        sys.modules["__main__"], sys.argv = module, list(argv)
        sys.path.insert(0, str(folder))
        try:
            yield
        finally:
            sys.modules["__main__"], sys.argv, sys.path = before
            sys.path[:] = places


@contextlib.contextmanager
def _place_kept() -> Iterator[None]:
    try:
        before = Path.cwd()
    except FileNotFoundError:
        # The folder was removed while the process was in it: there is none to come back to.
        yield
        return
    try:
        yield
    finally:
        # A script may have removed the folder that it was called in.
        with contextlib.suppress(FileNotFoundError):
            os.chdir(before)


@contextlib.contextmanager
def _outside_running_loop() -> Iterator[None]:
    """Hide the event loop that a kernel runs its cells in, so that a script can run one of its own."""
    asyncio = sys.modules.get("asyncio")
    loop = asyncio._get_running_loop() if asyncio is not None else None
    if asyncio is None or loop is None:
        yield
        return
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)
        # `asyncio.run` leaves the thread without a loop.
        asyncio.set_event_loop(loop)
