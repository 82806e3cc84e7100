"""What a person names to be run: a script, or a module as under ``python -m``."""

from __future__ import annotations

import importlib.util
import pkgutil
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from naga.errors import NotFoundError, UsageError, nearest
from naga.lock.project import nearest_path

if TYPE_CHECKING:
    import os
    from importlib.machinery import ModuleSpec

__all__ = ["Program", "module_program", "package_of", "script_program"]


@dataclass(frozen=True, slots=True)
class Program:
    """A program that can be executed in this process.

    Attributes
    ----------
    name : str
        What it calls itself, its ``sys.argv[0]``.
    path : Path
        The file.
    source : bytes
        Its content.
    folder : Path
        Where its imports are looked for first.
    spec : ModuleSpec or None
        Of a module.
    """

    name: str
    path: Path
    source: bytes
    folder: Path
    spec: ModuleSpec | None = None

    def make_module(self) -> types.ModuleType:
        """Make the module that the program is executed in.

        Returns
        -------
        module
            With the name ``__main__``.
        """
        module = types.ModuleType("__main__")
        module.__file__ = str(self.path.absolute())
        if self.spec is not None:
            module.__spec__, module.__package__, module.__loader__ = self.spec, self.spec.parent, self.spec.loader
        return module

    def compile(self) -> types.CodeType:
        """Compile the program.

        Returns
        -------
        code

        Raises
        ------
        SyntaxError
            It is no Python.
        """
        return compile(self.source, str(self.path.absolute()), "exec", dont_inherit=True)


def script_program(script: str | os.PathLike[str]) -> Program:
    """Read a script.

    Parameters
    ----------
    script : str or Path

    Returns
    -------
    Program

    Raises
    ------
    NotFoundError
        There is no such file; the hint names the nearest one.
    """
    path = Path(script)
    try:
        source = path.read_bytes()
    except FileNotFoundError as error:
        found = nearest_path(path)
        hint = f"did you mean {found}?" if found else None
        raise NotFoundError(f"no script {path}", hint=hint, path=path) from error
    except OSError as error:
        raise NotFoundError(f"cannot read the script {path}: {error.strerror}", path=path) from error
    return Program(str(path), path, source, path.absolute().parent)


def module_program(name: str) -> Program:
    """Find a module, and of a package its ``__main__``, from the current folder on.

    Parameters
    ----------
    name : str
        Dotted.

    Returns
    -------
    Program

    Raises
    ------
    NotFoundError
        There is no such module; the hint names the nearest one.
    UsageError
        It is not written in Python, or is no name of a module.

    Notes
    -----
    The packages around it are imported. https://docs.python.org/3/using/cmdline.html#cmdoption-m
    """
    folder = Path.cwd()
    sys.path.insert(0, str(folder))
    try:
        spec = _find_spec(name)
    finally:
        sys.path.remove(str(folder))
    if spec.origin is None or not spec.origin.endswith(".py"):
        raise UsageError(f"the module {name} is not written in Python, so it cannot be run", key=name)
    path = Path(spec.origin)
    return Program(str(path), path, path.read_bytes(), folder, spec)


def _find_spec(name: str) -> ModuleSpec:
    if not all(part.isidentifier() for part in name.split(".")):
        hint = "name it as import does: -m package.module"
        raise UsageError(f"{name!r} is no name of a module", hint=hint, key=name)
    for end in range(name.count(".") + 1):
        # From the top, so that it is known which part is not there.
        part = ".".join(name.split(".")[: end + 1])
        spec = importlib.util.find_spec(part)
        if spec is None:
            raise _no_module(part)
    assert spec is not None
    if spec.submodule_search_locations is None:
        return spec
    main = importlib.util.find_spec(f"{name}.__main__")
    if main is None:
        message = f"the package {name} has no __main__, so it cannot be run"
        raise NotFoundError(message, hint=f"name one of its modules: -m {name}.MODULE", key=name)
    return main


def _no_module(name: str) -> NotFoundError:
    package = name.rpartition(".")[0]
    places = sys.modules[package].__path__ if package else [str(Path.cwd())]
    beside = [f"{package}.{each.name}".lstrip(".") for each in pkgutil.iter_modules(list(places))]
    found = nearest(name, beside)
    return NotFoundError(f"no module {name}", hint=f"did you mean {found}?" if found else None, key=name)


def package_of(path: Path) -> str:
    """Name the module that a file is when it is imported as part of its package.

    Parameters
    ----------
    path : Path
        A Python file.

    Returns
    -------
    str
        Dotted; without a dot for a file that is in no package.
    """
    names = [path.stem] if path.stem not in ("__main__", "__init__") else []
    folder = path.absolute().parent
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    return ".".join(names)
