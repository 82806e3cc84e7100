"""The results of many runs as one table: what their receipts say, and what their mains returned."""

from __future__ import annotations

import importlib.util
from itertools import islice
from typing import TYPE_CHECKING, Any

from naga.catalog.scan import scan_receipts
from naga.errors import NagaError
from naga.lock.project import absolute_path
from naga.lock.receipt import read_receipt
from naga.sweep.values import load_value

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["iterate_results", "results"]


def results(save_dir: str | os.PathLike[str] = ".", *, limit: int | None = None, table: bool = True) -> Any:
    """Put the receipts and the returned values of all runs below a folder into one table.

    Parameters
    ----------
    save_dir : path, optional
        The folder; such as the one that a sweep leaves its results in.
    limit : int, optional
        The most rows; no more receipts than that are read.
    table : bool, optional
        A DataFrame where pandas is installed; False for rows in any case.

    Returns
    -------
    DataFrame or list of dict
        A row for each run, sorted by folder. Columns: ``folder`` (relative to `save_dir`), ``status``, ``value`` (what
        the main returned, None unless it finished), ``duration`` (seconds), ``started``, ``error``, ``id``, and
        ``config.KEY`` for each value of the config. A value that is not plain is a `naga.PickledValue`, whose
        ``load()`` reads it, or a `naga.UnavailableValue` that says why it could not be kept.

    Raises
    ------
    NotFoundError
        There is no such folder.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     results(folder, table=False)
    []
    """
    rows = list(islice(iterate_results(save_dir), limit))
    if not table or importlib.util.find_spec("pandas") is None:
        return rows
    import pandas as pd

    # Rows need not have the same keys in their configs.
    return pd.DataFrame.from_records(rows, columns=list(dict.fromkeys(key for row in rows for key in row)))


def iterate_results(save_dir: str | os.PathLike[str] = ".") -> Iterator[dict[str, Any]]:
    """Read the rows of `results` one after the other, each when it is asked for.

    Parameters
    ----------
    save_dir : path, optional
        The folder.

    Yields
    ------
    dict
        As the rows of `results`.

    Raises
    ------
    NotFoundError
        There is no such folder.
    """
    place = absolute_path(save_dir)
    for name in scan_receipts(place).found:
        yield _row(place, place / name)


def _row(place: Path, path: Path) -> dict[str, Any]:
    folder = path.parent
    row: dict[str, Any] = {"folder": folder.relative_to(place).as_posix()}
    try:
        receipt = read_receipt(path)
    except NagaError as error:
        return {**row, "status": "unreadable", "value": None, "error": str(error)}
    return {
        **row,
        "status": receipt.status,
        "value": load_value(folder) if receipt.status == "finished" else None,
        "duration": receipt.duration,
        "started": receipt.started,
        "error": f"{receipt.error.type}: {receipt.error.message}" if receipt.error else None,
        "id": receipt.id,
        **dict(_flat(receipt.config, "config.")),
    }


def _flat(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
