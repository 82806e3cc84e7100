"""Large plain values are made without the garbage collector, which would look through all of them again and again."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["collector_paused"]


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the garbage collector from running, where what is made holds no cycles.

    Yields
    ------
    None
        When it was off before, it stays off.

    Notes
    -----
    The collector runs each time some hundred containers more than before exist, and sooner or later visits them all: of
    the time in which a receipt of 100,000 lists is read it takes two thirds. It is one for all threads; another one
    that makes cycles meanwhile leaves them until afterwards.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
