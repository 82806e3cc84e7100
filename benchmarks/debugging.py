"""What `@unsafe_debug` costs a call that does not fail, and what it takes to keep a failure.

usage: python benchmarks/debugging.py [--quick]

The bare and the decorated call take turns, so that a busy machine slows both; each figure is the least of many rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
import timeit
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from naga import keep_locals, unsafe_debug

if TYPE_CHECKING:
    from collections.abc import Callable

AIM_NANOSECONDS = 150


def function(one: int, *, two: int = 2) -> int:
    return one + two


def variadic(one: int, *rest: int, **named: int) -> int:  # noqa: ARG001 - only taken
    return one


def handed_on(called: Callable[..., int]) -> Callable[..., int]:
    """Return what does nothing but hand everything on, the least that a decorator of any function does."""

    def call(*args: int, **kwargs: int) -> int:
        return called(*args, **kwargs)

    return call


def measure(called: Callable[..., int], call: str, calls: int, rounds: int) -> list[float]:
    """Return the nanoseconds of a bare call, of one that is handed on, and of a decorated one."""
    ways = (called, handed_on(called), unsafe_debug(called))
    timers = [timeit.Timer(call, globals={"called": way}) for way in ways]
    times = [[timer.timeit(calls) for timer in timers] for _ in range(rounds)]
    return [min(each) / calls * 1e9 for each in zip(*times, strict=True)]


def deep(level: int) -> int:
    large = bytearray(1000)
    return deep(level + 1) + len(large)


def measure_failure() -> tuple[float, float]:
    """Return the milliseconds of a recursion without end, and of keeping its frames."""
    begin = time.perf_counter()
    try:
        deep(0)
    except RecursionError as error:
        failed = time.perf_counter()
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
            keep_locals(error, {})
        return (failed - begin) * 1e3, (time.perf_counter() - failed) * 1e3
    raise AssertionError("nothing was raised")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    calls, rounds = (20_000, 20) if parser.parse_args().quick else (200_000, 50)
    print(f"{'call':<32}{'bare ns':>10}{'handed on':>11}{'more ns':>10}{'ratio':>8}{'aim ns':>8}")
    for called, call in (
        (function, "called(1)"),
        (function, "called(1, two=3)"),
        (variadic, "called(1)"),
        (variadic, "called(1, 2, 3)"),
        (variadic, "called(1, 2, named=3)"),
    ):
        bare, handed, full = measure(called, call, calls, rounds)
        name = call.replace("called", called.__name__)
        more = f"{handed - bare:>11.0f}{full - bare:>10.0f}"
        print(f"{name:<32}{bare:>10.0f}{more}{full / bare:>8.1f}{AIM_NANOSECONDS:>8}")
    failing, keeping = min(measure_failure() for _ in range(5))
    print(f"{'failure':<28}{'raise ms':>10}{'keep ms':>10}{'ratio':>8}{'aim ms':>8}")
    print(f"{'RecursionError':<28}{failing:>10.1f}{keeping:>10.1f}{(failing + keeping) / failing:>8.1f}{1000:>8}")


if __name__ == "__main__":
    main()
