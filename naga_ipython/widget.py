"""The view of runs in a cell: questions come over the comm of the kernel, and get the answers of `naga.answer`."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import naga
from naga_ipython.front_end import HOW_TO_GET_THE_VIEW, find_view

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MARK", "RunsText", "show_runs"]

MARK = "application/vnd.naga.runs+json"
"""The type by which `labextension/src/panel/fallback.ts` knows the output of a cell."""
_MOST_LINES = 20


class RunsText:
    """The runs below a folder as text, where the view cannot be shown.

    Parameters
    ----------
    librarian : Librarian
    reason : str
        Why it is text.
    """

    def __init__(self, librarian: naga.Librarian, reason: str) -> None:
        self._librarian = librarian
        self._reason = reason

    def __repr__(self) -> str:
        return f"{runs_as_text(self._librarian)}\n({self._reason})"


def show_runs(folder: str | os.PathLike[str], *, height: int = 480) -> Any:
    """Show the runs below a folder.

    Parameters
    ----------
    folder : path
    height : int
        Pixels.

    Returns
    -------
    AnyWidget or RunsText
        A widget with `selected`, the path or id of the run that was chosen; text where anywidget or the view is
        missing.
    """
    librarian = naga.Librarian(folder, max_age=2.0)
    librarian.refresh()
    view = find_view()
    if view is None:
        return RunsText(librarian, HOW_TO_GET_THE_VIEW)
    try:
        import anywidget
        import traitlets
    except ImportError:
        return RunsText(librarian, "to choose among them: pip install 'naga-ipython[lab]'")

    class RunsWidget(anywidget.AnyWidget):
        """The view; what is chosen in it is `selected`."""

        _esm = view
        selected = traitlets.Unicode("").tag(sync=True)
        root = traitlets.Unicode("").tag(sync=True)
        filter = traitlets.Unicode("").tag(sync=True)
        version = traitlets.Unicode("").tag(sync=True)
        height = traitlets.Int(480).tag(sync=True)

        def _repr_mimebundle_(self, **options: Any) -> Any:
            found = super()._repr_mimebundle_(**options)
            data = found[0] if isinstance(found, tuple) else found
            if data is not None:
                # Who opens the notebook without a kernel sees the text; the mark makes JupyterLab show it.
                data |= {"text/plain": runs_as_text(librarian), MARK: {}}
            return found

    widget = RunsWidget(root=path_from_notebook(librarian.root), version=librarian.version, height=height)
    widget.on_msg(Answerer(librarian, widget).take)
    return widget


class Answerer:
    """Answers the questions of one widget, each in a thread, so that no cell waits for them.

    Parameters
    ----------
    librarian : Librarian
        Of the one folder that is shown, whatever a browser asks.
    widget : AnyWidget
    """

    def __init__(self, librarian: naga.Librarian, widget: Any) -> None:
        self._librarian = librarian
        self._widget = widget
        self._cancelled: dict[str, threading.Event] = {}

    def take(self, _: Any, content: Any, __: Any) -> None:
        """Take a message ``{"id", "op", "args"}``, or one that cancels an earlier question.

        Parameters
        ----------
        content : object
            From a browser.
        """
        if not isinstance(content, dict) or not isinstance(content.get("op"), str):
            return
        identifier = str(content.get("id"))[:100]
        if content["op"] == "cancel":
            if identifier in self._cancelled:
                self._cancelled[identifier].set()
            return
        self._cancelled[identifier] = threading.Event()
        threading.Thread(target=self._answer, args=(content, identifier), name="naga answers", daemon=True).start()

    def _answer(self, content: Mapping[str, Any], identifier: str) -> None:
        key = content.get("id")

        def tell(done: int, total: int, what: str) -> None:
            self._widget.send({"id": key, "progress": {"done": done, "total": total, "what": what}})

        found = naga.answer_from(
            self._librarian,
            content["op"],
            content.get("args"),
            progress=tell,
            cancelled=self._cancelled[identifier].is_set,
        )
        self._cancelled.pop(identifier, None)
        if content["op"] == "roots" and "error" not in found:
            # This widget shows one folder, and names it as the page does.
            found = {"roots": [{**root, "root": self._widget.root} for root in found["roots"] if not root["root"]]}
        self._widget.send({"id": key, "answer": found})
        self._widget.version = self._librarian.version


def path_from_notebook(folder: Path) -> str:
    """Return the path of a folder from its notebook, which is what the page knows it by, wherever the kernel went.

    Parameters
    ----------
    folder : Path
        Absolute.

    Returns
    -------
    str
        Relative, with ``/``.

    Notes
    -----
    Jupyter's server tells a kernel of its notebook by ``JPY_SESSION_NAME`` (jupyter_server, `SessionManager`).
    """
    notebook = os.environ.get("JPY_SESSION_NAME", "")
    start = Path(notebook).parent if os.path.isabs(notebook) else Path.cwd()  # noqa: PTH117 - a text from outside
    return Path(os.path.relpath(folder, start)).as_posix()


def runs_as_text(librarian: naga.Librarian) -> str:
    """Return the newest runs, one a line.

    Parameters
    ----------
    librarian : Librarian

    Returns
    -------
    str
    """
    found = naga.answer_from(librarian, "runs", {"limit": _MOST_LINES})
    if "error" in found:
        return str(found["error"]["message"])
    lines = [
        f"{row['badge']['glyph']} {row['badge']['word']:<10} {row['stage'] or '-':<16} {row['path']}"
        for row in found["rows"]
    ]
    more = found["total"] - len(lines)
    return "\n".join(
        [f"runs below {librarian.root.name}: {found['total']}", *lines, *([f"and {more} more"] if more else [])]
    )
