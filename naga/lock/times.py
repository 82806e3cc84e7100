"""Moments as receipts write them."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["read_time", "utc_text"]


def utc_text(seconds: float | None = None) -> str:
    """Write a moment down.

    Parameters
    ----------
    seconds : float, optional
        Since 1970, UTC; by default now.

    Returns
    -------
    str
        ISO 8601 with milliseconds, ending with ``Z``.

    Examples
    --------
    >>> utc_text(0)
    '1970-01-01T00:00:00.000Z'
    """
    moment = datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_time(text: str) -> datetime | None:
    """Read a time that may come from anybody.

    Parameters
    ----------
    text : str
        ISO 8601; UTC where it does not say.

    Returns
    -------
    datetime or None
        Aware; None when it is no time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
