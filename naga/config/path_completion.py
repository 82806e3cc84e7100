"""What a path that is being written may become."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["complete_paths"]


def complete_paths(incomplete: str, endings: tuple[str, ...] = ()) -> list[str]:
    """Complete the path of a file or a folder.

    Parameters
    ----------
    incomplete : str
        Its beginning, without quotes. A ``~`` at its front is the person's home folder, and stays as it is.
    endings : tuple of str, optional
        How the names of files have to end, in small letters, such as ``(".yml", ".yaml")``; by default in any way.

    Returns
    -------
    list of str
        Sorted by name; folders with a slash at their end. Hidden ones only where a dot was written.

    Examples
    --------
    >>> complete_paths("no_such_folder/")
    []
    """
    begun = incomplete.rpartition("/")[2]
    shown = incomplete[: len(incomplete) - len(begun)]
    try:
        entries = sorted(os.scandir(Path(shown).expanduser() if shown else Path()), key=lambda entry: entry.name)
    except (OSError, RuntimeError, ValueError):
        return []
    found = []
    for entry in entries:
        if not entry.name.startswith(begun) or (entry.name.startswith(".") and not begun.startswith(".")):
            continue
        if entry.is_dir():
            found.append(f"{shown}{entry.name}/")
        elif not endings or entry.name.lower().endswith(endings):
            found.append(f"{shown}{entry.name}")
    return found
