"""Why a run is not as it was, how two differ, and whether everything is still there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.errors import CancelledError
from naga.lock.compare import code_statistics, compare_receipts
from naga.lock.describe import short_digest
from naga.lock.environment import describe_environment
from naga.lock.receipt import Receipt
from naga.lock.staleness import Examiner, with_files
from naga.lock.verify import verify_receipt
from naga.lock.world import World
from naga.operations.arguments import Argument
from naga.operations.rows import row_of_subject, short_value
from naga.operations.subjects import find_subject, inner_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from naga.catalog.librarian import Librarian
    from naga.lock.compare import Comparison, Difference
    from naga.lock.receipt import DataEntry
    from naga.lock.staleness import Cause
    from naga.lock.world import Sight
    from naga.operations.subjects import Subject

__all__ = ["DIFF", "EXPLAIN", "VERIFY", "causes_of", "compare_runs", "explain_run", "verify_run"]

DIFF = {"a": Argument("text"), "b": Argument("text")}
EXPLAIN = {"run": Argument("text")}
VERIFY = {"run": Argument("text")}
_MOST_DIFFERENCES = 1000
_MOST_FILES = 100
_LONGEST_VALUE = 1000


def explain_run(librarian: Librarian, *, run: str) -> dict[str, Any]:
    """Say why a run is in the state that it is in, with the way to each root cause.

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
    row = row_of_subject(librarian, subject)
    causes = causes_of(librarian, subject)
    name = row["stage"] or row["path"]
    lines = [f"{name} is {cause['state']}: {cause['text']}\n    {cause['chain']}" for cause in causes]
    text = "\n".join(lines) or f"{name} is {row['state']}" + (f": {row['problem']}" if row["problem"] else "")
    return {"run": row, "state": row["state"], "causes": causes, "text": text}


def causes_of(librarian: Librarian, subject: Subject) -> list[dict[str, Any]]:
    """Return why a run is not as it was.

    Parameters
    ----------
    librarian : Librarian
    subject : Subject

    Returns
    -------
    list of dict
        Those from the farthest stages first.
    """
    if not isinstance(subject.receipt, Receipt):
        return []
    world = librarian.world()
    examiner = Examiner(world)
    if subject.path is not None:
        verdict = examiner.verdict(subject.path, subject.receipt)
    else:
        verdict = examiner.verdict_of_ancestor(subject.receipt, subject.receipt, subject.root)
    librarian.learn(world)
    return [_cause(librarian, subject, cause) for cause in with_files(verdict).causes]


def compare_runs(librarian: Librarian, *, a: str, b: str) -> dict[str, Any]:
    """Say what is different between two runs.

    Parameters
    ----------
    librarian : Librarian
    a, b : str
        As for `naga.operations.subjects.find_subject`.

    Returns
    -------
    dict
        As docs/operations.md has it.

    Raises
    ------
    ReceiptFormatError
        One of the receipts cannot be read.
    GitError
        A repository cannot be read.
    """
    subjects = [find_subject(librarian, run) for run in (a, b)]
    first, second = (subject.known for subject in subjects)
    comparison = compare_receipts(first, second)
    if any(difference.section == "code" for difference in comparison.differences):
        roots = list(dict.fromkeys(Path(subject.root) for subject in subjects))
        comparison = replace(comparison, statistics=code_statistics(first, second, roots))
    rows = [row_of_subject(librarian, subject) for subject in subjects]
    return {
        "a": rows[0],
        "b": rows[1],
        "identical": not comparison.differences,
        "differences": [_difference(each) for each in comparison.differences[:_MOST_DIFFERENCES]],
        "differences_total": len(comparison.differences),
        "statistics": list(comparison.statistics),
        "text": "\n".join(_lines(rows, comparison)),
    }


def verify_run(
    librarian: Librarian,
    *,
    run: str,
    progress: Callable[[int, int, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> dict[str, Any]:
    """Check whether a run and everything before it is still there as its receipt says.

    Parameters
    ----------
    librarian : Librarian
    run : str
        As for `naga.operations.subjects.find_subject`.
    progress : callable, optional
        Told how many runs are done, how many there are, and the stage that comes next.
    cancelled : callable, optional
        Whether nobody wants to know any more.

    Returns
    -------
    dict
        As docs/operations.md has it.

    Raises
    ------
    ReceiptFormatError
        The receipt cannot be read.
    CancelledError
        It was cancelled.
    """
    subject = find_subject(librarian, run)
    receipt = subject.known
    world = _WatchedWorld(_things(receipt), progress, cancelled)
    path = Path(subject.path or f"{subject.root}/run.lock")
    content = verify_receipt(path, receipt, describe_environment(), world=world).to_mapping()
    del content["path"]
    if subject.path is None:
        content["runs"][0]["path"] = None
    return {"run": row_of_subject(librarian, subject), **content}


class _WatchedWorld(World):
    """The world, of which somebody wants to know how much has been looked at, or does not want to any more."""

    def __init__(
        self,
        total: int,
        progress: Callable[[int, int, str], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        super().__init__()
        self._total, self._done = total, 0
        self._tell, self._cancelled = progress, cancelled

    def look_at(self, entry: DataEntry, root: str, *, is_output: bool = False) -> Sight:
        if self._cancelled is not None and self._cancelled():
            raise CancelledError("the verification was cancelled", hint="start it again for an answer")
        if self._tell is not None:
            self._tell(self._done, self._total, entry.path)
        self._done += 1
        return super().look_at(entry, root, is_output=is_output)


def _things(receipt: Receipt) -> int:
    """Count the inputs and outputs of a run and of all before it."""
    return sum(len(run.data) + len(run.outputs) for run in (receipt, *receipt.lineage.values()))


def _cause(librarian: Librarian, subject: Subject, cause: Cause) -> dict[str, Any]:
    steps = []
    for stage, identifier in zip(cause.stages, cause.ids, strict=True):
        path = _place_of_run(librarian, identifier)
        steps.append({"stage": stage, "id": identifier, "path": path})
    if subject.path is not None:
        steps[0]["path"] = inner_path(librarian, subject.path)
    return {
        "state": cause.state,
        "what": cause.what,
        "name": cause.name,
        "was": cause.was,
        "now": cause.now,
        "text": cause.text(),
        "chain": cause.chain(),
        "files": list(cause.files[:_MOST_FILES]),
        "steps": steps,
    }


def _place_of_run(librarian: Librarian, identifier: str) -> str | None:
    found = librarian.ask(lambda ledger: ledger.named(str(librarian.root), identifier))
    return inner_path(librarian, found[0].path) if found else None


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "section": difference.section,
        "name": difference.name,
        "first": _small(difference.first),
        "second": _small(difference.second),
        "files": list(difference.files[:_MOST_FILES]),
        "detail": difference.detail,
        "only_in": difference.only_in,
    }


def _small(value: Any) -> Any:
    return (
        value if len(short_value(value, _LONGEST_VALUE + 1)) <= _LONGEST_VALUE else short_value(value, _LONGEST_VALUE)
    )


def _lines(rows: list[dict[str, Any]], comparison: Comparison) -> Iterator[str]:
    """Write the differences as text, to be copied."""
    for sign, row in zip("-+", rows, strict=True):
        yield f"{sign} {row['stage']}  {row['id']}  {row['path'] or 'not on the disk'}"
    section = None
    for each in comparison.differences[:_MOST_DIFFERENCES]:
        if each.section != section:
            section = each.section
            yield section
        first, second = (_shown(each.section, value) for value in (each.first, each.second))
        values = f"only in the {each.only_in}" if each.only_in else f"{first} -> {second}"
        detail = f" ({each.detail or ', '.join(each.files[:3])})" if each.detail or each.files else ""
        yield f"  {each.name}: {values}{detail}"
    yield from comparison.statistics
    if not comparison.differences:
        yield "no difference"


def _shown(section: str, value: Any) -> str:
    is_digest = section in ("code", "data", "outputs", "prevs") and isinstance(value, str)
    return short_digest(value) if is_digest else short_value(value)
