"""Layers of a config: class, file, experiment, overrides and arguments, merged one over the other."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import yaml
from omegaconf import Container, DictConfig, ListConfig, Node, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from naga.config.files import line_of
from naga.config.objects import unwrapped
from naga.config.refusals import refused_layer
from naga.config.resolution import without_interpolations
from naga.config.type_names import split_key
from naga.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Layer", "merge_layers", "override_layer", "pair_overrides"]

_ESCAPED = re.compile(r"\\[.\[\]=]")


class Layer(msgspec.Struct, frozen=True):
    """Values that lie over those of the layers before.

    Attributes
    ----------
    source : str
        Where the values stand, in the words of the person: a file, ``-o`` or ``main(...)``.
    values : DictConfig
        The values; interpolations are not resolved yet.
    path : Path or None
        The file, where they come from one.
    node : str
        The dotted key of the file under which they stand, empty for all of it.
    pairs : tuple of str
        The values as ``KEY=VALUE``, where they come from the command line.
    """

    source: str
    values: DictConfig
    path: Path | None = None
    node: str = ""
    pairs: tuple[str, ...] = ()

    @classmethod
    def of_values(cls, source: str, values: Mapping[str, Any]) -> Layer:
        """Make a layer of Python values.

        Parameters
        ----------
        source : str
            Where they come from.
        values : mapping
            Key -> value; not dotted. A DictConfig keeps its interpolations.

        Returns
        -------
        Layer

        Raises
        ------
        ConfigError
            A value cannot be read, such as an interpolation without its end.
        """
        try:
            return cls(source, OmegaConf.create(_untyped(values), flags={"allow_objects": True}))
        except OmegaConfBaseException as error:
            key = str(error.full_key or "")
            raise ConfigError(f"{key!r} in {source}: {str(error).splitlines()[0]}", key=key) from error

    @classmethod
    def of_dotted(cls, source: str, values: Mapping[str, Any]) -> Layer:
        """Make a layer of values whose keys are dotted, such as those of a task.

        Parameters
        ----------
        source : str
            Where they come from.
        values : mapping
            Dotted key -> value, in the spelling of ``-o``.

        Returns
        -------
        Layer

        Raises
        ------
        ConfigError
            A value cannot be read, or contradicts the one of another key.
        """
        made = OmegaConf.create({}, flags={"allow_objects": True})
        for key, value in values.items():
            try:
                OmegaConf.update(made, key, value)
            except (OmegaConfBaseException, ValueError, TypeError) as error:
                raise ConfigError(f"{key!r} in {source}: {str(error).splitlines()[0]}", key=key) from error
        return cls(source, made)

    def sets(self, key: str) -> bool:
        """Tell whether the layer says something about a key.

        Parameters
        ----------
        key : str
            Dotted.

        Returns
        -------
        bool
            Also True for a key below a value that the layer sets as a whole.
        """
        node: Any = self.values
        for name in split_key(key):
            if isinstance(node, ListConfig):
                node = node._get_node(int(name)) if name.isdecimal() and int(name) < len(node) else None
            elif isinstance(node, DictConfig) and not node._is_none() and not node._is_interpolation():
                node = next((node._get_node(own) for own in node if str(own) == name), None)
            else:
                return True
            if node is None:
                return False
        # A value that is missing leaves what was there before.
        return not (isinstance(node, Node) and node._is_missing())

    def place(self, key: str) -> str:
        """Name the place where the layer sets a key.

        Parameters
        ----------
        key : str
            Dotted.

        Returns
        -------
        str
            ``FILE:LINE`` for a file, else the source.
        """
        if self.path is None:
            return self.source
        line = line_of(self.path, f"{self.node}.{key}" if self.node else key)
        return f"{self.path}:{line}" if line else str(self.path)


def _untyped(value: Any) -> Any:
    """Turn configs into mappings and lists: a config that another main was given is of a class that was made for it."""
    if isinstance(value, Container):
        # Interpolations of a node may name keys of the config around it, which is not merged: they are resolved.
        is_whole = value._get_parent() is None
        content = OmegaConf.to_container(value, resolve=not is_whole)
        return content if is_whole else without_interpolations(content)
    if isinstance(value, Mapping):
        return {key: _untyped(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_untyped(item) for item in value)
    return unwrapped(value)


def pair_overrides(words: Sequence[str]) -> list[str]:
    """Bring the words that follow ``-o`` into the form ``KEY=VALUE``.

    Parameters
    ----------
    words : sequence of str
        ``KEY=VALUE``, or ``KEY`` and ``VALUE`` as two words.

    Returns
    -------
    list of str

    Raises
    ------
    UsageError
        A word is neither an assignment nor a key that a value follows.

    Examples
    --------
    >>> pair_overrides(["a=1", "param", "10"])
    ['a=1', 'param=10']
    """
    pairs: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word or word.startswith("="):
            raise UsageError(f"-o {word!r} names no key", hint="write -o KEY=VALUE")
        if _is_assignment(word):
            pairs.append(word)
        elif rest and not _is_assignment(rest[0]):
            pairs.append(f"{word}={rest.pop(0)}")
        else:
            raise UsageError(f"-o {word!r} has no value", hint=f"write -o {word}=VALUE", key=word)
    return pairs


def _is_assignment(word: str) -> bool:
    return "=" in _ESCAPED.sub("", word)


def override_layer(words: Sequence[str]) -> Layer:
    """Make a layer of the words that follow ``-o``.

    Parameters
    ----------
    words : sequence of str
        As for `pair_overrides`; values are read as OmegaConf's dotlists read them.

    Returns
    -------
    Layer

    Raises
    ------
    UsageError
        A word has no value.
    ConfigError
        A value cannot be parsed.
    """
    pairs = pair_overrides(words)
    values = OmegaConf.create({})
    for pair in pairs:
        try:
            values.merge_with_dotlist([pair])
        except (OmegaConfBaseException, yaml.YAMLError, ValueError, TypeError) as error:
            # The value itself is not shown: it may be secret.
            key = pair.partition("=")[0]
            hint = f"quote it: -o {key}=\"'VALUE'\""
            raise ConfigError(f"the value of -o {key} is not valid YAML", hint=hint, key=key) from error
    return Layer("-o", values, pairs=tuple(pairs))


def merge_layers(schema: DictConfig, layers: Sequence[Layer]) -> DictConfig:
    """Lay one layer after the other over the schema.

    Parameters
    ----------
    schema : DictConfig
        Keys, types and defaults.
    layers : sequence of Layer
        The later wins.

    Returns
    -------
    DictConfig
        A new config; interpolations are not resolved yet.

    Raises
    ------
    UnknownKeyError, WrongTypeError, ConfigError
        The message names the key, where it stands, and the nearest key or the expected type.
    """
    merged = schema
    for layer in layers:
        try:
            merged = _merged(merged, layer)
        except (OmegaConfBaseException, TypeError, IndexError) as error:
            raise refused_layer(error, schema, layer.values, layer.place) from error
    return merged


def _names_item(pair: str) -> bool:
    return any(name.isdecimal() for name in split_key(pair.partition("=")[0]))


def _merged(config: DictConfig, layer: Layer) -> DictConfig:
    try:
        return OmegaConf.merge(config, layer.values)  # type: ignore[return-value]
    except (OmegaConfBaseException, TypeError):
        if not any(map(_names_item, layer.pairs)):
            raise
        # A single item of a list, as in -o items[0]=3, can be set in place only.
        changed = copy.deepcopy(config)
        changed.merge_with_dotlist(list(layer.pairs))
        return changed
