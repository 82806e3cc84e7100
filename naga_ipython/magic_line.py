"""Where in a cell the cursor is, and which magic of naga it belongs to."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["MagicLine", "magic_line"]

_MAGICS = "naga_run", "naga_frame", "naga_postmortem", "runlock"
_LINE = re.compile(
    rf"\s*(?:(?P<target>[^\s%#'\"=][^%#=]*)=\s*)?(?:%time(?:it)?\s+)?(?P<sign>%?)(?P<magic>{'|'.join(_MAGICS)})\s+"
    r"(?P<rest>.*)",
    re.DOTALL,
)


class MagicLine(NamedTuple):
    """The line of a magic that the cursor stands in.

    Attributes
    ----------
    magic : str
        Its name.
    before, after : str
        What stands on both sides of the cursor, behind the name.
    is_automagic : bool
        Whether it was written without a ``%``.
    """

    magic: str
    before: str
    after: str
    is_automagic: bool


def magic_line(cell: str, line: int, column: int) -> MagicLine | None:
    r"""Find the magic of naga whose line the cursor stands in.

    Parameters
    ----------
    cell : str
        All of it.
    line, column : int
        Where the cursor is, from 0 on.

    Returns
    -------
    MagicLine or None
        None when it is the line of no such magic.

    Examples
    --------
    >>> magic_line("x = 1\nr = %naga_run fit.py -o ", 1, 24)
    MagicLine(magic='naga_run', before='fit.py -o ', after='', is_automagic=False)
    """
    lines = cell.split("\n")
    begin = line
    # A backslash at its end joins a line to the next one.
    while begin > 0 and lines[begin - 1].rstrip().endswith("\\"):
        begin -= 1
    head = [each.rstrip()[:-1] for each in lines[begin:line]]
    found = _LINE.fullmatch(" ".join([*head, lines[line][:column]]))
    if found is None or (found["target"] is not None and not found["sign"]):
        return None
    return MagicLine(found["magic"], found["rest"], lines[line][column:], not found["sign"])
