"""What may follow on the command line of ``naga``; what a shell calls for it: ``python -m naga.cli.candidates``."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import naga
from naga.catalog.filters import STATUSES
from naga.cli.main import make_parser
from naga.config.path_completion import complete_paths
from naga.config.shell_code import SHELLS
from naga.config.shell_completion import answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["complete_command"]

_TOKENS = ("TOKEN", "A", "B")
_PATHS = ("DIR", "FILE", "PATH", "ROOT", "SAVE_DIR")
_PATIENCE = 2.0
"""Seconds for the newest runs: nobody asks a second time in this process."""


def complete_command(words: Sequence[str], incomplete: str) -> list[str]:
    """Complete a word of the command line of ``naga``.

    Parameters
    ----------
    words : sequence of str
        The words before the one that is being written, ``naga`` first, without their quotes.
    incomplete : str
        The beginning of the word that is being written; empty for a new one.

    Returns
    -------
    list of str
        Whole words that begin with `incomplete`: commands; options, of those that a command takes once only the ones
        that are not given yet; where a run is to be named the runs of the project, else paths, folders with a slash.

    Examples
    --------
    >>> complete_command(["naga"], "li")
    ['lineage']
    >>> complete_command(["naga", "tasks", "--json"], "--")
    ['--help', '--debug', '--watch', '--all']
    """
    parser = make_parser()
    given = list(words[1:])
    while given and given[0].startswith("-"):
        del given[0]
    if given:
        commands = _commands(parser)
        found = _of_command(commands[given[0]], given[1:], incomplete) if given[0] in commands else iter(())
    else:
        found = _options(parser, []) if incomplete.startswith("-") else iter(_commands(parser))
    return list(dict.fromkeys(word for word in found if word.startswith(incomplete) and word.isprintable()))


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    choices = next(action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(choices)


def _of_command(parser: argparse.ArgumentParser, given: Sequence[str], incomplete: str) -> Iterator[str]:
    if given and "--" not in given[:-1] and (option := _with_value(parser, given[-1])):
        return _values(option, incomplete)
    if incomplete.startswith("-") and "--" not in given:
        return _options(parser, given)
    return _values(_positional(parser, given), incomplete)


def _with_value(parser: argparse.ArgumentParser, word: str) -> argparse.Action | None:
    """Return the option whose value is the next word."""
    return next((one for one in parser._actions if word in one.option_strings and one.nargs != 0), None)


def _positional(parser: argparse.ArgumentParser, given: Sequence[str]) -> argparse.Action | None:
    """Return the argument that the next word is, or None when there are enough."""
    values = [before for before in ("", *given) if _with_value(parser, before)]
    count = sum(not word.startswith("-") for word in given) - len(values)
    actions = [action for action in parser._actions if not action.option_strings]
    if actions and actions[-1].nargs == "*":
        return actions[-1]
    return actions[count] if count < len(actions) else None


def _options(parser: argparse.ArgumentParser, given: Sequence[str]) -> Iterator[str]:
    for action in parser._actions:
        repeats = isinstance(action, argparse._AppendAction)
        if action.option_strings and (repeats or not set(action.option_strings) & set(given)):
            yield next(name for name in action.option_strings if name.startswith("--"))


def _values(action: argparse.Action | None, incomplete: str) -> Iterator[str]:
    if action is None:
        return
    if action.metavar == "FILTER":
        yield from STATUSES
    elif action.metavar == "SHELL":
        yield from SHELLS
    elif action.metavar in _TOKENS:
        runs = [run for run in naga.complete_runs(incomplete, seconds=_PATIENCE) if run.startswith(incomplete)]
        yield from runs or complete_paths(incomplete)
    elif action.metavar in _PATHS:
        yield from complete_paths(incomplete)


if __name__ == "__main__":
    sys.stdout.write(answer(sys.argv[1:], complete_command))
