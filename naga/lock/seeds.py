"""Seeds of the global random number generators."""

from __future__ import annotations

import random
import sys
from importlib.machinery import SourceFileLoader
from typing import TYPE_CHECKING

from naga.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ["set_seeds"]

_LARGEST = 2**32 - 1

# The module that holds the generator -> the name of the library, and the function that seeds it.
_LIBRARIES = {"numpy.random": ("numpy", "seed"), "torch": ("torch", "manual_seed")}


def set_seeds(seed: int) -> dict[str, int]:
    """Seed the global generators of `random`, NumPy and PyTorch.

    A library that is not imported yet is seeded as soon as it is: nothing is imported here, and a ``main``
    that imports NumPy late is as reproducible as one that imports it first.

    Parameters
    ----------
    seed : int
        From 0 to 4294967295, the range that NumPy takes.

    Returns
    -------
    dict of str to int
        Library -> seed, for those that are seeded. A library that is imported later adds itself to this
        mapping, so read it when the run ends.

    Raises
    ------
    ConfigError
        The seed is out of range.

    Notes
    -----
    Generators that a program makes itself, such as ``numpy.random.default_rng()``, take their seed from the
    program. The order of sets of strings is decided by ``PYTHONHASHSEED`` before Python starts. PyTorch may
    still choose algorithms that are not deterministic: see ``torch.use_deterministic_algorithms``.
    """
    if not 0 <= seed <= _LARGEST:
        raise ConfigError(f"seed {seed} is out of range", hint=f"choose one from 0 to {_LARGEST}", key="seed")
    random.seed(seed)
    seeded = {"random": seed}
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _SeedOnImport)]
    for name in _LIBRARIES.keys() & sys.modules.keys():
        _seed_library(sys.modules[name], seed, seeded)
    if absent := _LIBRARIES.keys() - sys.modules.keys():
        sys.meta_path.insert(0, _SeedOnImport(absent, seed, seeded))
    return seeded


def _seed_library(module: ModuleType, seed: int, seeded: dict[str, int]) -> None:
    library, function = _LIBRARIES[module.__name__]
    getattr(module, function)(seed)
    seeded[library] = seed


class _SeedOnImport:
    """A finder that leaves the finding to the others and seeds what they find.

    The loader stays the one that the others chose, because resources and tracebacks are read through it.
    """

    def __init__(self, names: Collection[str], seed: int, seeded: dict[str, int]) -> None:
        self._names = names
        self._seed = seed
        self._seeded = seeded

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self._names:
            return None
        others = (finder for finder in sys.meta_path if not isinstance(finder, _SeedOnImport))
        spec = next((spec for finder in others if (spec := finder.find_spec(name, path, target))), None)
        if spec and isinstance(spec.loader, SourceFileLoader):
            self._seed_after_loading(spec.loader)
        return spec

    def _seed_after_loading(self, loader: SourceFileLoader) -> None:
        execute = loader.exec_module

        def execute_and_seed(module: ModuleType) -> None:
            execute(module)
            _seed_library(module, self._seed, self._seeded)

        loader.exec_module = execute_and_seed  # type: ignore[method-assign]
