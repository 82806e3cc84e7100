"""Runs of plain functions, which have no decorator that would see how they end."""

from __future__ import annotations

import atexit
import dis
import inspect
import sys
import traceback
from typing import TYPE_CHECKING, Any

from naga.lock.receipt import ErrorEntry
from naga.run.active import ActiveRun, error_entry, is_clean_exit
from naga.run.caller import describe_caller
from naga.run.host import current_host

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

__all__ = ["complete_returned", "start_bare_run"]

_RETURNS = frozenset({"RETURN_VALUE", "RETURN_CONST"})
_NOTHING = _RETURNS | {"POP_TOP", "LOAD_SMALL_INT", "NOP", "CACHE"}
_PLAIN = ("LOAD_CONST", "LOAD_FAST", "STORE_FAST", "STORE_NAME", "STORE_GLOBAL")
_SHOWS = frozenset({"PRINT_EXPR", "INTRINSIC_PRINT"})
_SUSPENDED = frozenset({"YIELD_VALUE", "SEND", "RESUME", "END_ASYNC_FOR"})
_SUSPENDABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR

_open: list[_BareRun] = []
_cell_ends: list[_CellEnd] = []


class _BareRun(ActiveRun):
    """A run whose function was going on when it called `runlock`."""

    def __init__(self, frame: FrameType, config: Mapping[str, Any]) -> None:
        code = frame.f_code
        module = str(frame.f_globals.get("__name__", ""))
        argv = sys.argv[1:] if module == "__main__" and "__file__" in frame.f_globals else None
        host = current_host()
        loaded_before = host.loaded_before if host else ()
        super().__init__(config, describe_caller(module, code.co_qualname, code, argv), loaded_before=loaded_before)
        if host is not None and host.run is None:
            host.note(None, self)
        self.frame = frame
        self.cell = _cell_number(frame)
        self.is_last = self.cell is None and _is_last_statement(frame)

    def declare(self, **declared: Any) -> Any:
        receipt = super().declare(**declared)
        return self.finish() if self.is_last else receipt

    def has_ended(self) -> bool:
        """Tell whether the function, or the cell, goes on no more."""
        if self.cell is not None:
            return self.cell != getattr(_shell(), "execution_count", None)
        return _is_off_stack(self.frame) and not _is_suspended(self.frame)

    def complete(self, error: BaseException | None) -> None:
        """Complete the receipt; `error` is what ended the cell or the process."""
        if self.receipt is None:
            return
        left_by = error if self.cell is not None else _error_of(self.frame, error)
        has_returned = left_by is None if self.cell is not None else _last_opname(self.frame) in _RETURNS
        if has_returned or is_clean_exit(left_by):
            self.finish()
        else:
            self.fail(error_entry(left_by) if left_by is not None else _unknown_error(self.frame))


def start_bare_run(frame: FrameType, config: Mapping[str, Any]) -> ActiveRun:
    """Begin the run of a plain function.

    Parameters
    ----------
    frame : frame
        The function that called `runlock`.
    config : mapping
        Plain values.

    Returns
    -------
    ActiveRun
        The function's run; of a second call in the same function the same one.
    """
    cell = _cell_number(frame)
    for run in _open:
        if run.frame is frame or (cell is not None and run.cell == cell):
            run.is_last = cell is None and _is_last_statement(frame)
            return run
    run = _BareRun(frame, config)
    if not run.is_last:
        if not _open:
            atexit.register(_complete_at_exit)
        if not _cell_ends and (shell := _shell()) is not None:
            _cell_ends.append(_CellEnd(shell))
        _open.append(run)
    return run


def complete_returned(error: BaseException | None = None) -> None:
    """Complete the receipts of those functions that have ended since.

    Parameters
    ----------
    error : BaseException, optional
        What ended the cell or the process.

    Notes
    -----
    The last instruction that a frame executed tells whether the function returned or was left by an exception.
    Nothing is traced, so a function that goes on is as fast as ever.
    """
    _complete(error, _BareRun.has_ended)


def _complete(error: BaseException | None, is_over: Callable[[_BareRun], bool]) -> None:
    for run in list(_open):
        if is_over(run):
            _open.remove(run)
            run.complete(error)


def _complete_at_exit() -> None:
    # A generator that waits will not be continued.
    _complete(getattr(sys, "last_exc", None) or getattr(sys, "last_value", None), lambda _: True)


class _CellEnd:
    """Completes what is open when the cell that goes on has ended, whether or not the extension is loaded."""

    def __init__(self, shell: Any) -> None:
        self._events = shell.events
        self._inner_cells = 0
        self._events.register("pre_run_cell", self._begin)
        self._events.register("post_run_cell", self._end)

    def _begin(self, _info: Any) -> None:
        # A cell that is run by the cell.
        self._inner_cells += 1

    def _end(self, result: Any) -> None:
        if self._inner_cells:
            self._inner_cells -= 1
            return
        self._events.unregister("pre_run_cell", self._begin)
        self._events.unregister("post_run_cell", self._end)
        _cell_ends.remove(self)
        _complete(result.error_in_exec, lambda run: run.cell is not None or run.has_ended())


def _shell() -> Any:
    """Return the shell of a notebook, if this process is one; IPython is never imported for it."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def _cell_number(frame: FrameType) -> int | None:
    """Return the number of the cell whose own code a frame is: IPython runs each of its statements alone."""
    shell = _shell()
    if shell is None or frame.f_code.co_name != "<module>" or frame.f_globals is not shell.user_ns:
        return None
    number: int = shell.execution_count
    return number


def _error_of(frame: FrameType, error: BaseException | None) -> BaseException | None:
    """Return the exception that left a frame: the one that ended the cell, one behind it, or none that is known."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if current is None or any(current is known for known in seen):
            continue
        seen.append(current)
        if any(walked is frame for walked, _ in traceback.walk_tb(current.__traceback__)):
            return current
        waiting += [current.__context__, current.__cause__]
    return None


def _unknown_error(frame: FrameType) -> ErrorEntry:
    code = frame.f_code
    message = f"{code.co_qualname} did not return"
    return ErrorEntry(type="NotReturned", message=message, file=code.co_filename, line=frame.f_lineno)


def _is_off_stack(frame: FrameType) -> bool:
    """Tell whether a frame is on no thread's stack any more."""
    for current in sys._current_frames().values():
        walked: FrameType | None = current
        while walked is not None:
            if walked is frame:
                return False
            walked = walked.f_back
    return True


def _is_suspended(frame: FrameType) -> bool:
    return bool(frame.f_code.co_flags & _SUSPENDABLE) and _last_opname(frame) in _SUSPENDED


def _last_opname(frame: FrameType) -> str:
    return dis.opname[frame.f_code.co_code[frame.f_lasti]]


def _is_last_statement(frame: FrameType) -> bool:
    """Tell whether nothing but the return follows the call that a frame is in."""
    steps = (step for step in dis.get_instructions(frame.f_code) if step.offset > frame.f_lasti)
    # What a prompt or a cell shows of the value of its last line is no part of the run.
    rest = [step.opname for step in steps if not {step.opname, step.argrepr} & _SHOWS]
    upto = next((index for index, name in enumerate(rest) if name in _RETURNS), None)
    return upto is not None and all(name in _NOTHING or name.startswith(_PLAIN) for name in rest[: upto + 1])
