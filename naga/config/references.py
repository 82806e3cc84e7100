"""Which values of a config depend on which others, as far as the text of its interpolations tells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["is_varied_by", "varied_places"]

_REFERENCE = re.compile(r"\$\{(.*)", re.DOTALL)
_NAMES = re.compile(r"[\w.]+")
_HERE = "."
"""Stands for the key at the root in which an interpolation is that begins with a dot."""


def is_varied_by(key: str, keys: frozenset[str], base: Mapping[str, Any]) -> bool:
    """Tell whether the value of a key can depend on those of others.

    Parameters
    ----------
    key : str
        A key at the root of the config.
    keys : frozenset of str
        Dotted keys.
    base : mapping
        The config, plain, and without anything resolved.

    Returns
    -------
    bool
        Rather True than False where it is not certain.

    Examples
    --------
    >>> is_varied_by("save_dir", frozenset({"lr"}), {"save_dir": "results/${name}", "name": "fit_${lr}", "lr": 0.1})
    True
    """
    return _reaches([key], {name.partition(".")[0] for name in keys}, base)


def varied_places(keys: frozenset[str], base: Mapping[str, Any]) -> list[str]:
    """List where the interpolations stand whose values can depend on those of some keys.

    Parameters
    ----------
    keys : frozenset of str
        Dotted keys; what stands at them or below them is not listed.
    base : mapping
        As for `is_varied_by`.

    Returns
    -------
    list of str
        Dotted keys of texts, or of the lists that hold them.

    Examples
    --------
    >>> varied_places(frozenset({"fit.lr"}), {"fit": {"lr": 0.1, "name": "${.lr}"}, "data": "in", "copy": "${data}"})
    ['fit.name']
    """
    roots = {name.partition(".")[0] for name in keys}
    return [
        place
        for place, value in _leaves(base)
        if place not in keys and _reaches(_mentioned(value), roots, base, place.partition(".")[0])
    ]


def _reaches(names: list[str], roots: set[str], base: Mapping[str, Any], here: str = "") -> bool:
    seen: set[str] = set()
    waiting = [here if name == _HERE else name for name in names]
    while waiting:
        name = waiting.pop()
        if name in roots:
            return True
        if name not in seen:
            seen.add(name)
            waiting += [name if found == _HERE else found for found in _mentioned(base.get(name))]
    return False


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _mentioned(value: Any) -> list[str]:
    """List the first parts of everything in a value that could name a key."""
    if isinstance(value, str):
        found = _REFERENCE.search(value)
        if found is None:
            return []
        names = [part for name in _NAMES.findall(found[1]) for part in name.split(".")]
        return [*names, _HERE] if "${." in value else names
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [name for item in items for name in _mentioned(item)]
