"""Layers of a config: class, file, experiment, overrides and arguments, merged one over the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from naga.config.files import line_of, read_config_file
from naga.config.refusals import refused_interpolation, refused_layer
from naga.config.type_names import type_name
from naga.errors import ConfigError, MissingValueError, NotFoundError, UsageError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Layer", "file_layers", "merge_layers", "override_layer", "pair_overrides", "resolve_config"]


@dataclass(frozen=True, slots=True)
class Layer:
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
    """

    source: str
    values: DictConfig
    path: Path | None = None
    node: str = ""

    @classmethod
    def of_values(cls, source: str, values: Mapping[str, Any]) -> Layer:
        """Make a layer of Python values.

        Parameters
        ----------
        source : str
            Where they come from.
        values : mapping
            Key -> value; not dotted.

        Returns
        -------
        Layer
        """
        return cls(source, OmegaConf.create(dict(values), flags={"allow_objects": True}))

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


def file_layers(path: Path, experiment: str | None, schema: DictConfig) -> tuple[list[Layer], DictConfig]:
    """Read the layers that a config file holds.

    Parameters
    ----------
    path : Path
        A YAML file.
    experiment : str or None
        The dotted key of a node of the file that lies over the rest of it.
    schema : DictConfig
        The keys that the config has.

    Returns
    -------
    layers : list of Layer
        Without an experiment the whole file. With one, those keys of the file that the config has, then the node.
    scope : DictConfig
        The other keys of the file, for interpolations to look up.

    Raises
    ------
    NotFoundError
        The file or the experiment is not there.
    ConfigFileError
        The file is not YAML, or not a mapping.
    """
    content = read_config_file(path)
    if experiment is None:
        return [Layer(str(path), content, path)], OmegaConf.create({})
    node = _experiment_node(content, experiment, path)
    first = experiment.split(".", 1)[0]
    keys = [str(key) for key in content]
    shared = [key for key in keys if key in schema and key != first]
    scope = OmegaConf.masked_copy(content, [key for key in keys if key not in schema])
    layers = [
        Layer(str(path), OmegaConf.masked_copy(content, shared), path),
        Layer(str(path), node, path, experiment),
    ]
    return layers, scope


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
        if "=" in word:
            pairs.append(word)
        elif rest and "=" not in rest[0]:
            pairs.append(f"{word}={rest.pop(0)}")
        else:
            raise UsageError(f"-o {word!r} has no value", hint=f"write -o {word}=VALUE", key=word)
    return pairs


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
    try:
        return Layer("-o", OmegaConf.from_dotlist(pairs))
    except (OmegaConfBaseException, ValueError) as error:
        first = str(error).splitlines()[0]
        raise ConfigError(f"-o {' '.join(pairs)} cannot be read: {first}") from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "yaml":
            raise
        raise ConfigError(f"-o {' '.join(pairs)} is not valid YAML", hint="quote the value") from error


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
            merged = OmegaConf.merge(merged, layer.values)  # type: ignore[assignment]
        except OmegaConfBaseException as error:
            raise refused_layer(error, schema, layer.values, layer.place) from error
    return merged


def resolve_config(config: DictConfig, scope: Mapping[str, Any] | DictConfig | None = None) -> DictConfig:
    """Replace every interpolation by its value, so that what `main` reads is what the receipt says.

    Parameters
    ----------
    config : DictConfig
        Merged.
    scope : mapping, optional
        Further keys that interpolations may name; the config's own keys come first.

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
    missing = _missing_keys(config)
    if missing:
        names = ", ".join(f"{key!r} ({type_name(config, key)})" for key in missing)
        hint = f"set it: -o {missing[0]}=VALUE, or in a config file"
        raise MissingValueError(f"no value for {names}", hint=hint, key=missing[0])
    resolved = OmegaConf.merge(config)
    assert isinstance(resolved, DictConfig)
    resolved._set_flag("allow_objects", True)
    is_closed = resolved._get_node_flag("struct")
    OmegaConf.set_struct(resolved, False)
    own = [str(key) for key in resolved]
    try:
        for key in scope.keys() - set(own) if scope is not None else ():
            resolved[key] = scope._get_node(key)  # type: ignore[union-attr]
        for key in own:
            _resolve_key(resolved, key)
    except OmegaConfBaseException as error:
        raise refused_interpolation(error) from error
    for key in set(resolved) - set(own):
        del resolved[key]
    OmegaConf.set_struct(resolved, is_closed)
    return resolved


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


def _resolve_key(config: DictConfig, key: str) -> None:
    if OmegaConf.is_interpolation(config, key):
        config[key] = config[key]
    value = config._get_node(key)
    if isinstance(value, DictConfig | ListConfig) and not value._is_none():
        OmegaConf.resolve(value)


def _experiment_node(content: DictConfig, experiment: str, path: Path) -> DictConfig:
    try:
        node = OmegaConf.select(content, experiment, throw_on_missing=True)
    except OmegaConfBaseException:
        node = None
    if isinstance(node, DictConfig):
        return node
    found = nearest(experiment, _mapping_keys(content))
    hint = f"did you mean {found!r}?" if found else f"its nodes are: {', '.join(_mapping_keys(content)) or 'none'}"
    raise NotFoundError(f"no experiment {experiment!r} in {path}", hint=hint, path=path, key=experiment)


def _mapping_keys(content: DictConfig, prefix: str = "") -> list[str]:
    keys: list[str] = []
    for key in map(str, content):
        value = content._get_node(key)
        if isinstance(value, DictConfig) and not value._is_interpolation() and not value._is_none():
            keys += [f"{prefix}{key}", *_mapping_keys(value, f"{prefix}{key}.")]
    return keys
