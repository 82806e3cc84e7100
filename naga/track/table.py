"""The runs that count, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from naga.track.activation import find_active, newest
from naga.track.client import explained, import_mlflow, patience
from naga.track.experiment import current_experiment
from naga.track.record import LOGICAL_RUN_ID, RECEIPT_DIGEST, RUN_ID

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["active_runs"]

_TAGS = {"id": RUN_ID, "stage": "naga.stage", "started": "naga.started", "path": "naga.path", "receipt": RECEIPT_DIGEST}


def active_runs() -> Any:
    """List the active run of each logical run in MLflow's present experiment.

    Returns
    -------
    pandas.DataFrame or list of dict
        A row a run, sorted by ``logical_run_id``: that, ``mlflow_run_id``, ``id``, ``stage``, ``started`` (UTC, ISO
        8601), ``path``, ``receipt``, a column ``params.KEY`` for each parameter and ``metrics.KEY`` for each metric. A
        list where pandas is not installed; in it, rows lack the keys that their run lacks.

    Raises
    ------
    NotFoundError
        MLflow is not installed.
    RefusedError
        MLflow refuses to track in folders.
    UnreachableError
        MLflow's server or database cannot be used.
    """
    mlflow = import_mlflow()
    with patience(), explained():
        client = mlflow.MlflowClient()
        found = find_active(client, current_experiment(mlflow, client))
    by_name: dict[str, list[Any]] = {}
    for run in found:
        by_name.setdefault(run.data.tags[LOGICAL_RUN_ID], []).append(run)
    # Where a process ended between two of its steps, two runs say that they are active, and one of them is.
    return _table(_row(name, newest(by_name[name])) for name in sorted(by_name))


def _row(name: str, run: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"logical_run_id": name, "mlflow_run_id": run.info.run_id}
    row |= {column: run.data.tags.get(tag) for column, tag in _TAGS.items()}
    row |= {f"params.{key}": value for key, value in sorted(run.data.params.items())}
    return row | {f"metrics.{key}": value for key, value in sorted(run.data.metrics.items())}


def _table(rows: Iterable[dict[str, Any]]) -> Any:
    listed = list(rows)
    try:
        import pandas as pd
    except ModuleNotFoundError:
        return listed
    columns = None if listed else ["logical_run_id", "mlflow_run_id", *_TAGS]
    return pd.DataFrame(listed, columns=columns)
