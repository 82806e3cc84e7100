"""Reading many receipts: very many are read by two processes."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec
import xxhash
import yaml

from naga.catalog.ledger_rows import Read, Rows, rows_of
from naga.lock.progress import LateBar
from naga.lock.second_process import SecondProcess, serve
from naga.lock.stat_index import Reading
from naga.lock.world import receipt_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["main", "read_receipts"]

_MANY: Final = 600
"""Receipts from which on a second process is worth its start."""
_CHUNK: Final = 100
"""Receipts that it is asked for at a time."""
_LONGEST: Final = 12_000
"""Characters of the paths in one request: those that wait must fit into a pipe."""


def read_receipts(
    keys: Mapping[str, bytes], earlier: Mapping[bytes, int], *, progress: bool = False
) -> Iterator[tuple[str, Read]]:
    """Read receipts, and make the rows of the ledger of them.

    Parameters
    ----------
    keys : mapping
        Absolute path -> stat key before the reading.
    earlier : mapping
        Stat key -> since when it has been there, of those that could not be trusted when they were read before.
    progress : bool, optional
        Whether to show a bar on standard error when it takes longer than a second.

    Yields
    ------
    tuple
        Absolute path, and what was read; in any order. A file that is gone by now is left out.
    """
    reading = Reading.begin()
    unsettled = reading.unsettled(list(keys.values()), earlier)
    found = _read_alone(list(keys)) if len(keys) < _MANY else _read_together(list(keys))
    with LateBar("receipts", shown=progress, total=len(keys)) as bar:
        for path, rows in found:
            if rows is not None:
                yield path, Read(keys[path], rows, unsettled.get(keys[path], 0))
            bar.add(1)


def _read_alone(paths: Sequence[str]) -> Iterator[tuple[str, Rows | None]]:
    for path in paths:
        yield path, _rows_at(path)


def _read_together(paths: Sequence[str]) -> Iterator[tuple[str, Rows | None]]:
    """Let a second process take chunks from the end while this one takes them from the beginning."""
    chunks = _chunks(paths)
    waiting = deque(range(len(chunks)))
    with SecondProcess(__name__, [msgspec, xxhash, yaml], ahead=4) as second:
        while waiting:
            while waiting and second.wants_more:
                number = waiting.pop()
                if not second.ask(number, chunks[number]):
                    yield from _read_alone(chunks[number])
            if waiting:
                yield from _read_alone(chunks[waiting.popleft()])
            for number, answer in second.answers(wait=not waiting):
                yield from _read_alone(chunks[number]) if answer is None else zip(chunks[number], answer, strict=True)


def _chunks(paths: Sequence[str]) -> list[list[str]]:
    chunks: list[list[str]] = [[]]
    length = 0
    for path in paths:
        if len(chunks[-1]) == _CHUNK or length > _LONGEST:
            chunks.append([])
            length = 0
        chunks[-1].append(path)
        length += len(path)
    return chunks


def _rows_at(path: str) -> Rows | None:
    receipt = receipt_at(path)
    return None if receipt is None else rows_of(receipt)


def main() -> None:
    """Read the receipts that are asked for, in a process of its own, until nobody asks any more."""
    serve(lambda paths: [_rows_at(path) for path in paths])
