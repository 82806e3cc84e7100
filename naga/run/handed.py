"""Objects that are handed to a main as values of its config, themselves and not as copies."""

from __future__ import annotations

import os
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec
from omegaconf import Container, DictConfig, OmegaConf

from naga.config.changes import nested_values
from naga.config.layers import Layer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from naga.config.building import ConfigLayers

__all__ = ["lay_objects", "place_objects"]

_PLAIN = (bool, int, float, str, bytes, os.PathLike, Enum, dict, list, tuple, Container)


class _Handed:
    """Stands for an object while configs are merged, which copies all that they hold."""

    # With variables of its own it would be taken for a config.
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __deepcopy__(self, _: object) -> _Handed:
        return self


def lay_objects(layers: ConfigLayers, values: Mapping[str, Any], source: str) -> ConfigLayers:
    """Lay objects over a config.

    Parameters
    ----------
    layers : ConfigLayers
    values : mapping
        Dotted key -> object. Where the config has a nested config, an object of a config class sets its keys; anywhere
        else the object itself is the value.
    source : str
        How errors name the place.

    Returns
    -------
    ConfigLayers

    Raises
    ------
    ConfigError
        A value cannot be read, such as an interpolation without its end.
    """
    found = {}
    for key, value in values.items():
        names = tuple(key.split("."))
        is_value = value is None or isinstance(value, _PLAIN) or _is_nested(layers.schema, names)
        found[names] = value if is_value else _wrapped(value)
    return msgspec.structs.replace(layers, layers=(*layers.layers, Layer.of_values(source, nested_values(found))))


def place_objects(config: DictConfig, values: Mapping[str, Any]) -> None:
    """Put the objects themselves into a config that was put together with what stands for them.

    Parameters
    ----------
    config : DictConfig
        Resolved.
    values : mapping
        As for `lay_objects`.
    """
    for key in values:
        node: Any = OmegaConf.select(config, key)
        if isinstance(node, _Handed):
            *parents, name = key.split(".")
            holder: Any = OmegaConf.select(config, ".".join(parents)) if parents else config
            # Assigning would copy it.
            holder._get_node(name)._val = node.value


def _is_nested(schema: DictConfig, names: tuple[str, ...]) -> bool:
    node: Any = schema
    for name in names:
        node = node._get_node(name) if isinstance(node, DictConfig) and not node._is_none() else None
    return isinstance(node, DictConfig)


def _wrapped(value: Any) -> _Handed:
    # Where the key has a type, the refusal names that of the object.
    cls: type[_Handed] = type(type(value).__name__, (_Handed,), {"__module__": type(value).__module__, "__slots__": ()})
    return cls(value)
