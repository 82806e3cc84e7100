"""Failing cells: when their local variables are kept, and the cell magic that asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import naga
from naga_ipython.postmortem import PostmortemMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

__all__ = ["Failures", "strip_cell_magic"]

_CELL_MAGIC = "%%debug_locals"


class Failures:
    """The magics about failures in one shell, and what is done when a cell has failed.

    Parameters
    ----------
    shell : InteractiveShell
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._magics = PostmortemMagics(shell)
        shell.register_magics(self._magics)
        shell.input_transformers_cleanup.append(strip_cell_magic)
        shell.events.register("post_run_cell", self._after_cell)

    def remove(self) -> None:
        """Take back everything that was given."""
        shell = self._shell
        shell.input_transformers_cleanup.remove(strip_cell_magic)
        shell.events.unregister("post_run_cell", self._after_cell)
        for kind, names in self._magics.magics.items():
            for name in names:
                shell.magics_manager.magics[kind].pop(name, None)
        shell.magics_manager.registry.pop(type(self._magics).__name__, None)

    def _after_cell(self, result: ExecutionResult) -> None:
        if result.error_in_exec is None:
            return
        raw = result.info.raw_cell if result.info is not None else ""
        is_asked_for = isinstance(raw, str) and raw.split(maxsplit=1)[:1] == [_CELL_MAGIC]
        naga.keep_if_passed(result.error_in_exec, always=self._magics.every_cell or is_asked_for)


def strip_cell_magic(lines: list[str]) -> list[str]:
    """Turn a cell under ``%%debug_locals`` into an ordinary cell with the same line numbers.

    Parameters
    ----------
    lines : list of str

    Returns
    -------
    list of str
        The cell, its first line a comment.
    """
    if lines and lines[0].split() == [_CELL_MAGIC]:
        return [f"# {lines[0]}", *lines[1:]]
    return lines
