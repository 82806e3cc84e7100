"""The listing of a config: every key with its type, its default and its comment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from naga.config.comments import key_comments
from naga.config.type_names import type_name

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["list_keys"]


def list_keys(schema: DictConfig, config_class: Any) -> tuple[str, str]:
    """List the keys of a config for a person.

    Parameters
    ----------
    schema : DictConfig
        What `make_schema` returned.
    config_class : class, mapping or DictConfig
        Where the comments are looked for.

    Returns
    -------
    listing : str
        One line a key: name, type, default, comment.
    first : str
        A key for examples.
    """
    comments = key_comments(config_class) if isinstance(config_class, type) else {}
    rows = [(key, type_name(schema, key), default, comments.get(key, "")) for key, default in _leaves(schema)]
    if not rows:
        return "  (none)", "KEY"
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  " + "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in rows
    ]
    return "\n".join(lines), rows[0][0]


def _leaves(config: DictConfig, prefix: str = "") -> Iterator[tuple[str, str]]:
    for name in map(str, config):
        key = f"{prefix}{name}"
        node = config._get_node(name)
        if isinstance(node, DictConfig) and len(node) and not node._is_interpolation():
            yield from _leaves(node, f"{key}.")
        else:
            yield key, _default_text(config, name)


def _default_text(config: DictConfig, name: Any) -> str:
    if OmegaConf.is_missing(config, name):
        return "(required)"
    node: Any = config._get_node(name)
    if isinstance(node, DictConfig | ListConfig):
        return str(node)
    value = node._value()
    return "null" if value is None else repr(value) if isinstance(value, str) else str(getattr(value, "name", value))
