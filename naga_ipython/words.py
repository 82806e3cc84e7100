"""The words of a magic's line, as a shell splits them but for all that a shell would expand."""

from __future__ import annotations

import io
import shlex
from typing import NamedTuple

from IPython.core.error import UsageError

__all__ = ["WordsToCursor", "quoted_like", "split_line", "split_to_cursor", "typed_words"]

_CURSOR = "\0"
_SPECIAL = frozenset(" \t\n\r\"'\\")
"""What `shlex.split` does not leave as it is."""


class WordsToCursor(NamedTuple):
    """A line up to the cursor.

    Attributes
    ----------
    words : list of str
        The whole words, without their quotes.
    incomplete : str
        The word at the cursor, without its quotes; empty behind a space.
    typed : str
        The same as it was typed.
    """

    words: list[str]
    incomplete: str
    typed: str


def split_line(line: str) -> list[str]:
    """Split a line into words as a shell does, without expanding anything.

    Parameters
    ----------
    line : str

    Returns
    -------
    list of str

    Raises
    ------
    UsageError
        A quote has no end.
    """
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"the quotes do not match: {error}") from None


def typed_words(line: str) -> list[str]:
    """Return the words of a line with their quotes.

    Parameters
    ----------
    line : str

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        A quote has no end.
    """
    stream = io.StringIO(line)
    lexer = shlex.shlex(stream, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    typed = []
    begin = 0
    while lexer.get_token() is not None:
        end = stream.tell()
        typed.append(line[begin:end].strip())
        begin = end
    return typed


def split_to_cursor(line: str) -> WordsToCursor | None:
    r"""Split what stands before the cursor.

    Parameters
    ----------
    line : str
        Up to the cursor; a quote may be open there.

    Returns
    -------
    WordsToCursor or None
        None for what cannot be typed into a line.

    Examples
    --------
    >>> split_to_cursor("fit.py -o lr=")
    WordsToCursor(words=['fit.py', '-o'], incomplete='lr=', typed='lr=')
    >>> split_to_cursor("fit.py --config 'my conf")
    WordsToCursor(words=['fit.py', '--config'], incomplete='my conf', typed="'my conf")
    """
    if _CURSOR in line:
        return None
    for quote in ("", "'", '"'):
        marked = f"{line}{_CURSOR}{quote}"
        try:
            *words, last = shlex.split(marked)
            typed = typed_words(marked)[-1]
        except ValueError:
            continue
        return WordsToCursor(words, last.removesuffix(_CURSOR), typed.removesuffix(quote).removesuffix(_CURSOR))
    return None


def quoted_like(word: str, typed: str) -> str:
    r"""Write a whole word so that it can stand in the place of what was typed of it.

    Parameters
    ----------
    word : str
    typed : str
        With its quotes, the first of which stays open: the person, or the editor, ends it.

    Returns
    -------
    str

    Examples
    --------
    >>> quoted_like("my conf/base.yml", "my")
    "'my conf/base.yml'"
    >>> quoted_like("my conf/", "my")
    "'my conf/"
    >>> quoted_like("my conf/base.yml", '"my')
    '"my conf/base.yml'
    """
    if typed[:1] in ("'", '"'):
        return f"{typed[0]}{word}"
    if not set(word) & _SPECIAL:
        return word
    quoted = shlex.quote(word)
    return quoted.removesuffix("'") if word.endswith(("/", "=", ",")) else quoted
