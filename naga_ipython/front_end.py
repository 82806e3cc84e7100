"""Where the browser's side of naga is, and how to get it when it is not there."""

from __future__ import annotations

from pathlib import Path

__all__ = ["HOW_TO_GET_THE_VIEW", "find_panel", "find_view"]

HOW_TO_GET_THE_VIEW = (
    "The panel and the view of naga are not part of this installation, because node was missing when it was made."
    " Install naga-ipython from a wheel, or in a clone with node run: python labextension/build.py --link"
)


def find_panel() -> Path | None:
    """Return where JupyterLab finds the panel, or None when it finds none.

    Returns
    -------
    Path or None
        The folder of the extension.
    """
    from jupyter_core.paths import jupyter_path

    places = (Path(path, "naga-lab") for path in jupyter_path("labextensions"))
    return next((place for place in places if (place / "package.json").is_file()), None)


def find_view() -> Path | None:
    """Return the browser module that shows runs, or None when this installation has none.

    Returns
    -------
    Path or None
        An ECMAScript module that follows anywidget's contract.
    """
    path = Path(__file__).parent / "static" / "view.js"
    return path if path.is_file() else None
