"""All operations by their names: arguments from anybody in, JSON out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from naga.errors import NagaError, UsageError, nearest
from naga.lock.describe import printable
from naga.lock.plain_yaml import spelled_out
from naga.operations import contents, details, family, listing, reasons, tracking
from naga.operations.arguments import Argument, check_arguments

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from naga.catalog.librarian import Librarian

__all__ = ["OPERATIONS", "answer", "answer_from", "error_answer"]

_LARGEST_NUMBER: Final = 2**53
"""From here on a browser would round."""


class _Operation(NamedTuple):
    """The function, the arguments that it takes, and whether it tells how far it is and can be stopped."""

    function: Callable[..., dict[str, Any]]
    arguments: Mapping[str, Argument]
    is_long: bool = False


_OPERATIONS: Final[Mapping[str, _Operation]] = {
    "status": _Operation(listing.tell_status, listing.STATUS),
    "runs": _Operation(listing.list_runs, listing.RUNS),
    "roots": _Operation(listing.list_roots, listing.ROOTS),
    "run": _Operation(details.describe_run, details.RUN),
    "graph": _Operation(family.draw_graph, family.GRAPH),
    "tree": _Operation(family.branches, family.TREE),
    "diff": _Operation(reasons.compare_runs, reasons.DIFF),
    "explain": _Operation(reasons.explain_run, reasons.EXPLAIN),
    "verify": _Operation(reasons.verify_run, reasons.VERIFY, is_long=True),
    "uses": _Operation(contents.tell_uses, contents.USES),
    "file": _Operation(contents.show_file, contents.FILE),
    "mlflow": _Operation(tracking.list_tracked, tracking.MLFLOW),
}
OPERATIONS: Final = tuple(_OPERATIONS)
"""The names of all operations."""


def answer(op: str, args: Mapping[str, Any] | None = None, root: str | os.PathLike[str] = ".") -> dict[str, Any]:
    """Answer a question about the runs below a folder.

    Parameters
    ----------
    op : str
        The operation, such as ``runs``; docs/operations.md has them all.
    args : mapping, optional
        Its arguments, from anybody: they are checked.
    root : path, optional
        The folder. No question and no receipt leads out of it.

    Returns
    -------
    dict
        Plain values that JSON has. ``{"error": {"type", "message", "hint"}}`` when there is no answer.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     answer("runs", {"filter": "stage:train"}, root=folder)["total"]
    0
    """
    from naga.catalog.librarian import Librarian

    librarian = Librarian(root, max_age=5.0)
    try:
        return answer_from(librarian, op, args)
    finally:
        librarian.close()


def answer_from(
    librarian: Librarian,
    op: str,
    args: Mapping[str, Any] | None = None,
    *,
    progress: Callable[[int, int, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> dict[str, Any]:
    """Answer a question, as `answer` does, from what is known already.

    Parameters
    ----------
    librarian : Librarian
        May be asked by several threads.
    op : str
    args : mapping, optional
    progress : callable, optional
        Of a long operation, told how much is done, how much there is, and what comes next.
    cancelled : callable, optional
        Of a long operation, whether nobody wants to know any more.

    Returns
    -------
    dict
    """
    try:
        operation = _find(op)
        checked = check_arguments(op, operation.arguments, {} if args is None else args)
        if operation.is_long:
            checked |= {"progress": progress, "cancelled": cancelled}
        found: dict[str, Any] = _json_of(operation.function(librarian, **checked))
    except NagaError as error:
        return error_answer(error)
    return found


def error_answer(error: NagaError) -> dict[str, Any]:
    """Return what stands in place of an answer.

    Parameters
    ----------
    error : NagaError

    Returns
    -------
    dict
        ``error`` with ``type``, ``message`` and ``hint``.
    """
    described = {"type": type(error).__name__, "message": printable(str(error)), "hint": error.hint}
    return {"error": _json_of(described)}


def _find(op: str) -> _Operation:
    if op not in _OPERATIONS:
        meant = nearest(str(op)[:100], _OPERATIONS)
        hint = f"did you mean {meant}?" if meant else f"there are {', '.join(_OPERATIONS)}"
        raise UsageError(f"there is no operation {printable(str(op)[:100])!r}", hint=hint, key="op")
    return _OPERATIONS[op]


def _json_of(value: Any) -> Any:
    """Turn what JSON or a browser has not into text: NaN, infinities, large integers and lone surrogates."""
    if isinstance(value, dict):
        return {str(spelled_out(str(key))): _json_of(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_of(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _LARGEST_NUMBER:
        return str(value)
    return spelled_out(value)
