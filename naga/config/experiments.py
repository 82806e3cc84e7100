"""A config file as layers: the whole of it, or one node of it over those keys that it shares with the config."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from naga.config.files import read_config_file
from naga.config.layers import Layer
from naga.config.resolution import Scope
from naga.errors import NotFoundError, nearest

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["file_layers", "overrides_file_layer"]

_WHOLE_FILE = "__file__"


def file_layers(
    path: Path, experiment: str | None, schema: DictConfig, aside: str | None = None
) -> tuple[list[Layer], Scope | None]:
    """Read the layers that a config file holds.

    Parameters
    ----------
    path : Path
        A YAML file.
    experiment : str or None
        The dotted key of a node of the file that lies over the rest of it.
    schema : DictConfig
        The keys that the config has.
    aside : str, optional
        A key of the file, or of the node, that is no key of the config and still no error.

    Returns
    -------
    layers : list of Layer
        Without an experiment the whole file. With one, those keys of the file that the config has, then the node.
    scope : Scope or None
        What interpolations may name besides the keys of the config: with an experiment the other keys of the
        file, and the key that was put aside.

    Raises
    ------
    NotFoundError
        The file or the experiment is not there.
    ConfigFileError
        The file is not YAML, or not a mapping.

    Notes
    -----
    ``save_dir: ${save_dir}/fit`` in a node means the ``save_dir`` at the top of the file: a key that names itself
    could mean nothing else.
    """
    content = read_config_file(path)
    if experiment is None:
        if aside is None or aside not in map(str, content):
            return [Layer(str(path), content, path)], None
        return [Layer(str(path), _without(content, aside), path)], Scope(_only(content, aside))
    node = _experiment_node(content, experiment, path)
    first = experiment.split(".", 1)[0]
    # Not `in schema`, which does not see a key without a value.
    keys, known = [str(key) for key in content], {str(key) for key in schema}
    shared = [key for key in keys if key in known and key != first]
    layers = [
        Layer(str(path), OmegaConf.masked_copy(content, shared), path),
        Layer(str(path), _without_self_reference(_without(node, aside), content), path, experiment),
    ]
    others = OmegaConf.masked_copy(content, [key for key in keys if key not in known])
    if aside is not None and aside in map(str, node):
        others[aside] = node._get_node(aside)
    others[_WHOLE_FILE] = content
    return layers, Scope(others, experiment)


def _only(content: DictConfig, key: str) -> DictConfig:
    return OmegaConf.masked_copy(content, [key])


def _without(content: DictConfig, key: str | None) -> DictConfig:
    names: list[Any] = [name for name in content if str(name) != key]
    return OmegaConf.masked_copy(content, names)


def overrides_file_layer(path: Path) -> Layer:
    """Read a file of values that lie over a config file and its experiment.

    Parameters
    ----------
    path : Path
        A YAML file.

    Returns
    -------
    Layer

    Raises
    ------
    NotFoundError
        The file is not there.
    ConfigFileError
        The file is not YAML, or not a mapping.
    """
    return Layer(str(path), read_config_file(path), path)


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


def _without_self_reference(node: DictConfig, content: DictConfig) -> DictConfig:
    values: Any = OmegaConf.to_container(node, resolve=False)
    pointed: DictConfig = OmegaConf.create(_pointed_at_file(values, content, ""), flags={"allow_objects": True})
    return pointed


def _pointed_at_file(values: Any, content: DictConfig, key: str) -> Any:
    if isinstance(values, dict):
        return {
            name: _pointed_at_file(value, content, f"{key}.{name}" if key else str(name))
            for name, value in values.items()
        }
    if isinstance(values, str) and "${" in values and key.split(".", 1)[0] in map(str, content):
        own = re.compile(rf"(?<!\\)\$\{{\s*{re.escape(key)}\s*\}}")
        return own.sub(f"${{{_WHOLE_FILE}.{key}}}", values)
    return values
