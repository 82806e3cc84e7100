"""Digests, code snapshots, environments and receipts: the module that every other part goes through."""
