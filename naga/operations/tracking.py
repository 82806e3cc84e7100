"""What MLflow knows of a run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.errors import NotFoundError, UnreachableError
from naga.lock.receipt import receipt_digest
from naga.operations.arguments import Argument
from naga.operations.subjects import find_subject
from naga.track.tracked import tracked_runs

if TYPE_CHECKING:
    from naga.catalog.librarian import Librarian

__all__ = ["MLFLOW", "list_tracked"]

MLFLOW = {"run": Argument("text")}


def list_tracked(librarian: Librarian, *, run: str) -> dict[str, Any]:
    """List the MLflow runs of a run's folder.

    Parameters
    ----------
    librarian : Librarian
    run : str
        As for `naga.operations.subjects.find_subject`.

    Returns
    -------
    dict
        As docs/operations.md has it.
    """
    subject = find_subject(librarian, run)
    if subject.path is None:
        return _unavailable("only the receipts of later runs still have this run")
    try:
        found = tracked_runs(Path(subject.path), Path(subject.root))
    except (NotFoundError, UnreachableError) as error:
        return _unavailable(error.one_line())
    digest = receipt_digest(subject.known)
    runs = [
        {**asdict(tracked), "active": tracked.status == "active", "is_this": tracked.receipt == digest}
        for tracked in found
    ]
    return {"available": True, "hint": None, "runs": runs}


def _unavailable(hint: str) -> dict[str, Any]:
    return {"available": False, "hint": hint, "runs": []}
