"""A schema from what a person writes as a config: a plain class, a dataclass, an attrs class or a mapping."""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from naga.config.objects import is_plain_object, is_structured
from naga.config.rewriting import KINDS, Rewriter
from naga.errors import ConfigError

__all__ = ["make_schema"]


def make_schema(config: Any) -> DictConfig:
    """Make the config that all layers are merged into and checked against.

    Parameters
    ----------
    config : class, instance, mapping or DictConfig
        A class of any kind gives its annotations as types and its attributes as defaults; where an attribute has
        no annotation, its default gives the type. An instance gives its own values as defaults. A mapping gives
        keys and defaults without types, as OmegaConf has it.

    Returns
    -------
    DictConfig
        Closed: a key that it does not have is an error. A key without a default is ``???``.

    Raises
    ------
    ConfigError
        It is none of these, or a type or a default is of a kind that a config cannot hold; the message names the
        key.
    """
    cls = config if isinstance(config, type) else type(config)
    try:
        schema = _schema(config)
    except NameError as error:
        raise _undefined(cls, error) from error
    except (OmegaConfBaseException, TypeError, ValueError) as error:
        key, cause = _blamed(cls, error)
        name = f"{cls.__name__}.{key}" if key else cls.__name__
        hint = "annotate it with | None, or leave the default out" if "'None'" in cause else KINDS
        raise ConfigError(f"{name} cannot be part of a config: {cause}", hint=hint, key=key or name) from error
    if not is_structured(OmegaConf.get_type(schema) or dict):
        # A structured config is closed by nature, and its fields of type dict are open.
        OmegaConf.set_struct(schema, True)
    return schema


def _schema(config: Any) -> DictConfig:
    if isinstance(config, DictConfig):
        return copy.deepcopy(config)
    if isinstance(config, Mapping):
        return OmegaConf.create(dict(config))
    if isinstance(config, type):
        return OmegaConf.structured(Rewriter().class_of(config))  # type: ignore[no-any-return]
    if is_structured(type(config)) or is_plain_object(config):
        return Rewriter().config_of(config)
    kind = type(config).__name__
    raise ConfigError(f"an object of type {kind} is no config", hint="give a class, an object of one, or a mapping")


def _undefined(cls: type, error: NameError) -> ConfigError:
    name = str(error.name)
    hints = {key: hint for base in reversed(cls.__mro__) for key, hint in inspect.get_annotations(base).items()}
    key = next((key for key, hint in hints.items() if name in str(hint)), "?")
    hint = f"define or import {name} at the top of the module"
    message = f"the annotation of {cls.__name__}.{key} names {name!r}, which is not defined"
    return ConfigError(message, hint=hint, key=key)


def _blamed(cls: type, error: Exception) -> tuple[str, str]:
    """Find the key that OmegaConf did not say: the one that fails on its own too."""
    structured = cls if is_structured(cls) else Rewriter().class_of(cls)
    for field in dataclasses.fields(structured) if dataclasses.is_dataclass(structured) else ():
        alone = (field.name, field.type, copy.copy(field))
        try:
            OmegaConf.structured(dataclasses.make_dataclass("Alone", [alone], namespace={"__module__": cls.__module__}))
        except (OmegaConfBaseException, TypeError, ValueError) as cause:
            if isinstance(field.type, type) and is_structured(field.type):
                key, text = _blamed(field.type, cause)
                return f"{field.name}.{key}" if key else field.name, text
            return field.name, _first_line(cause)
    return str(getattr(error, "full_key", None) or ""), _first_line(error)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
