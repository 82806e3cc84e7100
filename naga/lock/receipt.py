"""Receipts: what one holds, and how it is read from and written to a file ``run.lock``.

The format is number 1; ``docs/formats.md`` describes every key. A receipt that is read is data from anybody:
each value is checked for its type before it becomes part of a `Receipt`.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the types of the fields are read when a receipt is
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec

from naga.errors import ConflictError, NotFoundError, ReceiptFormatError
from naga.lock.atomic import folder_lock, read_file, write_atomically
from naga.lock.collection import collector_paused
from naga.lock.digest import hash_bytes
from naga.lock.document import SIZE_LIMIT, canonical_json, dump_document, parse_document
from naga.lock.project import nearest_path

if TYPE_CHECKING:
    import os

__all__ = [
    "FORMAT",
    "RECEIPT_NAME",
    "DataEntry",
    "ErrorEntry",
    "PrevEntry",
    "Receipt",
    "RepositoryEntry",
    "Status",
    "find_receipt",
    "read_receipt",
    "receipt_digest",
    "receipt_text",
    "remove_receipt",
    "write_receipt",
]

FORMAT: Final = 1
RECEIPT_NAME: Final = "run.lock"

Status = Literal["started", "finished", "failed", "killed"]
Identifier = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z_-]{4,64}\Z")]
Digest = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{1,20}:[0-9a-f]{8,128}\Z")]
Size = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataEntry:
    """A file or a tree that a run read or left: `path`, `digest`, `size` in bytes, `kind`, number of `files`."""

    path: str
    digest: Digest
    size: Size
    kind: Literal["file", "tree"]
    files: Size | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryEntry:
    """The exact state of the repository at `path`, or, in `problem`, why there is none."""

    path: str = "."
    commit: str | None = None
    tree: str | None = None
    dirty: bool | None = None
    snapshot: str | None = None
    branch: str | None = None
    url: str | None = None
    excluded: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrevEntry:
    """The receipt of a stage whose outputs a run read: its `id`, `digest` and `path`."""

    id: Identifier
    digest: Digest
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEntry:
    """Why a run did not finish: `type` of the exception, `message`, and the user's `file` and `line`."""

    type: str
    message: str
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The record of a run.

    Attributes
    ----------
    id : str
        UUID of version 7; sorts by time.
    status : {"started", "finished", "failed", "killed"}
        Only a finished run may be reused.
    recipe : str or None
        Digest of everything that decides the result; known when the run ends.
    error : ErrorEntry or None
        Why the run failed.
    started, finished : str
        UTC, ISO 8601; `finished` is None while the run goes on.
    duration : float or None
        Seconds.
    caller : mapping
        ``module``, ``function``, ``file``, ``argv``, ``cwd``, ``root``; for a notebook ``notebook``.
    config : mapping
        The resolved values, redacted where secret.
    used : mapping
        ``files``: repository -> path -> digest of the code that the run imported; ``undeclared``: paths that it
        read without declaring them.
    repos, data, outputs, prevs : mapping
        Name -> entry.
    environment : mapping
        What `naga.lock.environment.describe_environment` returned.
    lineage : mapping
        Identifier -> receipt of every ancestor, each once, without a lineage of its own.
    extra : mapping
        Keys of the document that this version does not know; they are kept.
    """

    id: Identifier
    recipe: Digest | None = None
    status: Status
    error: ErrorEntry | None = None
    started: str
    finished: str | None = None
    duration: float | None = None
    caller: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    used: Mapping[str, Any] = field(default_factory=dict)
    repos: Mapping[str, RepositoryEntry] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, DataEntry] = field(default_factory=dict)
    outputs: Mapping[str, DataEntry] = field(default_factory=dict)
    prevs: Mapping[str, PrevEntry] = field(default_factory=dict)
    lineage: Mapping[str, Receipt] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_mapping(self) -> dict[str, Any]:
        """Return the receipt as plain values, in the order of the format.

        Returns
        -------
        dict
            The keys of the format. Of an entry, values that say nothing are left out.
        """
        return _mapping_of(msgspec.to_builtins(self))

    @classmethod
    @collector_paused()
    def from_mapping(cls, content: Mapping[str, Any]) -> Receipt:
        """Check plain values that may come from anybody, and make a receipt of them.

        Parameters
        ----------
        content : mapping
            What `to_mapping` returns.

        Returns
        -------
        Receipt

        Raises
        ------
        ReceiptFormatError
            The format is unknown, or a value is not what the format says; the message names the key.
        """
        try:
            return msgspec.convert(_builtins_of(content), cls)
        except (msgspec.ValidationError, OverflowError) as error:
            # The one float of the format is the duration, which not every msgspec names when it does not fit.
            where = "duration: " if isinstance(error, OverflowError) else ""
            raise ReceiptFormatError(where + str(error).replace("`", "")) from error


def read_receipt(path: Path) -> Receipt:
    """Read a receipt from a file.

    Parameters
    ----------
    path : Path
        A file ``run.lock``.

    Returns
    -------
    Receipt

    Raises
    ------
    NotFoundError
        There is no such file.
    ReceiptFormatError
        The file is not a receipt that this version can read; nothing in it was run or expanded.
    """
    try:
        return Receipt.from_mapping(parse_document(read_file(path, SIZE_LIMIT + 1)))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"no receipt at {path}", path=path) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise NotFoundError(f"cannot read the receipt {path}: {reason}", path=path) from error
    except ReceiptFormatError as error:
        hint = "restore the file or run that stage again"
        raise ReceiptFormatError(f"{path} is not a valid receipt: {error}", hint=hint, path=path) from error


def write_receipt(path: Path, receipt: Receipt, *, overwrite: bool = False) -> None:
    """Write a receipt so that readers see the old one, the new one or none, never a part.

    Parameters
    ----------
    path : Path
        The file; missing folders above it are made.
    receipt : Receipt
        What to write.
    overwrite : bool
        Replace whatever receipt is there.

    Raises
    ------
    ConflictError
        Another run's receipt with other content is there; it was left as it is. The receipt that the same run
        wrote when it started is no conflict: it is completed.
    OSError
        The disk or the permissions do not allow it; the old receipt is intact.
    """
    content = receipt_text(receipt).encode("utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    with folder_lock(path.parent):
        if not overwrite and not _may_replace(path, receipt, content):
            hint = "give this run a folder of its own, or ask for overwriting"
            raise ConflictError(f"{path} holds the receipt of another run", hint=hint, path=path)
        write_atomically(path, content)


def remove_receipt(path: Path, receipt: Receipt) -> None:
    """Remove the file of a receipt that lies elsewhere by now.

    Parameters
    ----------
    path : Path
        The file. When there is none, or that of another run, nothing is done.
    receipt : Receipt
        That of the run.

    Raises
    ------
    OSError
        The permissions do not allow it.
    """
    with suppress(NotFoundError, ReceiptFormatError, FileNotFoundError), folder_lock(path.parent):
        if read_receipt(path).id == receipt.id:
            path.unlink()


def receipt_text(receipt: Receipt) -> str:
    """Return the text of the file that holds `receipt`.

    Parameters
    ----------
    receipt : Receipt

    Returns
    -------
    str
        YAML that ends with a line break.
    """
    return dump_document(receipt.to_mapping())


def receipt_digest(receipt: Receipt) -> str:
    """Return the digest by which other receipts name this one.

    Parameters
    ----------
    receipt : Receipt

    Returns
    -------
    str
        ``xxh3_128:<hex>`` of the canonical JSON of the receipt without its ``lineage`` (each ancestor is named by
        its own digest in ``prevs``) and without the list of packages (which has a digest of its own).
    """
    content = receipt.to_mapping()
    content.pop("lineage", None)
    packages = content["environment"].get("packages")
    if isinstance(packages, dict):
        kept = {key: value for key, value in packages.items() if key != "list"}
        content["environment"] = {**content["environment"], "packages": kept}
    return hash_bytes(canonical_json(content))


def find_receipt(place: str | os.PathLike[str]) -> Path:
    """Find the receipt that a path stands for.

    Parameters
    ----------
    place : str or Path
        A ``run.lock`` (of whatever name), a folder that holds one, or a file whose folder holds one.

    Returns
    -------
    Path
        The receipt's file.

    Raises
    ------
    NotFoundError
        Nothing is there, or no receipt belongs to it.
    """
    path = Path(place)
    folder = path if path.is_dir() else path.parent
    found = path if path.suffix == ".lock" and folder != path else folder / RECEIPT_NAME
    if found.is_file():
        return found
    if not path.exists():
        near = nearest_path(path)
        raise NotFoundError(f"{path} does not exist", hint=f"did you mean {near}?" if near else None, path=path)
    hint = f"run the stage that makes it, or give the path of its {RECEIPT_NAME}"
    raise NotFoundError(f"no receipt belongs to {path}: {found} does not exist", hint=hint, path=path)


def _may_replace(path: Path, receipt: Receipt, content: bytes) -> bool:
    try:
        text = read_file(path, SIZE_LIMIT + 1)
        if text == content or text.startswith(f"naga: 1\nid: {receipt.id}\nrecipe: null\nstatus: started\n".encode()):
            return True
        old = Receipt.from_mapping(parse_document(text))
    except FileNotFoundError:
        return True
    except ReceiptFormatError:
        return False
    return old.id == receipt.id and old.status == "started"


_KNOWN = frozenset(Receipt.__slots__) - {"extra"} | {"naga"}
_ENTRY_FIELDS = {
    "repos": frozenset(RepositoryEntry.__slots__),
    "data": frozenset(DataEntry.__slots__),
    "outputs": frozenset(DataEntry.__slots__),
    "prevs": frozenset(PrevEntry.__slots__),
}
_OPTIONAL = ("files", "include", "exclude", "excluded", "problem", "branch", "url", "file", "line")


def _mapping_of(values: dict[str, Any]) -> dict[str, Any]:
    """Bring the values of a receipt into the order and the brevity of the format."""
    lineage, extra = values.pop("lineage"), values.pop("extra")
    if values["error"] is None:
        del values["error"]
    for entries in (values["repos"], values["data"], values["outputs"], {"error": values.get("error") or {}}):
        for entry in entries.values():
            for name in _OPTIONAL:
                if name in entry and not entry[name] and entry[name] != 0:
                    del entry[name]
    ancestors = {"lineage": {key: _mapping_of(value) for key, value in lineage.items()}} if lineage else {}
    return {"naga": FORMAT, **values, **extra, **ancestors}


def _builtins_of(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Set apart the keys that this version does not know, and check what types cannot say."""
    number = content.get("naga")
    if type(number) is not int or number != FORMAT:
        raise ReceiptFormatError(f"its format is {number!r}, this version of naga reads format {FORMAT}")
    _check_entries(content)
    lineage = content.get("lineage", {})
    if not isinstance(lineage, dict) or not all(isinstance(value, dict) for value in lineage.values()):
        raise ReceiptFormatError("lineage is not a mapping of receipts")
    if any("lineage" in value for value in lineage.values()):
        raise ReceiptFormatError("an ancestor has a lineage of its own")
    if any(value.get("id") != key for key, value in lineage.items()):
        raise ReceiptFormatError("an ancestor stands under the id of another")
    values = content
    if not content.keys() <= _KNOWN:
        values = {**content, "extra": {key: value for key, value in content.items() if key not in _KNOWN}}
    return {**values, "lineage": {key: _builtins_of(value) for key, value in lineage.items()}} if lineage else values


def _check_entries(content: Mapping[str, Any]) -> None:
    """Refuse keys of entries that this version does not know: they would get lost, and with them the digest."""
    for section, fields in _ENTRY_FIELDS.items():
        entries = content.get(section)
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            if isinstance(entry, dict) and not entry.keys() <= fields:
                unknown = min(entry.keys() - fields)
                raise ReceiptFormatError(f"the entry {name} of {section} has the unknown key {unknown}")
