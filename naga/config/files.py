"""Config files: reading them, and finding the line on which a key stands."""

from __future__ import annotations

import io
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from naga.config.type_names import split_key
from naga.errors import ConfigFileError, NotFoundError
from naga.lock.project import nearest_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["keep_config_files", "line_of", "read_config_file"]

_kept: dict[str, str] = {}


def keep_config_files(texts: Mapping[str, str]) -> None:
    """Let config files be in this process what they were, whatever becomes of them.

    Parameters
    ----------
    texts : mapping
        Absolute path -> content. They take the place of those that were kept before.
    """
    _kept.clear()
    _kept.update(texts)


def read_config_file(path: Path) -> DictConfig:
    """Read a YAML file as OmegaConf reads it.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    DictConfig
        Its content; an empty file is an empty mapping. Interpolations are not resolved.

    Raises
    ------
    NotFoundError
        There is no such file.
    ConfigFileError
        The file is not YAML, or not a mapping.
    """
    try:
        kept = _kept.get(os.path.abspath(path))  # noqa: PTH100 - links are kept
        content = OmegaConf.load(path if kept is None else io.StringIO(kept))
    except FileNotFoundError as error:
        found = nearest_path(path)
        hint = f"did you mean {found}?" if found else None
        raise NotFoundError(f"no config file {path}", hint=hint, path=path) from error
    except OSError as error:
        raise NotFoundError(f"cannot read the config file {path}: {error.strerror}", path=path) from error
    except OmegaConfBaseException as error:
        key = str(error.full_key or "")
        line = f":{line_of(path, key) or ''}".rstrip(":")
        message = f"{key!r} in {path}{line} cannot be read: {str(error).splitlines()[0]}"
        raise ConfigFileError(message, path=path, key=key) from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigFileError(f"{path}{_position(error)} is not valid YAML: {_problem(error)}", path=path) from error
    if not isinstance(content, DictConfig):
        raise ConfigFileError(f"{path} must hold a mapping of keys to values", path=path)
    return content


def line_of(path: Path, key: str) -> int | None:
    """Find the line of a config file on which a key stands.

    Parameters
    ----------
    path : Path
        A YAML file that can be parsed.
    key : str
        Dotted, with the items of lists as ``items[0]`` or ``items.0``.

    Returns
    -------
    int or None
        Counted from 1; None when the file does not hold the key.
    """
    kept = _kept.get(os.path.abspath(path))  # noqa: PTH100 - links are kept
    state = path.stat() if kept is None else None
    node = _composed(path, kept, state and state.st_mtime_ns, state and state.st_size)
    line = None
    for name in split_key(key):
        if isinstance(node, yaml.SequenceNode) and name.isdecimal() and int(name) < len(node.value):
            node = node.value[int(name)]
            line = node.start_mark.line + 1
            continue
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        found = next((pair for pair in pairs if pair[0].value == name), None)
        if found is None:
            return None
        line, node = found[0].start_mark.line + 1, found[1]
    return line


@lru_cache(maxsize=4)
def _composed(path: Path, kept: str | None, *_: int | None) -> yaml.Node | None:
    # Asked for once a key, and a file has many.
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    node: yaml.Node | None = yaml.compose(path.read_text(encoding="utf-8") if kept is None else kept, Loader=loader)
    return node


def _position(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}" if mark is not None else ""


def _problem(error: Exception) -> str:
    return str(getattr(error, "problem", None) or str(error).splitlines()[0])
