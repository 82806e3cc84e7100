"""Calling a main: its config, its run, and the record of it."""
