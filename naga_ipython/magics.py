"""The magics ``%naga_run`` and ``%runlock``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand

import naga
from naga_ipython.sweep_table import SweepTable
from naga_ipython.traceback import render_from_user_code
from naga_ipython.verbs import VERBS, call_verb

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
        notebook. A sweep (``--tasks``, ``--grid``) shows a table of its tasks that lives while they run.

        Examples::

            %naga_run process.py -o param=10
            result = %naga_run process.py --config conf/base.yml
        """
        words = _split(line)
        if not words:
            raise UsageError("%naga_run needs a script: %naga_run SCRIPT.py [ARGS...]")
        try:
            with naga.watching_sweeps(SweepTable()):
                result = naga.run_script(words[0], words[1:])
        except naga.NagaError as error:
            if "--debug" in words:
                raise
            raise UsageError(error.one_line()) from None
        except BaseException as error:
            naga.keep_locals(error, self.shell.user_ns)
            render_from_user_code(self.shell, error)
            raise
        naga.last.clear()
        return result

    @no_var_expand
    @line_magic
    def runlock(self, line: str) -> Receipt | None:
        """Show receipts, check them, compare them, and write them for work done in cells.

        ``%runlock`` shows the receipt of the last run, ``%runlock [show] RUN`` that of another: a folder, a
        ``run.lock``, any file that a run left, an id, or ``@latest``.

        ``%runlock verify [RUN ...]`` checks code, data and lineage; ``%runlock diff A B`` says what is different
        between two runs; ``%runlock tree RUN`` draws the stages before it.

        ``%runlock write SAVE_DIR [--data PATH ...] [--prevs PATH ...]`` writes a receipt for what the cells of this
        notebook left in a folder: the cells that were executed, in their order, are its code.
        """
        words = _split(line)
        verb = words.pop(0) if words and words[0] in VERBS else "show"
        return call_verb(self.shell, verb, words)


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"the quotes do not match: {error}") from None
