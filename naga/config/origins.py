"""The lines of the source on which a class defines the keys of a config."""

from __future__ import annotations

import ast
import os
from functools import lru_cache
from pathlib import Path

from naga.config.class_sources import assigned_name, class_sources, nested_classes
from naga.config.type_names import split_key

__all__ = ["key_lines", "line_of_key"]


def line_of_key(cls: type, key: str) -> str | None:
    """Find the line on which a class defines a key.

    Parameters
    ----------
    cls : type
        A config class.
    key : str
        Dotted.

    Returns
    -------
    str or None
        ``FILE:LINE``. A key of a default that is a mapping stands where the mapping does.
    """
    lines = _lines_seen_from(cls, os.getcwd())  # noqa: PTH109 - only tells one folder from another
    names = split_key(key)
    above = (".".join(names[:count]) for count in range(len(names), 0, -1))
    return next((lines[name] for name in above if name in lines), None)


@lru_cache(maxsize=16)
def _lines_seen_from(cls: type, _: str) -> dict[str, str]:
    return key_lines(cls)


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
    for source in class_sources(cls):
        shown = _shown(source.file)
        found.update((key, f"{shown}:{source.before + line}") for key, line in _lines_of_body(source.body, ""))
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
