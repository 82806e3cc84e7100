"""Finding the receipts below a folder."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from naga.errors import NagaError, NotFoundError
from naga.lock.project import MARKS, nearest_path
from naga.lock.receipt import RECEIPT_NAME
from naga.lock.stat_index import stat_key

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SKIPPED", "Scan", "scan_receipts"]

SKIPPED: Final = frozenset({".git", ".naga", ".venv", "__pycache__", "node_modules", "site-packages"})
"""Names of folders in which no receipts are looked for."""


class Scan(NamedTuple):
    """What was found.

    Attributes
    ----------
    found : dict
        Absolute path of a receipt -> stat key, sorted by path.
    unlisted : dict
        Absolute path of a folder that cannot be listed -> why, sorted by path.
    projects : set of str
        Absolute paths of the folders that are roots of projects.
    """

    found: dict[str, bytes]
    unlisted: dict[str, NagaError]
    projects: set[str]


def scan_receipts(root: Path) -> Scan:
    """Find all receipts below a folder.

    Parameters
    ----------
    root : Path
        Absolute. Links to folders below it are not followed.

    Returns
    -------
    Scan

    Raises
    ------
    NotFoundError
        There is no such folder; the hint names the nearest path.
    """
    if not os.path.isdir(root):  # noqa: PTH112 - Path.is_dir raises where a name is too long
        near = nearest_path(root)
        hint = f"did you mean {near}?" if near else "give the folder to look for receipts in"
        raise NotFoundError(f"there is no folder {root}", hint=hint, path=root)
    found: dict[str, bytes] = {}
    unlisted: dict[str, NagaError] = {}
    projects: set[str] = set()
    waiting = [str(root)]
    while waiting:
        folder = waiting.pop()
        try:
            waiting += _scan_folder(folder, found, projects)
        except FileNotFoundError:
            continue
        except OSError as error:
            unlisted[folder] = NagaError(f"{folder} cannot be listed: {error.strerror}")
    return Scan(dict(sorted(found.items())), dict(sorted(unlisted.items())), projects)


def _scan_folder(folder: str, found: dict[str, bytes], projects: set[str]) -> list[str]:
    inner = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in MARKS:
                projects.add(folder)
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in SKIPPED:
                    inner.append(entry.path)
            elif entry.name == RECEIPT_NAME:
                # A link to nowhere is no receipt.
                with suppress(FileNotFoundError):
                    found[entry.path] = stat_key(entry.stat())
    return inner
