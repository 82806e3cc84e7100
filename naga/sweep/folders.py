"""The folders of tasks: what the config makes of ``save_dir``, else a folder below it that is named by the values."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from naga.lock.digest import hash_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["folder_name", "is_varied_by"]

_REFERENCE = re.compile(r"\$\{([^{}]*)")
_NAMES = re.compile(r"[\w.]+")
_UNSAFE = re.compile(r"[^\w.+,=@-]|^[.-]", re.ASCII)
_LONGEST = 120


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
    """
    roots = {name.partition(".")[0] for name in keys}
    seen: set[str] = set()
    waiting = [key]
    while waiting:
        name = waiting.pop().partition(".")[0]
        if name in roots:
            return True
        if name not in seen:
            seen.add(name)
            waiting += _references(base.get(name))
    return False


def folder_name(values: Mapping[str, Any]) -> str:
    """Name a folder by the values of a task.

    Parameters
    ----------
    values : mapping
        Dotted key -> value.

    Returns
    -------
    str
        Such as ``lr=0.1,seed=3``. Characters that shells or disks take amiss are percent-encoded; a long name is cut
        and ends with a digest of all of it.

    Examples
    --------
    >>> folder_name({"param": 3}), folder_name({"name": "a/b", "lr": 0.1})
    ('param=3', 'name=a%2Fb,lr=0.1')
    """
    text = ",".join(f"{key}={_shown(value)}" for key, value in values.items())
    name = _UNSAFE.sub(_encoded, text)
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 17]}-{hash_bytes(name.encode()).rpartition(':')[2][:16]}"


def _references(value: Any) -> list[str]:
    """List everything in a value that could name a key."""
    if isinstance(value, str):
        return [name.strip(".") for found in _REFERENCE.findall(value) for name in _NAMES.findall(found)]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [name for item in items for name in _references(item)]


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), default=str, ensure_ascii=False)


def _encoded(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogateescape"))
