"""The program of a worker: loads the script once, and runs the tasks that its supervisor gives it, one at a time."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from naga.config.files import keep_config_files
from naga.errors import IncompleteError, LeaseLostError, NagaError
from naga.lock.describe import printable
from naga.lock.receipt import RECEIPT_NAME, ErrorEntry, RepositoryEntry
from naga.lock.shared import Shared
from naga.postmortem.frames import trim_traceback
from naga.sweep.lease import newest_lease
from naga.sweep.messages import Channel
from naga.sweep.program import Program, load_stage
from naga.sweep.settled import mark_of, settled_since
from naga.sweep.stage import fingerprint
from naga.sweep.values import keep_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from naga.sweep.stage import Outcome, Stage

__all__ = ["main"]

_SCRIPT_ERROR = 1


def main() -> None:
    """Be a worker; the arguments of the process are the number of the open connection to the supervisor."""
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    messages = iter(channel)
    hello = next(messages, None)
    if hello is None:
        return
    _follow(hello["lifeline"])
    worker = _prepare(hello, channel)
    if worker is None:
        return
    for message in messages:
        channel.send(worker.run(message))


def _follow(lifeline: int) -> None:
    """End with the supervisor, whatever the task is doing: nobody would renew the lease any more."""

    def wait() -> None:
        while os.read(lifeline, 1):
            pass
        os._exit(_SCRIPT_ERROR)

    threading.Thread(target=wait, name="naga-lifeline", daemon=True).start()


def _prepare(hello: dict[str, Any], channel: Channel) -> _Worker | None:
    try:
        os.chdir(hello["program"]["cwd"])
        keep_config_files(hello["configs"])
        program = msgspec.convert(hello["program"], Program)
        stage = load_stage(program)
        _check_unchanged(stage, hello["fingerprint"])
    except NagaError as error:
        channel.send({"refused": error.one_line(), "exit_code": error.exit_code})
        return None
    except BaseException as error:  # noqa: BLE001 - whatever the script raises is told, and ends this worker
        traceback.print_exc()
        channel.send({"refused": f"{program.script} cannot be loaded: {type(error).__name__}: {error}", "exit_code": 1})
        return None
    repositories = msgspec.convert(hello["repositories"], dict[str, RepositoryEntry])
    shared = Shared(repositories={Path(root): entry for root, entry in repositories.items()})
    channel.send({"ready": True, "base": stage.base})
    return _Worker(stage, shared, Path(hello["root"]))


def _check_unchanged(stage: Stage, expected: str) -> None:
    if fingerprint(stage) != expected:
        hint = "call the same command again: it finishes what is missing with what is there now"
        raise IncompleteError("the config changed after the sweep began", hint=hint)


class _Worker:
    def __init__(self, stage: Stage, shared: Shared, root: Path) -> None:
        self._stage = stage
        self._shared = shared
        self._root = root

    def run(self, message: dict[str, Any]) -> dict[str, Any]:
        """Run one task, and say how it ended."""
        folder, values = message["folder"], {**message["values"], "save_dir": message["folder"]}
        path = Path(folder, RECEIPT_NAME)
        if message["look_first"] and (settled := settled_since(path, self._stage, values, self._root)):
            return settled
        begin = time.perf_counter()

        def guard() -> None:
            if newest_lease(folder) != message["lease"]:
                raise LeaseLostError(f"another worker has taken over {folder}", path=Path(folder))

        def keep(value: Any) -> None:
            guard()
            keep_value(Path(folder), value)

        with _unbuffered(), _in_folder(Path.cwd()):
            try:
                keep(None)
            except LeaseLostError:
                return {"ended": "lost"}
            outcome = self._stage.run(values, msgspec.structs.replace(self._shared, guard=guard), keep)
        answer = {"seconds": round(time.perf_counter() - begin, 6), **_ending(outcome)}
        if answer["ended"] == "finished" and outcome.receipt_path != path.absolute():
            moved = f"the receipt is at {outcome.receipt_path}, but a sweep needs it in the folder of the task"
            return {**answer, "ended": "failed", "error": {"type": "MovedReceipt", "message": moved}}
        return {**answer, **({"mark": mark_of(path, outcome.receipt)} if outcome.receipt else {})}


@contextmanager
def _unbuffered() -> Iterator[None]:
    """Leave nothing of one task in a buffer that would come out in the log of the next."""
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()


@contextmanager
def _in_folder(folder: Path) -> Iterator[None]:
    """Come back to a folder, wherever the task went."""
    try:
        yield
    finally:
        os.chdir(folder)


def _ending(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome.error, LeaseLostError):
        return {"ended": "lost"}
    if outcome.error is not None:
        # What is naga's own on the way to the person's code helps nobody.
        error = outcome.error
        traceback.print_exception(type(error), error, trim_traceback(error.__traceback__))
        return {"ended": "failed", "error": _plain(outcome.entry)}
    return {"ended": "finished"}


def _plain(entry: ErrorEntry | None) -> dict[str, Any]:
    assert entry is not None
    return {
        "type": entry.type,
        "message": printable(entry.message[:500]),
        "file": entry.file,
        "line": entry.line,
    }
