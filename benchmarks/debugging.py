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

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from naga import keep_locals, unsafe_debug

AIM_NANOSECONDS = 150


def function(one: int, *, two: int = 2) -> int:
    return one + two


decorated = unsafe_debug(function)


def measure(call: str, calls: int, rounds: int) -> tuple[float, float]:
    """Return the nanoseconds of a bare and of a decorated call."""
    timers = [timeit.Timer(call, globals={"called": called}) for called in (function, decorated)]
    times = [[timer.timeit(calls) for timer in timers] for _ in range(rounds)]
    return min(bare for bare, _ in times) / calls * 1e9, min(full for _, full in times) / calls * 1e9


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
    print(f"{'call':<28}{'bare ns':>10}{'more ns':>10}{'ratio':>8}{'aim ns':>8}")
    for call in ("called(1)", "called(1, two=3)"):
        bare, full = measure(call, calls, rounds)
        print(f"{call:<28}{bare:>10.0f}{full - bare:>10.0f}{full / bare:>8.1f}{AIM_NANOSECONDS:>8}")
    failing, keeping = min(measure_failure() for _ in range(5))
    print(f"{'failure':<28}{'raise ms':>10}{'keep ms':>10}{'ratio':>8}{'aim ms':>8}")
    print(f"{'RecursionError':<28}{failing:>10.1f}{keeping:>10.1f}{(failing + keeping) / failing:>8.1f}{1000:>8}")


if __name__ == "__main__":
    main()
