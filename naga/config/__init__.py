"""Configs: a schema from a class, layers over it, and the command line that sets them."""
