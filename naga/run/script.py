"""Running a script or a module in this process, as its main program."""

from __future__ import annotations

import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

from naga.errors import ScriptExitError, UsageError
from naga.run.host import Host, hosting
from naga.run.imports import forget_changed_modules, watching_imports
from naga.run.main_program import as_main_program
from naga.run.program import module_program, package_of, script_program
from naga.run.result import RunResult, note_result

if TYPE_CHECKING:
    import os
    import types
    from collections.abc import Mapping, Sequence

    from naga.run.program import Program

__all__ = ["run_module", "run_script"]


def run_script(
    script: str | os.PathLike[str], argv: Sequence[str] = (), *, values: Mapping[str, Any] | None = None
) -> RunResult:
    """Run a script in this process as ``python SCRIPT ARGV...`` would.

    Parameters
    ----------
    script : str or Path
        A Python file.
    argv : sequence of str
        Its arguments; nothing is expanded.
    values : mapping, optional
        Dotted key -> object, for the config of the script's `clicfg` main; they lie over ``-o``.

    Returns
    -------
    RunResult

    Raises
    ------
    NotFoundError
        There is no such file.
    ScriptExitError
        The script ended itself with an exit code other than 0.
    UsageError
        The script ended, and none of its mains took the `values`.
    NagaError
        Its config or its arguments are wrong; nothing was run.
    Exception
        Whatever the script raises.

    Notes
    -----
    While it runs, ``sys.modules["__main__"]`` is the script, so that pickling works; afterwards ``sys.argv``,
    ``sys.path``, ``__main__``, the working directory and the event loop are what they were, whatever happened.

    Modules of the person whose files have changed since they were imported, and those that import them, are loaded
    anew; one line on standard error names them.
    """
    with watching_imports():
        program = script_program(script)
        _say_forgotten()
        return _run(program, argv, values)


def run_module(name: str, argv: Sequence[str] = (), *, values: Mapping[str, Any] | None = None) -> RunResult:
    """Run a module in this process as ``python -m NAME ARGV...`` would, so that its relative imports work.

    Parameters
    ----------
    name : str
        Dotted; of a package its ``__main__`` is run.
    argv, values
        As for `run_script`.

    Returns
    -------
    RunResult

    Raises
    ------
    NotFoundError
        There is no such module.
    ScriptExitError, UsageError, NagaError, Exception
        As for `run_script`.
    """
    with watching_imports():
        _say_forgotten()
        return _run(module_program(name), argv, values)


def _run(program: Program, argv: Sequence[str], values: Mapping[str, Any] | None) -> RunResult:
    module = program.make_module()
    host = Host(loaded_before=frozenset(sys.modules), values=dict(values or {}))
    begin = time.perf_counter()
    with as_main_program(module, [program.name, *argv], program.folder), hosting(host):
        try:
            _execute(program.compile(), module)
        except SystemExit as stop:
            _check_exit(program, stop)
        except ImportError as error:
            _explain_relative_import(program, error)
            raise
    if host.values and not host.values_taken:
        key = next(iter(host.values))
        message = f"{program.path.name} has run, but no main of it took {key}"
        raise UsageError(message, hint="values are for the config of a main with @clicfg", key=key)
    run = host.run
    return note_result(
        RunResult(
            script=program.path,
            config=host.config,
            value=host.value,
            receipt=run.receipt if run else None,
            receipt_path=run.receipt_path if run else None,
            duration=time.perf_counter() - begin,
            defaults=host.changed_defaults(),
            ns=vars(module),
        )
    )


def _say_forgotten() -> None:
    names = forget_changed_modules()
    if names:
        print(f"naga: changed, so loaded anew: {', '.join(names)}", file=sys.stderr)  # noqa: T201 - the one line


def _execute(code: types.CodeType, module: types.ModuleType) -> None:
    """Execute a script, and complete the receipts of those plain functions of it that called `runlock`."""
    error: BaseException | None = None
    try:
        exec(code, vars(module))  # noqa: S102 - a script is run
    except BaseException as raised:
        error = raised
        raise
    finally:
        bare = sys.modules.get("naga.run.bare")
        if bare is not None:
            bare.complete_returned(error)


def _explain_relative_import(program: Program, error: ImportError) -> None:
    """Say what to do about a script whose own relative import cannot work, since it was not run as a module."""
    name = package_of(program.path)
    raised_by = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
    is_own = raised_by[-1:] == [str(program.path.absolute())]
    if is_own and program.spec is None and "relative import" in str(error) and "." in name:
        error.add_note(f"{program.path.name} is part of the package {name.rpartition('.')[0]}: run it with -m {name}")


def _check_exit(program: Program, stop: SystemExit) -> None:
    if stop.code is None or stop.code == 0:
        return
    if isinstance(stop.code, int):
        raise ScriptExitError(f"{program.name} ended with exit code {stop.code}", code=stop.code) from None
    raise ScriptExitError(f"{program.name}: {stop.code}") from None
