"""A bar for work on many receipts."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

from naga.lock.progress import is_watched

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["watched"]

_T = TypeVar("_T")


def watched(items: Sequence[_T], label: str, *, shown: bool = True) -> Iterator[_T]:
    """Go through items, with a bar on standard error when it takes longer than a second and somebody can see it.

    Parameters
    ----------
    items : sequence
    label : str
        What stands before the bar.
    shown : bool, optional
        False for no bar at all.

    Yields
    ------
    object
        The items.
    """
    begin, bar = time.monotonic(), None
    shown = shown and is_watched()
    try:
        for number, item in enumerate(items):
            if bar is not None:
                bar.update(number - bar.n)
            elif shown and time.monotonic() > begin + 1:
                bar = _new_bar(label, number, len(items))
            yield item
    finally:
        if bar is not None:
            bar.close()


def _new_bar(label: str, done: int, total: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # A notebook without ipywidgets gets a bar of text.
        from tqdm.auto import tqdm

        return tqdm(desc=label, initial=done, total=total, leave=False)
