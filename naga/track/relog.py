"""Writing MLflow anew from receipts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from naga.catalog.scan import scan_receipts
from naga.errors import NagaError
from naga.lock.progress import watched
from naga.lock.project import absolute_path
from naga.track.activation import activate, find_active
from naga.track.client import explained, import_mlflow, patience
from naga.track.experiment import current_experiment
from naga.track.record import LOGICAL_RUN_ID, RECEIPT_DIGEST, STATUS
from naga.track.writing import read_source, write_record

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from naga.track.writing import Source

__all__ = ["Relogged", "relog"]


@dataclass(frozen=True, slots=True)
class Relogged:
    """What became of the receipts below a folder.

    Attributes
    ----------
    written : tuple of str
        Logical identifiers of the runs that MLflow was told of.
    present : tuple of str
        Of those whose receipt is in the active run already.
    left_out : dict
        Path of a receipt -> why MLflow is not told of it, such as that its run did not finish.
    """

    written: tuple[str, ...]
    present: tuple[str, ...]
    left_out: dict[str, str]

    def to_mapping(self) -> dict[str, Any]:
        """Return the lists as plain values.

        Returns
        -------
        dict
            ``written``, ``present`` and ``left_out``.
        """
        return {"written": list(self.written), "present": list(self.present), "left_out": self.left_out}


def relog(root: str | os.PathLike[str] = ".", *, dry_run: bool = False, progress: bool = True) -> Relogged:
    """Write into MLflow what the receipts below a folder say.

    Parameters
    ----------
    root : path, optional
        The folder; links to folders below it are not followed.
    dry_run : bool, optional
        Only say what would be written.
    progress : bool, optional
        Whether to show a bar on standard error when it takes longer than a second.

    Returns
    -------
    Relogged

    Raises
    ------
    NotFoundError
        There is no such folder, or MLflow is not installed.
    RefusedError
        MLflow refuses to track in folders.
    UnreachableError
        MLflow's server or database cannot be used. What was written stays; the same call goes on from there.

    Notes
    -----
    Runs go into the present experiment of MLflow, the oldest first and with the times of their receipts. Metrics and
    artifacts that a person logged are not in receipts, so they cannot come back. A run whose receipt is in MLflow as
    the active one is not written again.
    """
    sources, left_out = _read_all(sorted(scan_receipts(absolute_path(root)).found), progress=progress)
    mlflow = import_mlflow()
    with patience(), explained():
        client = mlflow.MlflowClient()
        experiment = current_experiment(mlflow, client)
        logged = {
            (run.data.tags.get(LOGICAL_RUN_ID), run.data.tags.get(RECEIPT_DIGEST))
            for run in find_active(client, experiment)
        }
        missing = [source for source in sources if _identity(source) not in logged]
        present = [source for source in sources if _identity(source) in logged]
        if not dry_run:
            for source in watched(missing, "relog", shown=progress):
                _write(client, experiment, source)
    return Relogged(_names(missing), _names(present), left_out)


def _read_all(paths: list[str], *, progress: bool) -> tuple[list[Source], dict[str, str]]:
    sources: list[Source] = []
    left_out: dict[str, str] = {}
    for path in watched(paths, "receipts", shown=progress):
        try:
            sources.append(read_source(path))
        except NagaError as error:
            left_out[path] = str(error)
    return sorted(sources, key=lambda source: (source.receipt.started, source.receipt.id)), left_out


def _write(client: Any, experiment: str, source: Source) -> None:
    receipt, name = source.receipt, source.record.name
    begin, end = _milliseconds(receipt.started), _milliseconds(receipt.finished)
    run = client.create_run(experiment, start_time=begin, tags={STATUS: "started"}, run_name=name)
    write_record(client, run.info.run_id, source)
    client.set_terminated(run.info.run_id, "FINISHED", end_time=end)
    activate(client, client.get_run(run.info.run_id))


def _milliseconds(time: str | None) -> int | None:
    try:
        return None if time is None else int(datetime.fromisoformat(time).timestamp() * 1000)
    except ValueError:
        return None


def _identity(source: Source) -> tuple[str | None, str | None]:
    tags = source.record.tags
    return tags.get(LOGICAL_RUN_ID), tags.get(RECEIPT_DIGEST)


def _names(sources: Iterable[Source]) -> tuple[str, ...]:
    return tuple(source.record.tags[LOGICAL_RUN_ID] for source in sources)
