"""A plain class rewritten as a dataclass, which is what OmegaConf reads types and defaults from."""

from __future__ import annotations

import copy
import dataclasses
import enum
import types
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, OmegaConf

from naga.config.objects import (
    class_values,
    instance_values,
    is_class_variable,
    is_plain_object,
    is_structured,
    shape_of,
)
from naga.errors import ConfigError

__all__ = ["KINDS", "Rewriter"]

KINDS = "use numbers, strings, paths, enums, lists, mappings or nested configs"
"""What a config can hold, as a hint."""

_SCALARS = (bool, int, float, str, bytes)


class Rewriter:
    """Rewrites plain classes as dataclasses, each class once."""

    def __init__(self) -> None:
        self._made: dict[type, type | None] = {}

    def class_of(self, cls: type) -> type:
        """Return the dataclass that stands for a class.

        Parameters
        ----------
        cls : type
            A plain class; a dataclass or an attrs class stands for itself.

        Returns
        -------
        type

        Raises
        ------
        ConfigError
            A default is of a kind that a config cannot hold, or the class contains itself.
        NameError
            An annotation is a text that names nothing.
        """
        if is_structured(cls):
            return cls
        if cls not in self._made:
            self._made[cls] = None
            self._made[cls] = self._rewrite(cls)
        made = self._made[cls]
        if made is None:
            hint = "a config is a tree: give the inner one a class of its own"
            raise ConfigError(f"{cls.__name__} contains itself, which a config cannot", hint=hint, key=cls.__name__)
        return made

    def config_of(self, instance: object) -> DictConfig:
        """Return the config that an object stands for.

        Parameters
        ----------
        instance : object
            Of a plain class, a dataclass or an attrs class.

        Returns
        -------
        DictConfig
            Types from its class, values from the object itself; what only the object has is a key too.

        Raises
        ------
        ConfigError, NameError
            As for `class_of`.
        """
        cls = type(instance)
        if is_structured(cls):
            return OmegaConf.structured(instance)  # type: ignore[no-any-return]
        config: DictConfig = OmegaConf.structured(self.class_of(shape_of(instance)))
        for name, value in instance_values(instance).items():
            if not isinstance(value, type):
                config[name] = self._default(value)
        return config

    def _rewrite(self, cls: type) -> type:
        hints = {name: hint for name, hint in get_type_hints(cls).items() if not is_class_variable(hint)}
        values = class_values(cls)
        fields = [(name, *self._field(cls, name, hints, values)) for name in _in_source_order(values, hints)]
        return dataclasses.make_dataclass(cls.__name__, fields, kw_only=True, namespace={"__module__": cls.__module__})

    def _field(self, cls: type, name: str, hints: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[Any, Any]:
        if name not in values:
            return self._type(hints[name]), dataclasses.field()
        value = values[name]
        if isinstance(value, type):
            nested = self.class_of(value)
            return nested, dataclasses.field(default_factory=nested)
        if is_plain_object(value) and isinstance(hints.get(name, object), type):
            # The object knows its keys better than an annotation that may name a base class.
            config = self.config_of(value)
            return OmegaConf.get_type(config), dataclasses.field(default_factory=partial(copy.deepcopy, config))
        hint = self._type(hints[name]) if name in hints else _inferred_type(value)
        if hint is None or isinstance(value, dataclasses.Field):
            raise _cannot_hold(cls, name, value)
        return hint, dataclasses.field(default_factory=partial(self._default, value))

    def _type(self, hint: Any) -> Any:
        if get_origin(hint) is not None:
            given = get_args(hint)
            inner = tuple(self._type(item) for item in given)
            if inner == given:
                return hint
            base: Any = Union if get_origin(hint) is types.UnionType else get_origin(hint)
            return base[inner]
        if not isinstance(hint, type) or hint is Any or hint.__module__ in {"builtins", "typing", "types"}:
            return hint
        if issubclass(hint, (*_SCALARS, Path, enum.Enum, list, tuple, dict)):
            return hint
        return self.class_of(hint)

    def _default(self, value: Any) -> Any:
        if is_plain_object(value):
            return self.config_of(value)
        if type(value) in (list, tuple):
            return type(value)(self._default(item) for item in value)
        if type(value) is dict:
            return {key: self._default(item) for key, item in value.items()}
        return copy.deepcopy(value)


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


def _inferred_type(value: Any) -> Any:
    if isinstance(value, enum.Enum) or is_structured(type(value)):
        return type(value)
    for kind in (*_SCALARS, Path):
        if isinstance(value, kind):
            return kind
    if isinstance(value, list):
        return list[Any]
    if isinstance(value, Mapping):
        return dict[str, Any] if all(isinstance(key, str) for key in value) else dict[Any, Any]
    return Any if value is None or isinstance(value, tuple) else None


def _cannot_hold(cls: type, name: str, value: Any) -> ConfigError:
    hint = KINDS
    if isinstance(value, dataclasses.Field):
        hint = f"decorate {cls.__name__} with @dataclass, or write the default itself"
    kind = type(value).__name__
    message = f"the default of {cls.__name__}.{name} is of type {kind}, which a config cannot hold"
    return ConfigError(message, hint=hint, key=name)
