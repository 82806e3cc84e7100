"""The line of ``%naga_run``: options, then a script or a module, then the arguments that reach it as typed."""

from __future__ import annotations

from dataclasses import dataclass

from IPython.core.error import UsageError

from naga_ipython.words import split_line, typed_words

__all__ = ["RunLine", "parse_run_line"]

USAGE = "%naga_run [--cwd DIR] [--set KEY=EXPR ...] (SCRIPT.py | -m MODULE) [ARGS...]"


@dataclass(frozen=True, slots=True)
class RunLine:
    """What a line asks for.

    Attributes
    ----------
    target : str
        A script or the name of a module.
    is_module : bool
    argv : tuple of str
        What follows the target, nothing expanded.
    assignments : tuple of (str, str)
        Keys of the config, and the Python expressions for their values.
    folder : str or None
        Where it is run; None for the folder of the kernel.
    """

    target: str
    is_module: bool = False
    argv: tuple[str, ...] = ()
    assignments: tuple[tuple[str, str], ...] = ()
    folder: str | None = None


def parse_run_line(line: str) -> RunLine | None:
    """Read the line of ``%naga_run``.

    Parameters
    ----------
    line : str

    Returns
    -------
    RunLine or None
        None when it asks for help.

    Raises
    ------
    UsageError
        It names nothing to run, an option is unknown, or an assignment is none.
    """
    words = split_line(line)
    typed = typed_words(line)
    assignments: list[tuple[str, str]] = []
    folder: str | None = None
    place = 0
    while place < len(words):
        word = words[place]
        if word in ("-h", "--help"):
            return None
        if word == "--set" or word.startswith("--set="):
            is_apart = word == "--set"
            place += is_apart
            if place == len(words):
                raise UsageError(f"--set needs KEY=EXPR ({USAGE})")
            text = _expression_text(words[place], typed[place])
            assignments.append(_assignment(text if is_apart else text.removeprefix("--set=")))
        elif word == "--cwd" or word.startswith("--cwd="):
            is_apart = word == "--cwd"
            place += is_apart
            folder = (words[place] if place < len(words) else "") if is_apart else word.removeprefix("--cwd=")
            if not folder:
                raise UsageError(f"--cwd needs a folder ({USAGE})")
        elif word == "-m":
            return RunLine(_target(words, place + 1), True, tuple(words[place + 2 :]), tuple(assignments), folder)
        elif word.startswith("-"):
            raise UsageError(f"unknown option {word} before the script ({USAGE})")
        else:
            return RunLine(word, False, tuple(words[place + 1 :]), tuple(assignments), folder)
        place += 1
    raise UsageError(f"%naga_run needs a script: {USAGE}")


def _target(words: list[str], place: int) -> str:
    if place >= len(words):
        raise UsageError(f"-m needs the name of a module ({USAGE})")
    return words[place]


def _expression_text(word: str, typed: str) -> str:
    """Return an assignment with the quotes of its expression, without those around the whole of it."""
    return word if typed[:1] in ("'", '"') else typed


def _assignment(text: str) -> tuple[str, str]:
    key, equals, expression = text.partition("=")
    if not (key and equals and expression.strip()):
        raise UsageError(f"--set {text} is no KEY=EXPR ({USAGE})")
    return key, expression.strip()
