"""The comments that a person wrote beside the keys of a config class."""

from __future__ import annotations

import ast
import io
import tokenize

from naga.config.class_sources import assigned_name, class_sources, nested_classes

__all__ = ["key_comments"]


def key_comments(cls: type) -> dict[str, str]:
    """Read the comments of the keys of a class from its source.

    Parameters
    ----------
    cls : type
        A config class.

    Returns
    -------
    dict
        Key -> comment: the one at the end of the key's line, else the lines of comment above it, else a string
        below it. Dotted keys for the configs that are nested in it. Empty when the source cannot be found.

    Examples
    --------
    A class that was made without a source has no comments:

    >>> key_comments(type("Config", (), {"param": 1}))
    {}
    """
    return _comments_of_class(cls, ())


def _comments_of_class(cls: type, around: tuple[type, ...]) -> dict[str, str]:
    comments: dict[str, str] = {}
    for name, nested in nested_classes(cls):
        if nested not in around:
            inner = _comments_of_class(nested, (*around, cls))
            comments.update((f"{name}.{key}", comment) for key, comment in inner.items())
    for source in class_sources(cls):
        comments.update(_comments_of(source.body, _comment_lines(source.text)))
    return comments


def _comment_lines(source: str) -> dict[int, tuple[bool, str]]:
    """Map a line to whether its comment stands alone, and its text."""
    found = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            alone = token.line[: token.start[1]].strip() == ""
            found[token.start[0]] = (alone, token.string.lstrip("#: ").rstrip())
    return found


def _comments_of(body: ast.ClassDef, lines: dict[int, tuple[bool, str]], prefix: str = "") -> dict[str, str]:
    comments: dict[str, str] = {}
    for statement, following in zip(body.body, [*body.body[1:], None], strict=True):
        name = assigned_name(statement)
        if isinstance(statement, ast.ClassDef):
            comments.update(_comments_of(statement, lines, f"{prefix}{statement.name}."))
        elif name is not None:
            comment = _comment_of(statement, following, lines)
            if comment:
                comments[prefix + name] = comment
    return comments


def _comment_of(statement: ast.stmt, following: ast.stmt | None, lines: dict[int, tuple[bool, str]]) -> str:
    for line in (statement.end_lineno or statement.lineno, statement.lineno):
        alone, text = lines.get(line, (True, ""))
        if text and not alone:
            return text
    above: list[str] = []
    number = statement.lineno - 1
    while number in lines and lines[number][0]:
        above.insert(0, lines[number][1])
        number -= 1
    if above:
        return " ".join(above)
    if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
        return " ".join(str(following.value.value).split()) if isinstance(following.value.value, str) else ""
    return ""
