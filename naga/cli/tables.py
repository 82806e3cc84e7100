"""How commands print: tables and marks with colours on a terminal, plain aligned text anywhere else."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from naga.lock.badges import Badge, badge_of
from naga.lock.describe import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["Cell", "mark", "print_line", "print_rows"]

_STYLES = {"good": "green", "warn": "yellow", "bad": "red", "busy": "cyan", "none": "red"}


class Cell(NamedTuple):
    """A piece of text and, for terminals, a style of rich."""

    text: str
    style: str = ""


def mark(state: str) -> Cell:
    """Return the glyph, the word and the colour of a state.

    Parameters
    ----------
    state : str
        Of a run, of data or of code.

    Returns
    -------
    Cell
    """
    return _cell_of(badge_of(state))


def print_rows(rows: Iterable[Sequence[Cell | str]], header: Sequence[str] = ()) -> None:
    """Print rows in aligned columns; the last one is as wide as it is.

    Parameters
    ----------
    rows : iterable of sequences of Cell or str
        Control characters in them are spelled out.
    header : sequence of str, optional
        Titles of the columns.
    """
    titles = [[Cell(title, "bold") for title in header]] if header else []
    safe = [*titles, *([_safe(cell) for cell in row] for row in rows)]
    paint = _painter()
    columns = max((len(row) for row in safe), default=0)
    widths = [max((len(row[column].text) for row in safe if len(row) > column), default=0) for column in range(columns)]
    for row in safe:
        pairs = zip(row, widths, strict=False)
        print("  ".join(paint(*cell) + " " * (width - len(cell.text)) for cell, width in pairs).rstrip())


def print_line(*cells: Cell | Badge | str) -> None:
    """Print one line.

    Parameters
    ----------
    *cells : Cell, Badge or str
        Stand next to each other; control characters in them are spelled out.
    """
    paint = _painter()
    print("".join(paint(cell.text, cell.style) for cell in map(_safe, cells)))


def _cell_of(badge: Badge) -> Cell:
    return Cell(str(badge), _STYLES[badge.tone])


def _safe(cell: Cell | Badge | str) -> Cell:
    if isinstance(cell, Badge):
        cell = _cell_of(cell)
    text, style = cell if isinstance(cell, Cell) else (cell, "")
    return Cell(text if text.isprintable() else printable(text), style)


@cache
def _painter() -> Callable[[str, str], str]:
    """Return what colours a text: on a terminal, as rich finds out its abilities, else nothing does."""
    if not sys.stdout.isatty():
        return lambda text, _: text
    from rich.color import ColorSystem
    from rich.console import Console
    from rich.style import Style

    console = Console()
    if console.no_color or console.color_system is None:
        return lambda text, _: text
    return lambda text, style: Style.parse(style).render(text, color_system=ColorSystem.STANDARD) if style else text
