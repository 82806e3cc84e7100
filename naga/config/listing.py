"""A config as people read it: every key with its type, default and comment, or the values as YAML."""

from __future__ import annotations

import enum
import os
from typing import TYPE_CHECKING, Any

import yaml
from omegaconf import DictConfig, ListConfig, OmegaConf

from naga.config.comments import key_comments
from naga.config.plain import plain_config
from naga.config.type_names import node_type_name
from naga.lock.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["config_text", "list_keys"]

_WIDEST = 40


def list_keys(schema: DictConfig, config_class: Any) -> tuple[str, str]:
    """List the keys of a config for a person.

    Parameters
    ----------
    schema : DictConfig
        What `make_schema` returned.
    config_class : class, instance, mapping or DictConfig
        Where the comments are looked for.

    Returns
    -------
    listing : str
        One line a key: name, type, default, comment.
    first : str
        A key for examples.
    """
    cls = config_class if isinstance(config_class, type) else type(config_class)
    comments = key_comments(cls)
    rows = [(key, kind, default, comments.get(key, "")) for key, kind, default in _leaves(schema)]
    if not rows:
        return "  (none)", "KEY"
    widths = [min(max(len(row[column]) for row in rows), _WIDEST) for column in range(3)]
    lines = [
        "  " + "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in rows
    ]
    return "\n".join(lines), rows[0][0]


def config_text(config: DictConfig) -> str:
    """Write a resolved config as YAML.

    Parameters
    ----------
    config : DictConfig

    Returns
    -------
    str
        As a receipt would hold it: plain values, redacted where secret. It ends with a line break.
    """
    plain = plain_config(config)
    redactor = Redactor.from_environment(os.environ).learn(plain)
    text: str = yaml.safe_dump(redactor.value(plain), sort_keys=False, allow_unicode=True)
    return text


def _leaves(config: DictConfig, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    for name in config:
        key = f"{prefix}{name!s}"
        node = config._get_node(name)
        if isinstance(node, DictConfig) and len(node) and not node._is_interpolation():
            yield from _leaves(node, f"{key}.")
        else:
            yield key, node_type_name(node), _default_text(config, name)


def _default_text(config: DictConfig, name: Any) -> str:
    if OmegaConf.is_missing(config, name):
        return "(required)"
    node: Any = config._get_node(name)
    if isinstance(node, DictConfig | ListConfig) and not node._is_none():
        return str(node)
    value = node._value()
    if isinstance(value, enum.Enum):
        return value.name
    return "null" if value is None else repr(value) if isinstance(value, str) else str(value)
