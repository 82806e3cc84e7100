"""The verbs of ``%runlock``: what the commands say, and receipts for work that was done in cells."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.error import UsageError
from IPython.display import display

import naga
from naga.errors import nearest
from naga_ipython.shown import show_receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from naga import Comparison, Lineage, Receipt, Verification
    from naga_ipython.shown import ShownReceipt

__all__ = ["VERBS", "call_verb"]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} ({self.format_usage().removeprefix('usage: ').strip()})")


def call_verb(shell: InteractiveShell, verb: str, words: Sequence[str]) -> Any:
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
    ShownReceipt, Comparison, Verification, Lineage or None
        What was found or written; None for help, and when several runs were verified, which are then displayed.

    Raises
    ------
    UsageError
        Something is wrong with the words, or a check found a difference; the cell fails with one line.
    """
    try:
        return _VERBS[verb](shell, words)
    except naga.NagaError as error:
        raise UsageError(error.one_line()) from None
    except SystemExit:  # argparse has printed the help
        return None


def _show(_: InteractiveShell, words: Sequence[str]) -> ShownReceipt:
    if len(words) > 1:
        meant = nearest(words[0], VERBS)
        hint = f"did you mean %runlock {meant}?" if meant else f"verbs are {', '.join(VERBS)}"
        raise UsageError(f"%runlock show takes one run ({hint})")
    parser = _Parser(prog="%runlock show", description="Show a receipt, and what is left of its run.")
    parser.add_argument("run", nargs="?", metavar="RUN", help="a folder, a file, an id or @latest; by default the last")
    return show_receipt(*_run(parser.parse_args(list(words)).run))


def _write(shell: InteractiveShell, words: Sequence[str]) -> ShownReceipt:
    parser = _Parser(prog="%runlock write", description="Write the receipt of the work that was done in the cells.")
    parser.add_argument("save_dir", metavar="SAVE_DIR", help="the folder that the cells wrote to")
    parser.add_argument("--data", nargs="+", action="extend", metavar="PATH", help="what the cells read")
    parser.add_argument("--prevs", nargs="+", action="extend", metavar="PATH", help="the stages before")
    options = parser.parse_args(list(words))
    # The last cell is the one with this magic.
    sources = [source for source in shell.history_manager.input_hist_raw[1:-1] if source.strip()]  # type: ignore[union-attr]
    notebook = os.environ.get("JPY_SESSION_NAME")
    naga.record_cells(options.save_dir, sources, data=options.data, prevs=options.prevs, notebook=notebook)
    return show_receipt(*_run(None))


def _verify(_: InteractiveShell, words: Sequence[str]) -> Verification | None:
    parser = _Parser(prog="%runlock verify", description="Check whether all is there as the receipts say.")
    parser.add_argument("runs", nargs="*", metavar="RUN", help="as for show")
    parser.add_argument("--environment", action="store_true", help="fail, too, when the environment is another one")
    parser.add_argument("--warn", action="store_true", help="say that something differs, but let the cell go on")
    options = parser.parse_args(list(words))
    found = [naga.verify(_run(run)[0]) for run in options.runs or [None]]
    different = [each for each in found if not _is_same(each, with_environment=options.environment)]
    if different and not options.warn:
        _display(found)
        raise UsageError("something is not as the receipt says (see above); --warn lets the cell go on")
    if different:
        print("naga: something is not as the receipt says", file=sys.stderr)  # noqa: T201 - the line for the person
    if len(found) == 1:
        return found[0]
    _display(found)
    return None


def _is_same(found: Verification, *, with_environment: bool) -> bool:
    return found.is_intact and (found.is_same_environment or not with_environment)


def _display(found: Sequence[Verification]) -> None:
    for each in found:
        display(each)


def _diff(_: InteractiveShell, words: Sequence[str]) -> Comparison:
    parser = _Parser(prog="%runlock diff", description="Say what is different between two runs.")
    parser.add_argument("first", metavar="A", help="a folder, a file, an id or @latest")
    parser.add_argument("second", metavar="B", help="the other one")
    options = parser.parse_args(list(words))
    return naga.diff(options.first, options.second)


def _tree(_: InteractiveShell, words: Sequence[str]) -> Lineage:
    parser = _Parser(prog="%runlock tree", description="Draw a run and the stages before it.")
    parser.add_argument("run", nargs="?", metavar="RUN", help="as for show")
    found: Lineage = naga.lineage(_run(parser.parse_args(list(words)).run)[0])
    return found


def _run(token: str | None) -> tuple[Path, Receipt]:
    if token is not None:
        return naga.find_run(token)
    found = naga.last_receipt()
    if found is None:
        raise UsageError("no run with a receipt has ended in this kernel; %runlock PATH shows another one")
    return found


_VERBS: Mapping[str, Callable[[InteractiveShell, Sequence[str]], Any]] = {
    "show": _show,
    "write": _write,
    "verify": _verify,
    "diff": _diff,
    "tree": _tree,
}
VERBS = tuple(_VERBS)
"""What may follow ``%runlock``."""
