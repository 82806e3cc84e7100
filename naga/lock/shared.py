"""What the runs of one process have in common, so that it is worked out once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from naga.lock.receipt import RepositoryEntry

__all__ = ["Shared"]


def _allow() -> None:
    """Let everything pass."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What several runs of the same code in one process share.

    Attributes
    ----------
    repositories : dict
        Root -> its state.
    environment : dict
        What `naga.lock.environment.describe_environment` returned.
    code : dict
        Root, as a str -> path relative to it -> digest of what was imported.
    guard : callable
        Called before each time that a receipt is written; raises when it must not be.
    """

    repositories: dict[Path, RepositoryEntry] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    code: dict[str, dict[str, str]] = field(default_factory=dict)
    guard: Callable[[], None] = _allow
