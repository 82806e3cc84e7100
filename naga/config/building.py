"""The config that a main is called with: from its class, and whatever lies over it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from naga.config.layers import Layer, merge_layers, override_layer
from naga.config.objects import instance_values, is_plain_object, is_structured, shape_of, unwrapped
from naga.config.resolution import resolve_config
from naga.config.schema import make_schema
from naga.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from naga.config.arguments import Arguments

__all__ = ["build_config", "given_schema"]


def build_config(
    config_class: Any,
    given: Any,
    keywords: Mapping[str, Any],
    arguments: Arguments | None = None,
    *,
    caller: str = "main(...)",
) -> DictConfig:
    """Lay everything that says something about a config over its class, and resolve it.

    Parameters
    ----------
    config_class : class, instance, mapping or DictConfig
        As for `naga.config.schema.make_schema`.
    given : object or None
        The config object that the main was called with.
    keywords : mapping
        The values that it was called with by name; they lie on top.
    arguments : Arguments, optional
        The command line: the file, the experiment and the overrides, in this order over the object.
    caller : str
        How errors name the call.

    Returns
    -------
    DictConfig
        Resolved, and closed against unknown keys.

    Raises
    ------
    ConfigError
        A key is unknown, a value has the wrong type, is missing, or cannot be resolved.
    NotFoundError
        The file or the experiment is not there.
    UsageError
        The command line makes no sense.
    """
    schema, layers = given_schema(config_class, given)
    scope = None
    if arguments is not None:
        if arguments.experiment is not None and arguments.config is None:
            raise UsageError("--experiment needs the file that holds it", hint="add --config FILE")
        if arguments.config is not None:
            from naga.config.experiments import file_layers

            from_file, scope = file_layers(arguments.config, arguments.experiment, schema)
            layers += from_file
        if arguments.overrides:
            layers.append(override_layer(arguments.overrides))
    if keywords:
        layers.append(Layer.of_values(caller, keywords))
    return resolve_config(merge_layers(schema, layers), scope)


def given_schema(config_class: Any, given: Any) -> tuple[DictConfig, list[Layer]]:
    """Make the schema of a config, and the layer of the object that was given.

    Parameters
    ----------
    config_class : class, instance, mapping or DictConfig
        As for `naga.config.schema.make_schema`.
    given : object or None
        An object of the class, whose values become the defaults; or any other object, class or mapping, which sets
        the keys that it has.

    Returns
    -------
    schema : DictConfig
    layers : list of Layer
        Empty, or the one of `given`.

    Raises
    ------
    ConfigError
        A class or an object cannot be used as a config.
    """
    schema = make_schema(config_class)
    if given is None or given is config_class:
        return schema, []
    source = "the config that was given"
    if isinstance(given, Mapping):
        return schema, [Layer.of_values(source, given)]
    if type(given) is config_class and (is_structured(config_class) or is_plain_object(given)):
        if is_plain_object(given):
            schema = make_schema(shape_of(given))
        layer = Layer.of_values(source, instance_values(given))
        return merge_layers(_emptied(schema, layer.values), [layer]), []
    if isinstance(given, type) or is_structured(type(given)) or is_plain_object(given):
        values = unwrapped(given) if isinstance(given, type) else instance_values(given)
        return schema, [Layer.of_values(source, values)]
    kind = type(given).__name__
    hint = "give an object of the config's class, a mapping, or values by name"
    raise ConfigError(f"an object of type {kind} is no config", hint=hint)


def _emptied(schema: DictConfig, values: DictConfig) -> DictConfig:
    """Empty the mappings that values are to replace: merging would keep the keys that they no longer have."""
    emptied = copy.deepcopy(schema)
    for name in values:
        old, new = emptied._get_node(name), values._get_node(name)
        if not isinstance(old, DictConfig) or not isinstance(new, DictConfig) or old._is_none():
            continue
        if is_structured(OmegaConf.get_type(old) or dict):
            emptied[name] = _emptied(old, new)
        else:
            emptied[name] = {}
    return emptied
