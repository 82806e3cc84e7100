"""The person's own modules: noting what they were loaded from, and loading anew those whose files changed."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.lock.bytecode import find_stale_bytecode
from naga.postmortem.frames import is_user_file

if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from importlib.machinery import ModuleSpec

__all__ = ["forget_changed_modules", "watch_imports", "watching_imports"]

_watchers: list[object] = []


class _NotingLoader(SourceFileLoader):
    """Loads a module as ever, and notes what its source was at that moment."""

    source_hash: bytes | None = None

    def get_code(self, fullname: str) -> Any:
        # Before the code itself is read: of a file that is saved in between, the next run loads it once too often.
        self.source_hash = _hash_of(self.path)
        return super().get_code(fullname)


class _NotingFinder:
    """Finds what Python's own finder finds, and has the person's modules loaded by `_NotingLoader`."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader and is_user_file(spec.loader.path):
            spec.loader = _NotingLoader(spec.loader.name, spec.loader.path)
            _remove_bytecode(find_stale_bytecode(spec.loader.path))
        return spec


def watch_imports() -> Callable[[], None]:
    """Note from now on what the person's modules are loaded from.

    Returns
    -------
    callable
        Ends it.
    """
    # When it is first asked it imports modules, for which the finder would ask it again.
    is_user_file("")
    token = object()
    if not _watchers:
        # What other tools put in front, such as the finders of editable installs, stays in front.
        place = sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else len(sys.meta_path)
        sys.meta_path.insert(place, _NotingFinder)
    _watchers.append(token)

    def end() -> None:
        if token in _watchers:
            _watchers.remove(token)
        if not _watchers and _NotingFinder in sys.meta_path:
            sys.meta_path.remove(_NotingFinder)

    return end


@contextlib.contextmanager
def watching_imports() -> Iterator[None]:
    """Note what the person's modules are loaded from, for the length of a block."""
    end = watch_imports()
    try:
        yield
    finally:
        end()


def forget_changed_modules() -> list[str]:
    """Take the person's modules out of this process whose files changed, and those that import them.

    Returns
    -------
    list of str
        Their names, sorted. Whoever imports them next gets them as they are now.

    Notes
    -----
    The content decides, never the time of a file. Modules in site- and dist-packages and of the standard library are
    never touched.
    """
    modules = dict(_user_modules())
    changed = {name for name, module in modules.items() if _has_changed(module)}
    if not changed:
        return []
    for name in changed:
        # Where time and size are what they were, Python would take it.
        _remove_bytecode(getattr(modules[name].__spec__, "cached", None))
    forgotten = _with_importers(changed, modules)
    for name in forgotten:
        _forget(name)
    return sorted(forgotten)


def _user_modules() -> Iterator[tuple[str, types.ModuleType]]:
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__dict__", {}).get("__file__")
        if name != "__main__" and isinstance(file, str) and file.endswith(".py") and is_user_file(file):
            yield name, module


def _has_changed(module: types.ModuleType) -> bool:
    loader = getattr(module.__spec__, "loader", None)
    if isinstance(loader, _NotingLoader) and loader.source_hash is not None:
        return _hash_of(loader.path) != loader.source_hash
    return _is_newer_than_bytecode(module) or find_stale_bytecode(str(module.__file__)) is not None


def _hash_of(path: str) -> bytes | None:
    try:
        return importlib.util.source_hash(Path(path).read_bytes())
    except OSError:
        return None


def _is_newer_than_bytecode(module: types.ModuleType) -> bool:
    """Tell whether a module that was loaded unwatched has changed since: its bytecode names time and size."""
    cached, file = getattr(module.__spec__, "cached", None), module.__file__
    try:
        with open(cached or "", "rb") as stream:  # noqa: PTH123 - the path may be empty
            header = stream.read(16)
        status = os.stat(file or "")  # noqa: PTH116
    except OSError:
        return False
    parts = [int.from_bytes(header[start : start + 4], "little") for start in (4, 8, 12)]
    return parts[0] == 0 and parts[1:] != [int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF]


def _remove_bytecode(cached: str | None) -> None:
    if cached is not None:
        with contextlib.suppress(OSError):
            os.unlink(cached)  # noqa: PTH108


def _with_importers(changed: Iterable[str], modules: dict[str, types.ModuleType]) -> set[str]:
    imports = {name: _imports_of(module) for name, module in modules.items()}
    found: set[str] = set()
    waiting = list(changed)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        # A package that is loaded anew would lack those of its modules that are not.
        waiting += [other for other in modules if other.startswith(f"{name}.") or name in imports[other]]
    return found


def _imports_of(module: types.ModuleType) -> set[str]:
    """Name the modules that a module imports by its statements, or holds the contents of."""
    from naga.lock.used import imported_modules

    held = {getattr(value, "__module__", None) for value in vars(module).values() if _is_definition(value)}
    named = {value.__name__ for value in vars(module).values() if type(value) is type(sys)}
    # The import system puts each module of a package there, whether or not the package asks for it.
    named = {name for name in named if not name.startswith(f"{module.__name__}.")}
    return imported_modules(str(module.__file__)) | {name for name in held | named if isinstance(name, str)}


def _is_definition(value: object) -> bool:
    return type(value) in (type, type(_is_definition))


def _forget(name: str) -> None:
    module = sys.modules.pop(name, None)
    parent, _, child = name.rpartition(".")
    package = sys.modules.get(parent)
    # `from package import module` would find the old one there.
    if package is not None and vars(package).get(child) is module:
        delattr(package, child)
