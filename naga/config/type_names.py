"""The names of types as a person writes them."""

from __future__ import annotations

import enum
import re
import types
from typing import Any, Union, get_args, get_origin

from omegaconf import DictConfig, ListConfig
from omegaconf.errors import OmegaConfBaseException

__all__ = ["node_type_name", "split_key", "type_name"]

_NAMES = re.compile(r"[^.\[\]]+")


def split_key(key: str) -> list[str]:
    """Split a dotted key into the names of its levels.

    Parameters
    ----------
    key : str
        Dotted, with the items of lists as ``items[0]`` or ``items.0``.

    Returns
    -------
    list of str

    Examples
    --------
    >>> split_key("stages[0].name")
    ['stages', '0', 'name']
    """
    return _NAMES.findall(key)


def type_name(config: DictConfig, key: str) -> str:
    """Return the type of a key of a config.

    Parameters
    ----------
    config : DictConfig
        A schema, or a config made of one.
    key : str
        Dotted, with the items of lists as ``items[0]`` or ``items.0``.

    Returns
    -------
    str
        Such as ``int``, ``str | None``, ``list[int]``, ``Color (RED, BLUE)``; ``any`` where every value fits.
    """
    node: Any = config
    hint: Any = Any
    for name in split_key(key):
        try:
            below = node._get_node(int(name) if isinstance(node, ListConfig) else name)
        except (OmegaConfBaseException, ValueError, TypeError, IndexError, AttributeError):
            below = None
        # An item that the default does not hold is of the type of all items.
        hint = getattr(getattr(node, "_metadata", None), "element_type", Any) if below is None else None
        node = below
    return _annotation_name(hint) if node is None else node_type_name(node)


def node_type_name(node: Any) -> str:
    """Return the type of a node of a config.

    Parameters
    ----------
    node : Node
        Of OmegaConf.

    Returns
    -------
    str
        As for `type_name`.
    """
    if node._metadata.ref_type is Any or node._metadata.ref_type is None:
        value = node._value()
        return "any" if value is None or (isinstance(value, str) and value == "???") else _name_of_value(node, value)
    name = _annotation_name(node._metadata.ref_type)
    return f"{name} | None" if node._metadata.optional and name != "any" else name


def _name_of_value(node: Any, value: Any) -> str:
    if isinstance(node, DictConfig):
        return "mapping"
    return "list" if isinstance(node, ListConfig) else type(value).__name__


def _annotation_name(hint: Any) -> str:
    if hint is Any:
        return "any"
    if get_origin(hint) in (Union, types.UnionType):
        return " | ".join(_annotation_name(item) for item in get_args(hint))
    if get_origin(hint) is not None:
        inner = [_annotation_name(item) for item in get_args(hint)]
        base = get_origin(hint).__name__
        return base if all(item == "any" for item in inner) else f"{base}[{', '.join(inner)}]"
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return f"{hint.__name__} ({', '.join(hint.__members__)})"
    return {"NoneType": "None", "PosixPath": "Path"}.get(
        getattr(hint, "__name__", ""), getattr(hint, "__name__", str(hint))
    )
