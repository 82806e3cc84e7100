"""What a shell is given by ``%load_ext naga``, and how it is taken back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import naga
from naga_ipython.completion import LineCompletion
from naga_ipython.displays import Displays
from naga_ipython.failures import Failures
from naga_ipython.magics import NagaMagics
from naga_ipython.traceback import TracebackView

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Extension"]


class Extension:
    """The magics, formatters and hooks of naga in one shell.

    Parameters
    ----------
    shell : InteractiveShell
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        # A kernel starts in the folder of its notebook, which is where links count from, wherever it goes later.
        start = os.getcwd()  # noqa: PTH109
        self._magics = NagaMagics(shell)
        self._traceback_view = TracebackView(shell)
        self._end_watching = naga.watch_imports()
        shell.register_magics(self._magics)
        self._failures = Failures(shell)
        self._completion = LineCompletion(shell)
        self._displays = Displays(shell, start)

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
        self._displays.remove()
