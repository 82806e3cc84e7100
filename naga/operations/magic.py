"""The line that repeats a run in a notebook."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, NamedTuple

from naga.lock.redact import REDACTED
from naga.lock.world import place_of

if TYPE_CHECKING:
    from naga.lock.receipt import Receipt

__all__ = ["MagicLines", "magic_lines"]


class MagicLines(NamedTuple):
    """The line, for a notebook in the folder that the run was called in, and for any other.

    Attributes
    ----------
    here : str
        Paths in it count from `folder`, as those of the run did.
    anywhere : str
        The same, and where to run it.
    folder : str
        Absolute.
    """

    here: str
    anywhere: str
    folder: str


def magic_lines(receipt: Receipt, root: str) -> MagicLines | None:
    """Write the line that repeats a run.

    Parameters
    ----------
    receipt : Receipt
        From anybody.
    root : str
        The root of its project on this machine, absolute.

    Returns
    -------
    MagicLines or None
        None where there is no script, where a line cannot hold it, or where a secret is missing.
    """
    file, argv = receipt.caller.get("file"), receipt.caller.get("argv")
    if not isinstance(file, str) or not isinstance(argv, list):
        return None
    folder = os.path.normpath(place_of(str(receipt.caller.get("cwd") or "."), root))
    script = place_of(file, root)
    if not os.path.isabs(file):  # noqa: PTH117 - a text from outside
        script = os.path.relpath(script, folder)
    words = [script, *(str(word) for word in argv)]
    # Whatever stood on a second line would be run as Python.
    if any(REDACTED in word or not word.isprintable() for word in (folder, *words)):
        return None
    called = shlex.join(words)
    return MagicLines(f"%naga_run {called}", f"%naga_run --cwd {shlex.quote(folder)} {called}", folder)
