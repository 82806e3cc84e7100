"""What the runs of one process have in common, so that it is worked out once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from naga.lock.receipt import RepositoryEntry

__all__ = ["Shared"]


def _allow() -> None:
    """Let everything pass."""


class Shared(msgspec.Struct, frozen=True):
    """What several runs of the same code in one process share.

    Attributes
    ----------
    repositories : dict
        Root -> its state.
    environment : dict
        What `naga.lock.environment.describe_environment` returned.
    code : dict
        Root, as a str -> path relative to it -> digest of what was imported.
    modules : set of str
        The names of the modules that `code` accounts for.
    guard : callable
        Called before each time that a receipt is written; raises when it must not be.
    """

    repositories: dict[Path, RepositoryEntry] = msgspec.field(default_factory=dict)
    environment: dict[str, Any] = msgspec.field(default_factory=dict)
    code: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    modules: set[str] = msgspec.field(default_factory=set)
    guard: Callable[[], None] = _allow

    def has_code_of(self, roots: Collection[str]) -> bool:
        """Tell whether `code` is complete: nothing was imported since, and no root is new.

        Parameters
        ----------
        roots : collection of str

        Returns
        -------
        bool
        """
        return self.modules >= sys.modules.keys() and self.code.keys() >= set(roots)

    def add_code(self, find: Callable[[], Mapping[str, Mapping[str, str]]]) -> None:
        """Look for code, and take note of it.

        Parameters
        ----------
        find : callable
            Returns it in the form of `code`.
        """
        # What is imported meanwhile, by another thread, is looked at the next time.
        modules = list(sys.modules)
        self.code.update({root: dict(files) for root, files in find().items()})
        self.modules.update(modules)
