"""Which of the MLflow runs of one logical run is the active one: there is exactly one in the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from naga.track.record import ACTIVATED, LOGICAL_KEY, STATUS, SUPERSEDED_BY, SUPERSEDES

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["activate", "find_active", "newest", "search"]

_ROUNDS: Final = 20
_PAGE: Final = 1000


def activate(client: Any, run: Any) -> None:
    """Make a run the active one of its logical run, and deprecate those that were.

    Parameters
    ----------
    client : MlflowClient
    run : mlflow.entities.Run
        With the tags of a `naga.track.record.Record`.

    Notes
    -----
    MLflow has no transactions. So each process first says that its run is active, and only then looks who else is: of
    two, at least the later one sees both. All agree that the run with the largest stamp stays, and each looks again
    until it sees one only.
    """
    identifier, key = run.info.run_id, run.data.tags[LOGICAL_KEY]
    others = find_active(client, run.info.experiment_id, key)
    # A clock that is behind that of another machine must not make the new run lose.
    latest = max((stamp_of(other) for other in others), default=0)
    _set_tags(client, identifier, {ACTIVATED: f"{max(time.time_ns(), latest + 1):020d}", STATUS: "active"})
    for _ in range(_ROUNDS):
        actives = find_active(client, run.info.experiment_id, key)
        losers = [other for other in actives if other is not newest(actives)]
        if not losers:
            return
        _deprecate(client, losers, newest(actives))


def find_active(client: Any, experiment_id: str, key: str | None = None) -> list[Any]:
    """Find the runs that say that they are active.

    Parameters
    ----------
    client : MlflowClient
    experiment_id : str
    key : str, optional
        What `naga.track.record.logical_key` returned, for the runs of one logical run.

    Returns
    -------
    list of mlflow.entities.Run
    """
    parts = [f"tags.`{STATUS}` = 'active'", f"tags.`{LOGICAL_KEY}` = '{key}'" if key else f"tags.`{LOGICAL_KEY}` != ''"]
    return search(client, experiment_id, " and ".join(parts))


def search(client: Any, experiment_id: str, text: str) -> list[Any]:
    """Find runs, all pages of them.

    Parameters
    ----------
    client : MlflowClient
    experiment_id : str
    text : str
        A filter of MLflow.

    Returns
    -------
    list of mlflow.entities.Run
    """
    found: list[Any] = []
    token = None
    while True:
        page = client.search_runs([experiment_id], filter_string=text, max_results=_PAGE, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def newest(runs: Iterable[Any]) -> Any:
    """Return the run that is the active one among several that say so.

    Parameters
    ----------
    runs : iterable of mlflow.entities.Run
        At least one.

    Returns
    -------
    mlflow.entities.Run
    """
    return max(runs, key=lambda run: (stamp_of(run), run.info.run_id))


def stamp_of(run: Any) -> int:
    """Return when a run was made the active one.

    Parameters
    ----------
    run : mlflow.entities.Run

    Returns
    -------
    int
        Nanoseconds since the epoch; 0 where somebody set the tag by hand.
    """
    text = run.data.tags.get(ACTIVATED, "")
    return int(text) if text.isdecimal() else 0


def _deprecate(client: Any, losers: list[Any], winner: Any) -> None:
    _set_tags(client, winner.info.run_id, {SUPERSEDES: newest(losers).info.run_id})
    for loser in losers:
        _set_tags(client, loser.info.run_id, {SUPERSEDED_BY: winner.info.run_id, STATUS: "deprecated"})


def _set_tags(client: Any, identifier: str, tags: dict[str, str]) -> None:
    from mlflow.entities import RunTag

    client.log_batch(identifier, tags=[RunTag(key, value) for key, value in tags.items()])
