"""A bar for long reading."""

from __future__ import annotations

import sys
import threading
import time
import warnings
from typing import Any

__all__ = ["ByteBar", "is_watched"]


class ByteBar:
    """A bar for the bytes that are read; it appears after a second, if somebody can see it.

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
        self.shown = shown and is_watched()
        self.total = total
        self._label = label
        self._start = time.monotonic()
        self._lock = threading.Lock()
        self._bar: Any = None
        self._done = 0

    def __enter__(self) -> ByteBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def add(self, count: int) -> None:
        """Take note of further bytes.

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
                self._bar = self._new_bar()

    def _new_bar(self) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # A notebook without ipywidgets gets a bar of text.
            from tqdm.auto import tqdm

            return tqdm(desc=self._label, total=self.total, initial=self._done, unit="B", unit_scale=True, leave=False)


def is_watched() -> bool:
    """Tell whether somebody can see a bar: on a terminal, or in a notebook.

    Returns
    -------
    bool
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel") or (sys.stderr is not None and sys.stderr.isatty())
