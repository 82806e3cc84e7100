"""Which values of a config depend on which others, as far as the text of its interpolations tells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["is_varied_by"]

_REFERENCE = re.compile(r"\$\{(.*)", re.DOTALL)
_NAMES = re.compile(r"[\w.]+")


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
    roots = {name.partition(".")[0] for name in keys}
    seen: set[str] = set()
    waiting = [key]
    while waiting:
        name = waiting.pop()
        if name in roots:
            return True
        if name not in seen:
            seen.add(name)
            waiting += _mentioned(base.get(name))
    return False


def _mentioned(value: Any) -> list[str]:
    """List the first parts of everything in a value that could name a key."""
    if isinstance(value, str):
        found = _REFERENCE.search(value)
        return [part for name in _NAMES.findall(found[1]) for part in name.split(".")] if found else []
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [name for item in items for name in _mentioned(item)]
