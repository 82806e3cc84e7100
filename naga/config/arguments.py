"""The command line of a script: its options, and the help that lists every key of the config."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from naga.config.sweep_options import SweepOptions, add_sweep_options, sweep_options
from naga.errors import UsageError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["OPTIONS_WITH_PAIRS", "Arguments", "list_options", "parse_arguments"]

OPTIONS_WITH_PAIRS = ("override", "grid")
"""The options that several words ``KEY=VALUE`` may follow."""

_EXAMPLES = """\
examples:
  {program} -o {key}=VALUE
  {program} --config conf/base.yml -o {key} VALUE
  {program} --config conf/stages.yml --experiment NODE
  {program} --config conf/base.yml --print_config
  {program} --tasks list.txt --task_to {key} --n_jobs 2
  {program} --grid {key}=VALUE,VALUE --dry_run
"""


class Arguments(NamedTuple):
    """What the command line of a script asks for.

    Attributes
    ----------
    config : Path or None
        The config file.
    experiment : str or None
        The node of the config file that lies over the rest of it.
    overrides_path : Path or None
        A file of values that lie over the experiment and below `overrides`.
    overrides : tuple of str
        The words that follow ``-o``, in their order.
    print_config : bool
        Print the config instead of running.
    dry_run : bool
        Say what would be run instead of running it.
    sweep : SweepOptions or None
        The tasks, each of which is a run of its own; None for a single run.
    debug : bool
        Show the traceback of an error of naga.
    """

    config: Path | None = None
    experiment: str | None = None
    overrides_path: Path | None = None
    overrides: tuple[str, ...] = ()
    print_config: bool = False
    dry_run: bool = False
    sweep: SweepOptions | None = None
    debug: bool = False


class _Parser(argparse.ArgumentParser):
    """A parser that knows every long option in both spellings, ``--with_line`` and ``--with-dash``."""

    def spelled(self, word: str) -> str:
        """Return a word of the command line in the spelling in which the option was added."""
        name, equals, value = word.partition("=")
        known = {option.replace("-", "_"): option for option in self._option_string_actions}
        return known.get(name.replace("-", "_"), name) + equals + value if word.startswith("--") else word

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} -h lists the options")


def parse_arguments(
    argv: Sequence[str],
    *,
    program: str,
    description: str | None,
    list_keys: Callable[[], tuple[str, str]],
) -> Arguments:
    """Parse the command line of a script.

    Parameters
    ----------
    argv : sequence of str
        Without the name of the script.
    program : str
        The name of the script.
    description : str or None
        What the script does, for the help.
    list_keys : callable
        Returns the listing of all keys and the name of one of them, for the help; called for ``-h`` only.

    Returns
    -------
    Arguments

    Raises
    ------
    UsageError
        An option is unknown or lacks its value; the message names the nearest option. Or two options contradict each
        other.
    SystemExit
        With code 0, after ``-h`` printed the help, or after ``--install_completion`` taught the shell.
    """
    parser = _make_parser(program, description)
    words = [parser.spelled(word) for word in argv]
    options, rest = parser.parse_known_args(words)
    if options.help:
        listing, key = list_keys()
        parser.epilog = f"keys of the config (set them with -o KEY=VALUE):\n{listing}\n\n" + _EXAMPLES.format(
            program=program, key=key
        )
        parser.print_help()
        raise SystemExit(0)
    if options.install_completion is not None:
        _install(options.install_completion or None, dry_run=options.dry_run)
    if rest:
        _refuse(parser, rest[0], words)
    if options.print_config and options.dry_run:
        hint = "--dry_run shows the config too; leave one of them out"
        raise UsageError("--print_config and --dry_run contradict each other", hint=hint)
    return Arguments(
        config=options.config,
        experiment=options.experiment,
        overrides_path=options.overrides_path,
        overrides=tuple(word for group in options.override or () for word in group),
        print_config=options.print_config,
        dry_run=options.dry_run,
        sweep=sweep_options(options),
        debug=options.debug,
    )


def list_options() -> dict[str, bool]:
    """List the long options of a script.

    Returns
    -------
    dict
        Name without dashes, with underscores -> whether a word follows it; in the order of the help.
    """
    actions = _make_parser("", None)._actions
    return {action.option_strings[-1].lstrip("-"): action.nargs != 0 for action in actions}


def _make_parser(program: str, description: str | None) -> _Parser:
    parser = _Parser(
        prog=program,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    options = parser.add_argument_group("options")
    options.add_argument("-h", "--help", action="store_true", help="show this help and end")
    options.add_argument("--config", type=Path, metavar="FILE", help="a YAML file that sets some or all keys")
    options.add_argument("--experiment", metavar="KEY", help="the node of that file that lies over the rest of it")
    options.add_argument("--overrides_path", type=Path, metavar="FILE", help="a YAML file that sets keys over that")
    options.add_argument(
        "-o",
        "--override",
        nargs="+",
        action="append",
        metavar="KEY=VALUE",
        help="set keys; the last one wins",
    )
    options.add_argument("--print_config", action="store_true", help="print the config and end, without running")
    options.add_argument("--dry_run", action="store_true", help="say what would be run and end, without running")
    options.add_argument("--debug", action="store_true", help="show the traceback of a wrong config too")
    add_sweep_options(parser)
    options.add_argument(
        "--install_completion",
        nargs="?",
        const="",
        metavar="SHELL",
        help="complete options, keys and experiments with TAB in this shell (bash, zsh or fish) from now on, and end",
    )
    return parser


def _install(shell: str | None, *, dry_run: bool) -> NoReturn:
    from naga.config.shell_completion import install_completion, plan_installation

    sys.stdout.write(install_completion(plan_installation(shell), dry_run=dry_run))
    raise SystemExit(0)


def _refuse(parser: argparse.ArgumentParser, word: str, words: Sequence[str]) -> NoReturn:
    if not word.startswith("-"):
        assignment = word if "=" in word else f"{word}=VALUE"
        raise UsageError(f"unexpected word {word!r}", hint=f"did you mean -o {assignment}?", key=word)
    before = words[words.index(word) - 1] if word in words[1:] else "-"
    if not word.startswith("--") and not before.startswith("-") and "=" not in before:
        raise UsageError(f"-o {before} has no value", hint=f"if {word} is meant, write -o {before}={word}", key=before)
    name = word.split("=", 1)[0]
    if name == "--set":
        raise UsageError("unknown option --set", hint="it stands before the script: %naga_run --set KEY=EXPR SCRIPT.py")
    known = [option for action in parser._actions for option in action.option_strings]
    found = nearest(name, known)
    hint = f"did you mean {found}?" if found else f"{parser.prog} -h lists the options"
    raise UsageError(f"unknown option {name}", hint=hint, key=name)
