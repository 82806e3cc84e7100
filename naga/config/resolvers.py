"""The resolvers ``${runlock_data:PATH}`` and ``${runlock_prev:PATH}`` of OmegaConf."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ["register_when_imported"]


def register_when_imported() -> None:
    """Register the resolvers, now if OmegaConf is imported already, else at the moment when it is.

    Notes
    -----
    Importing OmegaConf takes longer than everything else that ``import naga`` does, so it is left to those who
    use it.
    """
    if "omegaconf" in sys.modules:
        _register()
    elif not any(isinstance(finder, _Watcher) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Watcher())


def _register() -> None:
    from omegaconf import OmegaConf

    for name, resolver in (("runlock_data", _data), ("runlock_prev", _prev)):
        # OmegaConf 2.4 renamed the function and gave its old name to a warning.
        if hasattr(OmegaConf, "legacy_register_resolver") and _is_before_2_4():
            OmegaConf.register_new_resolver(name, resolver, replace=True, use_cache=True)
        else:
            OmegaConf.register_resolver(name, resolver, replace=True, use_cache=True)


def _is_before_2_4() -> bool:
    import omegaconf

    major, minor = omegaconf.__version__.split(".")[:2]
    return (int(major), int(minor)) < (2, 4)


# OmegaConf 2.4 checks what it hands over against the annotations: a path may be a string or a Path.
def _data(path: Any) -> Any:
    from naga.config.values import ResolvedData
    from naga.lock.inputs import read_data

    return ResolvedData(read_data(path))


def _prev(path: Any) -> Any:
    from naga.config.values import ResolvedPrev
    from naga.lock.lineage import read_prev

    return ResolvedPrev(read_prev(path))


class _Watcher:
    """Waits for the import of OmegaConf.

    It does not derive from the abstract classes of importlib, whose import would double that of naga.
    """

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        if name != "omegaconf":
            return None
        specs = (finder.find_spec(name, None, None) for finder in sys.meta_path if finder is not self)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _RegisteringLoader(spec.loader)  # type: ignore[assignment]
        return spec


class _RegisteringLoader:
    """Registers the resolvers as soon as the loader that it wraps is done."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        assert module.__spec__ is not None
        module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        _register()
        sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Watcher)]
