"""The names of modules that can be run with ``-m``, found without importing any."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["complete_modules", "module_file"]

_HIDDEN = ("__pycache__", "__init__.py", "__main__.py")


def complete_modules(incomplete: str) -> list[str]:
    """Complete the name of a module.

    Parameters
    ----------
    incomplete : str
        Its beginning; may be dotted.

    Returns
    -------
    list of str
        Those in the current folder; where none of these fits and something was written, those that Python finds
        elsewhere. A package ends with a dot, and stands there without it too when it can be run itself. Nothing is
        imported.

    Examples
    --------
    >>> complete_modules("json.to")
    ['json.tool']
    """
    package, dot, begun = incomplete.rpartition(".")
    places = [Path.cwd()] if not package else _folders(package)
    found = _names(places, begun)
    if not found and not package and begun:
        found = _names([Path(place) for place in sys.path if place], begun)
    return [f"{package}{dot}{name}" for name in found]


def module_file(name: str) -> Path | None:
    """Find the file that ``-m NAME`` runs.

    Parameters
    ----------
    name : str
        Dotted.

    Returns
    -------
    Path or None
        Of a package its ``__main__.py``; None when there is no such file. Nothing is imported.
    """
    package, _, last = name.rpartition(".")
    for folder in _folders(package) if package else [Path.cwd(), *_installed(name)]:
        for path in (folder / last / "__main__.py", folder / f"{last}.py"):
            if path.is_file():
                return path
    return None


def _installed(name: str) -> list[Path]:
    """Return the folders in which the package or module of a name without dots lies, where Python finds it."""
    try:
        # Only finding a module in a package imports something, which is that package.
        spec = importlib.util.find_spec(name) if name.isidentifier() and name not in sys.modules else None
    except (ImportError, ValueError):
        return []
    if spec is None and name in sys.modules:
        places = list(getattr(sys.modules[name], "__path__", []))
        file = getattr(sys.modules[name], "__file__", None)
    else:
        places = list(spec.submodule_search_locations or []) if spec is not None else []
        file = spec.origin if spec is not None else None
    return [Path(place).parent for place in (*places, *([file] if file and not places else []))]


def _folders(package: str) -> list[Path]:
    first, *rest = package.split(".")
    tops = [Path.cwd()] if (Path.cwd() / first).is_dir() else _installed(first)
    return [top.joinpath(first, *rest) for top in tops]


def _names(folders: list[Path], begun: str) -> list[str]:
    return sorted({name for folder in folders for name in _names_in(folder) if name.startswith(begun)})


def _names_in(folder: Path) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except (OSError, ValueError):
        return
    for entry in entries:
        if entry.name in _HIDDEN:
            continue
        if entry.name.endswith(".py") and entry.name[:-3].isidentifier():
            yield entry.name[:-3]
        elif entry.name.isidentifier() and entry.is_dir():
            inside = _listed(entry.path)
            if "__main__.py" in inside:
                yield entry.name
            if any((name.endswith(".py") and name not in _HIDDEN) or "." not in name for name in inside):
                yield f"{entry.name}."


def _listed(folder: str) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if name != "__pycache__"]  # noqa: PTH208 - names are enough
    except OSError:
        return []
