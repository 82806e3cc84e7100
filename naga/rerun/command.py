"""How a recorded run is repeated: which program, with which config."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from naga.errors import RefusedError
from naga.lock.describe import stage_name
from naga.lock.redact import REDACTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from naga.lock.receipt import Receipt

__all__ = [
    "Command",
    "RestoredConfig",
    "config_text",
    "find_command",
    "import_root",
    "refuse_unrepeatable",
    "restore_config",
]

_OBJECT = re.compile(r"<\w[\w.]*\.[\w.<>]+>")
# In the quotes of an interpolation a backslash is one, except before these.
_SPECIAL = re.compile(r"(\\*)('|\$\{|\Z)")
_INTERPOLATION = re.compile(r"(\\*)\$\{")


@dataclass(frozen=True, slots=True)
class Command:
    """What to execute.

    Attributes
    ----------
    kind : {"script", "call", "plain"}
        A script that takes a config, a function that is called with one, or a script that knows its own config.
    file : str
        The file of the main, relative to the root of the project.
    module : str or None
        The module to import, or, of a script that was started with ``python -m``, to run.
    function : str
        The name of the main.
    argv : tuple of str
        The command line of a plain script.
    """

    kind: Literal["script", "call", "plain"]
    file: str
    module: str | None
    function: str
    argv: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RestoredConfig:
    """A config that gives main the recorded values.

    Attributes
    ----------
    values : dict
        What OmegaConf is to read: ``${`` that was literal is escaped.
    unset : tuple of str
        Dotted keys that the receipt does not know well enough: secrets, and objects without a plain form. They are
        what the config class and the environment make them.
    """

    values: dict[str, Any]
    unset: tuple[str, ...]


def refuse_unrepeatable(receipt: Receipt) -> None:
    """Refuse a run whose code no snapshot holds.

    Parameters
    ----------
    receipt : Receipt

    Raises
    ------
    RefusedError
        The message says why.
    """
    name = stage_name(receipt)
    if not isinstance(receipt.caller.get("file"), str):
        if receipt.caller.get("notebook"):
            message = f"{name} was made in the cells of a notebook, whose state no receipt can restore"
            raise RefusedError(message, hint="put the work into a script with a main")
        message = f"{name} was made by code that stands in no file"
        raise RefusedError(message, hint="put the work into a script with a main")
    for key, entry in receipt.repos.items():
        if entry.snapshot is None:
            reason = entry.problem or "none was taken"
            message = f"there is no snapshot of the code in {key}: {reason}"
            raise RefusedError(message, hint="run it again in a git repository with a commit", key=key)
    if not receipt.repos:
        raise RefusedError(f"the receipt of {name} names no repository", hint="run it again in a git repository")


def find_command(receipt: Receipt, source: bytes, package: str) -> Command:
    """Tell how the main of a receipt is to be started.

    Parameters
    ----------
    receipt : Receipt
    source : bytes
        The file of the main, from the snapshot.
    package : str
        The dotted name of the package that the file is in, empty for a file outside of packages.

    Returns
    -------
    Command

    Raises
    ------
    RefusedError
        The receipt does not hold what is needed: a secret of the command line, the arguments of a plain function, a
        function inside another.
    """
    caller = receipt.caller
    file, module = str(caller["file"]), str(caller.get("module") or "")
    function = str(caller.get("function") or "")
    tree = _parse(source, file)
    if _is_decorated(tree, function):
        if module == "__main__":
            return Command("script", file, _module_of_script(tree, file, package), function)
        if "<locals>" in function:
            raise RefusedError(f"{function} stands inside another function, so it cannot be called", key=function)
        return Command("call", file, module, function)
    if module != "__main__":
        message = f"{module}.{function} is a plain function, and no receipt holds the arguments that it was called with"
        raise RefusedError(message, hint="decorate it with @clicfg, or run it as a script", key=function)
    argv = tuple(str(word) for word in caller.get("argv") or ())
    if any(REDACTED in word for word in argv):
        raise RefusedError(f"the command line of {file} held a secret, which no receipt keeps", key="argv")
    return Command("plain", file, _module_of_script(tree, file, package), function, argv)


def import_root(file: str, module: str) -> str | None:
    """Return the folder from which a module of a given name is imported.

    Parameters
    ----------
    file : str
        The file of the module, with ``/``.
    module : str
        Its dotted name.

    Returns
    -------
    str or None
        None when the name does not fit the file.

    Examples
    --------
    >>> import_root("src/stages/fit.py", "stages.fit"), import_root("src/stages/__init__.py", "stages")
    ('src', 'src')
    """
    path = PurePosixPath(file)
    parts = path.parent.parts if path.name == "__init__.py" else path.with_suffix("").parts
    names = tuple(module.split("."))
    if parts[-len(names) :] != names:
        return None
    return PurePosixPath(*parts[: -len(names)]).as_posix()


def restore_config(receipt: Receipt, relocate: Callable[[str], str]) -> RestoredConfig:
    """Make the config that gives main the recorded values.

    Parameters
    ----------
    receipt : Receipt
    relocate : callable
        Gets every text and returns it, changed where it is a path that has to lead elsewhere.

    Returns
    -------
    RestoredConfig
        Values that came from ``${runlock_data:...}`` and ``${runlock_prev:...}`` are these references again.
    """
    unset: list[str] = []
    values = {}
    for key, value in receipt.config.items():
        unknown = list(_unknown_keys(value, key))
        unset += unknown
        if key not in unknown:
            values[key] = _restored(value, key, frozenset(unknown), receipt, relocate)
    return RestoredConfig(values, tuple(unset))


def config_text(values: Mapping[str, Any]) -> str:
    """Write a config as YAML that every reader of it understands alike.

    Parameters
    ----------
    values : mapping
        Plain values.

    Returns
    -------
    str
        Every text stands in quotes: ``1e5`` is a text to PyYAML and a number to OmegaConf.
    """
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes texts in quotes and repeats what stands twice."""

        def ignore_aliases(self, _: object) -> bool:
            return True

    Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))
    written: str = yaml.dump(values, Dumper=Dumper, sort_keys=False, allow_unicode=True)
    return written


def _parse(source: bytes, file: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise RefusedError(f"{file} of the snapshot is no Python of this version: {error}", key="file") from error


def _is_decorated(tree: ast.Module, function: str) -> bool:
    """Tell whether the source makes a function of that name a `clicfg` main."""
    decorators = _names_of_clicfg(tree)
    name = function.rpartition(".")[2]
    applied: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            applied += node.decorator_list
        elif isinstance(node, ast.Call) and any(isinstance(word, ast.Name) and word.id == name for word in node.args):
            applied.append(node.func)
    return any(_dotted(decorator) in decorators for decorator in applied)


def _names_of_clicfg(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "naga":
            names |= {alias.asname or alias.name for alias in node.names if alias.name == "clicfg"}
        elif isinstance(node, ast.Import):
            names |= {f"{alias.asname or alias.name}.clicfg" for alias in node.names if alias.name == "naga"}
    made = (node for node in ast.walk(tree) if isinstance(node, ast.Assign) and _dotted(node.value) in names)
    return names | {target.id for node in made for target in node.targets if isinstance(target, ast.Name)}


def _dotted(node: ast.expr) -> str:
    """Return the name of a decorator, without the arguments that it is called with."""
    return ast.unparse(node.func if isinstance(node, ast.Call) else node)


def _module_of_script(tree: ast.Module, file: str, package: str) -> str | None:
    """Name the module of a script that only works when it is run as a module: it imports relatively."""
    relative = any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree))
    if not (relative and package):
        return None
    stem = PurePosixPath(file).stem
    return package if stem == "__main__" else f"{package}.{stem}"


def _unknown_keys(value: Any, key: str) -> Iterator[str]:
    """Yield the dotted keys whose value is not known; a list is known or not as a whole."""
    if isinstance(value, Mapping):
        if any(REDACTED in str(name) for name in value):
            yield key
            return
        for name, item in value.items():
            yield from _unknown_keys(item, f"{key}.{name}")
    elif not _is_known(value):
        yield key


def _is_known(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(REDACTED not in str(name) and _is_known(item) for name, item in value.items())
    if isinstance(value, list | tuple):
        return all(_is_known(item) for item in value)
    return not isinstance(value, str) or not (REDACTED in value or _OBJECT.fullmatch(value))


def _restored(value: Any, key: str, unknown: frozenset[str], receipt: Receipt, relocate: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):
        reference = _reference(value, receipt, relocate)
        if reference is not None:
            return reference
        return {
            str(name): _restored(item, f"{key}.{name}", unknown, receipt, relocate)
            for name, item in value.items()
            if f"{key}.{name}" not in unknown
        }
    if isinstance(value, list | tuple):
        return [_restored(item, key, unknown, receipt, relocate) for item in value]
    return _literal(relocate(value)) if isinstance(value, str) else value


def _reference(value: Mapping[str, Any], receipt: Receipt, relocate: Callable[[str], str]) -> str | None:
    """Return the interpolation whose value a receipt records as this mapping."""
    path = value.get("path")
    if not isinstance(path, str):
        return None
    inner = _SPECIAL.sub(lambda found: found[1] * 2 + (f"\\{found[2]}" if found[2] else ""), relocate(path))
    if value.keys() == {"path", "digest"} and value["digest"] in {entry.digest for entry in receipt.data.values()}:
        return f"${{runlock_data:'{inner}'}}"
    if value.keys() == {"path", "id"} and value["id"] in {entry.id for entry in receipt.prevs.values()}:
        return f"${{runlock_prev:'{inner}'}}"
    return None


def _literal(text: str) -> str:
    """Escape a text so that OmegaConf reads it as it is."""
    return _INTERPOLATION.sub(r"\1\1\\${", text)
