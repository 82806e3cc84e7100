"""What OmegaConf refuses, in the words of the person who wrote the config."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationKeyError,
    OmegaConfBaseException,
    ValidationError,
)

from naga.config.type_names import type_name
from naga.errors import ConfigError, NagaError, UnknownKeyError, WrongTypeError, nearest
from naga.lock.redact import is_secret_name

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["refused_interpolation", "refused_layer"]


def refused_layer(
    error: OmegaConfBaseException, schema: DictConfig, values: DictConfig, place_of: Callable[[str], str]
) -> NagaError:
    """Say what was wrong with a layer that OmegaConf refused to merge.

    Parameters
    ----------
    error : OmegaConfBaseException
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
    key = str(error.full_key or error.key or "")
    place = place_of(key)
    if isinstance(error, ConfigKeyError | ConfigAttributeError):
        parent, _, name = key.rpartition(".")
        level = OmegaConf.select(schema, parent) if parent else schema
        known = [str(item) for item in level] if isinstance(level, DictConfig) else []
        found = nearest(name, known)
        dotted = f"{parent}.{found}" if parent else found
        hint: str | None = f"did you mean {dotted!r}?" if found else f"known keys: {', '.join(known) or 'none'}"
        return UnknownKeyError(f"unknown key {key!r} in {place}", hint=hint, key=key)
    if isinstance(error, ValidationError):
        expected, given = type_name(schema, key), _given(values, key)
        hint = f"annotate {key} with a wider type if that was meant" if expected == "int" else None
        message = f"{key!r} in {place} must be {expected}, not {given}"
        return WrongTypeError(message, hint=hint, key=key)
    return ConfigError(f"{key!r} in {place}: {str(error).splitlines()[0]}", key=key)


def _given(values: DictConfig, key: str) -> str:
    value = OmegaConf.select(OmegaConf.create({"value": values}), f"value.{key}", default=None)
    if isinstance(value, DictConfig | ListConfig):
        return f"a {type_name(values, key)}"
    return "the value that was given" if is_secret_name(key) else repr(value)


def refused_interpolation(error: OmegaConfBaseException) -> NagaError:
    """Say what was wrong with an interpolation.

    Parameters
    ----------
    error : OmegaConfBaseException

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
    key = str(error.full_key or error.key or "")
    first = str(error).splitlines()[0]
    hint = "name a key of the config or of its file" if isinstance(error, InterpolationKeyError) else None
    return ConfigError(f"{key!r}: {first}", hint=hint, key=key)
