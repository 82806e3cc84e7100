"""Folders that no other run has: the number in ``save_dir: results/fit-{new}``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, ListConfig

if TYPE_CHECKING:
    from omegaconf import Container

__all__ = ["NEW", "claim_new_folder"]

NEW = "{new}"


def claim_new_folder(config: DictConfig) -> None:
    """Put a number where ``save_dir`` says ``{new}``, and make the folder of that name.

    Parameters
    ----------
    config : DictConfig
        Resolved. Other values that lie in ``save_dir`` follow it.

    Raises
    ------
    OSError
        The folder cannot be made.

    Notes
    -----
    Making the folder is what claims the number: mkdir(2) fails where something is there already, on network disks too,
    so of all runs that start at the same time no two get the same one.
    """
    template = config.get("save_dir")
    if not isinstance(template, str) or NEW not in template:
        return
    before, _, after = template.partition(NEW)
    top = after.partition("/")[0]
    number = _greatest(Path(f"{before}{NEW}{top}"), top) + 1
    Path(f"{before}{number}{top}").parent.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            Path(f"{before}{number}{top}").mkdir()
            break
        except FileExistsError:
            number += 1
    _replace(config, template, template.replace(NEW, str(number)))


def _greatest(template: Path, top: str) -> int:
    """Return the greatest number in the names of the folders that are there."""
    begin = template.name.removesuffix(NEW + top)
    pattern = re.compile(re.escape(begin) + r"([0-9]{1,18})" + re.escape(top))
    names = [entry.name for entry in template.parent.iterdir()] if template.parent.is_dir() else []
    return max((int(found[1]) for found in map(pattern.fullmatch, names) if found), default=0)


def _replace(container: Container, old: str, new: str) -> None:
    keys: Any = list(container) if isinstance(container, DictConfig) else range(len(container))  # type: ignore[arg-type]
    for key in keys:
        node: Any = container._get_node(key)
        if isinstance(node, DictConfig | ListConfig):
            if not node._is_none():
                _replace(node, old, new)
        elif isinstance(node._value(), str) and node._value().startswith(old):
            node._set_value(new + node._value().removeprefix(old))
