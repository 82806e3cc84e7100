"""What MLflow knows of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from naga.operations.arguments import Argument
from naga.operations.subjects import find_subject

if TYPE_CHECKING:
    from naga.catalog.librarian import Librarian

__all__ = ["MLFLOW", "list_tracked"]

MLFLOW = {"run": Argument("text")}


def list_tracked(librarian: Librarian, *, run: str) -> dict[str, Any]:
    """List the MLflow runs of a run. This version of naga logs none, so there are none.

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
    find_subject(librarian, run)
    return {"available": False, "hint": "this version of naga logs nothing to MLflow", "runs": []}
