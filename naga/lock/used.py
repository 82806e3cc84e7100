"""The code that a run used: the files of its repositories that it imported."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from naga.errors import IntegrityError
from naga.lock.bytecode import find_stale_bytecode
from naga.lock.digest import hash_file
from naga.lock.frozen import frozen_codes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

__all__ = ["imported_modules", "used_files"]

_OWN_FOLDERS = tuple(f"{Path(__file__).parents[2]}/{name}/" for name in ("naga", "naga_ipython"))
_INTERPRETER = tuple(f"{prefix}/{name}/" for prefix in {sys.prefix, sys.base_prefix} for name in ("lib", "lib64"))


def used_files(
    roots: Mapping[str, Path],
    script: Path | None,
    loaded_before: Collection[str] = (),
    known: Mapping[str, Mapping[str, str]] | None = None,
    further: Iterable[Path] = (),
) -> dict[str, dict[str, str]]:
    """Digest the files of the repositories that are imported in this process.

    Parameters
    ----------
    roots : mapping
        Name -> root of a repository.
    script : Path or None
        The file that holds the main; it counts whether or not it is an imported module.
    loaded_before : collection of str
        Names of modules that were imported before the run began, as in a kernel that ran other things. Of these
        only those count that the script or its modules name in an import statement.
    known : mapping, optional
        What an earlier call returned. Its files are not read again: what counts is what was imported, and not what
        somebody has written into the file since.
    further : iterable of Path, optional
        Files that count besides, as `naga.lock.settings.Settings.code_files` finds them.

    Returns
    -------
    dict
        Name of the repository -> path relative to its root -> digest. Installed packages and naga itself do not
        count: their versions are in the environment. Files that are gone by now are left out.

    Raises
    ------
    IntegrityError
        A file cannot be read, or is being written at this moment; or Python imported byte code of an earlier content
        of it.
    """
    files = set(_module_files(name for name in list(sys.modules) if name not in loaded_before))
    if script is not None:
        files.add(os.path.abspath(script))  # noqa: PTH100 - as in __file__, links are kept
    if loaded_before:
        files |= _statically_imported(files)
    files.update(map(str, further))
    used = {name: dict((known or {}).get(name, {})) for name in roots}
    folders = _folders(roots)
    for file in sorted(files):
        name, relative = _place(file, folders)
        if name is not None and relative not in used[name] and os.path.isfile(file):  # noqa: PTH113 - of many files
            used[name][relative] = hash_file(Path(file))
            _check_bytecode(file)
    return used


def _check_bytecode(file: str) -> None:
    cached = find_stale_bytecode(file)
    if cached is not None and any(_bytecode_of(name) == cached for name in _names_of(file)):
        message = f"{file} was imported from byte code of an earlier content of the same size and second"
        raise IntegrityError(message, hint=f"remove {cached} and start anew", path=Path(file))


def _bytecode_of(name: str) -> str | None:
    """Name the byte code of a module; a script has none."""
    return getattr(getattr(sys.modules.get(name), "__spec__", None), "cached", None)


def _folders(roots: Mapping[str, Path]) -> list[tuple[str, str]]:
    """List the folders of repositories as they are spelled and with links resolved; inner ones first."""
    tops = [(name, str(root)) for name, root in roots.items()]
    tops += [(name, code.checkout) for code in frozen_codes() for name, root in tops if code.root == root]
    spellings = {f"{base.rstrip('/')}/": name for name, top in tops for base in (os.path.realpath(top), top)}
    return sorted(spellings.items(), key=lambda item: len(item[0]), reverse=True)


def _place(file: str, folders: Iterable[tuple[str, str]]) -> tuple[str | None, str]:
    """Tell in which repository a person's own file lies, and where in it."""
    if not _is_installed(file):
        for folder, name in folders:
            if file.startswith(folder):
                return name, file[len(folder) :]
    return None, ""


def _module_files(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        file = getattr(sys.modules.get(name), "__dict__", {}).get("__file__")
        if isinstance(file, str) and file.endswith(".py"):
            yield os.path.abspath(file)  # noqa: PTH100 - as in __file__, links are kept


def _is_installed(file: str) -> bool:
    # The standard library, too, may lie in a repository: in an environment of its own.
    return "/site-packages/" in file or "/dist-packages/" in file or file.startswith(_INTERPRETER + _OWN_FOLDERS)


def _statically_imported(files: Iterable[str]) -> set[str]:
    """Follow import statements through modules that are imported already."""
    found: set[str] = set()
    waiting = list(files)
    seen: set[str] = set()
    while waiting:
        file = waiting.pop()
        if file in seen or _is_installed(file):
            continue
        seen.add(file)
        for imported in _module_files(imported_modules(file)):
            if imported not in found and not _is_installed(imported):
                found.add(imported)
                waiting.append(imported)
    return found


def imported_modules(file: str) -> set[str]:
    """Name the modules of this process that the import statements of a file lead to.

    Parameters
    ----------
    file : str
        A Python file; one that cannot be read or parsed names none.

    Returns
    -------
    set of str
        With the packages around each.
    """
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return set()
    names: set[str] = set()
    packages = [
        name for name in _names_of(file) if "." in name or sys.modules[name].__dict__.get("__path__") is not None
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            bases = _from_bases(node, packages, file)
            names.update(bases, (f"{base}.{alias.name}" for base in bases for alias in node.names))
    parents = {name.rsplit(".", count)[0] for name in names for count in range(1, name.count(".") + 1)}
    return {name for name in names | parents if name in sys.modules}


def _names_of(file: str) -> list[str]:
    return [
        name for name, module in list(sys.modules.items()) if getattr(module, "__dict__", {}).get("__file__") == file
    ]


def _from_bases(node: ast.ImportFrom, importers: list[str], file: str) -> set[str]:
    if node.level == 0:
        return {node.module or ""}
    bases: set[str] = set()
    for name in importers:
        package = name if file.endswith("__init__.py") else name.rpartition(".")[0]
        parts = package.split(".")
        parent = ".".join(parts[: len(parts) - node.level + 1])
        bases.add(f"{parent}.{node.module}" if node.module else parent)
    return bases
