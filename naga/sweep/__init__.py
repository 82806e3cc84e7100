"""Sweeps: one config, many runs, each of which is one task."""
