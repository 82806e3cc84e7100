"""What OmegaConf refuses, in the words of the person who wrote the config."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationKeyError,
    OmegaConfBaseException,
    ValidationError,
)

from naga.config.type_names import split_key, type_name
from naga.errors import ConfigError, NagaError, UnknownKeyError, WrongTypeError, nearest
from naga.lock.redact import is_secret_name

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["refused_interpolation", "refused_layer"]

_NOT_FOUND = re.compile(r"Interpolation key '([^']+)' not found")


def refused_layer(
    error: Exception, schema: DictConfig, values: DictConfig, place_of: Callable[[str], str]
) -> NagaError:
    """Say what was wrong with a layer that OmegaConf refused to merge.

    Parameters
    ----------
    error : OmegaConfBaseException, TypeError or IndexError
    schema : DictConfig
        Keys and types.
    values : DictConfig
        The layer.
    place_of : callable
        Names the place where the layer sets a key.

    Returns
    -------
    UnknownKeyError, WrongTypeError or ConfigError
    """
    key = str(getattr(error, "full_key", None) or "") or _misfit(schema, values)
    place = place_of(key)
    if isinstance(error, ConfigKeyError | ConfigAttributeError):
        return _unknown_key(schema, key, place)
    if key and isinstance(error, ValidationError | TypeError):
        message = f"{key!r} in {place} must be {type_name(schema, key)}, not {_given(values, key)}"
        return WrongTypeError(message, hint=_way_out(schema, values, key), key=key)
    return ConfigError(f"{key!r} in {place}: {str(error).splitlines()[0]}", key=key)


def _unknown_key(schema: DictConfig, key: str, place: str) -> UnknownKeyError:
    parent, _, name = key.rpartition(".")
    level = OmegaConf.select(schema, parent) if parent else schema
    known = [str(item) for item in level] if isinstance(level, DictConfig) else []
    found = nearest(name, known)
    dotted = f"{parent}.{found}" if parent else found
    hint = f"did you mean {dotted!r}?" if found else f"known keys: {', '.join(known) or 'none'}"
    return UnknownKeyError(f"unknown key {key!r} in {place}", hint=hint, key=key)


def _misfit(schema: DictConfig, values: DictConfig, prefix: str = "") -> str:
    """Find the key whose value is of another shape than the schema has, which OmegaConf does not name."""
    for name in (name for name in map(str, values) if name in list(schema)):
        node, old = values._get_node(name), schema._get_node(name)
        if isinstance(old, DictConfig) and isinstance(node, DictConfig):
            deeper = "" if node._is_none() or old._is_none() else _misfit(old, node, f"{prefix}{name}.")
            if deeper:
                return deeper
        elif isinstance(old, DictConfig | ListConfig):
            return f"{prefix}{name}"
    return ""


def _way_out(schema: DictConfig, values: DictConfig, key: str) -> str | None:
    expected = type_name(schema, key)
    if expected == "int":
        return f"annotate {key} with a wider type if that was meant"
    if expected == "str":
        return f"quote it twice if a text was meant: {key}=\"'VALUE'\""
    level = OmegaConf.select(schema, key, default=None)
    is_nested = isinstance(level, DictConfig) and len(level) and not isinstance(_node(values, key), dict)
    return f"set its keys: {key}.{next(iter(level))}=VALUE" if is_nested else None


def _node(values: DictConfig, key: str) -> Any:
    """Return the value of a key as it stands there, interpolations as text."""
    found: Any = OmegaConf.to_container(values, resolve=False)
    try:
        for name in split_key(key):
            found = found[int(name)] if isinstance(found, list) else found[name]
    except (KeyError, IndexError, ValueError, TypeError):
        return None
    return found


def _given(values: DictConfig, key: str) -> str:
    value = _node(values, key)
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    return "the value that was given" if is_secret_name(key) else repr(value)


def refused_interpolation(
    error: OmegaConfBaseException, key: str, config: DictConfig, place_of: Callable[[str], str]
) -> NagaError:
    """Say what was wrong with an interpolation.

    Parameters
    ----------
    error : OmegaConfBaseException
    key : str
        The key of the config that was being resolved.
    config : DictConfig
        The config.
    place_of : callable
        Names the place where the value of a key stands.

    Returns
    -------
    NagaError
        The error of a resolver of naga itself, if it was one.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, NagaError):
            return cause
        cause = cause.__cause__ or cause.__context__
    key = str(error.full_key or "") or key
    # What an interpolation leads to may be secret.
    first = "its value cannot be resolved" if is_secret_name(key) else str(error).splitlines()[0]
    hint = _other_name(first, config) if isinstance(error, InterpolationKeyError) else None
    return ConfigError(f"{key!r} in {place_of(key)}: {first}", hint=hint, key=key)


def _other_name(message: str, config: DictConfig) -> str:
    match = _NOT_FOUND.search(message)
    found = nearest(match[1], _dotted_keys(config)) if match is not None else None
    return f"did you mean {found!r}?" if found else "name a key of the config or of its file"


def _dotted_keys(config: DictConfig, prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name in config:
        node = config._get_node(name)
        keys.append(f"{prefix}{name!s}")
        if isinstance(node, DictConfig) and not node._is_none() and not node._is_interpolation():
            keys += _dotted_keys(node, f"{prefix}{name!s}.")
    return keys
