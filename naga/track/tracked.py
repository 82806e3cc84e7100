"""What MLflow knows of a run, for whoever looks at the run and not at MLflow."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from naga.errors import NotFoundError
from naga.lock.project import find_project, portable_path
from naga.lock.receipt import receipt_digest
from naga.track.client import explained, import_mlflow, patience
from naga.track.record import LOGICAL_KEY, RECEIPT_DIGEST, STATUS, logical_key

if TYPE_CHECKING:
    from naga.lock.receipt import Receipt

__all__ = ["Tracked", "tracked_here", "tracked_runs"]

_SQLITE: Final = "sqlite:///"
_MOST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """A run of MLflow.

    Attributes
    ----------
    id, name : str
        As MLflow has them.
    status : str
        ``active``, ``deprecated``, ``failed`` or ``started``.
    receipt : str
        The digest of the receipt that it shows.
    metrics : dict
        Name -> last value.
    url : str or None
        Its page in MLflow's own pages, when a server tracks.
    """

    id: str
    name: str
    status: str
    receipt: str
    metrics: dict[str, float]
    url: str | None


def tracked_runs(path: Path, root: Path) -> list[Tracked]:
    """List the MLflow runs of a folder of runs.

    Parameters
    ----------
    path : Path
        The receipt, absolute.
    root : Path
        The root of its project.

    Returns
    -------
    list of Tracked
        The newest first, at most 100.

    Raises
    ------
    NotFoundError
        MLflow is not installed, or nothing says where it tracks; the hint says what to do.
    UnreachableError
        MLflow's server or database cannot be used.

    Notes
    -----
    Where MLflow tracks is said by ``MLFLOW_TRACKING_URI``, else by a ``mlflow.db`` at the project's root, never by a
    receipt. Nothing is made: MLflow would make a database that is not there.
    """
    return _runs_at(_address(root), path, root)


def tracked_here(path: Path, receipt: Receipt) -> list[Tracked]:
    """List the MLflow runs that show a receipt, as far as this machine knows of any without asking another one.

    Parameters
    ----------
    path : Path
        Where the receipt lies, absolute.
    receipt : Receipt

    Returns
    -------
    list of Tracked
        The newest first. MLflow is imported only where its database on this disk has such a run; a server, or another
        database, is asked only by a process that uses MLflow already. Else there is nothing.

    Raises
    ------
    UnreachableError
        MLflow's server or database cannot be used.
    """
    root, digest = find_project(path), receipt_digest(receipt)
    mlflow = sys.modules.get("mlflow")
    try:
        uri = str(mlflow.get_tracking_uri()) if mlflow is not None else _address(root)
    except NotFoundError:
        return []
    if uri.startswith(_SQLITE):
        is_here = _is_in_database(Path(uri.removeprefix(_SQLITE)), digest)
    else:
        is_here = mlflow is not None
    return [run for run in _runs_at(uri, path, root) if run.receipt == digest] if is_here else []


def _is_in_database(database: Path, digest: str) -> bool:
    """Look into the table of tags: importing MLflow takes a second, which most runs need not pay."""
    try:
        with contextlib.closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            question = "SELECT 1 FROM tags WHERE key = ? AND value = ? LIMIT 1"
            return connection.execute(question, (RECEIPT_DIGEST, digest)).fetchone() is not None
    except sqlite3.Error:
        # No database of MLflow, or none yet; MLflow would make one of it.
        return False


def _runs_at(uri: str, path: Path, root: Path) -> list[Tracked]:
    mlflow = import_mlflow()
    with patience(), explained():
        client = mlflow.MlflowClient(tracking_uri=uri)
        experiments = [each.experiment_id for each in client.search_experiments()]
        key = logical_key(portable_path(path.parent, root))
        text = f"tags.`{LOGICAL_KEY}` = '{key}'"
        found = client.search_runs(experiments, text, max_results=_MOST, order_by=["attributes.start_time DESC"])
    return [_tracked(run, uri) for run in found]


def _address(root: Path) -> str:
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{_SQLITE}{root / 'mlflow.db'}"
    if uri.startswith(_SQLITE) and not Path(uri.removeprefix(_SQLITE)).exists():
        hint = "set MLFLOW_TRACKING_URI where this is started"
        raise NotFoundError("nothing says where MLflow tracks, or it tracked nothing yet", hint=hint)
    return uri


def _tracked(run: Any, uri: str) -> Tracked:
    tags = run.data.tags
    return Tracked(
        id=run.info.run_id,
        name=run.info.run_name or run.info.run_id,
        status=tags.get(STATUS, ""),
        receipt=tags.get(RECEIPT_DIGEST, ""),
        metrics=dict(sorted(run.data.metrics.items())),
        url=_page(uri, run.info.experiment_id, run.info.run_id),
    )


def _page(uri: str, experiment: str, run: str) -> str | None:
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https"):
        return None
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}/#/experiments/{quote(experiment)}/runs/{quote(run)}"
