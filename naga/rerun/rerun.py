"""Repeating a recorded run from its snapshot, and comparing what comes of it."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from naga.errors import ConflictError, NotFoundError, RefusedError, UsageError
from naga.lock.describe import short_digest, stage_name
from naga.lock.environment import compare_environments, describe_environment
from naga.lock.identifier import new_run_id
from naga.lock.receipt import find_receipt, read_receipt, receipt_digest
from naga.lock.redact import Redactor
from naga.lock.settings import read_settings
from naga.lock.snapshot import has_snapshot
from naga.lock.tolerance import check_rules
from naga.rerun.attest import Rerun, environment_digest, keep_attestation, who_and_where
from naga.rerun.command import refuse_unrepeatable
from naga.rerun.mirror import open_mirror
from naga.rerun.outputs import compare_outputs
from naga.rerun.repetition import Repetition, repository_top

if TYPE_CHECKING:
    from collections.abc import Iterator

    from naga.lock.receipt import Receipt
    from naga.lock.settings import Settings
    from naga.rerun.repetition import Outcome

__all__ = ["rerun"]

_LOG_BYTES = 4096


def rerun(
    place: str | os.PathLike[str],
    *,
    check: bool = True,
    save_dir: str | os.PathLike[str] | None = None,
    keep: bool = False,
    quiet: bool = False,
    dry_run: bool = False,
) -> Rerun:
    """Run again what a receipt records: the same code and config on the same inputs.

    Parameters
    ----------
    place : str or Path
        The receipt, its folder, or a file beside it.
    check : bool
        Compare the outputs with the recorded ones, and keep the result beside the receipt as an attestation.
    save_dir : path, optional
        Without `check`: where the outputs go. Nothing may be there yet.
    keep : bool
        Leave the temporary folder in which it was run.
    quiet : bool
        Keep back what the run prints; the end of it is in the result.
    dry_run : bool
        Check that everything that is needed is there, and run nothing.

    Returns
    -------
    Rerun
        Its ``verdict`` is ``same``, ``within`` or ``different``; ``failed`` when the run did not finish, ``repeated``
        without `check`, and ``planned`` for a `dry_run`.

    Raises
    ------
    NotFoundError
        The receipt, the snapshot or an input is gone.
    IntegrityError
        An input is not what the run read, and the snapshot does not hold it either; or the repeated run got hold of
        other code or inputs than the recorded ones.
    RefusedError
        Such a run cannot be repeated: there is no snapshot of its code, or the receipt does not tell how it was called.
    ConflictError
        Something is at `save_dir`.
    ConfigError
        ``naga.toml`` is not valid.
    IncompleteError
        Something could not be written.
    UsageError
        `check` and `save_dir` together, or neither of them.

    Notes
    -----
    It happens in a temporary folder, with the interpreter that is running now; see ``docs/rerun.md``. The person's
    repository is only read. Nothing that is compared has passed through a network.
    """
    if check == (save_dir is not None):
        raise UsageError("a rerun either compares or has a save_dir of its own", hint="give --check or --save_dir DIR")
    path = find_receipt(place).absolute()
    receipt = read_receipt(path)
    refuse_unrepeatable(receipt)
    if check:
        _refuse_incomparable(receipt)
    home = _find_home(receipt, path)
    settings = read_settings(home)
    check_rules(settings.compare)
    target = None if save_dir is None else _free_folder(Path(save_dir))
    result = _begin(receipt)
    tops = [repository_top(receipt, entry.path, home) for entry in receipt.repos.values()]
    with _ended_by_signals(), open_mirror([home, *tops]) as mirror:
        mirror.keep = keep
        repetition = Repetition(receipt, path, home, mirror, target)
        repetition.prepare()
        result = replace(
            result, command=repetition.words, unset=repetition.unset, folder=repetition.root if keep else None
        )
        if dry_run:
            differences = tuple(compare_environments(receipt.environment, describe_environment()))
            return replace(result, verdict="planned", differences=differences)
        if check:
            keep_attestation(path.parent, None, result.id)
        log = mirror.base / "log" if quiet else None
        outcome = repetition.execute(log)
        result = replace(result, log=_end_of(log, settings), save_dir=target)
        result = _judge(result, receipt, outcome, repetition, home, settings)
    if not check:
        return result
    return replace(result, attestation=keep_attestation(path.parent, result, result.id))


def _refuse_incomparable(receipt: Receipt) -> None:
    name = stage_name(receipt)
    hint = "without --check, and with --save_dir, it is only run again"
    if receipt.status != "finished":
        raise RefusedError(f"{name} is {receipt.status}, so there is nothing to compare with", hint=hint)
    if not receipt.outputs:
        raise RefusedError(f"{name} left no outputs, so there is nothing to compare", hint=hint)


def _find_home(receipt: Receipt, path: Path) -> Path:
    """Find the root of the project on this machine: the folder whose repositories hold the snapshots."""
    recorded = Path(str(receipt.caller.get("root") or path.parent))
    marked = [folder for folder in path.parents if (folder / ".git").exists() or (folder / "naga.toml").exists()]
    places = [recorded, *marked] if path.is_relative_to(recorded) else [*marked, recorded]
    for home in places:
        if all(_holds(repository_top(receipt, entry.path, home), entry.snapshot) for entry in receipt.repos.values()):
            return home
    name, entry = next(iter(receipt.repos.items()))
    message = f"no repository here holds the snapshot {short_digest(entry.snapshot)} of {name}"
    raise NotFoundError(message, hint="fetch it: git fetch REMOTE 'refs/naga/*:refs/naga/*'", key=entry.snapshot)


def _holds(top: Path, snapshot: str | None) -> bool:
    try:
        return snapshot is not None and has_snapshot(top, snapshot)
    except NotFoundError:
        return False


def _free_folder(path: Path) -> Path:
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise ConflictError(f"there is something at {path}", hint="name a new folder", path=path)
    return Path(os.path.abspath(path))  # noqa: PTH100 - links are kept, ".." is not


def _begin(receipt: Receipt) -> Rerun:
    who, where = who_and_where()
    when = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Rerun(
        id=new_run_id(),
        run=receipt.id,
        receipt=receipt_digest(receipt),
        verdict="repeated",
        who=who,
        when=when,
        where=where,
    )


def _judge(
    result: Rerun, receipt: Receipt, outcome: Outcome, repetition: Repetition, home: Path, settings: Settings
) -> Rerun:
    found = outcome.receipt
    if found is not None:
        repetition.check(found)
        result = replace(
            result,
            environment=environment_digest(found.environment),
            differences=tuple(compare_environments(receipt.environment, found.environment)),
            config=tuple(_changed_keys(receipt, found, repetition)),
        )
    if found is None or found.status != "finished":
        return replace(result, verdict="failed", error=_reason(outcome))
    if result.save_dir is not None:
        return result
    rules, from_snapshot = settings.compare, repetition.from_snapshot
    outputs = compare_outputs((receipt, home), (found, repetition.root), rules, from_snapshot)
    is_within = any(output.verdict == "within" for output in outputs)
    is_good = all(output.is_good for output in outputs)
    return replace(result, outputs=outputs, verdict=("within" if is_within else "same") if is_good else "different")


def _changed_keys(recorded: Receipt, found: Receipt, repetition: Repetition) -> Iterator[str]:
    """Yield the keys of the config that had another value, apart from where things lie."""
    before, now = (dict(_flat(receipt.config, "")) for receipt in (recorded, found))
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key), now.get(key)
        if old != new and (not isinstance(old, str) or repetition.relocate(old) != new):
            yield key


def _flat(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not items:
        yield key, value
    for name, item in items:
        yield from _flat(item, f"{key}.{name}" if key else str(name))


def _reason(outcome: Outcome) -> str:
    found = outcome.receipt
    if found is not None and found.error is not None:
        return f"{found.error.type}: {found.error.message}"
    how = f"exit code {outcome.code}" if outcome.code >= 0 else f"signal {-outcome.code}"
    return f"it {'left no receipt' if found is None else f'is {found.status}'} and ended with {how}"


def _end_of(log: Path | None, settings: Settings) -> str:
    if log is None:
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LOG_BYTES))
        text = file.read().decode("utf-8", "replace")
    return Redactor.from_environment(os.environ, settings.readable).text(text)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Leave the block in an orderly way when this process is told to end."""
    numbers = [signal.SIGTERM, signal.SIGHUP] if threading.current_thread() is threading.main_thread() else []
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        for number, handler in before.items():
            # One that is ignored, as under nohup, or handled by the program stays so.
            if handler is signal.SIG_DFL:
                signal.signal(number, _end)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _: Any) -> NoReturn:
    raise SystemExit(128 + number)
