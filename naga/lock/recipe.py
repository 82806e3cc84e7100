"""The recipe: one digest over everything that decides the result of a run."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from naga.lock.digest import hash_bytes
from naga.lock.document import canonical_json

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["config_without_locations", "recipe_digest"]


def recipe_digest(
    *,
    caller: Mapping[str, Any],
    config: Mapping[str, Any],
    used: Mapping[str, Mapping[str, str]],
    data: Mapping[str, str],
    prevs: Mapping[str, str | None],
) -> str:
    """Compute the recipe of a run.

    Parameters
    ----------
    caller : mapping
        Its ``file`` and ``function`` tell apart two stages that share a file and a config.
    config : mapping
        The values without the locations of outputs and of declared data.
    used : mapping
        Repository -> path -> digest of the code files.
    data, prevs : mapping
        Name -> digest of the data; name -> recipe of the stage before.

    Returns
    -------
    str
        ``xxh3_128:<hex>`` of the canonical JSON; equal recipes mean the same computation.
    """
    code = {path: digest for files in used.values() for path, digest in files.items()}
    stage = f"{PurePath(str(caller.get('file') or '')).name}:{caller.get('function') or ''}"
    content = {"stage": stage, "config": config, "code": code, "data": dict(data), "prevs": dict(prevs)}
    return hash_bytes(canonical_json(content))


def config_without_locations(config: Mapping[str, Any], locations: Collection[str], save_dir: str | None) -> Any:
    """Leave out of a config what only says where things lie.

    Parameters
    ----------
    config : mapping
        Plain values.
    locations : collection of str
        The absolute paths of data, prevs and receipt that the run declared.
    save_dir : str or None
        The absolute path of the outputs.

    Returns
    -------
    dict
        The config without the keys ``save_dir`` and ``runlock``, and without every value that is one of `locations`
        or lies in `save_dir`.
    """

    def is_location(value: object) -> bool:
        if not isinstance(value, str) or not value:
            return False
        path = os.path.abspath(value)  # noqa: PTH100 - a text comparison; links are not looked at
        return path in locations or (save_dir is not None and (path == save_dir or path.startswith(f"{save_dir}/")))

    def pruned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: pruned(item) for key, item in value.items() if not is_location(item)}
        return [pruned(item) for item in value if not is_location(item)] if isinstance(value, list) else value

    return pruned({key: value for key, value in config.items() if key not in ("save_dir", "runlock")})
