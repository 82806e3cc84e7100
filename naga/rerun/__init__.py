"""Repeating a run from its receipt, and comparing what comes out."""
