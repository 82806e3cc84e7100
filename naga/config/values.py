"""The typed values that the resolvers give.

They are plain classes, not dataclasses: OmegaConf takes a dataclass apart into keys and values.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from naga.lock.digest import PathDigest
    from naga.lock.lineage import Prev

__all__ = ["ResolvedData", "ResolvedPrev"]


class ResolvedData:
    """The value of ``${runlock_data:PATH}``: a path together with the digest of what lies there.

    Parameters
    ----------
    entry : PathDigest

    Notes
    -----
    It can be used wherever a path can: ``open(cfg.runlock.data.features)``.
    """

    __slots__ = ("entry",)

    def __init__(self, entry: PathDigest) -> None:
        self.entry = entry

    @property
    def path(self) -> Path:
        """The path, as it was written."""
        return self.entry.path

    @property
    def digest(self) -> str:
        """The digest, ``algorithm:hex``."""
        return self.entry.digest

    def __fspath__(self) -> str:
        return os.fspath(self.entry.path)

    def __repr__(self) -> str:
        return f"ResolvedData({str(self.path)!r}, {self.digest!r})"


class ResolvedPrev:
    """The value of ``${runlock_prev:PATH}``: the receipt of a stage before.

    Parameters
    ----------
    prev : Prev
    """

    __slots__ = ("prev",)

    def __init__(self, prev: Prev) -> None:
        self.prev = prev

    @property
    def path(self) -> Path:
        """The file of the receipt."""
        return self.prev.path

    @property
    def id(self) -> str:
        """The identifier of the run."""
        return self.prev.receipt.id

    def __fspath__(self) -> str:
        return os.fspath(self.prev.path)

    def __repr__(self) -> str:
        return f"ResolvedPrev({str(self.path)!r}, {self.id!r})"
