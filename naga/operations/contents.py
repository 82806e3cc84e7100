"""Files that runs left or read: what is in them, and who used them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from naga.errors import IntegrityError, NotFoundError, RefusedError, UsageError
from naga.lock.describe import printable
from naga.lock.digest import hash_path
from naga.lock.manifest import load_manifest
from naga.lock.world import place_of
from naga.operations.arguments import Argument
from naga.operations.inside import kind_inside, list_inside, read_inside, size_inside
from naga.operations.rows import rows_of_entries
from naga.operations.subjects import find_subject, inner_path, outer_path

if TYPE_CHECKING:
    from naga.catalog.ledger import Ledger
    from naga.catalog.librarian import Librarian
    from naga.lock.receipt import DataEntry, Receipt

__all__ = ["FILE", "USES", "preview_of", "show_file", "tell_uses"]

FILE = {"run": Argument("text"), "name": Argument("text")}
USES = {"path": Argument("text", default=""), "digest": Argument("text", default="")}
_IMAGES: Final = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
}
_HEAD: Final = 64 * 2**10
"""Bytes of a text that are shown."""
_LARGEST_IMAGE: Final = 8 * 2**20
_MOST_ENTRIES: Final = 500
_MOST_USERS: Final = 100
_ROLES: Final = {"written_by": "output", "read_by": "data"}


def preview_of(name: str, entry: DataEntry) -> str | None:
    """Tell how an output can be shown.

    Parameters
    ----------
    name : str
    entry : DataEntry

    Returns
    -------
    str or None
        ``image``, ``text`` (which may turn out to be binary) or ``folder``; None for an image that is too large.
    """
    if entry.kind == "tree":
        return "folder"
    if _ending(name) in _IMAGES:
        return "image" if entry.size <= _LARGEST_IMAGE else None
    return "text"


def show_file(librarian: Librarian, *, run: str, name: str) -> dict[str, Any]:
    """Show an output of a run: an image, the head of a text, or what is in a folder.

    Parameters
    ----------
    librarian : Librarian
    run : str
        As for `naga.operations.subjects.find_subject`.
    name : str
        Of the output as the receipt has it; with ``/`` and what is below it for something in a folder.

    Returns
    -------
    dict
        As docs/operations.md has it.

    Raises
    ------
    NotFoundError
        The run has no such output, or it is gone.
    RefusedError
        It lies outside of the root, or a link is on the way to it.
    """
    subject = find_subject(librarian, run)
    entry, rest = _output(subject.known, name)
    place = place_of(entry.path, subject.root) + (f"/{rest}" if rest else "")
    path = inner_path(librarian, place)
    if path is None:
        raise RefusedError(f"{printable(name)} lies outside of the root", hint="open it in a terminal", key="name")
    kind = kind_inside(librarian.root, path)
    if kind == "folder":
        return _folder(librarian, name, path, entry)
    if kind == "other":
        raise RefusedError(f"{printable(name)} is neither a file nor a folder", key="name")
    return _file(librarian, name, path, entry, is_whole=not rest)


def tell_uses(librarian: Librarian, *, path: str, digest: str) -> dict[str, Any]:
    """Tell which runs wrote and which read a content, whatever it was called.

    Parameters
    ----------
    librarian : Librarian
    path : str
        Of a file or folder, relative to the root; what counts is what is in it.
    digest : str
        Instead of a path.

    Returns
    -------
    dict
        As docs/operations.md has it.

    Raises
    ------
    NotFoundError
        There is nothing at the path.
    UsageError
        Neither a path nor a digest was given, or both.
    """
    if bool(path) == bool(digest):
        raise UsageError("uses needs either a path or a digest", hint="docs/operations.md shows both")
    size = None
    if path:
        place = outer_path(librarian, path)
        # To open it refuses every link on the way, so that nothing outside of the root is read.
        kind_inside(librarian.root, path)
        found = hash_path(place, progress=False)
        digest, size = found.digest, found.size
    root = str(librarian.root)
    digests = [digest, *librarian.ask(lambda ledger: _trees_with(ledger, root, digest))]
    told: dict[str, Any] = {"path": path or None, "digest": digest, "size": size}
    users = librarian.ask(lambda ledger: [ledger.users(root, digests, kind, _MOST_USERS) for kind in _ROLES.values()])
    for key, (total, entries) in zip(_ROLES, users, strict=True):
        told |= {key: rows_of_entries(librarian, entries), f"{key}_total": total}
    return told


def _trees_with(ledger: Ledger, root: str, digest: str) -> list[str]:
    """Find the trees that have a file with a content, as far as the cache has the manifests."""
    found = []
    for tree in ledger.trees(root):
        try:
            entries = load_manifest(tree)
        except IntegrityError:
            continue
        if any(entry.digest == digest for entry in entries or ()):
            found.append(tree)
    return found


def _output(receipt: Receipt, name: str) -> tuple[DataEntry, str]:
    """Find the output that a name belongs to, and what of the name leads on into it."""
    if name in receipt.outputs:
        return receipt.outputs[name], ""
    for start, entry in receipt.outputs.items():
        inner = name if start == "." else name[len(start) + 1 :]
        if entry.kind == "tree" and (start == "." or name.startswith(f"{start}/")):
            if any(part in ("", ".", "..") for part in inner.split("/")):
                break
            return entry, inner
    raise NotFoundError(
        f"the run has no output {printable(name[:200])}", hint="ask for the run, which lists them", key=name
    )


def _folder(librarian: Librarian, name: str, path: str, entry: DataEntry) -> dict[str, Any]:
    entries = [
        {"name": each, "kind": kind, "size": size}
        for each, kind, size in list_inside(librarian.root, path, _MOST_ENTRIES)
    ]
    return {
        "name": name,
        "path": path,
        "kind": "folder",
        "media_type": "inode/directory",
        "size": entry.size,
        "modified": None,
        "text": None,
        "truncated": len(entries) == _MOST_ENTRIES,
        "data": None,
        "entries": entries,
    }


def _file(librarian: Librarian, name: str, path: str, entry: DataEntry, *, is_whole: bool) -> dict[str, Any]:
    size = size_inside(librarian.root, path)
    media_type = _IMAGES.get(_ending(name), "")
    found = {"name": name, "path": path, "size": size, "modified": None, "text": None, "data": None, "entries": None}
    if is_whole:
        sight = librarian.world().look(f"{str(librarian.root).rstrip('/')}/{path}")
        found["modified"] = sight.digest != entry.digest
    if media_type and size <= _LARGEST_IMAGE:
        content = read_inside(librarian.root, path, _LARGEST_IMAGE)
        data = base64.b64encode(content).decode("ascii")
        return {**found, "kind": "image", "media_type": media_type, "truncated": False, "data": data}
    head = read_inside(librarian.root, path, _HEAD)
    text = None if media_type else _text_of(head)
    return {
        **found,
        "kind": "binary" if text is None else "text",
        "media_type": media_type or ("application/octet-stream" if text is None else "text/plain"),
        "text": text,
        "truncated": size > len(head),
    }


def _text_of(head: bytes) -> str | None:
    """Decode the beginning of a text; None when it is none."""
    if b"\0" in head:
        return None
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError as error:
        # The last letter may have been cut.
        return head[: error.start].decode("utf-8") if error.start >= len(head) - 3 and len(head) == _HEAD else None


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower()
