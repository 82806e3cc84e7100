"""The classes that a config class is made of, and their sources."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_type_hints

from naga.config.objects import is_plain_object, is_structured

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ClassSource", "assigned_name", "class_sources", "nested_classes"]


class ClassSource(NamedTuple):
    """The source of a class.

    Attributes
    ----------
    body : ast.ClassDef
        Its lines are counted from 1.
    text : str
        Not indented.
    file : str
    before : int
        Lines of the file before it.
    """

    body: ast.ClassDef
    text: str
    file: str
    before: int


def class_sources(cls: type) -> Iterator[ClassSource]:
    """Yield the sources of a class and of the classes that it inherits from, itself last.

    Parameters
    ----------
    cls : type
        A config class.

    Yields
    ------
    ClassSource
        Classes whose source cannot be found are left out.
    """
    for base in reversed(cls.__mro__[:-1]):
        try:
            lines, first = inspect.getsourcelines(base)
            file = inspect.getsourcefile(base) or inspect.getfile(base)
            text = textwrap.dedent("".join(lines))
            body = ast.parse(text).body[0]
        except (OSError, TypeError, SyntaxError, IndexError):
            continue
        if isinstance(body, ast.ClassDef):
            yield ClassSource(body, text, file, first - 1)


def nested_classes(cls: type) -> Iterator[tuple[str, type]]:
    """Yield the classes of those keys that are configs themselves, by annotation or by their default.

    Parameters
    ----------
    cls : type
        A config class.

    Yields
    ------
    tuple of (str, type)
        The key and its class.
    """
    try:
        hints: dict[str, Any] = get_type_hints(cls)
    except (NameError, TypeError):
        hints = {}
    for name, hint in hints.items():
        for item in (hint, *get_args(hint)):
            if isinstance(item, type) and (is_structured(item) or item.__module__ == cls.__module__):
                yield name, item
    for base in cls.__mro__[:-1]:
        for name, value in vars(base).items():
            if not name.startswith("_") and (is_plain_object(value) or is_structured(type(value))):
                yield name, type(value)


def assigned_name(statement: ast.stmt) -> str | None:
    """Return the key that a statement in the body of a class defines.

    Parameters
    ----------
    statement : ast.stmt

    Returns
    -------
    str or None
    """
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    return None
