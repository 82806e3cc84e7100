"""The recipe: one digest over everything that decides the result of a run."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from naga.lock.digest import hash_bytes
from naga.lock.document import canonical_json

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from naga.lock.receipt import Receipt

__all__ = ["config_without_locations", "recipe_digest"]

# What ${runlock_data:...} and ${runlock_prev:...} become; their digests and recipes count as data and prevs.
_RESOLVED = ({"path", "digest"}, {"path", "id"})


def recipe_digest(receipt: Receipt) -> str:
    """Compute the recipe of a run from its receipt, and from nothing else.

    Parameters
    ----------
    receipt : Receipt
        That of a run that has ended.

    Returns
    -------
    str
        ``xxh3_128:<hex>`` of the canonical JSON of stage, config, code, data and recipes of the prevs; equal recipes
        mean the same computation. ``docs/formats.md`` says how to compute it with other tools.
    """
    content = {
        "stage": _stage(receipt.caller),
        "config": config_without_locations(receipt.config, *_locations(receipt)),
        "code": _code(receipt.used.get("files") or {}),
        "data": {name: entry.digest for name, entry in receipt.data.items()},
        "prevs": {name: _recipe_of(entry.id, receipt.lineage) for name, entry in receipt.prevs.items()},
    }
    return hash_bytes(canonical_json(content))


def config_without_locations(config: Mapping[str, Any], locations: Collection[str], folder: str, save_dir: str) -> Any:
    """Leave out of a config what only says where things lie.

    Parameters
    ----------
    config : mapping
        Plain values.
    locations : collection of str
        The absolute paths of data, prevs and receipt that the run declared.
    folder : str
        The absolute path of the folder that relative paths count from.
    save_dir : str
        The absolute path of the outputs, empty when there is none.

    Returns
    -------
    dict
        The config without the keys ``save_dir`` and ``runlock``, and without every value that is one of `locations`
        or lies in `save_dir`.
    """

    def is_location(value: object) -> bool:
        if isinstance(value, dict) and value.keys() in _RESOLVED:
            return is_location(value["path"])
        if not isinstance(value, str) or not value:
            return False
        path = _join(folder, value)
        return path in locations or (save_dir != "" and f"{path}/".startswith(f"{save_dir}/"))

    def pruned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: pruned(item) for key, item in value.items() if not is_location(item)}
        return [pruned(item) for item in value if not is_location(item)] if isinstance(value, list) else value

    return pruned({key: value for key, value in config.items() if key not in ("save_dir", "runlock")})


def _locations(receipt: Receipt) -> tuple[set[str], str, str]:
    """Return the arguments of `config_without_locations`."""
    root = str(receipt.caller.get("root") or "/")
    folder = _join(root, str(receipt.caller.get("cwd") or "."))
    locations = {_join(root, entry.path) for entry in receipt.data.values()}
    for prev in receipt.prevs.values():
        path = _join(root, prev.path)
        locations |= {path, os.path.dirname(path)}  # noqa: PTH120 - paths as text: links are not looked at
    save_dir = receipt.config.get("save_dir")
    return locations, folder, _join(folder, save_dir) if isinstance(save_dir, str) and save_dir else ""


def _join(folder: str, path: str) -> str:
    return os.path.normpath(os.path.join(folder, path))  # noqa: PTH118


def _stage(caller: Mapping[str, Any]) -> str:
    return f"{PurePath(str(caller.get('file') or '')).name}:{caller.get('function') or ''}"


def _code(used: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    """Put the files of all repositories together; the names of the repositories say nothing about the code."""
    code: dict[str, list[str]] = {}
    for files in used.values():
        for path, digest in files.items():
            code.setdefault(path, []).append(digest)
    return {path: sorted(digests) for path, digests in code.items()}


def _recipe_of(identifier: str, lineage: Mapping[str, Receipt]) -> str | None:
    return lineage[identifier].recipe if identifier in lineage else None
