"""The rows of the ledger: how a receipt becomes some, and what a row says."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import xxhash

from naga.errors import NagaError
from naga.lock.describe import stage_name
from naga.lock.receipt import Receipt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Entry", "Read", "checksum_of", "entry_of", "rows_of", "unpack", "unpack_config"]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Receipt).decode
_decode_config = msgspec.msgpack.Decoder(dict[str, Any]).decode


class Read(NamedTuple):
    """A receipt that was read.

    Attributes
    ----------
    key : bytes
        The stat key of its file.
    receipt : Receipt or NagaError
        The receipt, or why it cannot be read.
    unsettled : int
        Since when the key has been there although it cannot be trusted yet, ns since 1970, UTC; 0 when it can.
    """

    key: bytes
    receipt: Receipt | NagaError
    unsettled: int = 0


class Entry(NamedTuple):
    """What the ledger says of one run; the columns are those of `naga.Run`."""

    path: str
    id: str | None
    stage: str | None
    status: str
    started: str | None
    finished: str | None
    duration: float | None
    recipe: str | None
    config: Mapping[str, Any]
    problem: str | None


def rows_of(place: bytes, read: Read) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Make the rows of a receipt.

    Parameters
    ----------
    place : bytes
        The absolute path of its file.
    read : Read

    Yields
    ------
    tuple
        The table, and the values.
    """
    receipt = read.receipt
    if isinstance(receipt, NagaError):
        values: tuple[Any, ...] = (None, None, "unreadable", None, None, None, None, None, _text(str(receipt)))
    else:
        values = _values(receipt)
        with suppress(UnicodeEncodeError, OverflowError, msgspec.MsgspecError):
            yield "receipts", (place, _encode(receipt))
        for name, entry in receipt.prevs.items():
            yield "links", (place, _text(name), entry.id, entry.digest)
        for kind, entries in (("data", receipt.data), ("output", receipt.outputs)):
            for name, content in entries.items():
                yield "contents", (place, kind, _text(name), content.digest, content.size, content.kind == "tree")
    checksum = checksum_of(place, read.key, *values)
    yield "runs", (place, read.key, read.unsettled, *values, checksum)


def _values(receipt: Receipt) -> tuple[Any, ...]:
    """Return the columns from `id` to `problem`."""
    config: bytes | None = None
    with suppress(UnicodeEncodeError, OverflowError, msgspec.MsgspecError):
        config = _encode(receipt.config)
    error = receipt.error
    problem = _text(f"{error.type}: {error.message}") if error else None
    started, finished = _text(receipt.started), _text(receipt.finished) if receipt.finished else None
    stage = _text(stage_name(receipt))
    return receipt.id, stage, receipt.status, started, finished, receipt.duration, receipt.recipe, config, problem


def entry_of(row: Sequence[Any]) -> Entry:
    """Return what a row says.

    Parameters
    ----------
    row : sequence
        The columns in the order of `Entry`.

    Returns
    -------
    Entry
    """
    path, *values, config, problem = row
    identifier, stage, status, started, finished, duration, recipe = values
    config = unpack_config(config)
    return Entry(os.fsdecode(path), identifier, stage, status, started, finished, duration, recipe, config, problem)


def unpack_config(content: bytes | None) -> dict[str, Any]:
    """Return the config of a row.

    Parameters
    ----------
    content : bytes or None

    Returns
    -------
    dict
        Empty when it could not be stored.
    """
    try:
        return _decode_config(content) if content is not None else {}
    except msgspec.DecodeError:
        return {}


def unpack(content: bytes) -> Receipt | None:
    """Return the receipt of a row.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    Receipt or None
        Without lineage and environment; None when the row is broken.
    """
    try:
        return _decode(content)
    except msgspec.DecodeError:
        return None


def _text(text: str) -> str:
    """Spell out lone surrogates, which no UTF-8 can hold."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def checksum_of(*values: Any) -> bytes:
    """Compute what a row must end with.

    Parameters
    ----------
    *values
        Of the columns `path` and `key`, and those from `id` to `problem`.

    Returns
    -------
    bytes
    """
    return xxhash.xxh3_64_digest(repr(values).encode())
