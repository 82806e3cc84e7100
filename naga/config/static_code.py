"""The names of a script and of the modules beside it, read without running anything."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["Found", "StaticModule", "assigned_value", "dotted_name"]

_SIZE_LIMIT = 2_000_000


class Found(NamedTuple):
    """A definition and the module that it stands in.

    Attributes
    ----------
    node : ast.AST
        The definition of a class, or the value that was assigned.
    module : StaticModule
    """

    node: ast.AST
    module: StaticModule


@dataclass(frozen=True)
class StaticModule:
    """A file of Python, parsed.

    Attributes
    ----------
    path : Path
        The file.
    root : Path
        The folder in which absolute imports are looked for.
    known : dict
        Path -> module of those that were parsed already.
    """

    path: Path
    root: Path
    known: dict[Path, StaticModule] = field(default_factory=dict, repr=False)

    @cached_property
    def body(self) -> list[ast.stmt]:
        """The statements at the top, also those below ``if`` and ``try``; empty for what cannot be parsed."""
        try:
            text = self.path.read_bytes()
            tree = ast.parse(text) if len(text) <= _SIZE_LIMIT else None
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            return []
        return list(_flat(tree.body)) if tree is not None else []

    def find(self, name: str) -> Found | None:
        """Find what a name stands for.

        Parameters
        ----------
        name : str
            May be dotted, as in ``conf.Config``.

        Returns
        -------
        Found or None
            None when it is defined elsewhere than in this file and those beside it.
        """
        return self._find(name, frozenset())

    def _find(self, name: str, asked: frozenset[tuple[Path, str]]) -> Found | None:
        if (self.path, name) in asked:
            return None
        asked |= {(self.path, name)}
        first, _, rest = name.partition(".")
        found = None
        for statement in self.body:
            if isinstance(statement, ast.ClassDef) and statement.name == first:
                found = _inside(Found(statement, self), rest)
            elif (value := assigned_value(statement, first)) is not None:
                found = _inside(Found(value, self), rest)
            elif isinstance(statement, ast.Import | ast.ImportFrom):
                found = self._imported(statement, name, asked) or found
        if found is not None and (alias := dotted_name(found.node)) is not None:
            return found.module._find(alias, asked) or found
        return found

    def _imported(
        self, statement: ast.Import | ast.ImportFrom, name: str, asked: frozenset[tuple[Path, str]]
    ) -> Found | None:
        for alias in statement.names:
            local = alias.asname or alias.name
            if isinstance(statement, ast.Import):
                if not name.startswith(f"{local}."):
                    continue
                module, inner = self._module(alias.name, 0), name[len(local) + 1 :]
            elif alias.name == "*":
                module, inner = self._module(statement.module or "", statement.level), name
            elif name == local or name.startswith(f"{local}."):
                module, inner = self._module(statement.module or "", statement.level), alias.name + name[len(local) :]
                found = module._find(inner, asked) if module is not None else None
                if found is not None:
                    return found
                # The name may be a module itself: from conf import base.
                module = self._module(f"{statement.module or ''}.{alias.name}".strip("."), statement.level)
                inner = name[len(local) + 1 :]
            else:
                continue
            found = module._find(inner, asked) if module is not None and inner else None
            if found is not None:
                return found
        return None

    def _module(self, name: str, level: int) -> StaticModule | None:
        folder = self.root if level == 0 else self.path.parent
        for _ in range(level - 1):
            folder = folder.parent
        base = folder.joinpath(*name.split(".")) if name else folder
        for path in (base.with_name(f"{base.name}.py"), base / "__init__.py"):
            if path in self.known:
                return self.known[path]
            if path.is_file():
                self.known[path] = StaticModule(path, self.root, self.known)
                return self.known[path]
        return None


def dotted_name(node: ast.AST) -> str | None:
    """Return the name that an expression is.

    Parameters
    ----------
    node : ast.AST

    Returns
    -------
    str or None
        Such as ``conf.Config``; None when it is no name.
    """
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := dotted_name(node.value)) is not None:
        return f"{base}.{node.attr}"
    return None


def assigned_value(statement: ast.stmt, name: str) -> ast.expr | None:
    """Return the value that a statement assigns to a name.

    Parameters
    ----------
    statement : ast.stmt
    name : str

    Returns
    -------
    ast.expr or None
    """
    if isinstance(statement, ast.Assign):
        if any(isinstance(target, ast.Name) and target.id == name for target in statement.targets):
            return statement.value
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.value if statement.target.id == name else None
    return None


def _inside(found: Found, rest: str) -> Found | None:
    """Follow a dotted name into nested classes."""
    for name in filter(None, rest.split(".")):
        body = found.node.body if isinstance(found.node, ast.ClassDef) else []
        node = next((one for one in body if isinstance(one, ast.ClassDef) and one.name == name), None)
        if node is None:
            return None
        found = Found(node, found.module)
    return found


def _flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With):
            for name in ("body", "orelse", "finalbody"):
                yield from _flat(getattr(statement, name, ()))
            for handler in getattr(statement, "handlers", ()):
                yield from _flat(handler.body)
