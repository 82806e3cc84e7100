"""The pieces that all HTML of naga is made of: no script, nothing from a network, everything escaped."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

import naga

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = [
    "Html",
    "badge",
    "below",
    "bold",
    "code",
    "details",
    "digest",
    "flat",
    "heading",
    "joined",
    "link",
    "nested",
    "pairs",
    "short",
    "table",
    "value",
]

# Readable on light and on dark ground, since a notebook does not say which one it has.
_TONES = {"good": "#2a8a43", "warn": "#a06a00", "bad": "#d64541", "busy": "#2f7fd6", "none": "#767676"}
_CELL = "text-align:left;vertical-align:top;padding:1px 12px 1px 0"
_LONGEST = 300
_DEEPEST = 30
"""Lists in lists; what is deeper stands below each other."""


class Html(str):
    """A text that is HTML already; every other text is escaped. Only this module makes any."""

    __slots__ = ()


def code(content: object) -> Html:
    """Return what a program wrote, cut where it is very long.

    Parameters
    ----------
    content : object

    Returns
    -------
    Html
    """
    shown = str(content)
    return Html(f"<code>{_text(shown if len(shown) <= _LONGEST else f'{shown[:_LONGEST]}…')}</code>")


def value(content: Any) -> Html:
    """Return a plain value as it stands in a receipt.

    Parameters
    ----------
    content : object

    Returns
    -------
    Html
    """
    return code(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, default=str))


def short(content: str, full: str) -> Html:
    """Return a part of a text; the whole of it shows when a mouse rests there.

    Parameters
    ----------
    content, full : str

    Returns
    -------
    Html
    """
    return Html(f'<code title="{_text(full)}">{_text(content)}</code>')


def digest(content: str | None) -> Html:
    """Return the first characters of a digest.

    Parameters
    ----------
    content : str or None

    Returns
    -------
    Html
    """
    full = content or "none"
    return short(full.rpartition(":")[2][:10], full)


def badge(state: str) -> Html:
    """Return the badge of a state: the glyph, the word and the tone that it has everywhere.

    Parameters
    ----------
    state : str

    Returns
    -------
    Html
    """
    shown = naga.badge_of(state)
    return Html(f'<span style="color:{_TONES[shown.tone]};font-weight:600;white-space:nowrap">{_text(shown)}</span>')


def joined(*parts: object) -> Html:
    """Return several things next to each other, with spaces between them.

    Parameters
    ----------
    *parts : object

    Returns
    -------
    Html
    """
    return Html(" ".join(map(_text, parts)))


def below(parts: Iterable[object]) -> Html:
    """Return several things below each other.

    Parameters
    ----------
    parts : iterable of object

    Returns
    -------
    Html
    """
    return Html("".join(f"<div>{_text(part)}</div>" for part in parts))


def bold(content: object) -> Html:
    """Return something in bold letters.

    Parameters
    ----------
    content : object

    Returns
    -------
    Html
    """
    return Html(f"<b>{_text(content)}</b>")


def heading(name: str, *parts: object) -> Html:
    """Return the first line of something.

    Parameters
    ----------
    name : str
    *parts : object
        What stands behind it.

    Returns
    -------
    Html
    """
    return below([joined(bold(name), *parts)])


def link(address: str, shown: str) -> Html:
    """Return a link that opens in a tab of its own.

    Parameters
    ----------
    address : str
        What may be followed, which the caller sees to.
    shown : str

    Returns
    -------
    Html
    """
    return Html(f'<a href="{html.escape(address)}" target="_blank" rel="noopener noreferrer">{_text(shown)}</a>')


def table(rows: Iterable[Sequence[object]], header: Sequence[object] = ()) -> Html:
    """Return a table.

    Parameters
    ----------
    rows : iterable of sequences of object
    header : sequence of object, optional
        Titles of the columns.

    Returns
    -------
    Html
    """
    titles = "".join(f'<th style="{_CELL}">{_text(title)}</th>' for title in header)
    head = f"<thead><tr>{titles}</tr></thead>" if titles else ""
    lines = ("".join(f'<td style="{_CELL}">{_text(cell)}</td>' for cell in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return Html(f'<table style="margin:0">{head}<tbody>{body}</tbody></table>')


def pairs(rows: Mapping[str, object]) -> Html:
    """Return a table of names and what belongs to them.

    Parameters
    ----------
    rows : mapping

    Returns
    -------
    Html
    """
    return table((Html(f'<span style="opacity:.7">{_text(name)}</span>'), cell) for name, cell in rows.items())


def details(title: str, body: Html, *, is_open: bool = False) -> Html:
    """Return a part that can be folded.

    Parameters
    ----------
    title : str
    body : Html
    is_open : bool

    Returns
    -------
    Html
    """
    state = " open" if is_open else ""
    return Html(f"<details{state}><summary>{_text(title)}</summary>{body}</details>")


def nested(items: Iterable[tuple[int, object]]) -> Html:
    """Return a list with lists in it.

    Parameters
    ----------
    items : iterable of (int, object)
        How deep each item stands, from 0 on and at most one deeper than the one before, and the item.

    Returns
    -------
    Html
    """
    parts: list[str] = []
    at = -1
    for asked, item in items:
        depth = min(asked, _DEEPEST)
        if depth > at:
            parts.append("<ul>")
        else:
            parts.append("</li></ul>" * (at - depth) + "</li>")
        parts.append(f"<li>{_text(item)}")
        at = depth
    return Html("".join(parts) + "</li></ul>" * (at + 1))


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested mappings, with a dot before each deeper level of their names.

    Parameters
    ----------
    values : mapping
    prefix : str
        Before all names.

    Yields
    ------
    tuple of str and object
    """
    waiting = [(prefix, values)]
    while waiting:
        before, current = waiting.pop()
        for place, (key, inner) in enumerate(items := list(current.items())):
            if isinstance(inner, dict) and inner:
                waiting += [(before, dict(items[place + 1 :])), (f"{before}{key}.", inner)]
                break
            yield f"{before}{key}", inner


def _text(content: object) -> Html:
    """Escape a text, with whatever is hidden in it spelled out: a receipt may come from anybody."""
    return content if isinstance(content, Html) else Html(html.escape(naga.printable(str(content))))
