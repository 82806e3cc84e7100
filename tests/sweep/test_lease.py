"""Leases: one holder at a time, takeover by exactly one, and no way back for who was taken over."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from naga.sweep.host import host_name, is_running, process_start
from naga.sweep.lease import Holder, LeaseWatch, claim, newest_lease, read_holder

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def holder(pid: int | None = None, *, host: str | None = None, start: str | None = None) -> Holder:
    pid = pid or os.getpid()
    return Holder("sweep", host or host_name(), "machine", pid, start or process_start(pid) or "")


def test_claim_of_a_free_task_gives_the_first_lease(tmp_path: Path) -> None:
    lease = claim(str(tmp_path / "task"), holder(), LeaseWatch())

    assert lease is not None
    assert (lease.number, lease.before) == (1, None)
    assert lease.renew()


def test_claim_of_a_held_task_gives_nothing(tmp_path: Path) -> None:
    assert claim(str(tmp_path), holder(), LeaseWatch()) is not None

    assert claim(str(tmp_path), holder(), LeaseWatch()) is None
    assert newest_lease(str(tmp_path)) == 1


def test_claim_after_a_release_gives_the_next_lease_and_names_nobody(tmp_path: Path) -> None:
    first = claim(str(tmp_path), holder(), LeaseWatch())
    assert first is not None
    first.release("finished")

    second = claim(str(tmp_path), holder(), LeaseWatch())

    assert second is not None
    assert (second.number, second.before) == (2, None)
    found, _ = read_holder(str(tmp_path), 1)
    assert found is not None
    assert found.ended == "finished"


def test_lease_of_a_process_that_has_ended_is_taken_over_at_once(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    start = process_start(ended.pid)
    assert claim(str(tmp_path), holder(ended.pid, start=start), LeaseWatch()) is not None
    ended.wait()

    taken = claim(str(tmp_path), holder(), LeaseWatch())

    assert taken is not None
    assert taken.before is not None
    assert taken.before.pid == ended.pid


def test_lease_of_another_process_with_the_same_number_is_taken_over(tmp_path: Path) -> None:
    assert is_running(os.getpid(), process_start(os.getpid()) or "")
    assert claim(str(tmp_path), holder(start="another time"), LeaseWatch()) is not None

    assert claim(str(tmp_path), holder(), LeaseWatch()) is not None


def test_lease_of_another_machine_is_held_as_long_as_it_is_renewed(tmp_path: Path) -> None:
    clock = Clock()
    watch = LeaseWatch(60, clock)
    lease = claim(str(tmp_path), holder(host="elsewhere"), watch)
    assert lease is not None
    for _ in range(5):
        assert claim(str(tmp_path), holder(), watch) is None
        clock.now += 50
        time.sleep(0.01)
        assert lease.renew()

    assert claim(str(tmp_path), holder(), watch) is None
    clock.now += 59
    assert claim(str(tmp_path), holder(), watch) is None
    clock.now += 2
    taken = claim(str(tmp_path), holder(), watch)
    assert taken is not None
    assert not lease.renew()


def test_release_after_a_takeover_leaves_the_lease_of_the_other_as_it_is(tmp_path: Path) -> None:
    first = claim(str(tmp_path), holder(start="gone"), LeaseWatch())
    second = claim(str(tmp_path), holder(), LeaseWatch())
    assert first is not None
    assert second is not None

    first.release("finished")

    assert second.renew()
    assert claim(str(tmp_path), holder(), LeaseWatch()) is None


def test_lease_that_is_not_written_yet_is_held(tmp_path: Path) -> None:
    (tmp_path / ".naga").mkdir()
    (tmp_path / ".naga" / "lease-1").touch()

    assert claim(str(tmp_path), holder(), LeaseWatch()) is None


def compete(folder: str, barrier: object, wins: object) -> None:
    """Try to take over every lease of a gone holder, in step with others."""
    for number in range(30):
        barrier.wait()  # type: ignore[attr-defined]
        if claim(f"{folder}/{number}", holder(), LeaseWatch()) is not None:
            wins.put(number)  # type: ignore[attr-defined]


def test_takeover_that_many_try_at_once_is_won_by_exactly_one(tmp_path: Path) -> None:
    for number in range(30):
        assert claim(str(tmp_path / str(number)), holder(start="gone"), LeaseWatch()) is not None
    context = multiprocessing.get_context("spawn")
    barrier, wins = context.Barrier(4), context.Queue()
    racers = [context.Process(target=compete, args=(str(tmp_path), barrier, wins)) for _ in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(timeout=60)

    assert sorted(wins.get(timeout=5) for _ in range(30)) == list(range(30))
    assert wins.empty()
