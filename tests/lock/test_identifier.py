"""Identifiers of runs."""

from __future__ import annotations

import os
import threading
import time
import uuid

import pytest

from naga.lock.identifier import new_run_id


def milliseconds_of(identifier: str) -> int:
    return uuid.UUID(identifier).int >> 80


def test_new_run_id_is_a_uuid_of_version_7_with_the_time_in_it() -> None:
    before = time.time_ns() // 1_000_000
    identifier = new_run_id()
    after = time.time_ns() // 1_000_000

    parsed = uuid.UUID(identifier)
    assert str(parsed) == identifier
    assert parsed.version == 7
    assert parsed.variant == uuid.RFC_4122
    assert before <= milliseconds_of(identifier) <= after


def test_new_run_id_is_greater_than_all_before_it() -> None:
    identifiers = [new_run_id() for _ in range(10_000)]

    assert identifiers == sorted(set(identifiers))


def test_new_run_id_in_threads_is_never_the_same() -> None:
    found: list[str] = []

    def work() -> None:
        found.extend([new_run_id() for _ in range(1000)])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 8000


def test_new_run_id_in_forked_processes_is_never_the_same() -> None:
    read, write = os.pipe()
    for _ in range(4):
        if os.fork() == 0:
            os.write(write, "".join(new_run_id() for _ in range(50)).encode())
            os._exit(0)
    for _ in range(4):
        os.wait()
    text = os.read(read, 100_000).decode()
    os.close(read)
    os.close(write)

    assert len({text[start : start + 36] for start in range(0, len(text), 36)}) == 200


def test_new_run_id_when_the_clock_is_set_back_still_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    before = new_run_id()
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_000_000)

    assert before < new_run_id() < new_run_id()


def test_new_run_id_within_a_millisecond_sorts_by_its_fraction(monkeypatch: pytest.MonkeyPatch) -> None:
    # What comes after this test must not be later than the year 2100.
    monkeypatch.setattr("naga.lock.identifier._latest", 0)
    year_2100 = 4_102_444_800_000_000_000
    identifiers = []
    for nanoseconds in (100, 500_000, 999_999):
        monkeypatch.setattr(time, "time_ns", lambda now=nanoseconds: year_2100 + now)
        identifiers.append(new_run_id())

    assert identifiers == sorted(identifiers)
    assert {milliseconds_of(identifier) for identifier in identifiers} == {year_2100 // 1_000_000}
    assert [int(identifier[15:18], 16) for identifier in identifiers] == [0, 2048, 4095]
