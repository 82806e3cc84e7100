"""What a shell is given by ``%load_ext naga``, and how it is taken back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import naga
from naga_ipython.completion import LineCompletion
from naga_ipython.failures import Failures
from naga_ipython.magics import NagaMagics
from naga_ipython.traceback import TracebackView

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Extension"]

_LAZY_TYPES = (("naga.run.result", "RunResult"), ("naga.lock.receipt", "Receipt"))


class Extension:
    """The magics, formatters and hooks of naga in one shell.

    Parameters
    ----------
    shell : InteractiveShell
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        # A kernel starts in the folder of its notebook, which is where links count from, wherever it goes later.
        self._start = os.getcwd()  # noqa: PTH109
        self._magics = NagaMagics(shell)
        self._traceback_view = TracebackView(shell)
        self._end_watching = naga.watch_imports()
        shell.register_magics(self._magics)
        self._failures = Failures(shell)
        self._completion = LineCompletion(shell)
        self._formatters = shell.display_formatter.formatters if shell.display_formatter else {}
        for module, name in _LAZY_TYPES:
            self._formatters["text/html"].for_type_by_name(module, name, self._as_html)
            self._formatters["text/plain"].for_type_by_name(module, name, _as_text)

    def remove(self) -> None:
        """Take back everything that was given."""
        shell = self._shell
        self._completion.remove()
        self._failures.remove()
        self._traceback_view.remove()
        self._end_watching()
        for kind, names in self._magics.magics.items():
            for name in names:
                shell.magics_manager.magics[kind].pop(name, None)
        shell.magics_manager.registry.pop(type(self._magics).__name__, None)
        for mime in ("text/html", "text/plain"):
            formatter = self._formatters[mime]
            for key in _LAZY_TYPES:
                formatter.deferred_printers.pop(key, None)
            for cls in (naga.RunResult, naga.Receipt):
                formatter.type_printers.pop(cls, None)

    def _as_html(self, value: Any) -> str:
        from naga_ipython.html import html_of

        return html_of(value, self._start)


def _as_text(value: Any, printer: Any, cycle: bool) -> None:
    printer.text("..." if cycle else text_of(value))


def text_of(value: Any) -> str:
    """Return the plain form of a result or a receipt.

    Parameters
    ----------
    value : RunResult or Receipt

    Returns
    -------
    str
    """
    return naga.describe_receipt(value) if isinstance(value, naga.Receipt) else str(value)
