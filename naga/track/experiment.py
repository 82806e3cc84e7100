"""The experiment of MLflow that a person works in."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["current_experiment"]


def current_experiment(mlflow: Any, client: Any) -> str:
    """Find the experiment that MLflow would give the next run to, and make it when it is only named yet.

    Parameters
    ----------
    mlflow : module
    client : MlflowClient

    Returns
    -------
    str
        Its identifier.

    Notes
    -----
    MLflow has no public name for this; the order is that of ``mlflow.start_run``: the one that was set, the two
    variables of the environment, the default.
    """
    # What set_experiment was called with is kept in the variable of the identifier too, see
    # mlflow.tracking.fluent.set_experiment.
    identifier = os.environ.get("MLFLOW_EXPERIMENT_ID")
    if identifier:
        return identifier
    active = mlflow.active_run()
    if active is not None:
        return str(active.info.experiment_id)
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "Default")
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found is not None else client.create_experiment(name))
