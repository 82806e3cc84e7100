"""The config that a main is called with: from its class, and whatever lies over it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from omegaconf import DictConfig, OmegaConf

from naga.config.experiments import file_layers, overrides_file_layer
from naga.config.layers import Layer, merge_layers, override_layer
from naga.config.objects import instance_values, is_plain_object, is_structured, shape_of, unwrapped
from naga.config.resolution import resolve_config
from naga.config.schema import make_schema
from naga.config.type_names import split_key
from naga.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from naga.config.arguments import Arguments
    from naga.config.resolution import Scope

__all__ = ["ConfigLayers", "collect_layers", "given_schema"]

_GIVEN = "the config that was given"


class ConfigLayers(msgspec.Struct, frozen=True):
    """All that says something about a config, before it is put together.

    Attributes
    ----------
    schema : DictConfig
        Keys, types and defaults.
    layers : tuple of Layer
        What lies over them; the later wins.
    scope : Scope or None
        What interpolations may name besides the keys of the config.
    base : str
        Where the defaults are from, where that is not the class: an object or a mapping.
    config_class : type or None
        The class of the config, whose source tells the lines of its keys.
    merged_before : tuple of Layer
        What the schema holds already; it counts where a place is asked for.
    """

    schema: DictConfig
    layers: tuple[Layer, ...] = ()
    scope: Scope | None = None
    base: str = ""
    config_class: type | None = None
    merged_before: tuple[Layer, ...] = ()

    def merged(self, *further: Layer) -> DictConfig:
        """Lay the layers over the schema, without resolving anything.

        Parameters
        ----------
        *further : Layer
            What lies on top, such as the values of a task.

        Returns
        -------
        DictConfig
            A new config; keys may lack a value, and interpolations are not resolved.

        Raises
        ------
        ConfigError
            A key is unknown, or a value has the wrong type; the message names its place.
        """
        return merge_layers(self.schema, (*self.layers, *further))

    def with_layers(self, *further: Layer) -> ConfigLayers:
        """Lay further layers on top.

        Parameters
        ----------
        *further : Layer

        Returns
        -------
        ConfigLayers
            A new one.
        """
        return msgspec.structs.replace(self, layers=(*self.layers, *further)) if further else self

    def flattened(self) -> ConfigLayers:
        """Merge the layers once, for whoever lays many values over them in turn.

        Returns
        -------
        ConfigLayers
            Gives the same configs, with no layers of its own.

        Raises
        ------
        ConfigError
            As for `merged`.
        """
        before = (*self.merged_before, *self.layers)
        return msgspec.structs.replace(self, schema=self.merged(), layers=(), merged_before=before)

    def place(self, key: str) -> str:
        """Name the place that has the last word about a key.

        Parameters
        ----------
        key : str
            Dotted.

        Returns
        -------
        str
            ``FILE:LINE`` of a config file or of the class, or the source of a layer; where the defaults are from when
            no layer sets it.
        """
        # What reads sources takes long to import, and only errors and listings need it.
        from naga.config.origins import line_of_key

        layers = [*self.layers[::-1], *self.merged_before[::-1]]
        for layer in layers:
            if layer.sets(key):
                return layer.place(key)
        if self.config_class is not None and not self.base and (line := line_of_key(self.config_class, key)):
            return line
        for layer in layers:
            # A key beside those of the config, which no layer sets.
            if layer.path is not None and (found := layer.place(key)) != str(layer.path):
                return found
        return self.base or "the class"

    def resolved(self, *further: Layer) -> DictConfig:
        """Put the config together.

        Parameters
        ----------
        *further : Layer
            As for `merged`.

        Returns
        -------
        DictConfig
            Resolved, and closed against unknown keys.

        Raises
        ------
        ConfigError
            A key is unknown, a value has the wrong type, is missing, or cannot be resolved.
        """
        stack = self.with_layers(*further)
        return resolve_config(stack.merged(), self.scope, stack.place)


def collect_layers(
    config_class: Any,
    given: Any,
    keywords: Mapping[str, Any],
    arguments: Arguments | None = None,
    *,
    caller: str = "main(...)",
) -> ConfigLayers:
    """Collect everything that says something about a config.

    Parameters
    ----------
    config_class : class, instance, mapping or DictConfig
        As for `naga.config.schema.make_schema`.
    given : object or None
        The config object that the main was called with.
    keywords : mapping
        The values that it was called with by name; they lie on top.
    arguments : Arguments, optional
        The command line: the file, the experiment, the file of overrides and the overrides, in this order over the
        object.
    caller : str
        How errors name the call.

    Returns
    -------
    ConfigLayers

    Raises
    ------
    ConfigError
        The class cannot be used as a config, or a file or an override cannot be read.
    NotFoundError
        A file or the experiment is not there.
    UsageError
        The command line makes no sense.
    """
    schema, layers = given_schema(config_class, given)
    base = "" if isinstance(config_class, type) else "the config of the decorator"
    if given is not None and given is not config_class and not layers:
        base = _GIVEN
    scope = None
    if arguments is not None:
        if arguments.experiment is not None and arguments.config is None:
            raise UsageError("--experiment needs the file that holds it", hint="add --config FILE")
        if arguments.config is not None:
            from_file, scope = file_layers(
                arguments.config, arguments.experiment, schema, _key_aside(arguments, schema)
            )
            layers += from_file
        if arguments.overrides_path is not None:
            layers.append(overrides_file_layer(arguments.overrides_path))
        if arguments.overrides:
            layers.append(override_layer(arguments.overrides))
    if keywords:
        layers.append(Layer.of_values(caller, keywords))
    is_class = isinstance(config_class, type)
    return ConfigLayers(schema, tuple(layers), scope, base, config_class if is_class else None)


def _key_aside(arguments: Arguments, schema: DictConfig) -> str | None:
    """Return the key of a list of tasks that is in the file but not in the config."""
    if arguments.sweep is None or arguments.sweep.tasks_key is None:
        return None
    first = split_key(arguments.sweep.tasks_key)[0]
    return None if first in map(str, schema) else first


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
    source = _GIVEN
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
