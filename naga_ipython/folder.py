"""Being in another folder for a while."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["in_folder"]


@contextlib.contextmanager
def in_folder(folder: str | None) -> Iterator[None]:
    """Have the process in a folder for the length of a block, and afterwards where it was, whatever happened.

    Parameters
    ----------
    folder : str or None
        A ``~`` at its front is the person's home folder; None for where the process is.

    Raises
    ------
    UsageError
        The process cannot go there.
    """
    if folder is None:
        yield
        return
    with contextlib.ExitStack() as way_back:
        try:
            way_back.enter_context(contextlib.chdir(Path(folder).expanduser()))
        except (OSError, RuntimeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise UsageError(f"--cwd {folder}: {reason}") from None
        yield
