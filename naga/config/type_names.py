"""The names of types as a person writes them."""

from __future__ import annotations

import enum
import types
from typing import Any, Union, get_args, get_origin

from omegaconf import DictConfig, ListConfig
from omegaconf.errors import OmegaConfBaseException

__all__ = ["type_name"]


def type_name(config: DictConfig, key: str) -> str:
    """Return the type of a key of a config.

    Parameters
    ----------
    config : DictConfig
        A schema, or a config made of one.
    key : str
        Dotted.

    Returns
    -------
    str
        Such as ``int``, ``str | None``, ``list[int]``, ``Color (RED, BLUE)``; ``any`` where every value fits.
    """
    node: Any = config
    try:
        for name in key.split("."):
            node = node._get_node(int(name) if isinstance(node, ListConfig) else name)
    except (OmegaConfBaseException, ValueError, TypeError, AttributeError):
        return "any"
    if node is None:
        return "any"
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
