"""Command lines as shells write them: taking the words apart, and putting what was completed back."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["TypedLine", "quoted_for", "split_line"]

_SPECIAL = re.compile(r"([^A-Za-z0-9_./:=@%+,~-])")


class TypedLine(NamedTuple):
    """A command line up to the cursor.

    Attributes
    ----------
    words : list of str
        The whole words, without their quotes.
    incomplete : str
        The word at the cursor, without its quotes; empty behind a space.
    quote : str
        The quote that is still open there, or nothing.
    """

    words: list[str]
    incomplete: str
    quote: str


def split_line(line: str) -> TypedLine:
    r"""Split the line of a command that is being written.

    Parameters
    ----------
    line : str
        As it was typed, up to the cursor.

    Returns
    -------
    TypedLine
        Of the last command of the line, where ``;``, ``|`` or ``&`` separate several.

    Examples
    --------
    >>> split_line("python 'a b.py' -o x=\\\"1 ")
    TypedLine(words=['python', 'a b.py', '-o', 'x="1'], incomplete='', quote='')
    >>> split_line("python 'a b")
    TypedLine(words=['python'], incomplete='a b', quote="'")
    """
    words: list[str] = []
    word: str | None = None
    quote = ""
    characters = iter(line)
    for character in characters:
        if quote:
            if character == quote:
                quote = ""
            elif character == "\\" and quote == '"':
                following = next(characters, "")
                word = (word or "") + ("" if following in '"\\$`' else "\\") + following
            else:
                word = (word or "") + character
        elif character in "'\"":
            quote, word = character, word or ""
        elif character == "\\":
            word = (word or "") + next(characters, "")
        elif character.isspace() or character in ";|&":
            before = [*words, word] if word is not None else words
            words, word = [] if character in ";|&" else before, None
        else:
            word = (word or "") + character
    return TypedLine(words, word or "", quote)


def quoted_for(candidate: str, typed: TypedLine, breaks: str) -> str:
    r"""Write a completed word in the form in which readline of bash puts it in the place of what was typed.

    Parameters
    ----------
    candidate : str
        The whole word.
    typed : TypedLine
        What was typed.
    breaks : str
        The characters at which readline begins a new word, ``COMP_WORDBREAKS``.

    Returns
    -------
    str
        Quoted, without what readline leaves as it is: in an open quote nothing, else all before the last break.

    Examples
    --------
    >>> quoted_for("mode=a b", split_line("python s.py -o mode=a"), " =:")
    'a\\ b'
    """
    if typed.quote:
        return candidate
    kept = max((typed.incomplete.rfind(one) for one in breaks if one in "=:@,"), default=-1) + 1
    return _SPECIAL.sub(r"\\\1", candidate[kept:])
