"""Writing a receipt into a run of MLflow."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from naga.errors import IntegrityError
from naga.lock.atomic import read_file
from naga.lock.document import SIZE_LIMIT
from naga.lock.project import absolute_path, portable_path
from naga.lock.receipt import RECEIPT_NAME, find_receipt, read_receipt
from naga.lock.world import World
from naga.track.record import Record, make_record

if TYPE_CHECKING:
    import os

    from naga.lock.receipt import Receipt

__all__ = ["Source", "read_source", "write_record"]

_BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Source:
    """A receipt that is to be seen in MLflow.

    Attributes
    ----------
    receipt : Receipt
    content : bytes
        Its file, as it was when the receipt was read.
    record : Record
        What MLflow is told.
    """

    receipt: Receipt
    content: bytes
    record: Record


def read_source(save_dir: str | os.PathLike[str]) -> Source:
    """Read the receipt of a finished run for MLflow.

    Parameters
    ----------
    save_dir : path
        The folder of the run, or its ``run.lock``.

    Returns
    -------
    Source

    Raises
    ------
    NotFoundError
        There is no receipt.
    IntegrityError
        It cannot be read, its run did not finish, or it changed meanwhile.
    """
    path = absolute_path(find_receipt(save_dir))
    content = read_file(path, SIZE_LIMIT)
    receipt = read_receipt(path)
    if receipt.status != "finished":
        message = f"{path} is the receipt of a run that is {receipt.status}, not finished"
        raise IntegrityError(message, hint="MLflow is told of finished runs only", path=path)
    if read_file(path, SIZE_LIMIT) != content:
        raise IntegrityError(f"{path} changed while it was read", hint="try again", path=path)
    root = Path(World(progress=False).root_of(str(path), receipt))
    record = make_record(receipt, path, root, portable_path(path.parent, root))
    return Source(receipt, content, record)


def write_record(client: Any, run_id: str, source: Source) -> None:
    """Write parameters, tags and the receipt itself into a run.

    Parameters
    ----------
    client : MlflowClient
    run_id : str
    source : Source
    """
    from mlflow.entities import Param, RunTag

    record = source.record
    for some in _batches([Param(key, value) for key, value in record.parameters.items()]):
        client.log_batch(run_id, params=some)
    for some in _batches([RunTag(key, value) for key, value in record.tags.items()]):
        client.log_batch(run_id, tags=some)
    with tempfile.TemporaryDirectory(prefix="naga-mlflow-") as folder:
        for name, content in {RECEIPT_NAME: source.content, **record.artifacts()}.items():
            file = Path(folder) / name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)
        client.log_artifacts(run_id, folder)


def _batches(items: list[Any]) -> list[list[Any]]:
    return [items[start : start + _BATCH] for start in range(0, len(items), _BATCH)]
