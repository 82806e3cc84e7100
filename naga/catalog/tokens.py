"""Tokens: the ways in which a person names a run."""

# ruff: noqa: PTH110, PTH113 - the methods of Path raise where a token is longer than a name may be

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from naga.catalog.librarian import Librarian
from naga.errors import AmbiguousError, IntegrityError, NotFoundError, UsageError, nearest
from naga.lock.describe import printable, stage_name
from naga.lock.digest import hash_path
from naga.lock.manifest import load_manifest
from naga.lock.project import absolute_path, find_project, nearest_path
from naga.lock.receipt import RECEIPT_NAME, Receipt, read_receipt
from naga.lock.world import place_of

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
    with Librarian(folder, max_age=float("inf"), progress=progress) as librarian:
        found = Path(_Finder(text, librarian).find(path, progress=progress))
    return found, read_receipt(found)


def _is_receipt(path: Path) -> bool:
    if os.path.isfile(path / RECEIPT_NAME):
        return True
    return (path.name == RECEIPT_NAME or path.suffix == ".lock") and os.path.isfile(path)


class _Finder:
    """The search for the run that one token names."""

    def __init__(self, token: str, librarian: Librarian) -> None:
        self._token = token
        self._librarian = librarian
        self._root = str(librarian.root)
        self._world = librarian.world()

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
        # Copies of one receipt are one run, and the shortest path comes first.
        newest = dict(reversed(self._runs()))
        back = int(match[1] or 0)
        if back >= len(newest):
            count = f"only {len(newest)} run{'s are' if len(newest) > 1 else ' is'}" if newest else "no run is"
            raise NotFoundError(f"{self._token}: {count} below {self._root}", hint="naga ls lists them")
        return list(newest.values())[-1 - back]

    def _find_content(self, path: Path, *, progress: bool) -> list[str]:
        """Find the runs that left a file with this content, those that left it at this path if there are any."""
        size = path.stat().st_size
        if not self._librarian.ask(lambda ledger: ledger.may_have_written(self._root, size)):
            return []
        digest = hash_path(path, progress=progress).digest
        found = self._writers(digest)
        if not found:
            trees = self._librarian.ask(lambda ledger: ledger.trees(self._root))
            found = sorted({name for tree in trees if _is_in_tree(digest, tree) for name in self._writers(tree)})
        return [name for name in found if self._is_at(name, str(path))] or found

    def _find_place(self, path: str) -> list[str]:
        found = self._librarian.ask(lambda ledger: ledger.writers_around(self._root, path))
        return [name for name in found if self._is_at(name, path)]

    def _find_identifier(self) -> list[str]:
        if not _IDENTIFIER.fullmatch(self._token):
            return []
        start = self._token.lower()
        found = self._runs(start)
        return [path for identifier, path in found if identifier.lower() == start] or [path for _, path in found]

    def _runs(self, start: str = "") -> list[tuple[str, str]]:
        return self._librarian.ask(lambda ledger: ledger.beginning(self._root, start))

    def _writers(self, digest: str) -> list[str]:
        return self._librarian.ask(lambda ledger: ledger.writers(self._root, digest))

    def _receipt(self, name: str) -> Receipt | None:
        found = self._librarian.receipt(name)
        return found if isinstance(found, Receipt) else None

    def _is_at(self, name: str, path: str) -> bool:
        """Tell whether a run left something at a path, or a tree with the path in it."""
        run = self._receipt(name)
        outputs = run.outputs.values() if run else ()
        places = [place_of(out.path, self._world.root_of(name, run)) for out in outputs if run]
        return any(path == place or path.startswith(f"{place}/") for place in places)

    def _only(self, names: list[str], path: Path) -> str:
        """Return the one run that was found; copies of one receipt are one run, and the shortest path stands for it."""
        if not names:
            raise NotFoundError(f"no run is named {self._token}", hint=self._nearest(path), key=self._token)
        first = self._core(names[0])
        if any(self._core(name) != first for name in names[1:]):
            listed = "; ".join(self._describe(name) for name in sorted(names)[:_MOST_NAMED])
            more = f"; and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
            hint = "give more of the id, or the path of the receipt"
            raise AmbiguousError(f"{self._token} may be {listed}{more}", hint=hint, key=self._token)
        return min(names, key=lambda name: (len(name), name))

    def _core(self, name: str) -> Receipt | None:
        """Return what two copies of a receipt have in common, be they read from the ledger or from their files."""
        run = self._receipt(name)
        return replace(run, lineage={}, environment={}) if run else None

    def _describe(self, name: str) -> str:
        run = self._receipt(name)
        place = os.path.relpath(name, self._root)
        return printable(f"{run.id} ({stage_name(run)}, {place})" if run else place)

    def _nearest(self, path: Path) -> str:
        stages = self._librarian.ask(lambda ledger: ledger.counts(self._root, "stage"))
        if self._token in stages:
            return f"naga ls stage:{self._token} lists the runs of this stage"
        if os.path.exists(path):
            return f"no run below {self._root} left this content"
        beginnings = {identifier[: len(self._token)]: name for identifier, name in self._runs()}
        if (near := nearest(self._token, beginnings)) is not None:
            return f"did you mean {self._describe(beginnings[near])}?"
        near_path = nearest_path(path)
        return f"did you mean {near_path}?" if near_path else f"naga ls lists the runs below {self._root}"


def _is_in_tree(digest: str, tree: str) -> bool:
    """Tell whether a tree has a file with this digest, as far as the cache has the manifests."""
    try:
        entries = load_manifest(tree)
    except IntegrityError:
        return False
    return any(entry.digest == digest for entry in entries or ())
