"""What MLflow knows of a run, for whoever looks at the run and not at MLflow."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from naga.errors import NotFoundError
from naga.lock.project import portable_path
from naga.track.client import explained, import_mlflow, patience
from naga.track.record import LOGICAL_KEY, RECEIPT_DIGEST, STATUS, logical_key

__all__ = ["Tracked", "tracked_runs"]

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
    uri = _address(root)
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
