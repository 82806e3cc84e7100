"""Calling a main: the record of a run, and the frames of one that failed."""
