"""naga makes the runs of people who work in notebooks and scripts reproducible.

Names are imported when they are first used, so that ``import naga`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from naga._version import __version__
from naga.config.resolvers import register_when_imported as _register_when_imported

if TYPE_CHECKING:
    from naga.catalog.completion import complete_runs
    from naga.catalog.librarian import Librarian
    from naga.catalog.questions import Lineage, diff, verify
    from naga.catalog.runs import Run, runs, status
    from naga.catalog.telling import check_lines, describe
    from naga.catalog.tokens import find_run
    from naga.cli.main import run_command
    from naga.config.completion import complete_arguments
    from naga.config.path_completion import complete_paths
    from naga.errors import NagaError, ScriptExitError
    from naga.lock.badges import badge_of
    from naga.lock.compare import Comparison
    from naga.lock.describe import describe_receipt, printable, short_path, stage_name
    from naga.lock.digest import PathDigest, hash_path
    from naga.lock.receipt import Receipt, find_receipt, read_receipt
    from naga.lock.verify import Verification
    from naga.operations.answers import OPERATIONS, answer, answer_from, error_answer
    from naga.postmortem.debug import unsafe_debug
    from naga.postmortem.frames import trim_traceback
    from naga.postmortem.kept import keep_locals
    from naga.postmortem.last import last
    from naga.postmortem.last import local_variables as locals  # noqa: A004 - in a notebook it is naga.locals
    from naga.postmortem.moments import keep_if_passed
    from naga.postmortem.opened import find_postmortem, open_postmortem
    from naga.rerun.rerun import rerun
    from naga.run.bare import complete_returned
    from naga.run.cells import record_cells
    from naga.run.clicfg import clicfg
    from naga.run.current import last_receipt
    from naga.run.imports import watch_imports
    from naga.run.module_names import complete_modules, module_file
    from naga.run.result import RunResult
    from naga.run.runlock import runlock
    from naga.run.script import run_module, run_script
    from naga.sweep.events import watching_sweeps
    from naga.sweep.overview import TaskOverview, tasks
    from naga.sweep.results import results
    from naga.sweep.values import PickledValue, UnavailableValue
    from naga.track.mlflow_lock import mlflow_lock
    from naga.track.relog import Relogged, relog
    from naga.track.table import active_runs
    from naga.track.tracked import tracked_here

    last_run: RunResult | None

__all__ = [
    "OPERATIONS",
    "Comparison",
    "Librarian",
    "Lineage",
    "NagaError",
    "PathDigest",
    "PickledValue",
    "Receipt",
    "Relogged",
    "Run",
    "RunResult",
    "ScriptExitError",
    "TaskOverview",
    "UnavailableValue",
    "Verification",
    "__version__",
    "active_runs",
    "answer",
    "answer_from",
    "badge_of",
    "check_lines",
    "clicfg",
    "complete_arguments",
    "complete_modules",
    "complete_paths",
    "complete_returned",
    "complete_runs",
    "describe",
    "describe_receipt",
    "diff",
    "error_answer",
    "find_postmortem",
    "find_receipt",
    "find_run",
    "hash_path",
    "keep_if_passed",
    "keep_locals",
    "last",
    "last_receipt",
    "last_run",
    "lineage",
    "locals",
    "mlflow_lock",
    "module_file",
    "open_postmortem",
    "printable",
    "read_receipt",
    "record_cells",
    "relog",
    "rerun",
    "results",
    "run_command",
    "run_module",
    "run_script",
    "runlock",
    "runs",
    "short_path",
    "stage_name",
    "status",
    "tasks",
    "tracked_here",
    "trim_traceback",
    "unsafe_debug",
    "verify",
    "watch_imports",
    "watching_sweeps",
]

_HOMES = {
    "OPERATIONS": "naga.operations.answers",
    "Comparison": "naga.lock.compare",
    "Librarian": "naga.catalog.librarian",
    "Lineage": "naga.catalog.questions",
    "NagaError": "naga.errors",
    "PathDigest": "naga.lock.digest",
    "PickledValue": "naga.sweep.values",
    "Receipt": "naga.lock.receipt",
    "Relogged": "naga.track.relog",
    "Run": "naga.catalog.runs",
    "RunResult": "naga.run.result",
    "ScriptExitError": "naga.errors",
    "TaskOverview": "naga.sweep.overview",
    "UnavailableValue": "naga.sweep.values",
    "Verification": "naga.lock.verify",
    "active_runs": "naga.track.table",
    "answer": "naga.operations.answers",
    "answer_from": "naga.operations.answers",
    "badge_of": "naga.lock.badges",
    "check_lines": "naga.catalog.telling",
    "clicfg": "naga.run.clicfg",
    "complete_arguments": "naga.config.completion",
    "complete_modules": "naga.run.module_names",
    "complete_paths": "naga.config.path_completion",
    "complete_returned": "naga.run.bare",
    "complete_runs": "naga.catalog.completion",
    "describe": "naga.catalog.telling",
    "describe_receipt": "naga.lock.describe",
    "diff": "naga.catalog.questions",
    "error_answer": "naga.operations.answers",
    "find_postmortem": "naga.postmortem.opened",
    "find_receipt": "naga.lock.receipt",
    "find_run": "naga.catalog.tokens",
    "hash_path": "naga.lock.digest",
    "keep_if_passed": "naga.postmortem.moments",
    "keep_locals": "naga.postmortem.kept",
    "last": "naga.postmortem.last",
    "last_receipt": "naga.run.current",
    "locals": "naga.postmortem.last:local_variables",
    "mlflow_lock": "naga.track.mlflow_lock",
    "module_file": "naga.run.module_names",
    "open_postmortem": "naga.postmortem.opened",
    "printable": "naga.lock.describe",
    "read_receipt": "naga.lock.receipt",
    "record_cells": "naga.run.cells",
    "relog": "naga.track.relog",
    "rerun": "naga.rerun.rerun",
    "results": "naga.sweep.results",
    "run_command": "naga.cli.main",
    "run_module": "naga.run.script",
    "run_script": "naga.run.script",
    "runlock": "naga.run.runlock",
    "runs": "naga.catalog.runs",
    "short_path": "naga.lock.describe",
    "stage_name": "naga.lock.describe",
    "status": "naga.catalog.runs",
    "tasks": "naga.sweep.overview",
    "tracked_here": "naga.track.tracked",
    "trim_traceback": "naga.postmortem.frames",
    "unsafe_debug": "naga.postmortem.debug",
    "verify": "naga.catalog.questions",
    "watch_imports": "naga.run.imports",
    "watching_sweeps": "naga.sweep.events",
}
# Asked for anew each time that they are named.
_LIVE = {"last_run": "naga.run.result"}

_register_when_imported()


def __getattr__(name: str) -> Any:
    if name in _LIVE:
        return getattr(importlib.import_module(_LIVE[name]), name)()
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, called = _HOMES[name].partition(":")
    value = getattr(importlib.import_module(module), called or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def lineage(token: Any, root: Any = None, *, progress: bool = True) -> Any:
    """List a run and all runs before it; of a folder of runs, in a notebook, show them to choose among.

    Parameters
    ----------
    token : str or path
        The run, as for `naga.find_run`; or, in a notebook, a folder that holds runs and is none itself.
    root : path, optional
        The folder below which the run is looked for; by default the project of the current folder.
    progress : bool, optional
        Whether to show a bar on standard error when it takes longer than a second.

    Returns
    -------
    Lineage, or a widget with `selected`
        In the widget's place stands text where anywidget or the view is not installed.

    Raises
    ------
    NotFoundError, AmbiguousError, ReceiptFormatError, UsageError
        As for `naga.find_run`.
    """
    import os
    import sys

    is_folder = root is None and os.path.isdir(token) and not os.path.lexists(os.path.join(token, "run.lock"))  # noqa: PTH112, PTH118
    # Only what shows notebooks has loaded one of these; a command prints what it is asked for.
    if is_folder and ("ipykernel" in sys.modules or "marimo" in sys.modules):
        from naga_ipython.widget import show_runs

        return show_runs(token)
    from naga.catalog import questions

    return questions.lineage(token, root, progress=progress)


def load_ipython_extension(shell: Any) -> None:
    """Give a notebook the magics; called by ``%load_ext naga``.

    Parameters
    ----------
    shell : InteractiveShell
    """
    import naga_ipython

    naga_ipython.load_ipython_extension(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take everything back that ``%load_ext naga`` gave; called by ``%unload_ext naga``.

    Parameters
    ----------
    shell : InteractiveShell
    """
    import naga_ipython

    naga_ipython.unload_ipython_extension(shell)
