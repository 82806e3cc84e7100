"""Who called: the function, its file, and the notebook or script around it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType

__all__ = ["describe_caller"]


def describe_caller(module: str, function: str, code: CodeType, argv: list[str] | None = None) -> dict[str, Any]:
    """Describe the main of a run for its receipt.

    Parameters
    ----------
    module, function : str
        Its names.
    code : code
        Its code, which tells the file.
    argv : list of str, optional
        The command line, when the run was started by one.

    Returns
    -------
    dict
        ``module``, ``function``, ``file`` (absolute path, None for a cell), ``argv`` and, in a notebook,
        ``notebook`` with ``path`` and ``cells``.
    """
    file = os.path.abspath(code.co_filename)  # noqa: PTH100 - links are kept
    caller: dict[str, Any] = {
        "module": module,
        "function": function,
        "file": file if os.path.isfile(file) and not _is_cell(code.co_filename) else None,  # noqa: PTH113
        "argv": argv or [],
    }
    notebook = _notebook()
    return {**caller, "notebook": notebook} if notebook else caller


def _is_cell(file: str) -> bool:
    return file.startswith("<") or "ipykernel_" in file


def _notebook() -> dict[str, Any] | None:
    """Ask the running kernel, if this is one, for the notebook and the cell; IPython is never imported for it."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    parent: Any = getattr(shell, "get_parent", dict)() or {}
    metadata = parent.get("metadata") if isinstance(parent, dict) else None
    cell = metadata.get("cellId") if isinstance(metadata, dict) else None
    path = os.environ.get("JPY_SESSION_NAME")
    return {"path": path, "cells": [cell] if cell else []} if path or cell else None
