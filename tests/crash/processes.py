"""Processes that are forked, so that hundreds of them start in a second.

This module runs as a program of one thread: a process with threads, such as a worker of pytest, must not fork.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.errors import ConflictError
from naga.lock.atomic import TEMPORARY, folder_lock
from naga.lock.receipt import read_receipt, write_receipt
from tests.lock.samples import chain, make_receipt

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from naga.lock.receipt import Receipt

LINEAGE = chain(60).lineage


def receipt_of(number: int, **changes: Any) -> Receipt:
    """Return the receipt of run `number`, which is small or some 60 KB large in turn."""
    return make_receipt(number, lineage=LINEAGE if number % 2 else {}, **changes)


def fork(work: Callable[[], object]) -> int:
    """Do something in a process of its own, which exits with 0 when nothing was raised."""
    process = os.fork()
    if process:
        return process
    try:
        work()
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(1)
    os._exit(0)


def succeeded(process: int) -> bool:
    return os.waitpid(process, 0)[1] == 0


def kill_writers(path: Path, times: int, seed: int) -> dict[str, Any]:
    """Kill a process that writes receipts in a loop, again and again, and read what is there after each time."""
    chance = random.Random(seed)
    wrong: list[str] = []
    first = number = 1000
    most_left = 0
    write_receipt(path, receipt_of(number), overwrite=True)
    for _ in range(times):
        written = kill_one(path, number, chance.uniform(0, 0.05))
        found = int(read_receipt(path).id.rpartition("-")[2], 16)
        # The last one may be there although its writer could not say so any more.
        if found - number not in (written, written + 1) or read_receipt(path) != receipt_of(found):
            wrong.append(f"{number} and {written} more were written, but {found} is there")
        most_left = max(most_left, len(os.listdir(path.parent)) - 1)
        for file in path.parent.glob(TEMPORARY):
            file.unlink()
        number = found
    return {"wrong": wrong, "most_left": most_left, "written": number - first}


def kill_one(path: Path, number: int, delay: float) -> int:
    """Kill a writer after a delay in seconds, and return how many receipts it says that it has written."""
    read_end, write_end = os.pipe()
    process = fork(lambda: write_in_a_loop(path, number, write_end))
    os.close(write_end)
    os.read(read_end, 1)
    time.sleep(delay)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    with open(read_end, "rb") as answers:
        return len(answers.read())


def write_in_a_loop(path: Path, number: int, write_end: int) -> None:
    os.write(write_end, b"!")
    while True:
        number += 1
        write_receipt(path, receipt_of(number), overwrite=True)
        os.write(write_end, b".")


def race(folder: Path, rounds: int, processes: int) -> dict[str, Any]:
    """Let processes write receipts of their own to one path, as runs do: when they start and when they finish."""
    winners: set[int] = set()
    conflicts = 0
    for turn in range(rounds):
        path = folder / str(turn) / "run.lock"
        answers = race_once(path, processes)
        (winner,) = [int(answer[1:]) for answer in answers if answer.startswith("w")]
        conflicts += sum(answer.startswith("c") for answer in answers)
        if read_receipt(path) != receipt_of(winner) or os.listdir(path.parent) != ["run.lock"]:
            raise SystemExit(f"{winner} won, but that is not what is there")
        winners.add(winner)
    return {"winners": len(winners), "conflicts": conflicts}


def race_once(path: Path, processes: int) -> list[str]:
    read_end, write_end = os.pipe()
    with folder_lock_of(path):
        racers = [fork(partial(run_once, path, own, write_end)) for own in range(processes)]
        # Time to come to the lock: they all wait there now.
        time.sleep(0.05)
    os.close(write_end)
    if not all(list(map(succeeded, racers))):
        raise SystemExit("a writer failed")
    with open(read_end, "rb") as answers:
        return answers.read().decode().split()


def folder_lock_of(path: Path) -> AbstractContextManager[None]:
    path.parent.mkdir(parents=True)
    return folder_lock(path.parent)


def run_once(path: Path, own: int, answer: int) -> None:
    try:
        write_receipt(path, receipt_of(own, status="started", finished=None))
        write_receipt(path, receipt_of(own))
        os.write(answer, f"w{own} ".encode())
    except ConflictError:
        os.write(answer, f"c{own} ".encode())


def read_while_written(path: Path, reads: int, writers: int, readers: int) -> dict[str, Any]:
    """Read a receipt in several processes while others want to write it all the time, half of them over the others."""
    write_receipt(path, receipt_of(0))
    read_end, write_end = os.pipe()
    processes = [fork(partial(write_forever, path, own, write_end)) for own in range(writers)]
    try:
        readings = [fork(partial(read_often, path, reads // readers, writers, write_end)) for _ in range(readers)]
        are_valid = all(list(map(succeeded, readings)))
    finally:
        for process in processes:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
    os.close(write_end)
    with open(read_end, "rb") as answers:
        words = answers.read().decode().split()
    told = {word for word in words if word.startswith("c")}
    seen = {word for word in words if word.startswith("s")}
    return {"valid": are_valid, "told": len(told), "seen": len(seen)}


def read_often(path: Path, reads: int, writers: int, answer: int) -> None:
    known = {receipt.id: receipt for receipt in map(receipt_of, range(writers))}
    seen = set()
    for _ in range(reads):
        receipt = read_receipt(path)
        if receipt != known[receipt.id]:
            raise SystemExit(f"{receipt.id} is not what was written")
        seen.add(receipt.id)
    os.write(answer, "".join(f"s{identifier} " for identifier in seen).encode())


def write_forever(path: Path, own: int, answer: int) -> None:
    is_told = False
    while True:
        try:
            write_receipt(path, receipt_of(own), overwrite=own % 2 == 0)
        except ConflictError:
            if not is_told:
                os.write(answer, f"c{own} ".encode())
            is_told = True


if __name__ == "__main__":
    name, place, *numbers = sys.argv[1:]
    works: dict[str, Callable[..., dict[str, Any]]] = {
        "kill": kill_writers,
        "race": race,
        "read": read_while_written,
    }
    print(json.dumps(works[name](Path(place), *map(int, numbers))))
