"""The folders of tasks: what the config makes of ``save_dir``, else a folder below it that is named by the values."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from naga.lock.digest import hash_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["folder_name"]

_UNSAFE = re.compile(r"[^\w.+,=@-]|^[.-]", re.ASCII)
_LONGEST = 120


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


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), default=str, ensure_ascii=False)


def _encoded(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogateescape"))
