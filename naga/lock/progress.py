"""Bars for what takes long: they appear after a second, if somebody can see them."""

from __future__ import annotations

import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

__all__ = ["ByteBar", "LateBar", "is_watched", "make_bar", "watched"]

_T = TypeVar("_T")


class LateBar:
    """A bar that appears after a second, if somebody can see it.

    Parameters
    ----------
    label : str
        What stands before the bar.
    shown : bool
        False for no bar at all.
    total : int, optional
        Where the bar ends, where that is known.
    **options
        As tqdm has them.
    """

    def __init__(self, label: str, *, shown: bool, total: int | None = None, **options: Any) -> None:
        self.shown = shown and is_watched()
        self.total = total
        self._label, self._options = label, options
        self._start = time.monotonic()
        self._lock = threading.Lock()
        self._bar: Any = None
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def add(self, count: int) -> None:
        """Take note of what was done since.

        Parameters
        ----------
        count : int
        """
        if not self.shown:
            return
        with self._lock:
            self._done += count
            if self._bar is not None:
                self._bar.update(count)
            elif time.monotonic() > self._start + 1:
                self._bar = make_bar(
                    desc=self._label, total=self.total, initial=self._done, leave=False, **self._options
                )


class ByteBar(LateBar):
    """A bar for the bytes that are read.

    Parameters
    ----------
    label : str
        What is read.
    shown : bool
        False for no bar at all.
    total : int, optional
        All bytes, where they are known.
    """

    def __init__(self, label: str, *, shown: bool, total: int | None = None) -> None:
        super().__init__(label, shown=shown, total=total, unit="B", unit_scale=True)


def watched(items: Sequence[_T], label: str, *, shown: bool = True) -> Iterator[_T]:
    """Go through items, with a bar for those that are done.

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
    with LateBar(label, shown=shown, total=len(items)) as bar:
        if not bar.shown:
            yield from items
            return
        for item in items:
            yield item
            bar.add(1)


def make_bar(**options: Any) -> Any:
    """Make a bar of tqdm, for a terminal or for a notebook.

    Parameters
    ----------
    **options
        As tqdm has them.

    Returns
    -------
    tqdm
        A notebook without ipywidgets gets a bar of text.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # What tqdm says where ipywidgets is missing.
        from tqdm.auto import tqdm

        return tqdm(**options)


def is_watched() -> bool:
    """Tell whether somebody can see a bar: on a terminal, or in a notebook.

    Returns
    -------
    bool
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel") or (sys.stderr is not None and sys.stderr.isatty())
