"""The values that config objects of any class hold."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import os
import re
import types
from collections.abc import Mapping, Set
from typing import Any, ClassVar, get_origin

from naga.errors import ConfigError

__all__ = [
    "class_values",
    "instance_values",
    "is_class_variable",
    "is_plain_object",
    "is_structured",
    "shape_of",
    "unwrapped",
]

_NOT_VALUES = (types.FunctionType, staticmethod, classmethod, property, types.ModuleType)


def instance_values(instance: object) -> dict[str, Any]:
    """Return the public values of a config object of any class.

    Parameters
    ----------
    instance : object
        An instance of a plain class, of a dataclass or of an attrs class.

    Returns
    -------
    dict
        Name -> value, class attributes first where the instance does not override them.
    """
    cls = type(instance)
    if is_structured(cls):
        fields = getattr(cls, "__attrs_attrs__", None) or dataclasses.fields(instance)  # type: ignore[arg-type]
        return {field.name: getattr(instance, field.name) for field in fields if hasattr(instance, field.name)}
    own = {name: value for name, value in vars(instance).items() if not name.startswith("_")}
    return {**class_values(cls), **own}


def shape_of(instance: object) -> type:
    """Return the class whose values are all that an object holds.

    Parameters
    ----------
    instance : object
        Of a plain class.

    Returns
    -------
    type
        Its class; or, where ``__init__`` or the person added values, a class derived from it that has them too.
    """
    cls = type(instance)
    known = class_values(cls)
    added = {name: value for name, value in instance_values(instance).items() if name not in known}
    return type(cls.__name__, (cls,), {**added, "__module__": cls.__module__}) if added else cls


def class_values(cls: type) -> dict[str, Any]:
    """Return the public values that a plain class and its bases define.

    Parameters
    ----------
    cls : type
        A plain class.

    Returns
    -------
    dict
        Name -> value, those of the bases first. Methods, properties and class variables are not values, nor is a
        nested class that is only there to be the type of another value.

    Raises
    ------
    ConfigError
        A value is a class from elsewhere.
    """
    values: dict[str, Any] = {}
    for base in reversed(cls.__mro__[:-1]):
        hints = inspect.get_annotations(base)
        for name, value in vars(base).items():
            if name.startswith("_") or isinstance(value, _NOT_VALUES) or is_class_variable(hints.get(name)):
                continue
            if isinstance(value, type) and _is_only_a_type(value, hints, vars(base)):
                continue
            if isinstance(value, type) and not value.__qualname__.startswith(f"{base.__qualname__}."):
                raise ConfigError(
                    f"{cls.__name__}.{name} is the class {value.__name__}, which a config cannot hold",
                    hint=f"write {name} = {value.__name__}() or its name as a string",
                    key=name,
                )
            values[name] = value
    return values


def _is_only_a_type(cls: type, hints: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    if issubclass(cls, enum.Enum) or any(type(value) is cls for value in values.values()):
        return True
    word = re.compile(rf"\b{cls.__name__}\b")
    texts = (hint if isinstance(hint, str) else repr(hint) for hint in hints.values())
    return any(word.search(text) for text in texts)


def is_class_variable(hint: Any) -> bool:
    """Tell whether an annotation says that an attribute is no value of the config.

    Parameters
    ----------
    hint : object
        The annotation, as a type or as the text of one.

    Returns
    -------
    bool
    """
    return hint is ClassVar or get_origin(hint) is ClassVar or (isinstance(hint, str) and "ClassVar" in hint)


def is_structured(cls: type) -> bool:
    """Tell whether a class is a dataclass or an attrs class.

    Parameters
    ----------
    cls : type

    Returns
    -------
    bool
    """
    return dataclasses.is_dataclass(cls) or hasattr(cls, "__attrs_attrs__")


def is_plain_object(value: object) -> bool:
    """Tell an object of a person's own plain class from a value.

    Parameters
    ----------
    value : object

    Returns
    -------
    bool
    """
    cls = type(value)
    if isinstance(value, (bool, int, float, str, bytes, type, enum.Enum, os.PathLike, Mapping, list, tuple, Set)):
        return False
    if value is None or is_structured(cls) or isinstance(value, (*_NOT_VALUES, dataclasses.Field)):
        return False
    return cls.__module__ != "builtins" and hasattr(value, "__dict__")


def unwrapped(value: Any) -> Any:
    """Turn the plain objects and classes that a value holds into mappings.

    Parameters
    ----------
    value : object

    Returns
    -------
    object
        Dataclasses, attrs classes and everything else stay as they are.
    """
    if isinstance(value, type) and not is_structured(value):
        return {name: unwrapped(item) for name, item in class_values(value).items()}
    if is_plain_object(value):
        return {name: unwrapped(item) for name, item in instance_values(value).items()}
    if type(value) is dict:
        return {name: unwrapped(item) for name, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(unwrapped(item) for item in value)
    return value
