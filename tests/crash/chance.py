"""Chance that can be repeated, and how much of it a test run asks for."""

from __future__ import annotations

import os
import random

SEED = int(os.environ.get("NAGA_TEST_SEED", "20240501"))
IS_FULL = os.environ.get("NAGA_TEST_FULL") == "1"


def count(full: int, small: int) -> int:
    """Return how often a test does something: ``NAGA_TEST_FULL=1`` asks for the full count."""
    return full if IS_FULL else small


def randomness() -> random.Random:
    """Return a generator of random numbers, and print the seed, which pytest shows when the test fails."""
    print(f"NAGA_TEST_SEED={SEED}")
    return random.Random(SEED)
