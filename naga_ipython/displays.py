"""How a notebook shows what naga returns: HTML, and a plain form for terminals."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import naga

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Displays"]

_FORMS = {
    ("naga.run.result", "RunResult"): "naga_ipython.result_html:html_of_result",
    ("naga.lock.receipt", "Receipt"): "naga_ipython.receipt_html:html_of_receipt",
    ("naga_ipython.shown", "ShownReceipt"): "naga_ipython.receipt_html:html_of_shown",
    ("naga.lock.compare", "Comparison"): "naga_ipython.findings_html:html_of_comparison",
    ("naga.lock.verify", "Verification"): "naga_ipython.findings_html:html_of_verification",
    ("naga.catalog.questions", "Lineage"): "naga_ipython.findings_html:html_of_lineage",
}
"""Module and name of a type -> what makes its HTML. Nothing of it is imported before something is shown."""

_WITH_FOLDER = "html_of_result"
_PLAIN = ("RunResult", "ShownReceipt")
"""Types whose own text is their plain form."""


class Displays:
    """The formatters of naga in one shell.

    Parameters
    ----------
    shell : InteractiveShell
    start : str
        The folder of the notebook, from which a browser follows links.
    """

    def __init__(self, shell: InteractiveShell, start: str) -> None:
        self._start = start
        self._formatters = shell.display_formatter.formatters if shell.display_formatter else {}
        for (module, name), place in _FORMS.items():
            self._formatters["text/html"].for_type_by_name(module, name, self._html_by(place))
            self._formatters["text/plain"].for_type_by_name(module, name, _print_plain)

    def remove(self) -> None:
        """Take them back."""
        for mime in ("text/html", "text/plain"):
            formatter = self._formatters[mime]
            for module, name in _FORMS:
                formatter.deferred_printers.pop((module, name), None)
                # What has been shown once stands under its type, no longer under its name.
                for cls in [one for one in formatter.type_printers if (one.__module__, one.__name__) == (module, name)]:
                    del formatter.type_printers[cls]

    def _html_by(self, place: str) -> Any:
        module, _, function = place.partition(":")

        def html(value: Any) -> str:
            make = getattr(import_module(module), function)
            return str(make(value, self._start) if function == _WITH_FOLDER else make(value))

        return html


def _print_plain(value: Any, printer: Any, cycle: bool) -> None:
    name = type(value).__name__
    printer.text("..." if cycle else str(value) if name in _PLAIN else naga.describe(value))
