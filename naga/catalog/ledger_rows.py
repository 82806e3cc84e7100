"""The rows of the ledger: how a receipt becomes some, and what a row says."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import xxhash

from naga.errors import NagaError
from naga.lock.describe import stage_name
from naga.lock.plain_yaml import spelled_out
from naga.lock.receipt import Receipt
from naga.lock.times import read_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "Entry",
    "Read",
    "Rows",
    "checksum_of",
    "content_checksum",
    "entry_of",
    "rows_of",
    "unpack",
    "unpack_config",
]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Receipt, ext_hook=lambda _, content: _large_number(content)).decode
_decode_config = msgspec.msgpack.Decoder(dict[str, Any], ext_hook=lambda _, content: _large_number(content)).decode
_LARGE_NUMBER = 1
"""The kind of extension by which msgpack holds an integer of more than 64 bits."""


class Rows(NamedTuple):
    """What the tables hold of one receipt.

    Attributes
    ----------
    values : tuple
        The columns of a run from `id` to `problem`.
    content : bytes or None
        The receipt without its lineage and environment; None when it cannot be read.
    links : list of tuple
        The columns of each prev, after the number.
    contents : list of tuple
        The columns of each file and tree, after the number.
    """

    values: tuple[Any, ...]
    content: bytes | None = None
    links: Sequence[tuple[Any, ...]] = ()
    contents: Sequence[tuple[Any, ...]] = ()


class Read(NamedTuple):
    """A receipt that was read.

    Attributes
    ----------
    key : bytes
        The stat key of its file.
    rows : Rows
        What it says, or why it cannot be read.
    unsettled : int
        Since when the key has been there although it cannot be trusted yet, ns since 1970, UTC; 0 when it can.
    """

    key: bytes
    rows: Rows
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


def rows_of(receipt: Receipt | NagaError) -> Rows:
    """Make the rows of a receipt.

    Parameters
    ----------
    receipt : Receipt or NagaError
        The receipt, or why it cannot be read.

    Returns
    -------
    Rows
    """
    if isinstance(receipt, NagaError):
        return Rows((None, None, "unreadable", None, None, None, None, None, None, spelled_out(str(receipt))))
    return Rows(
        _values(receipt),
        _packed(replace(receipt, lineage={}, environment={})),
        [(spelled_out(name), entry.id, entry.digest) for name, entry in receipt.prevs.items()],
        [
            (kind, spelled_out(name), spelled_out(entry.path), entry.digest, entry.size, entry.kind == "tree")
            for kind, entries in (("data", receipt.data), ("output", receipt.outputs))
            for name, entry in entries.items()
        ],
    )


def _values(receipt: Receipt) -> tuple[Any, ...]:
    """Return the columns from `id` to `problem`."""
    error, moment = receipt.error, read_time(receipt.started)
    return (
        receipt.id,
        spelled_out(stage_name(receipt)),
        receipt.status,
        spelled_out(receipt.started),
        moment.timestamp() if moment else None,
        spelled_out(receipt.finished) if receipt.finished else None,
        receipt.duration,
        receipt.recipe,
        _packed(receipt.config),
        spelled_out(f"{error.type}: {error.message}") if error else None,
    )


def _packed(value: object) -> bytes:
    try:
        return _encode(value)
    except (OverflowError, UnicodeEncodeError):
        return _encode(_packable(msgspec.to_builtins(value)))


def _packable(value: Any) -> Any:
    """Return a value in which integers that msgpack has not are extensions, and lone surrogates are spelled out."""
    if isinstance(value, str):
        return spelled_out(value)
    if isinstance(value, dict):
        return {spelled_out(key): _packable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_packable(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return msgspec.msgpack.Ext(_LARGE_NUMBER, value.to_bytes(value.bit_length() // 8 + 1, signed=True))
    return value


def _large_number(content: memoryview) -> int:
    return int.from_bytes(content, signed=True)


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
        Empty when the receipt cannot be read.
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


def checksum_of(*values: Any) -> bytes:
    """Compute what a row must end with.

    Parameters
    ----------
    *values
        Of the other columns.

    Returns
    -------
    bytes
    """
    return xxhash.xxh3_64_digest(repr(values).encode())


def content_checksum(place: bytes, key: bytes, content: bytes) -> bytes:
    """Compute what the row of a packed receipt must end with.

    Parameters
    ----------
    place, key, content : bytes
        The path of its file, the stat key of that, and the receipt.

    Returns
    -------
    bytes
    """
    return xxhash.xxh3_64_digest(b"".join((key, place, b"\0", content)))
