"""The block in which a person adds metrics and artifacts to the MLflow run of a receipt."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from naga.errors import UnreachableError
from naga.track.activation import activate
from naga.track.client import explained, import_mlflow, patience
from naga.track.record import STATUS
from naga.track.writing import read_source, write_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from naga.track.writing import Source

__all__ = ["mlflow_lock"]

_RESUMED = "MLFLOW_RUN_ID"


@contextmanager
def mlflow_lock(save_dir: str | os.PathLike[str]) -> Iterator[Any]:
    """Show a finished run in MLflow, as the one that counts among all runs in that folder.

    Parameters
    ----------
    save_dir : path
        The folder of the run, or its ``run.lock``.

    Yields
    ------
    mlflow.ActiveRun
        A new run of MLflow in its present experiment. What the block logs goes there.

    Raises
    ------
    NotFoundError
        There is no receipt, or MLflow is not installed.
    IntegrityError
        The receipt cannot be read, or its run did not finish.
    RefusedError
        MLflow refuses to track in folders.
    UnreachableError
        MLflow's server or database cannot be used; the receipt is as it was.

    Notes
    -----
    The new run has the config as parameters, digests, commits and prevs as tags, and ``run.lock`` byte for byte as an
    artifact. When the block ends, it becomes ``status: active``, and the run of the same folder that was active becomes
    ``deprecated``; each names the other. When the block raises, the new run is ``failed`` and the old one stays
    active. A run that is active in MLflow already becomes the parent of the new one.

    Examples
    --------
    >>> import naga
    >>> def log_run(save_dir):
    ...     with naga.mlflow_lock(save_dir) as run:
    ...         run.info.run_id
    """
    source = read_source(save_dir)
    mlflow = import_mlflow()
    with patience():
        tracked = _start(mlflow, source)
        try:
            yield tracked.run
        except BaseException as error:
            tracked.fail(error)
            raise
        with explained():
            tracked.end("FINISHED")
            activate(tracked.client, tracked.client.get_run(tracked.identifier))


def _start(mlflow: Any, source: Source) -> _Tracked:
    with explained(), _unresumed():
        parent = mlflow.active_run()
        client = mlflow.MlflowClient()
        run = mlflow.start_run(run_name=source.record.name, nested=parent is not None, tags={STATUS: "started"})
        tracked = _Tracked(mlflow, client, run, parent.info.run_id if parent is not None else None)
        try:
            write_record(client, tracked.identifier, source)
        except BaseException as error:
            tracked.fail(error)
            raise
    return tracked


@contextmanager
def _unresumed() -> Iterator[None]:
    """Have MLflow make a run of its own instead of going on with the one that its variable names."""
    resumed = os.environ.pop(_RESUMED, None)
    try:
        yield
    finally:
        if resumed is not None:
            os.environ[_RESUMED] = resumed


@dataclass(frozen=True, slots=True)
class _Tracked:
    """A run that is open in MLflow, and the identifier of the one around it."""

    mlflow: Any
    client: Any
    run: Any
    parent: str | None

    @property
    def identifier(self) -> str:
        return str(self.run.info.run_id)

    def end(self, status: str) -> None:
        """End the run, and those that were left open inside of it."""
        while (active := self.mlflow.active_run()) is not None and active.info.run_id != self.parent:
            self.mlflow.end_run(status)
        # The block may have ended it by itself, with another status.
        self.client.set_terminated(self.identifier, status)

    def fail(self, error: BaseException) -> None:
        """End the run as failed; when MLflow cannot be told, the error that matters says so."""
        try:
            with explained():
                self.end("FAILED")
                self.client.set_tag(self.identifier, STATUS, "failed")
        except UnreachableError as second:
            error.add_note(f"naga: MLflow could not be told that its run {self.identifier} failed: {second}")
