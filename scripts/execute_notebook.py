"""Run a notebook in the kernel of this interpreter and write the executed copy elsewhere.

usage: execute_notebook.py NOTEBOOK COPY

The cells run in the notebook's folder. The copy is written when a cell fails too, as far as the cells got.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

SECONDS_PER_CELL = 600


def execute(notebook: Path, copy: Path) -> None:
    """Run all cells of ``notebook`` and write the result to ``copy``."""
    document = nbformat.read(notebook, as_version=4)
    client = NotebookClient(
        document,
        timeout=SECONDS_PER_CELL,
        kernel_name="python3",
        resources={"metadata": {"path": str(notebook.parent)}},
    )
    try:
        client.execute()
    finally:
        copy.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(document, copy)


def main() -> int:
    """Run the notebook that the command line names."""
    # A kernel of the same name in the person's home folder would run another interpreter.
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    # What a cell starts with "!" is found as in an activated environment.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    notebook, copy = map(Path, sys.argv[1:])
    try:
        execute(notebook, copy)
    except CellExecutionError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
