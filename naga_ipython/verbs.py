"""The verbs of ``%runlock``: what the commands say, and receipts for work that was done in cells."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, NoReturn

from IPython.core.error import UsageError

import naga
from naga.errors import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from naga import Receipt

__all__ = ["VERBS", "call_verb"]

VERBS = ("show", "write", "verify", "diff", "tree")
"""What may follow ``%runlock``."""

_COMMANDS = {"verify": "verify", "diff": "diff", "tree": "lineage"}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (%runlock write SAVE_DIR [--data PATH ...] [--prevs PATH ...])")


def call_verb(shell: InteractiveShell, verb: str, words: Sequence[str]) -> Receipt | None:
    """Do what a verb of ``%runlock`` asks for.

    Parameters
    ----------
    shell : InteractiveShell
    verb : str
        One of `VERBS`.
    words : sequence of str
        What follows it.

    Returns
    -------
    Receipt or None
        The receipt that was found or written; the other verbs print what the commands of the same name print.

    Raises
    ------
    UsageError
        Something is wrong with the words, or a check found a difference; the cell fails with one line.
    """
    try:
        if verb == "show":
            return _show(words)
        if verb == "write":
            return _write(shell, words)
        different = naga.run_command([_COMMANDS[verb], *words])
    except naga.NagaError as error:
        raise UsageError(error.one_line()) from None
    except SystemExit:
        return None
    if different and verb == "verify":
        raise UsageError("something is not as the receipt says (see above)")
    return None


def _show(words: Sequence[str]) -> Receipt:
    if len(words) > 1:
        meant = nearest(words[0], VERBS)
        hint = f"did you mean %runlock {meant}?" if meant else f"verbs are {', '.join(VERBS)}"
        raise UsageError(f"%runlock show takes one run ({hint})")
    if words:
        return naga.find_run(words[0])[1]
    receipt = naga.last_receipt()
    if receipt is None:
        raise UsageError("no run with a receipt has ended in this kernel; %runlock PATH shows another one")
    return receipt


def _write(shell: InteractiveShell, words: Sequence[str]) -> Receipt:
    parser = _Parser(prog="%runlock write", description="Write the receipt of the work that was done in the cells.")
    parser.add_argument("save_dir", help="the folder that the cells wrote to")
    parser.add_argument("--data", nargs="+", action="extend", metavar="PATH", help="what the cells read")
    parser.add_argument("--prevs", nargs="+", action="extend", metavar="PATH", help="the stages before")
    options = parser.parse_args(list(words))
    # The last cell is the one with this magic.
    sources = [source for source in shell.history_manager.input_hist_raw[1:-1] if source.strip()]  # type: ignore[union-attr]
    notebook = os.environ.get("JPY_SESSION_NAME")
    return naga.record_cells(options.save_dir, sources, data=options.data, prevs=options.prevs, notebook=notebook)
