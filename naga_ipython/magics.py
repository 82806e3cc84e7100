"""The magics ``%naga_run``, ``%runlock`` and ``%%debug_locals``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand

import naga
from naga_ipython.traceback import render_from_user_code

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from naga import Receipt, RunResult

__all__ = ["NagaMagics"]


@magics_class
class NagaMagics(Magics):
    """The magics of naga."""

    shell: InteractiveShell

    @no_var_expand
    @line_magic
    def naga_run(self, line: str) -> RunResult:
        """Run a script in this kernel as its main program.

        ``%naga_run SCRIPT [ARGS...]``

        Everything after the script reaches it exactly as typed: nothing is expanded. What it prints appears as it is
        printed. The result has ``config``, ``value``, ``receipt``, ``duration`` and ``ns``. When the script fails, the
        cell fails with its exception, and the local variables of the deepest frame of your own code are in the
        notebook.

        Examples::

            %naga_run process.py -o param=10
            result = %naga_run process.py --config conf/base.yml
        """
        words = _split(line)
        if not words:
            raise UsageError("%naga_run needs a script: %naga_run SCRIPT.py [ARGS...]")
        try:
            return naga.run_script(words[0], words[1:])
        except naga.NagaError as error:
            if "--debug" in words:
                raise
            raise UsageError(error.one_line()) from None
        except BaseException as error:
            naga.keep_locals(error, self.shell.user_ns)
            render_from_user_code(self.shell, error)
            raise

    @no_var_expand
    @line_magic
    def runlock(self, line: str) -> Receipt:
        """Show a receipt.

        ``%runlock`` shows the receipt of the last run, ``%runlock PATH`` the one of a folder, a ``run.lock`` or a file
        whose folder holds one.
        """
        words = _split(line)
        if len(words) > 1:
            raise UsageError("%runlock takes one path")
        if words:
            try:
                return naga.read_receipt(naga.find_receipt(Path(words[0])))
            except naga.NagaError as error:
                raise UsageError(error.one_line()) from None
        receipt = naga.last_receipt()
        if receipt is None:
            raise UsageError("no run with a receipt has ended in this kernel; %runlock PATH shows another one")
        return receipt

    @no_var_expand
    @cell_magic
    def debug_locals(self, line: str, cell: str) -> Any:  # noqa: ARG002 - a cell magic takes a line
        """Keep the local variables of whatever fails in this cell.

        The cell runs as an ordinary cell. When it fails, the local variables of the deepest frame of your own code are
        in the notebook.
        """
        # A cell that begins with the magic never comes here: its first line is taken off before it is run.
        result = self.shell.run_cell(cell)
        if result.error_in_exec is not None:
            naga.keep_locals(result.error_in_exec, self.shell.user_ns)
            raise UsageError("the cell under %%debug_locals failed")
        return result.result


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"the quotes do not match: {error}") from None
