"""Running a script in this process, as its main program."""

from __future__ import annotations

import os
import sys
import time
import types
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.errors import NotFoundError, ScriptExitError
from naga.lock.project import nearest_path
from naga.run.host import Host, hosting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from omegaconf import DictConfig

    from naga.lock.receipt import Receipt

__all__ = ["RunResult", "run_script"]


@dataclass(frozen=True, slots=True)
class RunResult:
    """What came of running a script.

    Attributes
    ----------
    script : Path
        The script.
    config : DictConfig or None
        The config of its main, if that is a `clicfg` main.
    value : object
        What the main returned.
    receipt : Receipt or None
        The receipt of the run.
    receipt_path : Path or None
        Where it lies.
    duration : float
        Seconds.
    ns : dict
        The variables of the script when it ended.
    """

    script: Path
    config: DictConfig | None
    value: Any
    receipt: Receipt | None
    receipt_path: Path | None
    duration: float
    ns: dict[str, Any] = field(repr=False)

    def __str__(self) -> str:
        lines = [f"{self.script.name}: {self.receipt.status if self.receipt else 'finished'} in {self.duration:.2f} s"]
        config = ", ".join(f"{key}={value!r}" for key, value in self.shown_config().items())
        if config:
            lines.append(f"config: {_shortened(config)}")
        if self.value is not None:
            lines.append(f"value: {_shortened(repr(self.value))}")
        if self.receipt_path is not None:
            lines.append(f"receipt: {os.path.relpath(self.receipt_path)}")
        return "\n".join(lines)

    def shown_config(self) -> dict[str, Any]:
        """Return the config as it may be shown.

        Returns
        -------
        dict
            Plain values, redacted where secret; empty for a script without a `clicfg` main.
        """
        if self.receipt is not None:
            return dict(self.receipt.config)
        from naga.config.plain import plain_config
        from naga.lock.redact import Redactor

        shown: dict[str, Any] = Redactor().value(plain_config(self.config))
        return shown


def _shortened(text: str, limit: int = 160) -> str:
    return text if len(text) <= limit else f"{text[:limit]}..."


def run_script(script: str | os.PathLike[str], argv: Sequence[str] = ()) -> RunResult:
    """Run a script in this process as ``python SCRIPT ARGV...`` would.

    Parameters
    ----------
    script : str or Path
        A Python file.
    argv : sequence of str
        Its arguments; nothing is expanded.

    Returns
    -------
    RunResult

    Raises
    ------
    NotFoundError
        There is no such file.
    ScriptExitError
        The script ended itself with an exit code other than 0.
    NagaError
        Its config or its arguments are wrong; nothing was run.
    Exception
        Whatever the script raises.

    Notes
    -----
    While it runs, ``sys.modules["__main__"]`` is the script, so that pickling works; afterwards ``sys.argv``,
    ``sys.path`` and ``__main__`` are what they were, whatever happened.
    """
    path = Path(script)
    source = _read_source(path)
    module = types.ModuleType("__main__")
    module.__file__ = str(path.absolute())
    host = Host(loaded_before=frozenset(sys.modules))
    begin = time.perf_counter()
    with _as_main_program(module, path, argv), _outside_running_loop(), hosting(host):
        try:
            _execute(compile(source, str(path.absolute()), "exec", dont_inherit=True), module)
        except SystemExit as stop:
            _check_exit(path, stop)
    run = host.run
    return RunResult(
        script=path,
        config=host.config,
        value=host.value,
        receipt=run.receipt if run else None,
        receipt_path=run.receipt_path if run else None,
        duration=time.perf_counter() - begin,
        ns=vars(module),
    )


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


def _read_source(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        found = nearest_path(path)
        hint = f"did you mean {found}?" if found else None
        raise NotFoundError(f"no script {path}", hint=hint, path=path) from error
    except OSError as error:
        raise NotFoundError(f"cannot read the script {path}: {error.strerror}", path=path) from error


@contextmanager
def _as_main_program(module: types.ModuleType, path: Path, argv: Sequence[str]) -> Iterator[None]:
    before = sys.modules["__main__"], sys.argv, list(sys.path)
    sys.modules["__main__"], sys.argv = module, [str(path), *argv]
    sys.path.insert(0, str(path.absolute().parent))
    try:
        yield
    finally:
        sys.modules["__main__"], sys.argv, sys.path[:] = before


@contextmanager
def _outside_running_loop() -> Iterator[None]:
    """Hide the event loop that a kernel runs its cells in, so that a script can run one of its own."""
    asyncio = sys.modules.get("asyncio")
    loop = asyncio._get_running_loop() if asyncio is not None else None
    if asyncio is None or loop is None:
        yield
        return
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)


def _check_exit(path: Path, stop: SystemExit) -> None:
    if stop.code is None or stop.code == 0:
        return
    if isinstance(stop.code, int):
        raise ScriptExitError(f"{path} ended with exit code {stop.code}", code=stop.code) from None
    raise ScriptExitError(f"{path}: {stop.code}") from None
