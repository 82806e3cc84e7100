"""The magics ``%naga_run`` and ``%runlock``."""

from __future__ import annotations

import contextlib
import inspect
import sys
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand

import naga
from naga_ipython.folder import in_folder
from naga_ipython.run_line import parse_run_line
from naga_ipython.sweep_table import SweepTable
from naga_ipython.traceback import without_magic
from naga_ipython.verbs import VERBS, call_verb
from naga_ipython.words import split_line

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from naga import RunResult

__all__ = ["NagaMagics"]


@magics_class
class NagaMagics(Magics):
    """The magics of naga."""

    shell: InteractiveShell

    @no_var_expand
    @line_magic
    def naga_run(self, line: str) -> RunResult | None:
        """Run a script or a module in this kernel as its main program.

        ``%naga_run [--cwd DIR] [--set KEY=EXPR ...] (SCRIPT.py | -m MODULE) [ARGS...]``

        Everything after the script reaches it exactly as typed: nothing is expanded. A value of this notebook goes in
        by ``--set``: EXPR is Python, evaluated here, and the object itself becomes the value of KEY in the config; with
        spaces in it, put KEY=EXPR in quotes. ``-m`` runs a module of a package, so that relative imports work.
        ``--cwd`` runs it in another folder, from which all its paths count; afterwards the kernel is where it was.

        What the script prints appears as it is printed. The result has ``config``, ``value``, ``receipt``,
        ``duration`` and ``ns``; ``naga.last_run`` keeps it. When the script fails, the cell fails with its exception,
        and the local variables of the deepest frame of your own code are in the notebook. Modules of yours whose files
        have changed are loaded anew. A sweep (``--tasks``, ``--grid``) shows a table of its tasks that lives while they
        run.

        Examples::

            %naga_run process.py -o param=10
            result = %naga_run process.py --config conf/base.yml
            %naga_run --set rows=table.query("year>2014") fit.py
            %naga_run -m stages.fit -h
            %naga_run --cwd ../pipeline fit.py -o lr=0.1
        """
        asked = parse_run_line(line)
        if asked is None:
            sys.stdout.write(f"{inspect.getdoc(type(self).naga_run)}\n")
            return None
        try:
            values = {key: self._evaluated(key, expression) for key, expression in asked.assignments}
            run = naga.run_module if asked.is_module else naga.run_script
            # A terminal can neither show HTML nor replace what it has shown; it gets the bar of scripts.
            watching = naga.watching_sweeps(SweepTable()) if hasattr(self.shell, "kernel") else contextlib.nullcontext()
            with in_folder(asked.folder), watching:
                result = run(asked.target, asked.argv, values=values)
        except UsageError:
            raise
        except naga.NagaError as error:
            if "--debug" in asked.argv:
                raise
            raise UsageError(error.one_line()) from None
        except BaseException as error:  # noqa: BLE001 - raised again, so that only this frame is above the script's
            naga.keep_locals(error, self.shell.user_ns)
            raise without_magic(error)  # noqa: B904 - it is the same exception
        naga.last.clear()
        return result

    def _evaluated(self, key: str, expression: str) -> Any:
        try:
            return eval(compile(expression, "<--set>", "eval"), self.shell.user_ns)  # noqa: S307 - the person's own
        except Exception as error:  # noqa: BLE001 - the person's expression may raise anything
            raise UsageError(f"--set {key}={expression}: {type(error).__name__}: {error}") from None

    @no_var_expand
    @line_magic
    def runlock(self, line: str) -> Any:
        """Show receipts, check them, compare them, and write them for work done in cells.

        ``%runlock`` shows the receipt of the last run and what is left of it, ``%runlock [show] RUN`` that of another:
        a folder, a ``run.lock``, any file that a run left, an id, or ``@latest``.

        ``%runlock verify [RUN ...] [--environment] [--warn]`` checks code, data and lineage, and fails the cell when
        something differs, unless ``--warn`` is given; ``%runlock diff A B`` says what is different between two runs;
        ``%runlock tree [RUN]`` draws the stages before it.

        ``%runlock write SAVE_DIR [--data PATH ...] [--prevs PATH ...]`` writes a receipt for what the cells of this
        notebook left in a folder: the cells that were executed, in their order, are its code.

        In ``found = %runlock ...`` the first and the last have `receipt`, `path` and `verification`; the others are
        what `naga.verify`, `naga.diff` and `naga.lineage` return.
        """
        words = split_line(line)
        verb = words.pop(0) if words and words[0] in VERBS else "show"
        return call_verb(self.shell, verb, words)
