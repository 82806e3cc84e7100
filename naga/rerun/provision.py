"""What a repeated run needs beside its code: recorded inputs, the stages before it, and code that git ignores."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.errors import IncompleteError, IntegrityError, NagaError, NotFoundError
from naga.lock.digest import hash_file, hash_path, hash_tree
from naga.lock.manifest import load_manifest
from naga.lock.project import find_project, resolve_path
from naga.lock.receipt import RECEIPT_NAME, receipt_digest, receipt_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from naga.lock.manifest import Entry
    from naga.lock.receipt import DataEntry, PrevEntry, Receipt
    from naga.rerun.mirror import Mirror

__all__ = ["COPY_LIMIT", "Provision", "tree_entries"]

COPY_LIMIT = 2**30
"""Inputs of more bytes than this, taken together, are linked instead of copied."""


@dataclass(frozen=True, slots=True)
class _Input:
    """Data that the run read, or an output of a stage before it."""

    path: Path
    entry: DataEntry
    is_output: bool

    def __str__(self) -> str:
        return f"the {'output of the stage before' if self.is_output else 'input'} {self.path}"

    def is_at(self, place: Path) -> bool:
        """Tell whether it is at a place as it was recorded."""
        return _digest(place, self.entry, is_output=self.is_output) == self.entry.digest


class Provision:
    """Puts what a run needs into its mirror.

    Nothing is taken over unless its digest is the recorded one: first from the snapshot, which is in the mirror
    already, then from where it lies. Folders are always real folders.

    Parameters
    ----------
    receipt : Receipt
        Of the run.
    root : Path
        The root of the project.
    mirror : Mirror
        With the code.

    Attributes
    ----------
    links : bool
        Whether files are linked, since they are too large to be copied. A link leads to the person's own file.
    """

    def __init__(self, receipt: Receipt, root: Path, mirror: Mirror) -> None:
        self._receipt = receipt
        self._root = root
        self._mirror = mirror
        self._in_place = _absolute_paths(receipt.config)
        self._inputs = [_Input(root / entry.path, entry, is_output=False) for entry in receipt.data.values()]
        self._inputs += [found for prev in receipt.prevs.values() for found in self._left_by(prev)]
        self._linked: list[_Input] = []
        self._made: set[Path] = set()
        self.links = sum(needed.entry.size for needed in self._inputs) > COPY_LIMIT

    def paths(self) -> list[Path]:
        """Return where the inputs lie.

        Returns
        -------
        list of Path
            Absolute; files and folders of the person.
        """
        return [needed.path for needed in self._inputs]

    def put_all(self) -> None:
        """Put everything into the mirror.

        Raises
        ------
        NotFoundError
            Something is neither in the snapshot nor where it was; the message names it.
        IntegrityError
            Something is not what was recorded.
        IncompleteError
            It could not be written, for want of room for example.
        """
        try:
            for needed in self._inputs:
                self._put_input(needed)
            for prev in self._receipt.prevs.values():
                self._put_receipt(prev)
            self._put_ignored_code()
            self._put_undeclared()
        except OSError as error:
            message = f"cannot put {error.filename} into the place of the rerun: {error.strerror}"
            raise IncompleteError(message, hint="set TMPDIR to a folder with more room") from error

    def check_links(self) -> None:
        """Make sure that the run did not write through a link.

        Raises
        ------
        IntegrityError
            It did; the message names the input.
        """
        for needed in self._linked:
            if not needed.is_at(needed.path):
                raise IntegrityError(f"{needed} changed while the rerun was going", path=needed.path)

    def _left_by(self, prev: PrevEntry) -> Iterator[_Input]:
        folder = resolve_path(prev.path, self._root).parent
        root = self._root if folder.is_relative_to(self._root) else find_project(folder)
        for entry in _ancestor(self._receipt, prev).outputs.values():
            yield _Input(resolve_path(entry.path, root), entry, is_output=True)

    def _put_input(self, needed: _Input) -> None:
        path, place = needed.path, self._mirror.place(needed.path)
        if RECEIPT_NAME in needed.entry.exclude and (path / RECEIPT_NAME).is_file():
            # That there is a receipt decides how the folder is digested.
            self._make_folder(place)
            shutil.copy2(path / RECEIPT_NAME, place)
        if needed.is_at(place):
            return
        is_intact = needed.is_at(path)
        if is_intact and self._is_read_in_place(path):
            return
        if needed.entry.kind == "file":
            if not is_intact:
                raise _refusal(str(needed), path)
            self._put_file(path, place)
        else:
            parts = tree_entries(path, needed.entry, is_output=needed.is_output)
            if parts is None:
                raise _refusal(str(needed), path)
            sources = dict(self._sources(path, place, parts, trusted=is_intact))
            for name in (name for name, source in sources.items() if source is None):
                raise _refusal(f"{needed}: {name} in it", path / name)
            self._put_tree(place, parts, sources)
        if self.links and is_intact:
            self._linked.append(needed)

    def _is_read_in_place(self, path: Path) -> bool:
        """Tell whether a path out of the project is in the config as it is, so that the run goes there itself."""
        if path.is_relative_to(self._root):
            return False
        return any(path == given or path.is_relative_to(given) for given in self._in_place)

    def _sources(
        self, path: Path, place: Path, parts: tuple[Entry, ...], *, trusted: bool
    ) -> Iterator[tuple[str, Path | None]]:
        """Yield for each file of a tree where its recorded content lies."""
        for part in parts:
            if part.kind != "file":
                continue
            name = part.path
            if trusted or _digest_of_file(path / name) == part.digest:
                yield name, path / name
            else:
                yield name, place / name if _digest_of_file(place / name) == part.digest else None

    def _put_tree(self, place: Path, parts: tuple[Entry, ...], sources: Mapping[str, Path | None]) -> None:
        self._make_folder(place)
        for part in parts:
            target = place / part.path
            if part.kind == "dir":
                self._make_folder(target)
            elif part.kind == "link":
                self._make_folder(target.parent)
                target.unlink(missing_ok=True)
                target.symlink_to(str(part.target))
            elif (source := sources[part.path]) is not None and source != target:
                self._put_file(source, target)

    def _put_file(self, source: Path, place: Path) -> None:
        self._make_folder(place.parent)
        place.unlink(missing_ok=True)
        if self.links:
            place.symlink_to(source.resolve())
        else:
            shutil.copy2(source, place)

    def _make_folder(self, place: Path) -> None:
        if place not in self._made:
            self._made.add(self._mirror.make_folder(Path("/") / place.relative_to(self._mirror.base / "tree")))

    def _put_receipt(self, prev: PrevEntry) -> None:
        """Write the receipt of a stage before as it was embedded: at its place may be that of a later run."""
        receipt = _ancestor(self._receipt, prev)
        place = self._mirror.place(resolve_path(prev.path, self._root))
        self._make_folder(place.parent)
        place.unlink(missing_ok=True)
        ancestors = _ancestors(receipt, self._receipt.lineage)
        place.write_text(receipt_text(replace(receipt, lineage=ancestors)), encoding="utf-8")

    def _put_ignored_code(self) -> None:
        """Put code that was imported and is in no snapshot, such as a version file that git ignores."""
        files = self._receipt.used.get("files")
        for name, used in files.items() if isinstance(files, dict) else ():
            entry = self._receipt.repos.get(name)
            if entry is None or entry.snapshot is None or not isinstance(used, dict):
                continue
            top = resolve_path(entry.path, self._root)
            for path, digest in used.items():
                place = self._mirror.place(top / path)
                if place.is_file():
                    continue
                found = _digest_of_file(top / path)
                if found != digest:
                    raise _refusal(f"the code {top / path}, which is not in the snapshot,", top / path)
                self._make_folder(place.parent)
                shutil.copy2(top / path, place)

    def _put_undeclared(self) -> None:
        """Put files that the run read without declaring them. Nothing is known of their content."""
        undeclared = self._receipt.used.get("undeclared")
        for name in undeclared if isinstance(undeclared, list) else ():
            path = self._root / str(name)
            place = self._mirror.place(path)
            if path.is_file() and not place.exists():
                self._put_file(path, place)


def tree_entries(path: Path, entry: DataEntry, *, is_output: bool = False) -> tuple[Entry, ...] | None:
    """Return what was in a recorded tree.

    Parameters
    ----------
    path : Path
        Where it lies, or lay.
    entry : DataEntry
        What the receipt says of it.
    is_output : bool
        Leave out the folders of other runs, as was done when the outputs were recorded.

    Returns
    -------
    tuple of Entry or None
        None when the cache does not know, and the tree is not there as it was.
    """
    found = load_manifest(entry.digest)
    if found is None and _digest(path, entry, is_output=is_output) == entry.digest:
        found = load_manifest(entry.digest)
    return found


def _digest(path: Path, entry: DataEntry, *, is_output: bool) -> str | None:
    try:
        if entry.kind == "tree" and path.is_dir():
            prune = _holds_receipt if is_output else None
            return hash_tree(path, include=entry.include, exclude=entry.exclude, prune=prune).digest
        return hash_path(path).digest
    except NotFoundError:
        return None


def _ancestor(receipt: Receipt, prev: PrevEntry) -> Receipt:
    found = receipt.lineage.get(prev.id)
    if found is None or receipt_digest(found) != prev.digest:
        message = f"the receipt does not hold that of {prev.path}, on which it depends, as it was"
        raise IntegrityError(message, hint="restore the receipt, or run the stage again", key=prev.path)
    return found


def _ancestors(receipt: Receipt, lineage: Mapping[str, Receipt]) -> dict[str, Receipt]:
    found: dict[str, Receipt] = {}
    waiting = [receipt]
    while waiting:
        for prev in waiting.pop().prevs.values():
            if prev.id in lineage and prev.id not in found:
                found[prev.id] = lineage[prev.id]
                waiting.append(found[prev.id])
    return found


def _holds_receipt(folder: Path) -> bool:
    return (folder / RECEIPT_NAME).is_file()


def _digest_of_file(path: Path) -> str | None:
    try:
        return hash_file(path)
    except NagaError:
        return None


def _absolute_paths(value: Any) -> set[Path]:
    if isinstance(value, str):
        return {Path(value)} if value.startswith("/") and value.strip("/") else set()
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return {path for item in items for path in _absolute_paths(item)}


def _refusal(what: str, path: Path) -> NagaError:
    if not os.path.lexists(path):
        return NotFoundError(f"{what} is gone", hint="restore it and rerun", path=path)
    hint = "restore it, or make a new run with it as it is now"
    return IntegrityError(f"{what} is not what the run read", hint=hint, path=path)
