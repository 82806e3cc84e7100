"""The keys of a script's config, read from its source without running it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from naga.config.static_code import Found, StaticModule, dotted_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["StaticKey", "static_keys"]

_DEEPEST = 16
_NO_KEYS = ("ClassVar", "InitVar")
_ENUMS = ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag")
_FACTORIES = ("default", "default_factory", "factory")


@dataclass(frozen=True, slots=True)
class StaticKey:
    """A key of a config, as far as its source says.

    Attributes
    ----------
    name : str
        Dotted.
    kind : str
        Its type as the source has it; the type of the default where there is no annotation, ``""`` if unknown.
    values : tuple of str
        All values that it can have, where there are few: members of an enum, ``true`` and ``false``, literals.
    """

    name: str
    kind: str
    values: tuple[str, ...] = ()


def static_keys(script: Path, root: Path | None = None) -> tuple[StaticKey, ...] | None:
    """List the keys of the config of a script's main.

    Parameters
    ----------
    script : Path
        A Python file.
    root : Path, optional
        The folder in which its absolute imports are looked for; by default its own.

    Returns
    -------
    tuple of StaticKey or None
        In the order of the source, those of base classes first; the leaves of nested configs alone. None when no
        function of the script is decorated with `clicfg`. Of several the last one counts.

    Notes
    -----
    The config is followed to a class, an object or a mapping in the script and in modules beside it; what is made
    by running code is not seen.
    """
    module = StaticModule(script, root or script.parent)
    config = _config_of_main(module)
    if config is None:
        return None
    return tuple(_unique(_keys(Found(config, module), "", ())))


def _config_of_main(module: StaticModule) -> ast.expr | None:
    found = None
    for statement in module.body:
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for decorator in statement.decorator_list:
            if isinstance(decorator, ast.Call) and _is_clicfg(decorator.func, module):
                named = [word.value for word in decorator.keywords if word.arg == "config_class"]
                found = next(iter([*decorator.args[:1], *named]), found)
    return found


def _is_clicfg(function: ast.expr, module: StaticModule) -> bool:
    name = dotted_name(function) or ""
    if name.rpartition(".")[2] == "clicfg":
        return True
    imports = (statement for statement in module.body if isinstance(statement, ast.ImportFrom))
    return any(alias.name == "clicfg" and alias.asname == name for one in imports for alias in one.names)


def _unique(keys: Iterator[StaticKey]) -> list[StaticKey]:
    """Let the last of two keys of one name count, in the place of the first."""
    found: dict[str, StaticKey] = {}
    for key in keys:
        found[key.name] = key
    return list(found.values())


def _keys(config: Found, prefix: str, around: tuple[ast.AST, ...]) -> Iterator[StaticKey]:
    """Yield the keys of a class, of an object of one, or of a mapping."""
    node, module = config
    if node in around or len(around) > _DEEPEST:
        return
    if isinstance(node, ast.ClassDef):
        yield from _keys_of_class(config, prefix, (*around, node))
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str | int):
                yield from _keys_of_value(f"{prefix}{key.value}", None, Found(value, module), (*around, node))
    elif isinstance(node, ast.Call) and dotted_name(node.func) == "dict" and not node.args:
        for word in node.keywords:
            if word.arg is not None:
                yield from _keys_of_value(f"{prefix}{word.arg}", None, Found(word.value, module), (*around, node))
    elif isinstance(node, ast.Call) and node.args and (dotted_name(node.func) or "").startswith("OmegaConf."):
        yield from _keys(Found(node.args[0], module), prefix, (*around, node))
    else:
        name = dotted_name(node.func if isinstance(node, ast.Call) else node)
        found = module.find(name) if name is not None else None
        if found is not None and found.node is not node:
            yield from _keys(found, prefix, around)


def _keys_of_class(config: Found, prefix: str, around: tuple[ast.AST, ...]) -> Iterator[StaticKey]:
    node, module = config
    assert isinstance(node, ast.ClassDef)
    for base in reversed(node.bases):
        name = dotted_name(base)
        found = module.find(name) if name is not None else None
        if found is not None:
            yield from _keys(found, prefix, around)
    for statement in node.body:
        if isinstance(statement, ast.ClassDef) and not _is_only_a_type(statement, node):
            yield from _keys(Found(statement, module), f"{prefix}{statement.name}.", around)
        for name, annotation, value in _assignments(statement):
            if not name.startswith("_") and not _says(annotation, _NO_KEYS):
                yield from _keys_of_value(f"{prefix}{name}", annotation, Found(value, module), around, node)


def _assignments(statement: ast.stmt) -> Iterator[tuple[str, ast.expr | None, ast.AST]]:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        yield statement.target.id, _unquoted(statement.annotation), statement.value or ast.Constant(None)
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name):
                yield target.id, None, statement.value


def _unquoted(annotation: ast.expr) -> ast.expr:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return annotation
    return annotation


def _says(annotation: ast.expr | None, names: tuple[str, ...]) -> bool:
    base = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return base is not None and (dotted_name(base) or "").rpartition(".")[2] in names


def _is_only_a_type(nested: ast.ClassDef, cls: ast.ClassDef) -> bool:
    """Tell a nested class that other keys are of from one that is a key itself."""
    if _is_enum(nested) or any("dataclass" in ast.unparse(one) for one in cls.decorator_list):
        return True
    for statement in cls.body:
        for _, annotation, value in _assignments(statement):
            parts = [*ast.walk(annotation)] if annotation is not None else []
            parts += [value.func] if isinstance(value, ast.Call) else []
            if any(dotted_name(part) == nested.name for part in parts):
                return True
    return False


def _is_enum(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef) and any(
        (dotted_name(base) or "").rpartition(".")[2] in _ENUMS for base in node.bases
    )


def _keys_of_value(
    key: str, annotation: ast.expr | None, value: Found, around: tuple[ast.AST, ...], cls: ast.ClassDef | None = None
) -> Iterator[StaticKey]:
    """Yield the key, or the keys below it if its value is a config itself."""
    kinds = list(_alternatives(annotation)) if annotation is not None else [_made_from(value.node)]
    nested: list[StaticKey] = []
    values: list[str] = []
    for kind in kinds:
        found = _definition(kind, value.module, cls)
        if isinstance(kind, ast.Subscript) and _says(kind, ("Literal",)):
            values += _literals(kind)
        elif isinstance(kind, ast.Constant) and kind.value is None:
            values.append("null")
        elif _is_truth(kind):
            values += ["true", "false"]
        elif found is not None and _is_enum(found.node):
            values += _members(found.node)
        elif found is not None:
            nested += _keys(found, f"{key}.", around)
    if nested:
        yield from nested
    else:
        known = len(values) > 1 or (len(values) == 1 and len(kinds) == 1)
        yield StaticKey(key, _kind_name(annotation, value.node), tuple(values) if known and values != ["null"] else ())


def _alternatives(annotation: ast.expr) -> Iterator[ast.expr]:
    """Yield the types of a union, of whatever spelling."""
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        yield from _alternatives(annotation.left)
        yield from _alternatives(annotation.right)
    elif isinstance(annotation, ast.Subscript) and _says(annotation, ("Optional", "Union")):
        inner = annotation.slice
        for one in inner.elts if isinstance(inner, ast.Tuple) else [inner]:
            yield from _alternatives(_unquoted(one))
        if _says(annotation, ("Optional",)):
            yield ast.Constant(None)
    elif isinstance(annotation, ast.Subscript) and _says(annotation, ("Annotated", "Final", "Required")):
        inner = annotation.slice
        yield from _alternatives(inner.elts[0] if isinstance(inner, ast.Tuple) else inner)
    else:
        yield annotation


def _made_from(value: ast.AST) -> ast.AST:
    """Return what a default says about the type, where there is no annotation."""
    if isinstance(value, ast.Call):
        given = [word.value for word in value.keywords if word.arg in _FACTORIES]
        return given[0] if given else value
    if isinstance(value, ast.Attribute):
        # Color.RED is of the type Color.
        return ast.Call(value.value, [], [])
    return value if not (isinstance(value, ast.Constant) and value.value is None) else ast.Constant(...)


def _definition(kind: ast.AST, module: StaticModule, cls: ast.ClassDef | None) -> Found | None:
    if (isinstance(kind, ast.Dict) and kind.keys) or (isinstance(kind, ast.Call) and dotted_name(kind.func) == "dict"):
        return Found(kind, module)
    name = dotted_name(kind.func if isinstance(kind, ast.Call) else kind)
    if name is None:
        return None
    inner = next((one for one in cls.body if isinstance(one, ast.ClassDef) and one.name == name), None) if cls else None
    found = Found(inner, module) if inner is not None else module.find(name)
    return found if found is not None and isinstance(found.node, ast.ClassDef | ast.Dict) else None


def _is_truth(kind: ast.AST) -> bool:
    return dotted_name(kind) == "bool" or (isinstance(kind, ast.Constant) and isinstance(kind.value, bool))


def _literals(kind: ast.Subscript) -> list[str]:
    items = kind.slice.elts if isinstance(kind.slice, ast.Tuple) else [kind.slice]
    values = [item.value for item in items if isinstance(item, ast.Constant)]
    words = {True: "true", False: "false", None: "null"}
    return [words[value] if value is None or isinstance(value, bool) else str(value) for value in values]


def _members(node: ast.AST) -> list[str]:
    assert isinstance(node, ast.ClassDef)
    return [name for one in node.body for name, _, _ in _assignments(one) if not name.startswith("_")]


def _kind_name(annotation: ast.expr | None, value: ast.AST) -> str:
    if annotation is not None:
        return ast.unparse(annotation)
    if isinstance(value, ast.Constant):
        return "" if value.value is None else type(value.value).__name__
    if isinstance(value, ast.List | ast.Tuple):
        return "list"
    if isinstance(value, ast.Call) and (name := dotted_name(value.func)) is not None and name[0].isupper():
        return name
    return "dict" if isinstance(value, ast.Dict) else ""
