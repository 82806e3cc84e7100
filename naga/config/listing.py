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
    from collections.abc import Callable, Iterator

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


def config_text(config: DictConfig, origin_of: Callable[[str], str] | None = None) -> str:
    """Write a resolved config as YAML.

    Parameters
    ----------
    config : DictConfig
    origin_of : callable, optional
        Names the place that a dotted key has its value from; the place becomes a comment behind the key.

    Returns
    -------
    str
        As a receipt would hold it: plain values, redacted where secret. It ends with a line break.
    """
    plain = plain_config(config)
    redactor = Redactor.from_environment(os.environ).learn(plain)
    # A value stays on its line, behind which the comment stands.
    width = 10**9 if origin_of is not None else None
    text: str = yaml.safe_dump(redactor.value(plain), sort_keys=False, allow_unicode=True, width=width)
    return _with_origins(text, origin_of) if origin_of is not None else text


def _with_origins(text: str, origin_of: Callable[[str], str]) -> str:
    lines = text.splitlines()
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    ends = dict(_ends_of_values(yaml.compose(text, Loader=loader)))
    column = max((len(line) for number, line in enumerate(lines) if number in ends and len(line) <= _WIDEST), default=0)
    for number, key in ends.items():
        origin = " ".join(origin_of(key).split())
        lines[number] = f"{lines[number].ljust(column)}  # {origin}"
    return "".join(f"{line}\n" for line in lines)


def _ends_of_values(node: Any, prefix: str = "") -> Iterator[tuple[int, str]]:
    """Yield the line, counted from 0, behind which a comment on a key may stand, and the dotted key."""
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        name = f"{prefix}{key.value}"
        if isinstance(value, yaml.MappingNode) and value.value:
            yield from _ends_of_values(value, f"{name}.")
        else:
            # Text of several lines ends with a quote; the items of a list follow on lines of their own.
            yield (value.end_mark if isinstance(value, yaml.ScalarNode) else key.end_mark).line, name


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
