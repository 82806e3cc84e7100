"""What the type of a key makes of a value, without merging a whole config for it."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, ListConfig, UnionNode, ValueNode
from omegaconf.errors import OmegaConfBaseException

from naga.config.plain import plain_value

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["UNFIT", "converter_of", "node_at"]

UNFIT = object()
"""Stands for a value that has to be merged to see what becomes of it, or what is wrong with it."""

_PLAIN = frozenset({bool, int, float, str, type(None)})
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


def node_at(config: DictConfig, key: str) -> Any:
    """Return the node of a key.

    Parameters
    ----------
    config : DictConfig
    key : str
        Dotted.

    Returns
    -------
    Node or None
        None as well where the key is part of a list, of a mapping that is not there, or of an interpolation.
    """
    if _NAME.fullmatch(key) is None:
        return None
    *above, last = key.split(".")
    level: Any = config
    for name in above:
        level = level._get_node(name) if name in level else None
        if not isinstance(level, DictConfig) or level._is_none() or level._is_interpolation() or level._is_missing():
            return None
    return level._get_node(last) if last in level.keys() else None  # noqa: SIM118 - a missing value is no member


def converter_of(node: Any) -> Callable[[Any], Any] | None:
    """Return what turns a value into that of a key.

    Parameters
    ----------
    node : Node
        That of the key; it is left as it is.

    Returns
    -------
    callable or None
        Value -> what the config holds then, or `UNFIT`. None for a node that is neither a value nor a list of values,
        or that refuses to be changed.
    """
    if node is None or node._get_flag("readonly"):
        return None
    if isinstance(node, ValueNode):
        return lambda value: _scalar(node.validate_and_convert, value)
    if isinstance(node, UnionNode):
        union = _UnionConverter(node)
        return lambda value: _scalar(union, value)
    return _ListConverter(node) if isinstance(node, ListConfig) else None


def _scalar(convert: Callable[[Any], Any], value: Any) -> Any:
    if type(value) not in _PLAIN or (type(value) is str and ("$" in value or "\\" in value or value == "???")):
        return UNFIT
    try:
        converted = convert(value)
    except (OmegaConfBaseException, TypeError):
        return UNFIT
    return converted if type(plain_value(converted)) in _PLAIN else UNFIT


class _UnionConverter:
    def __init__(self, node: UnionNode) -> None:
        self._node = copy.deepcopy(node)

    def __call__(self, value: Any) -> Any:
        self._node._set_value(value)
        inner = self._node._value()
        return inner._value() if isinstance(inner, ValueNode) else inner


class _ListConverter:
    """Converts the items one by one; the first of each list that is not empty tells their type."""

    def __init__(self, node: ListConfig) -> None:
        self._node = copy.deepcopy(node)
        self._item: Callable[[Any], Any] | None = None

    def __call__(self, value: Any) -> Any:
        if type(value) is not list or not value:
            return UNFIT
        if self._item is None:
            try:
                self._node._set_value(value[:1])
            except (OmegaConfBaseException, TypeError):
                return UNFIT
            self._item = converter_of(self._node._get_node(0))
        items = [UNFIT if self._item is None else self._item(item) for item in value]
        return UNFIT if any(item is UNFIT for item in items) else items
