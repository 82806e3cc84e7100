"""The values that config objects of any class hold."""

from __future__ import annotations

import dataclasses
import inspect
import types
from typing import Any, ClassVar, get_origin

from naga.errors import ConfigError

__all__ = ["class_values", "instance_values", "is_class_variable", "is_structured"]

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


def class_values(cls: type) -> dict[str, Any]:
    """Return the public values that a plain class and its bases define.

    Parameters
    ----------
    cls : type
        A plain class.

    Returns
    -------
    dict
        Name -> value, those of the bases first; methods, properties and class variables are not values.

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
            if isinstance(value, type) and not value.__qualname__.startswith(f"{base.__qualname__}."):
                raise ConfigError(
                    f"{cls.__name__}.{name} is the class {value.__name__}, which a config cannot hold",
                    hint=f"write {name} = {value.__name__}() or its name as a string",
                    key=name,
                )
            values[name] = value
    return values


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
