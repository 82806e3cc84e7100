"""A receipt for work that was done in the cells of a notebook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.errors import NotFoundError
from naga.lock.atomic import write_atomically
from naga.lock.digest import hash_file
from naga.lock.inputs import KEPT
from naga.lock.project import absolute_path, nearest_path
from naga.lock.receipt import RECEIPT_NAME
from naga.lock.recording import Recording
from naga.run.current import note_ended
from naga.run.declared import named_data, named_prevs

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from naga.lock.receipt import Receipt
    from naga.run.declared import Data, Places

__all__ = ["record_cells"]

CELLS_NAME = "cells.py"


def record_cells(
    save_dir: str | os.PathLike[str],
    sources: Sequence[str],
    *,
    data: Data | None = None,
    prevs: Places | None = None,
    notebook: str | None = None,
) -> Receipt:
    """Write the receipt of work that was done in notebook cells.

    Parameters
    ----------
    save_dir : path
        The folder that the cells wrote their outputs to.
    sources : sequence of str
        The cells in the order in which they were executed. They are kept beside the receipt in the percent format
        that Jupytext, Spyder and editors read, with secrets redacted.
    data, prevs : path, list of paths or mapping of names to paths, optional
        As for `naga.runlock`.
    notebook : str, optional
        The path of the notebook.

    Returns
    -------
    Receipt
        Its ``caller`` says that the code came from a notebook; a rerun refuses it for that reason.

    Raises
    ------
    NotFoundError
        There is no such folder, or a path in `data` or `prevs` does not exist. Nothing was written.
    IntegrityError
        A receipt of a prev cannot be read, or its run did not finish. Nothing was written.

    Notes
    -----
    The percent format: https://jupytext.readthedocs.io/en/latest/formats-scripts.html
    """
    folder = Path(save_dir)
    if not folder.is_dir():
        found = nearest_path(folder)
        hint = f"did you mean {found}?" if found else "name the folder that the cells wrote to"
        raise NotFoundError(f"no folder {folder}", hint=hint, path=folder)
    digests, stages = named_data(data), named_prevs(prevs)
    caller: dict[str, Any] = {"module": "__main__", "notebook": {"path": notebook, "cells": len(sources)}}
    recording = Recording({"save_dir": str(folder)}, caller)
    text = "\n".join(f"# %% [{number}]\n{source.rstrip()}\n" for number, source in enumerate(sources, 1))
    kept = folder / KEPT / CELLS_NAME
    kept.parent.mkdir(exist_ok=True)
    write_atomically(kept, recording.redacted(text).encode())
    recording.add_code(
        "cells", kept.parent, {CELLS_NAME: hash_file(kept)}, "cells of a notebook, kept beside the receipt"
    )
    recording.start(folder / RECEIPT_NAME)
    recording.declare(data=digests, prevs=stages)
    receipt = recording.finish()
    note_ended(absolute_path(folder / RECEIPT_NAME), receipt)
    return receipt
