"""Manifests: the sorted list of a tree's entries, as text, under its digest, and compared with another one.

The format is described byte by byte in docs/formats.md, chapter "Digests".
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from itertools import takewhile
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import xxhash

from naga.errors import IntegrityError, NotFoundError
from naga.lock.atomic import write_atomically
from naga.lock.cache_place import cache_folder
from naga.lock.manifest_lines import ALGORITHM, Kind, entry_line, join_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = [
    "ALGORITHM",
    "Difference",
    "Entry",
    "Manifest",
    "compare_manifests",
    "hash_bytes",
    "load_manifest",
    "manifest_bytes",
    "manifest_digest",
    "parse_manifest",
    "read_manifest",
    "write_manifest",
]

_DIGEST = re.compile(rf"{ALGORITHM}:[0-9a-f]{{32}}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_ESCAPED = re.compile(r"\\(.?)", re.DOTALL)
_MEANING = {"\\": "\\", "t": "\t", "n": "\n"}
_HINT = "the manifest was damaged or was not written by naga; get it again from where it came"

_MOST_BYTES_A_SHELF: Final = 8 * 2**20
"""Manifests in the cache are spread over 256 shelves by the start of their digest: 2 GiB in all."""


class Entry(msgspec.Struct, frozen=True):
    """One entry of a tree.

    Attributes
    ----------
    path : str
        Relative to the root, with ``/``; bytes that are no text are kept as `os.fsdecode` does it.
    kind : {"file", "dir", "link"}
        What it is.
    executable : bool
        Whether the owner may execute the file; False for folders and links.
    size : int
        Bytes of the file; 0 for folders and links.
    digest : str or None
        ``algorithm:hex`` of the file's bytes.
    target : str or None
        Where the link points.
    """

    path: str
    kind: Kind
    executable: bool = False
    size: int = 0
    digest: str | None = None
    target: str | None = None

    def line(self) -> str:
        """Write the entry as a line of the manifest, without its end.

        Returns
        -------
        str
        """
        content = self.digest or self.target or "-"
        return entry_line(self.path, self.kind, content, self.size, self.executable)


class Manifest(NamedTuple):
    """All that a manifest says: `entries` in the order of their lines, and the patterns that chose them."""

    entries: tuple[Entry, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class Difference(NamedTuple):
    """Paths that are only in the new manifest, only in the old one, or in both with another content or kind."""

    added: list[str]
    removed: list[str]
    changed: list[str]


def hash_bytes(data: bytes) -> str:
    """Compute the digest of bytes in memory.

    Parameters
    ----------
    data : bytes
        Of any length.

    Returns
    -------
    str
        ``xxh3_128:`` and 32 hexadecimal digits.

    Examples
    --------
    >>> hash_bytes(b"naga")
    'xxh3_128:0916dbe7a84548857c829f212249cbe6'
    """
    return f"{ALGORITHM}:{xxhash.xxh3_128_hexdigest(data)}"


def manifest_bytes(entries: Iterable[Entry], include: Iterable[str] = (), exclude: Iterable[str] = ()) -> bytes:
    """Write a manifest.

    Parameters
    ----------
    entries : iterable of Entry
        In any order.
    include, exclude : iterable of str, optional
        The patterns that chose the entries, in their canonical order, as `PathDigest` has them.

    Returns
    -------
    bytes
        The text whose digest is the digest of the tree.
    """
    return join_lines([os.fsencode(entry.line()) for entry in entries], include, exclude)


def manifest_digest(entries: Iterable[Entry], include: Iterable[str] = (), exclude: Iterable[str] = ()) -> str:
    """Compute the digest of the tree that has these entries; parameters as for `manifest_bytes`.

    Returns
    -------
    str
        ``xxh3_128:`` and 32 hexadecimal digits.
    """
    return hash_bytes(manifest_bytes(entries, include, exclude))


def parse_manifest(data: bytes) -> Manifest:
    """Read a manifest, which may come from a stranger.

    Parameters
    ----------
    data : bytes
        The whole text.

    Returns
    -------
    Manifest

    Raises
    ------
    IntegrityError
        A line is malformed or out of order; or a path is repeated, absolute, has ``.`` or ``..`` in it, or
        lies below something that is not a folder.
    """
    manifest = _parse_lines(os.fsdecode(data).split("\n"))
    kinds = {entry.path: entry.kind for entry in manifest.entries}
    for path in kinds:
        if any(kinds.get(above, "dir") != "dir" for above in _folders_above(path)):
            raise IntegrityError(f"{path!r} in the manifest lies below something else than a folder", hint=_HINT)
    if len(kinds) < len(manifest.entries) or manifest_bytes(*manifest) != data:
        raise IntegrityError("the manifest is out of order or names a path twice", hint=_HINT)
    return manifest


def read_manifest(path: Path) -> tuple[Entry, ...]:
    """Read the entries of a manifest in a file.

    Parameters
    ----------
    path : Path
        Written by `write_manifest`, or by other tools after docs/formats.md.

    Returns
    -------
    tuple of Entry
        Sorted by the bytes of their lines.

    Raises
    ------
    NotFoundError
        There is no such file.
    IntegrityError
        It cannot be read or breaks the format.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no manifest {path}", hint="hash the tree again", path=path) from error
    except OSError as error:
        raise IntegrityError(f"{path} cannot be read: {error.strerror}", hint=_HINT, path=path) from error
    return parse_manifest(data).entries


def write_manifest(
    path: Path, entries: Iterable[Entry], include: Iterable[str] = (), exclude: Iterable[str] = ()
) -> str:
    """Write a manifest into a file, whole or not at all; parameters as for `manifest_bytes`.

    Returns
    -------
    str
        The digest of the tree.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    data = manifest_bytes(entries, include, exclude)
    write_atomically(path, data)
    return hash_bytes(data)


def load_manifest(digest: str) -> tuple[Entry, ...] | None:
    """Find in the cache which entries a tree had.

    Parameters
    ----------
    digest : str
        Of a tree that was hashed on this machine.

    Returns
    -------
    tuple of Entry or None
        None when the cache does not have it, or not unharmed.
    """
    data = _load(digest)
    return None if data is None else parse_manifest(data).entries


def load_lines(digest: str) -> list[bytes] | None:
    """Find in the cache the lines of a manifest without its patterns, sorted, for `join_lines`."""
    data = _load(digest)
    if data is None:
        return None
    lines = data.split(b"\n")[:-1]
    patterns = sum(1 for _ in takewhile(lambda line: line.count(b"\t") == 1, lines))
    return lines[patterns:]


def has_manifest(digest: str) -> bool:
    """Tell whether the cache has the manifest of a tree, without reading it."""
    try:
        return _place(digest).is_file()
    except OSError:
        return False


def keep_manifest(digest: str, data: bytes) -> None:
    """Put a manifest into the cache; without an effect when the cache cannot be written."""
    place = _place(digest)
    temporary = place.with_name(f".{place.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Not flushed to the disk: whoever loads it checks the digest.
        temporary.write_bytes(data)
        temporary.replace(place)
        _make_room(place)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def compare_manifests(old: Iterable[Entry], new: Iterable[Entry]) -> Difference:
    """Say which entries differ.

    Parameters
    ----------
    old, new : iterable of Entry
        Two states of a tree.

    Returns
    -------
    Difference
        Lists of paths, sorted by bytes.

    Examples
    --------
    >>> old = [Entry("a", "dir"), Entry("b", "dir")]
    >>> compare_manifests(old, [Entry("b", "link", target="c"), Entry("c", "dir")])
    Difference(added=['c'], removed=['a'], changed=['b'])
    """
    before = {entry.path: entry for entry in old}
    after = {entry.path: entry for entry in new}
    changed = {path for path in before.keys() & after.keys() if before[path] != after[path]}
    return Difference(
        added=sorted(after.keys() - before.keys(), key=os.fsencode),
        removed=sorted(before.keys() - after.keys(), key=os.fsencode),
        changed=sorted(changed, key=os.fsencode),
    )


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda match: _MEANING[match[1]], text) if "\\" in text else text


def _parse_lines(lines: list[str]) -> Manifest:
    patterns: dict[str, list[str]] = {"include": [], "exclude": []}
    entries: list[Entry] = []
    for number, line in enumerate(lines[:-1], start=1):
        try:
            fields = [_unescape(each) for each in line.split("\t")]
            if len(fields) == 2:
                patterns[fields[0]].append(fields[1])
            else:
                entries.append(_parse_entry(*fields))
        except (ValueError, KeyError, TypeError) as error:
            message = f"line {number} of the manifest is malformed: {line[:200]!r}"
            raise IntegrityError(message, hint=_HINT) from error
    return Manifest(tuple(entries), tuple(patterns["include"]), tuple(patterns["exclude"]))


def _parse_entry(path: str, kind: str, executable: str, size: str, content: str) -> Entry:
    if any(name in ("", ".", "..") for name in path.split("/")) or "\0" in path + content:
        raise ValueError(path)
    if kind == "file" and executable in ("x", "-") and _SIZE.fullmatch(size) and _DIGEST.fullmatch(content):
        return Entry(path, "file", executable == "x", int(size), digest=content)
    if kind == "link" and content:
        return Entry(path, "link", target=content)
    if kind == "dir":
        return Entry(path, "dir")
    raise ValueError(kind)


def _folders_above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _load(digest: str) -> bytes | None:
    try:
        data = _place(digest).read_bytes()
    except (OSError, ValueError):
        return None
    return data if hash_bytes(data) == digest else None


def _place(digest: str) -> Path:
    """Return where the cache keeps a manifest; ValueError when `digest` is none."""
    if not _DIGEST.fullmatch(digest):
        raise ValueError(digest)
    digits = digest.partition(":")[2]
    return cache_folder() / "manifests" / digits[:2] / digits


def _make_room(newest: Path) -> None:
    found = sorted((each.stat().st_mtime_ns, each.stat().st_size, each) for each in newest.parent.iterdir())
    excess = sum(size for _, size, _ in found) - _MOST_BYTES_A_SHELF
    for _, size, place in found:
        if excess > 0 and place != newest:
            place.unlink()
            excess -= size
