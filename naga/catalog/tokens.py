"""Tokens: the ways in which a person names a run."""

# ruff: noqa: PTH110, PTH113 - the methods of Path raise where a token is longer than a name may be

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from naga.catalog.index import Catalog
from naga.catalog.shelf import load_receipts, paused_collector
from naga.errors import AmbiguousError, IntegrityError, NotFoundError, UsageError, nearest
from naga.lock.describe import printable, stage_name
from naga.lock.digest import hash_path
from naga.lock.manifest import load_manifest
from naga.lock.project import absolute_path, find_project, nearest_path
from naga.lock.receipt import RECEIPT_NAME, Receipt, read_receipt
from naga.lock.world import World, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["find_run"]

_LATEST = re.compile(r"@latest(?:~([0-9]{1,9}))?")
_IDENTIFIER = re.compile(r"[0-9A-Za-z_-]{4,64}")
_MOST_NAMED = 10


def find_run(
    token: str | os.PathLike[str], root: str | os.PathLike[str] | None = None, *, progress: bool = True
) -> tuple[Path, Receipt]:
    """Find the run that a token names.

    Parameters
    ----------
    token : str or path
        The path of a ``run.lock`` or of its folder; the path of any file, which is looked up by its content among the
        outputs of runs, so that a renamed copy is found too; the identifier of a run or its beginning, of 4 characters
        or more; ``@latest`` for the run that started last, ``@latest~2`` for the one two before it.
    root : path, optional
        The folder below which runs are looked for; by default the project of the current folder.
    progress : bool, optional
        Whether to show a bar on standard error when it takes longer than a second.

    Returns
    -------
    path : Path
        The receipt's file, absolute.
    receipt : Receipt

    Raises
    ------
    NotFoundError
        No run has this name; the hint has the nearest.
    AmbiguousError
        More than one run has; the message lists them.
    ReceiptFormatError
        The receipt cannot be read.
    UsageError
        The token is empty or begins with ``@`` and is not ``@latest``.
    """
    text = os.fspath(token)
    if not text:
        raise UsageError("a token is empty", hint="give an id, @latest or a path")
    path = absolute_path(text)
    if not text.startswith("@") and _is_receipt(path):
        place = path if os.path.isfile(path) else path / RECEIPT_NAME
        return place, read_receipt(place)
    folder = find_project(Path.cwd()) if root is None else absolute_path(root)
    with paused_collector(), Catalog() as catalog:
        loaded = load_receipts(folder, catalog, progress=progress)
        runs = {name: receipt for name, receipt in loaded.items() if isinstance(receipt, Receipt)}
        found = Path(_Finder(text, folder, runs).find(path, progress=progress))
    return found, read_receipt(found)


def _is_receipt(path: Path) -> bool:
    if os.path.isfile(path / RECEIPT_NAME):
        return True
    return (path.name == RECEIPT_NAME or path.suffix == ".lock") and os.path.isfile(path)


class _Finder:
    """The search for the run that one token names."""

    def __init__(self, token: str, root: Path, runs: Mapping[str, Receipt]) -> None:
        self._token = token
        self._root = root
        self._runs = runs
        self._world = World()

    def find(self, path: Path, *, progress: bool) -> str:
        if self._token.startswith("@"):
            return self._find_latest()
        if os.path.isfile(path):
            found = self._find_content(path, progress=progress)
        else:
            found = [] if os.path.exists(path) else self._find_identifier()
        # A file that changed or is gone still belongs to the run that wrote it.
        found = found or self._find_place(str(path))
        if not found and os.path.isfile(path.parent / RECEIPT_NAME):
            return str(path.parent / RECEIPT_NAME)
        return self._only(found, path)

    def _find_latest(self) -> str:
        match = _LATEST.fullmatch(self._token)
        if match is None:
            hint = "there are @latest and, for the one before it, @latest~1; a path begins with ./"
            raise UsageError(f"cannot understand {self._token!r}", hint=hint)
        # Copies of one receipt are one run.
        by_id = {self._runs[name].id: name for name in sorted(self._runs, key=_by_length, reverse=True)}
        newest = sorted(by_id.values(), key=lambda name: (self._runs[name].started, self._runs[name].id), reverse=True)
        back = int(match[1] or 0)
        if back >= len(newest):
            count = f"only {len(newest)} run{'s are' if len(newest) > 1 else ' is'}" if newest else "no run is"
            raise NotFoundError(f"{self._token}: {count} below {self._root}", hint="naga ls lists them")
        return newest[back]

    def _find_content(self, path: Path, *, progress: bool) -> list[str]:
        """Find the runs that left a file with this content, those that left it at this path if there are any."""
        outputs = [(name, output) for name, run in self._runs.items() for output in run.outputs.values()]
        size = path.stat().st_size
        if not any(output.kind == "tree" or output.size == size for _, output in outputs):
            return []
        digest = hash_path(path, progress=progress).digest
        found = list(dict.fromkeys(name for name, output in outputs if output.digest == digest))
        found = found or [name for name, run in self._runs.items() if _has_in_tree(run, digest)]
        return [name for name in found if self._is_at(name, str(path))] or found

    def _find_place(self, path: str) -> list[str]:
        return [name for name in self._runs if self._is_at(name, path)]

    def _find_identifier(self) -> list[str]:
        if not _IDENTIFIER.fullmatch(self._token):
            return []
        start = self._token.lower()
        found = [name for name, run in self._runs.items() if run.id.lower().startswith(start)]
        return [name for name in found if self._runs[name].id.lower() == start] or found

    def _is_at(self, name: str, path: str) -> bool:
        """Tell whether a run left something at a path, or a tree with the path in it."""
        run = self._runs[name]
        places = [place_of(out.path, self._world.root_of(name, run)) for out in run.outputs.values()]
        return any(path == place or path.startswith(f"{place}/") for place in places)

    def _only(self, names: list[str], path: Path) -> str:
        """Return the one run that was found; copies of one receipt are one run, and the shortest path stands for it."""
        if not names:
            raise NotFoundError(f"no run is named {self._token}", hint=self._nearest(path), key=self._token)
        first, *others = (replace(self._runs[name], lineage={}) for name in names)
        if any(other != first for other in others):
            listed = "; ".join(self._describe(name) for name in sorted(names)[:_MOST_NAMED])
            more = f"; and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
            hint = "give more of the id, or the path of the receipt"
            raise AmbiguousError(f"{self._token} may be {listed}{more}", hint=hint, key=self._token)
        return min(names, key=_by_length)

    def _describe(self, name: str) -> str:
        run = self._runs[name]
        return printable(f"{run.id} ({stage_name(run)}, {os.path.relpath(name, self._root)})")

    def _nearest(self, path: Path) -> str:
        stages = {stage_name(run) for run in self._runs.values()}
        if self._token in stages:
            return f"naga ls stage:{self._token} lists the runs of this stage"
        if os.path.exists(path):
            return f"no run below {self._root} left this content"
        beginnings = {run.id[: len(self._token)]: name for name, run in self._runs.items()}
        if (near := nearest(self._token, beginnings)) is not None:
            return f"did you mean {self._describe(beginnings[near])}?"
        near_path = nearest_path(path)
        return f"did you mean {near_path}?" if near_path else f"naga ls lists the runs below {self._root}"


def _by_length(name: str) -> tuple[int, str]:
    return len(name), name


def _has_in_tree(run: Receipt, digest: str) -> bool:
    """Tell whether a tree that a run left has a file with this digest, as far as the cache has the manifests."""
    for output in run.outputs.values():
        try:
            entries = load_manifest(output.digest) if output.kind == "tree" else None
        except IntegrityError:
            continue
        if any(entry.digest == digest for entry in entries or ()):
            return True
    return False
