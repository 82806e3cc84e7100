"""A config of any kind as plain values, for receipts."""

from __future__ import annotations

import dataclasses
import enum
import os
import sys
from collections.abc import Mapping
from datetime import date, time
from typing import Any

from naga.config.objects import class_values, instance_values, is_structured
from naga.config.values import ResolvedData, ResolvedPrev

__all__ = ["plain_config", "plain_value"]


def plain_config(config: object) -> dict[str, Any]:
    """Turn a config into a mapping of plain values.

    Parameters
    ----------
    config : DictConfig, mapping, class or instance
        Interpolations of a DictConfig are resolved.

    Returns
    -------
    dict
        String keys; values are strings, numbers, booleans, None, lists and mappings.
    """
    if config is None:
        return {}
    if isinstance(config, type):
        return {name: plain_value(value) for name, value in _values_of_class(config).items()}
    value = plain_value(config)
    return value if isinstance(value, dict) else _plain_instance(config, ())


def plain_value(value: object, inside: tuple[int, ...] = ()) -> Any:
    """Turn one value into plain values.

    Parameters
    ----------
    value : object
        Anything; of an object that has no plain form only its type is told, never its ``repr``, which may hold
        an address of memory or a secret.
    inside : tuple of int
        The ids of the objects that hold `value`, so that a ring of objects comes to an end.

    Returns
    -------
    str, int, float, bool, None, list or dict
    """
    omegaconf = sys.modules.get("omegaconf")
    if omegaconf is not None and isinstance(value, omegaconf.Container):
        return plain_value(omegaconf.OmegaConf.to_container(value, resolve=True, throw_on_missing=False))
    if isinstance(value, enum.Enum):
        return value.name
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, ResolvedData):
        return {"path": str(value.path), "digest": value.digest}
    if isinstance(value, ResolvedPrev):
        return {"path": str(value.path), "id": value.id}
    if id(value) not in inside:
        inside = (*inside, id(value))
        if isinstance(value, Mapping):
            return {str(key): plain_value(item, inside) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain_value(item, inside) for item in value]
        if is_structured(type(value)):
            return _plain_instance(value, inside)
    return _plain_scalar(value)


def _plain_instance(value: object, inside: tuple[int, ...]) -> dict[str, Any]:
    return {name: plain_value(item, inside) for name, item in instance_values(value).items()}


def _values_of_class(cls: type) -> dict[str, Any]:
    if not is_structured(cls):
        return class_values(cls)
    fields = (
        {} if not dataclasses.is_dataclass(cls) else {field.name: field.default for field in dataclasses.fields(cls)}
    )
    return {name: default for name, default in fields.items() if default is not dataclasses.MISSING}


def _plain_scalar(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted((plain_value(item) for item in value), key=repr)
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        return plain_value(value.item())
    for base in (bool, int, float, str):
        if isinstance(value, base):
            return base(value)
    return f"<{type(value).__module__}.{type(value).__qualname__}>"
