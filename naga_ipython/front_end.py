"""Where the browser's side of naga is, and how to get it when it is not there."""

from __future__ import annotations

from pathlib import Path

__all__ = ["HOW_TO_GET_THE_VIEW", "find_view"]

HOW_TO_GET_THE_VIEW = (
    "The view of naga is not part of this installation, because node was missing when it was made. Install"
    " naga-ipython from a wheel, or in a clone with node run: python labextension/build.py --link"
)


def find_view() -> Path | None:
    """Return the browser module that shows runs, or None when this installation has none.

    Returns
    -------
    Path or None
        An ECMAScript module that follows anywidget's contract.
    """
    path = Path(__file__).parent / "static" / "view.js"
    return path if path.is_file() else None
