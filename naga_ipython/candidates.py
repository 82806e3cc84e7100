"""What may stand next in the line of a magic."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

import naga
from naga_ipython.folder import in_folder
from naga_ipython.verbs import VERBS
from naga_ipython.words import split_to_cursor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from naga_ipython.magic_line import MagicLine
    from naga_ipython.words import WordsToCursor

__all__ = ["candidates"]

_RUN_OPTIONS = "--cwd", "--set", "-m", "-h"
_OPTIONS_WITH_WORD = "--cwd", "--set"
_PATHS_FOLLOW = "--data", "--prevs"


def candidates(line: MagicLine, typed: WordsToCursor) -> list[str] | None:
    """Return what may stand at the cursor.

    Parameters
    ----------
    line : MagicLine
    typed : WordsToCursor
        What stands before the cursor.

    Returns
    -------
    list of str or None
        Whole words, without quotes, that begin as `typed` does. No script is run and no module imported for them. None
        in an expression of Python.
    """
    found: Iterable[str] | None
    if line.magic == "naga_run":
        found = _of_run(typed, line.after)
    elif line.magic == "naga_frame":
        found = _of_frame(typed.words)
    elif line.magic == "naga_postmortem":
        found = _of_postmortem(typed)
    else:
        found = _of_runlock(typed)
    if found is None:
        return None
    return [word for word in dict.fromkeys(found) if word.startswith(typed.incomplete)]


def _of_run(typed: WordsToCursor, after: str) -> Iterable[str] | None:
    words, incomplete = list(typed.words), typed.incomplete
    folder: str | None = None
    while words and words[0].partition("=")[0] in _OPTIONS_WITH_WORD:
        option, is_joined, value = words[0].partition("=")
        if not is_joined and len(words) == 1:
            return _keys_to_set(incomplete, after, folder) if option == "--set" else _folders(incomplete)
        if option == "--cwd":
            folder = value if is_joined else words[1]
        del words[: 1 if is_joined else 2]
    try:
        with in_folder(folder):
            return _of_target(words, incomplete)
    except UsageError:
        return ()


def _of_target(words: list[str], incomplete: str) -> Iterable[str]:
    """Complete the script or module, or what follows it."""
    if words[:1] == ["-m"]:
        file = naga.module_file(words[1]) if len(words) > 1 else None
        return _arguments(file, words[2:], incomplete, Path.cwd()) if words[1:] else naga.complete_modules(incomplete)
    if words:
        return _arguments(Path(words[0]), words[1:], incomplete)
    options = _RUN_OPTIONS if incomplete.startswith("-") else ()
    return [*options, *naga.complete_paths(incomplete, (".py",))]


def _arguments(script: Path | None, words: list[str], incomplete: str, root: Path | None = None) -> list[str]:
    known = naga.complete_arguments(script, words, incomplete, root=root) if script is not None else []
    # What a script without a config takes is not known, but often it is a file.
    return known or naga.complete_paths(incomplete)


def _keys_to_set(incomplete: str, after: str, folder: str | None) -> list[str] | None:
    """Complete the key of ``--set KEY=EXPR`` where the script stands behind the cursor already."""
    if "=" in incomplete:
        return None
    behind = split_to_cursor(f"{after} ")
    words = [word for word in behind.words if not word.startswith("-")] if behind is not None else []
    try:
        with in_folder(folder):
            return naga.complete_arguments(Path(words[0]), ["-o"], incomplete) if words else []
    except UsageError:
        return []


def _folders(incomplete: str) -> list[str]:
    return [path for path in naga.complete_paths(incomplete) if path.endswith("/")]


def _of_frame(words: list[str]) -> Iterable[str]:
    choices = naga.last.choices()
    return choices.get(words[0], ()) if words else choices


def _of_postmortem(typed: WordsToCursor) -> Iterable[str]:
    if typed.words or typed.incomplete.startswith("-"):
        return ["--trust"]
    failed = [run for run in naga.complete_runs(typed.incomplete, status="failed") if _is_saved(run)]
    return ["on", "off", *failed, *_paths(typed.incomplete)]


def _is_saved(run: str) -> bool:
    with contextlib.suppress(naga.NagaError):
        naga.find_postmortem(run)
        return True
    return False


def _of_runlock(typed: WordsToCursor) -> Iterable[str]:
    words, incomplete = typed.words, typed.incomplete
    if not words:
        return [*VERBS, *_runs(incomplete)]
    if incomplete.startswith("-"):
        return {"verify": ["--environment", "--warn"], "write": _PATHS_FOLLOW}.get(words[0], ())
    if words[0] != "write":
        return _runs(incomplete)
    is_prev = next((word for word in reversed(words) if word in _PATHS_FOLLOW), None) == "--prevs"
    return naga.complete_runs(incomplete) if is_prev else naga.complete_paths(incomplete)


def _runs(incomplete: str) -> list[str]:
    return [*naga.complete_runs(incomplete), *_paths(incomplete)]


def _paths(incomplete: str) -> list[str]:
    """Complete paths where one is being written, lest all files of a folder stand behind the runs in it."""
    return naga.complete_paths(incomplete) if incomplete else []
