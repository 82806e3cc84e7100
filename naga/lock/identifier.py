"""Identifiers of runs: UUIDs of version 7, which sort by time."""

from __future__ import annotations

import os
import threading
import time

__all__ = ["new_run_id"]

_guard = threading.Lock()
_latest = 0


def new_run_id() -> str:
    """Make the identifier of a new run.

    Returns
    -------
    str
        A UUID of version 7 in its usual form of 36 characters. Within one process each is greater than the
        one before; across machines they sort by time to the millisecond.

    Notes
    -----
    RFC 9562, section 5.7, with the 12 bits of `rand_a` used as a fraction of the millisecond (section 6.2,
    method 3).
    """
    global _latest
    with _guard:
        milliseconds, rest = divmod(time.time_ns(), 1_000_000)
        stamp = max((milliseconds << 12) | (rest * 4096 // 1_000_000), _latest + 1)
        _latest = stamp
    random = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    number = ((stamp >> 12) << 80) | (0x7 << 76) | ((stamp & 0xFFF) << 64) | (0b10 << 62) | random
    digits = f"{number:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
