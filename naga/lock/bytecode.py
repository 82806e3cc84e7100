"""Byte code that Python takes for that of a file although the file has changed since."""

from __future__ import annotations

import importlib.util
import marshal
import os
from pathlib import Path

__all__ = ["find_stale_bytecode"]

_HEADER = 16
_SECOND = 1_000_000_000


def find_stale_bytecode(file: str) -> str | None:
    """Look for byte code of an earlier content of a Python file, which an import would run in place of the file.

    Parameters
    ----------
    file : str
        A source file.

    Returns
    -------
    str or None
        The file with the byte code; None when there is none, or when Python would notice by itself.

    Notes
    -----
    Python goes by the size and by the second in which the file was last changed: of two edits of one size in one
    second it may run the first for ever. https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation

    Byte code that was written later than a second after anything about the file changed (its ctime, which no program
    can set) is that of the file. Any other is compared with what the file compiles to now.
    """
    cached = importlib.util.cache_from_source(file)
    try:
        written, source = os.stat(cached), os.stat(file)  # noqa: PTH116 - of every file that a run used
        if written.st_mtime_ns > source.st_ctime_ns + _SECOND:
            return None
        content = Path(cached).read_bytes()
        if content[:_HEADER] != _header(source):
            return None
        code = marshal.loads(content[_HEADER:])  # noqa: S302 - what an import would run
        return None if code == _compiled(file) else cached
    except (OSError, EOFError, ValueError, TypeError, SyntaxError):
        # Neither to be compared nor to be run: Python will say what is wrong with them.
        return None


def _header(source: os.stat_result) -> bytes:
    """Return what byte code begins with that Python takes for current (PEP 552)."""
    numbers = (0, int(source.st_mtime) & 0xFFFFFFFF, source.st_size & 0xFFFFFFFF)
    return importlib.util.MAGIC_NUMBER + b"".join(number.to_bytes(4, "little") for number in numbers)


def _compiled(file: str) -> object:
    return compile(Path(file).read_bytes(), file, "exec", dont_inherit=True)
