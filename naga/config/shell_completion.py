"""Completion in bash, zsh and fish: where it is installed, and what the shell calls for scripts."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from itertools import dropwhile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from naga.config.completion import complete_arguments
from naga.config.shell_code import SHELLS, completion_script
from naga.config.shell_words import quoted_for, split_line
from naga.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Installation", "answer", "install_completion", "plan_installation"]

_BEGIN, _END = "# >>> naga completion >>>", "# <<< naga completion <<<"
# Options of Python that a word follows.
_OPTIONS_WITH_WORD = ("-W", "-X", "--check-hash-based-pycs")
_ASSIGNMENT = re.compile(r"\w+=")


class Installation(NamedTuple):
    """What installing would write.

    Attributes
    ----------
    shell : str
        One of `SHELLS`.
    script : Path
        The file of the completion itself.
    startup : Path or None
        The file that the shell reads when it starts, which is to source the script; None where the shell finds it.
    """

    shell: str
    script: Path
    startup: Path | None


def plan_installation(shell: str | None) -> Installation:
    """Say what installing would write.

    Parameters
    ----------
    shell : str or None
        One of `SHELLS`; None for the one that ``SHELL`` names.

    Returns
    -------
    Installation

    Raises
    ------
    UsageError
        The shell is none of these.
    """
    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        said = f"the shell {name!r} cannot be taught" if name else "SHELL does not say which shell this is"
        raise UsageError(said, hint=f"name one: {'|'.join(SHELLS)}")
    home = Path.home()
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    if name == "fish":
        return Installation(name, config / "fish" / "conf.d" / "naga.fish", None)
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    startup = home / ".bashrc" if name == "bash" else Path(os.environ.get("ZDOTDIR") or home) / ".zshrc"
    return Installation(name, data / "naga" / f"completion.{name}", startup)


def install_completion(plan: Installation, *, dry_run: bool = False) -> str:
    """Teach a shell to complete the command line of scripts.

    Parameters
    ----------
    plan : Installation
        What to write. A second time it replaces what the first one wrote.
    dry_run : bool
        Write nothing.

    Returns
    -------
    str
        For the person: what was written, or would be. It ends with a line break.

    Raises
    ------
    UsageError
        A file cannot be written.
    """
    lines = [f"{'would write' if dry_run else 'wrote'} {plan.script}"]
    block = f"{_BEGIN}\nsource {shlex.quote(str(plan.script))}\n{_END}\n"
    if plan.startup is not None:
        lines.append(f"{'would add to' if dry_run else 'added to'} {plan.startup}: {block.splitlines()[1]}")
    if not dry_run:
        try:
            _replace(plan.script, completion_script(plan.shell))
            if plan.startup is not None:
                _replace(plan.startup, _with_block(plan.startup, block))
        except (OSError, UnicodeDecodeError) as error:
            hint = "source the text of --install_completion SHELL --dry_run yourself"
            raise UsageError(f"the completion cannot be installed: {error}", hint=hint) from error
        lines.append("open a new shell, then press TAB behind: python SCRIPT -o")
    return "".join(f"{line}\n" for line in lines) + (f"\n{completion_script(plan.shell)}" if dry_run else "")


def answer(arguments: Sequence[str], complete: Callable[[Sequence[str], str], list[str]]) -> str:
    """Answer the code that a shell has sourced.

    Parameters
    ----------
    arguments : sequence of str
        ``words``, the words of the line and the one that is being written; or ``bash``, for the line of the variables
        of the environment that bash sets.
    complete : callable
        What completes a word: is called with the words before it and its beginning.

    Returns
    -------
    str
        A line for each word. For bash they are quoted, without what readline leaves as it is, and a line ``nospace``
        comes first when no space belongs behind them.
    """
    if arguments[:1] == ["words"]:
        *words, incomplete = arguments[1:]
        return _lines(complete(words, incomplete))
    line = os.environ["COMP_LINE"].encode()[: int(os.environ["COMP_POINT"])].decode(errors="replace")
    typed = split_line(line)
    words = list(dropwhile(_ASSIGNMENT.match, typed.words))
    found = complete(words, typed.incomplete)
    goes_on = bool(found) and all(one.endswith(("=", "/", ",")) for one in found)
    breaks = os.environ.get("COMP_WORDBREAKS", "")
    return _lines(["nospace"] * goes_on + [quoted_for(one, typed, breaks) for one in found])


def _lines(words: Sequence[str]) -> str:
    return "".join(f"{word}\n" for word in words)


def _with_block(startup: Path, block: str) -> str:
    text = startup.read_text(encoding="utf-8") if startup.exists() else ""
    before, begin, rest = text.partition(_BEGIN)
    if begin and _END in rest:
        return before + block + rest.partition(_END)[2].removeprefix("\n")
    return text + ("\n" if text and not text.endswith("\n") else "") + block


def _replace(path: Path, text: str) -> None:
    """Write a file through a temporary one: a shell may start at this moment. A link stays a link."""
    real = Path(os.path.realpath(path))
    real.parent.mkdir(parents=True, exist_ok=True)
    temporary = real.with_name(f".{real.name}.naga-{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    if real.exists():
        temporary.chmod(real.stat().st_mode & 0o7777)
    temporary.replace(real)


def _complete(words: Sequence[str], incomplete: str) -> list[str]:
    """Complete a line that begins with a script, or an interpreter that a script or a module of this folder follows."""
    if words and words[0].endswith(".py"):
        # As a shell does it: a name without a folder is one of PATH.
        script = words[0] if "/" in words[0] else shutil.which(words[0])
        return [] if script is None else complete_arguments(Path(script).expanduser(), words[1:], incomplete)
    rest = list(words[1:])
    while rest and rest[0].startswith("-"):
        if rest[0] == "-m" and len(rest) > 1:
            return complete_arguments(_module_file(rest[1]), rest[2:], incomplete, root=Path())
        if rest[0] in ("-m", "-c", "-"):
            return []
        del rest[: 2 if rest[0] in _OPTIONS_WITH_WORD else 1]
    return complete_arguments(Path(rest[0]).expanduser(), rest[1:], incomplete) if rest else []


def _module_file(name: str) -> Path:
    place = Path(*name.split("."))
    return place / "__main__.py" if place.is_dir() else place.with_suffix(".py")


if __name__ == "__main__":
    sys.stdout.write(answer(sys.argv[1:], _complete))
