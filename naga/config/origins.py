"""Where each value of a config is from: the line of a class, the line of a file, or a word of the command line."""

from __future__ import annotations

import ast
import inspect
import os
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.config.comments import assigned_name, nested_classes

if TYPE_CHECKING:
    from collections.abc import Callable

    from naga.config.building import ConfigLayers

__all__ = ["key_lines", "origins_of"]


def origins_of(layers: ConfigLayers, config_class: Any) -> Callable[[str], str]:
    """Return what names the place that a key has its value from.

    Parameters
    ----------
    layers : ConfigLayers
        All layers of the config.
    config_class : class, instance, mapping or DictConfig
        As for `naga.config.schema.make_schema`.

    Returns
    -------
    callable
        Dotted key -> ``FILE:LINE`` of a config file or of the class, ``-o``, or the name of whatever else sets it.
    """
    lines = key_lines(config_class) if isinstance(config_class, type) and not layers.base else {}

    def origin_of(key: str) -> str:
        if any(layer.sets(key) for layer in layers.layers):
            return layers.place(key)
        names = key.split(".")
        # A key of a default that is a mapping stands where the mapping does.
        above = (".".join(names[:count]) for count in range(len(names), 0, -1))
        return next((lines[name] for name in above if name in lines), layers.base or "the class")

    return origin_of


def key_lines(cls: type) -> dict[str, str]:
    """Find the lines of the source on which a class defines its keys.

    Parameters
    ----------
    cls : type
        A config class.

    Returns
    -------
    dict
        Dotted key -> ``FILE:LINE``, with the file as seen from the current folder. Empty when the source cannot be
        found.

    Examples
    --------
    >>> key_lines(type("Config", (), {"param": 1}))
    {}
    """
    return _lines_of_class(cls, ())


def _lines_of_class(cls: type, around: tuple[type, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, nested in nested_classes(cls):
        if nested not in around:
            inner = _lines_of_class(nested, (*around, cls))
            found.update((f"{name}.{key}", place) for key, place in inner.items())
    for base in reversed(cls.__mro__[:-1]):
        try:
            source, first = inspect.getsourcelines(base)
            file = inspect.getsourcefile(base) or inspect.getfile(base)
            body = ast.parse(textwrap.dedent("".join(source))).body[0]
        except (OSError, TypeError, SyntaxError, IndexError):
            continue
        if isinstance(body, ast.ClassDef):
            shown = _shown(file)
            found.update((key, f"{shown}:{line + first - 1}") for key, line in _lines_of_body(body, ""))
    return found


def _lines_of_body(body: ast.ClassDef, prefix: str) -> list[tuple[str, int]]:
    found = []
    for statement in body.body:
        name = assigned_name(statement)
        if isinstance(statement, ast.ClassDef):
            found += _lines_of_body(statement, f"{prefix}{statement.name}.")
        elif name is not None:
            found.append((prefix + name, statement.lineno))
    return found


def _shown(file: str) -> str:
    path, folder = Path(os.path.realpath(file)), Path(os.path.realpath("."))
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
