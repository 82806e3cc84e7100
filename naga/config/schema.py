"""A schema from what a person writes as a config: a plain class, a dataclass, an attrs class or a mapping."""

from __future__ import annotations

import copy
import dataclasses
import enum
import types
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from naga.config.objects import class_values, instance_values, is_class_variable, is_structured
from naga.errors import ConfigError

__all__ = ["make_schema"]

_SCALARS = (bool, int, float, str, bytes)


def make_schema(config: Any) -> DictConfig:
    """Make the config that all layers are merged into and checked against.

    Parameters
    ----------
    config : class, instance, mapping or DictConfig
        A class of any kind gives its annotations as types and its attributes as defaults; where an attribute has
        no annotation, its default gives the type. An instance gives its own values. A mapping gives keys and
        defaults without types, as OmegaConf has it.

    Returns
    -------
    DictConfig
        Closed: a key that it does not have is an error. A key without a default is ``???``.

    Raises
    ------
    ConfigError
        A type or a default is of a kind that a config cannot hold.
    """
    name = config.__name__ if isinstance(config, type) else type(config).__name__
    try:
        schema = _schema(config)
        if not is_structured(OmegaConf.get_type(schema) or dict):
            # A structured config is closed by nature, and its fields of type dict are open.
            OmegaConf.set_struct(schema, True)
    except (OmegaConfBaseException, NameError) as error:
        first = str(error).splitlines()[0]
        raise ConfigError(f"{name} cannot be used as a config: {first}", key=name) from error
    return schema


def _schema(config: Any) -> DictConfig:
    if isinstance(config, DictConfig):
        return copy.deepcopy(config)
    if isinstance(config, Mapping):
        return OmegaConf.create(dict(config))
    cls = config if isinstance(config, type) else type(config)
    if is_structured(cls):
        return OmegaConf.structured(config)  # type: ignore[no-any-return]
    schema: DictConfig = OmegaConf.structured(_as_dataclass(cls))
    if not isinstance(config, type):
        schema = OmegaConf.merge(schema, _plain_nested(instance_values(config)))  # type: ignore[assignment]
    return schema


def _plain_nested(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _plain_nested(instance_values(value)) if _is_plain_object(value) else value
        for name, value in values.items()
        if not isinstance(value, type)
    }


def _as_dataclass(cls: type) -> type:
    """Rewrite a plain class as a dataclass, which is what OmegaConf reads types and defaults from."""
    hints = {name: hint for name, hint in get_type_hints(cls).items() if not is_class_variable(hint)}
    values = class_values(cls)
    fields: list[tuple[str, Any, Any]] = []
    for name in _in_source_order(values, hints):
        if name not in values:
            fields.append((name, _as_field_type(hints[name]), dataclasses.field()))
            continue
        value = values[name]
        if isinstance(value, type) and name not in hints:
            nested = _as_field_type(value)
            fields.append((name, nested, dataclasses.field(default_factory=nested)))
            continue
        if _is_plain_object(value):
            nested = _as_dataclass(type(value))
            default = dataclasses.field(default_factory=partial(_schema, value))
            fields.append((name, nested, default))
            continue
        hint = _as_field_type(hints[name]) if name in hints else _inferred_type(name, value)
        fields.append((name, hint, dataclasses.field(default_factory=partial(copy.deepcopy, value))))
    return dataclasses.make_dataclass(cls.__name__, fields, kw_only=True, namespace={"__module__": cls.__module__})


def _in_source_order(values: Mapping[str, Any], hints: Mapping[str, Any]) -> list[str]:
    """Put keys that have only an annotation behind the annotated key that stands before them."""
    names = list(values)
    before: str | None = None
    for name in hints:
        if name.startswith("_"):
            continue
        if name not in values:
            names.insert(names.index(before) + 1 if before in names else 0, name)
        before = name
    return names


def _is_plain_object(value: Any) -> bool:
    """Tell an instance of a person's own plain class from a value."""
    cls = type(value)
    is_value = isinstance(value, (*_SCALARS, Path, enum.Enum, Mapping, list, tuple, set, type)) or value is None
    structured = is_structured(cls) or isinstance(value, DictConfig)
    return not is_value and not structured and cls.__module__ != "builtins" and hasattr(value, "__dict__")


def _as_field_type(hint: Any) -> Any:
    if not isinstance(hint, type) or hint is Any or dataclasses.is_dataclass(hint):
        return hint
    is_value = issubclass(hint, (*_SCALARS, Path, enum.Enum, list, tuple, dict)) or hint in (
        object,
        types.NoneType,
    )
    if is_value or hasattr(hint, "__attrs_attrs__") or hint.__module__ in {"builtins", "typing", "types"}:
        return hint
    return _as_dataclass(hint)


def _inferred_type(name: str, value: Any) -> Any:
    if isinstance(value, (*_SCALARS, enum.Enum)):
        return type(value)
    if isinstance(value, Path):
        return Path
    if isinstance(value, list):
        return list[Any]
    if isinstance(value, Mapping):
        return dict[str, Any] if all(isinstance(key, str) for key in value) else dict[Any, Any]
    if value is None or isinstance(value, tuple):
        return Any
    if is_structured(type(value)):
        return type(value)
    raise ConfigError(
        f"the default of {name} is of type {type(value).__name__}, which a config cannot hold",
        hint="use numbers, strings, paths, enums, lists, mappings or nested configs",
        key=name,
    )
