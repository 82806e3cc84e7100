"""The end of the layers: no value missing, and every interpolation replaced by what it leads to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException, ValidationError

from naga.config.objects import is_structured
from naga.config.refusals import refused_interpolation
from naga.config.type_names import split_key, type_name
from naga.errors import MissingValueError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Scope", "opened_config", "resolve_config", "without_interpolations"]

_INTERPOLATION = re.compile(r"(\\*)\$\{")


class Scope(msgspec.Struct, frozen=True):
    """What interpolations may name besides the keys of the config itself.

    Attributes
    ----------
    values : DictConfig
        Further keys; those of the config come first.
    experiment : str or None
        The dotted key under which the config itself is found too.
    """

    values: DictConfig
    experiment: str | None = None


def resolve_config(
    config: DictConfig, scope: Scope | None = None, place_of: Callable[[str], str] | None = None
) -> DictConfig:
    """Replace every interpolation by its value, so that what `main` reads is what the receipt says.

    Parameters
    ----------
    config : DictConfig
        Merged.
    scope : Scope, optional
        Further keys that interpolations may name.
    place_of : callable, optional
        Names the place where the value of a key stands, for errors.

    Returns
    -------
    DictConfig
        A new config, closed against unknown keys.

    Raises
    ------
    MissingValueError
        Keys are still ``???``; the message names them all.
    ConfigError
        An interpolation names nothing, or its resolver failed.
    """
    place_of = place_of or _unknown_place
    _check_complete(config, place_of)
    is_closed, own = config._get_node_flag("struct"), list(config)
    resolved = opened_config(config, scope)
    for key in own:
        try:
            _resolve_key(resolved, key)
        except OmegaConfBaseException as error:
            raise refused_interpolation(error, str(key), resolved, place_of) from error
    for key in set(resolved) - set(own):
        del resolved[key]
    OmegaConf.set_struct(resolved, is_closed)
    return resolved


def opened_config(config: DictConfig, scope: Scope | None = None) -> DictConfig:
    """Copy a config so that its interpolations find everything that they may name.

    Parameters
    ----------
    config : DictConfig
        Merged.
    scope : Scope, optional
        Further keys that interpolations may name.

    Returns
    -------
    DictConfig
        With the further keys, nothing resolved, and not closed against unknown keys.
    """
    opened = OmegaConf.merge(config)
    assert isinstance(opened, DictConfig)
    opened._set_flag("allow_objects", True)
    OmegaConf.set_struct(opened, False)
    if scope is not None:
        _add_scope(opened, scope)
    return opened


def _unknown_place(_: str) -> str:
    return "the config"


def without_interpolations(value: Any) -> Any:
    """Escape what has the form of an interpolation in a resolved value, or reading it would resolve it again.

    Parameters
    ----------
    value : object
        Texts, and lists and mappings of them; everything else stays as it is.

    Returns
    -------
    object
    """
    if isinstance(value, str):
        return _INTERPOLATION.sub(r"\1\1\\${", value)
    if type(value) is dict:
        return {key: without_interpolations(item) for key, item in value.items()}
    return [without_interpolations(item) for item in value] if type(value) is list else value


def _check_complete(config: DictConfig, place_of: Callable[[str], str]) -> None:
    missing = _missing_keys(config)
    if not missing:
        return
    names = ", ".join(f"{key!r} ({type_name(config, key)}) in {place_of(key)}" for key in missing)
    first = missing[0]
    kind = _ref_type(config, *split_key(first))
    if is_structured(kind):
        first += f".{next(iter(OmegaConf.structured(kind)), 'KEY')}"
    hint = f"set it: -o {first}=VALUE, or in a config file"
    raise MissingValueError(f"no value for {names}", hint=hint, key=missing[0])


def _missing_keys(config: DictConfig | ListConfig, prefix: str = "") -> list[str]:
    """List the keys that are ``???``, without looking at what interpolations lead to."""
    missing: list[str] = []
    if config._is_none() or config._is_interpolation():
        return missing
    if config._is_missing():
        return [prefix.rstrip(".")]
    keys: Any = config.keys() if isinstance(config, DictConfig) else range(len(config))
    for key in keys:
        node: Any = config._get_node(key)
        if isinstance(node, DictConfig | ListConfig):
            missing += _missing_keys(node, f"{prefix}{key}.")
        elif node is not None and node._is_missing():
            missing.append(f"{prefix}{key}")
    return missing


def _ref_type(config: Any, *names: Any) -> Any:
    for name in names:
        config = config._get_node(int(name) if isinstance(config, ListConfig) else name)
    return config._metadata.ref_type


def _add_scope(config: DictConfig, scope: Scope) -> None:
    own = set(config)
    alias = OmegaConf.to_container(config, resolve=False)
    for key in scope.values.keys() - own:
        config[key] = scope.values._get_node(key)
    if scope.experiment is not None and scope.experiment.split(".", 1)[0] not in own:
        # What other nodes, or the node itself by its full name, read of it is what it is after all layers.
        OmegaConf.update(config, scope.experiment, alias, merge=False, force_add=True)


def _resolve_key(config: DictConfig | ListConfig, key: Any) -> None:
    if OmegaConf.is_interpolation(config, key):
        value = _looked_up(config, key)
        config[key] = without_interpolations(value)
    value = config._get_node(key)
    if isinstance(value, DictConfig | ListConfig) and not value._is_none():
        for name in list(value) if isinstance(value, DictConfig) else range(len(value)):
            _resolve_key(value, name)


def _looked_up(config: DictConfig | ListConfig, key: Any) -> Any:
    try:
        return config[key]
    except ValidationError:
        kind = _ref_type(config, key)
        if not isinstance(kind, type) or not is_structured(kind):
            raise
    # A mapping of a file has no type, which OmegaConf holds against it where a nested config is expected.
    untyped = OmegaConf.create({"value": config._get_node(key)._value()})  # type: ignore[union-attr]
    untyped._set_parent(config)
    return OmegaConf.merge(OmegaConf.structured(kind), untyped["value"])
