"""The script of a sweep, and loading it in a worker as the main program of its process."""

from __future__ import annotations

import importlib.util
import sys
import types
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from naga.errors import ConfigError, NotFoundError
from naga.lock.frozen import checkout_of, frozen_codes, run_frozen
from naga.sweep.stage import StageFound, wanting_stage

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

    from naga.sweep.stage import Stage

__all__ = ["Program", "current_program", "load_stage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How a script was started.

    Attributes
    ----------
    script : str
        The file, absolute.
    module : str or None
        Its name, when it was started with ``python -m``.
    argv : tuple of str
        Its arguments.
    cwd : str
        The folder that it was started in.
    path : tuple of str
        Where it looks for modules first.
    """

    script: str
    module: str | None
    argv: tuple[str, ...]
    cwd: str
    path: tuple[str, ...]


def current_program() -> Program:
    """Describe the program that this process is running.

    Returns
    -------
    Program
    """
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    script = Path(str(main.__file__)).absolute()
    module = None if spec is None else str(spec.name)
    first = str(Path.cwd()) if module else str(script.parent)
    return Program(script=str(script), module=module, argv=tuple(sys.argv[1:]), cwd=str(Path.cwd()), path=(first,))


def load_stage(program: Program) -> Stage:
    """Run a script up to the call of its main, and take the stage from there.

    The script is ``__main__`` from now on, so that what it defines can be pickled.

    Parameters
    ----------
    program : Program

    Returns
    -------
    Stage

    Raises
    ------
    ConfigError
        The script ended without calling its main.
    NotFoundError
        The script is gone.
    Exception
        Whatever the script raises.
    """
    program = _frozen(program)
    sys.argv = [program.script, *program.argv]
    sys.path[:0] = [folder for folder in program.path if folder not in sys.path]
    module = types.ModuleType("__main__")
    module.__file__ = program.script
    spec = _spec(program.module)
    if spec is not None:
        module.__spec__, module.__package__ = spec, spec.parent
    sys.modules["__main__"] = module
    try:
        source = Path(program.script).read_bytes()
    except OSError as error:
        raise NotFoundError(f"cannot read the script {program.script}: {error.strerror}") from error
    try:
        with wanting_stage():
            exec(compile(source, program.script, "exec", dont_inherit=True), vars(module))  # noqa: S102 - a script is run
    except StageFound as found:
        return found.stage
    hint = "call the decorated main at the end of the script, in its main thread"
    raise ConfigError(f"{program.script} ended without calling a main that could run tasks", hint=hint)


def _frozen(program: Program) -> Program:
    """Let the script run from the checkout that this process was told to run from, if it was."""
    codes = frozen_codes()
    if not codes:
        return program
    run_frozen(codes)
    path = tuple(checkout_of(folder) for folder in program.path)
    return replace(program, script=checkout_of(program.script), path=path)


def _spec(module: str | None) -> ModuleSpec | None:
    return None if module is None else importlib.util.find_spec(module)
