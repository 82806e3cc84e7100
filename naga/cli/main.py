"""The command ``naga``: its subcommands, its exit codes, and the one line of an error."""

from __future__ import annotations

import argparse
import ast
import os
import re
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from naga._version import __version__
from naga.cli import completion, diff, digest, doctor, lineage, ls, reindex, relog, rerun, show, status, tasks, verify
from naga.errors import NagaError, UsageError, nearest
from naga.lock.describe import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "make_parser", "run_command"]

_COMMANDS = (show, ls, status, verify, diff, lineage, digest, rerun, relog, reindex, tasks, doctor, completion)
_EXAMPLES = """\
examples:
  naga show results/process
  naga show --json results/process/run.lock
  naga ls stage:train 'lr>0.01'
  naga status --why
  naga verify results/process
  naga rerun results/process --check
  naga tasks results --watch
  naga relog results
  naga reindex
  naga doctor

exit codes: 0 done; 1 a check found a difference; 2 usage; 65 integrity; 66 not found; 69 unreachable;
73 conflict; 75 incomplete; 77 refused; 78 bad config; 130 interrupted
"""


class _Parser(argparse.ArgumentParser):
    """Takes options between paths too, as other commands do."""

    _is_mixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self._is_mixing or self._subparsers is not None:
            return super().parse_known_args(args, namespace)
        # What mixes calls this method in its turn, and takes names behind -- for options.
        self._is_mixing = True
        try:
            parse = super().parse_known_args if "--" in args else self.parse_known_intermixed_args
            found, rest = parse(args, namespace)
        finally:
            self._is_mixing = False
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return found, rest

    def error(self, message: str) -> NoReturn:
        raise UsageError(_with_nearest(message), hint=f"{self.prog} -h shows how it is used")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command ``naga``.

    Parameters
    ----------
    argv : sequence of str, optional
        Without the name of the program; by default those of the process.

    Returns
    -------
    int
        The exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        try:
            return run_command(words)
        finally:
            # Here, where a reader that has gone is noticed, and not when the interpreter ends.
            sys.stdout.flush()
    except NagaError as error:
        if "--debug" in words:
            raise
        print(f"naga: error: {printable(error.one_line())}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # What is left in the buffer has to go somewhere, or Python complains once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def run_command(argv: Sequence[str]) -> int:
    """Run the command ``naga`` inside another program.

    Parameters
    ----------
    argv : sequence of str
        Without the name of the program, such as ``["verify", "results/process"]``.

    Returns
    -------
    int
        0, or 1 when a check found a difference.

    Raises
    ------
    NagaError
        What the command would end with; its ``exit_code`` says how.
    SystemExit
        With code 0, after ``-h`` printed the help.
    """
    options = make_parser().parse_args(list(argv))
    return int(options.run(options))


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command ``naga``.

    Returns
    -------
    argparse.ArgumentParser
        With one subparser for each command.
    """
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON for programs")
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser = _Parser(
        prog="naga",
        description="Reproducible runs: receipts of what ran, with which config, code and data.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"naga {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for command in _COMMANDS:
        command.add_to(commands, common)
    return parser


def _with_nearest(message: str) -> str:
    """Name the command that was meant, where argparse lists them all."""
    found = re.match(r"argument COMMAND: invalid choice: (.*) \(choose from", message, re.DOTALL)
    if found is None:
        return message
    word = ast.literal_eval(found[1])
    names = [command.__name__.rpartition(".")[2] for command in _COMMANDS]
    meant = nearest(word, names)
    return f"unknown command {word!r}" + (f", did you mean {meant!r}?" if meant else "")


if __name__ == "__main__":
    raise SystemExit(main())
