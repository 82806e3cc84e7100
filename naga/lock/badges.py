"""The badges of states: a glyph, a word and a tone, the same wherever something is shown."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Badge", "badge_of"]

_BADGES = {
    "ok": ("✓", "good"),
    "intact": ("✓", "good"),
    "available": ("✓", "good"),
    "finished": ("✓", "good"),
    "stale": ("~", "warn"),
    "modified": ("≠", "warn"),
    "missing": ("✗", "bad"),
    "gone": ("✗", "bad"),
    "failed": ("!", "bad"),
    "killed": ("!", "bad"),
    "started": ("…", "busy"),
    "running": ("…", "busy"),
    "left": ("·", "warn"),
    "dirty": ("✎", "warn"),
    "active": ("✓", "good"),
    "unreadable": ("?", "bad"),
    "inconsistent": ("?", "bad"),
}


class Badge(NamedTuple):
    """What a state is shown with.

    Attributes
    ----------
    glyph, word : str
    tone : str
        ``good``, ``warn``, ``bad``, ``busy`` or ``none``.
    """

    glyph: str
    word: str
    tone: str

    def __str__(self) -> str:
        return f"{self.glyph} {self.word}"


def badge_of(state: str) -> Badge:
    """Return the badge of a state.

    Parameters
    ----------
    state : str
        Of a run, of data or of code.

    Returns
    -------
    Badge

    Examples
    --------
    >>> print(badge_of("stale"))
    ~ stale
    """
    glyph, tone = _BADGES.get(state, ("?", "none"))
    return Badge(glyph, state, tone)
