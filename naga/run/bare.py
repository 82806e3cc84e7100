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

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

__all__ = ["complete_returned", "start_bare_run"]

_RETURNS = frozenset({"RETURN_VALUE", "RETURN_CONST"})
_NOTHING = _RETURNS | {"POP_TOP", "LOAD_CONST", "LOAD_CONST_IMMORTAL", "LOAD_CONST_MORTAL", "NOP", "CACHE"}
_VARIABLES = ("LOAD_FAST", "STORE_FAST", "STORE_NAME", "STORE_GLOBAL")
_SHOWS = frozenset({"PRINT_EXPR", "INTRINSIC_PRINT"})
_SUSPENDED = frozenset({"YIELD_VALUE", "SEND", "RESUME", "END_ASYNC_FOR"})
_SUSPENDABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR

_open: list[tuple[FrameType, _BareRun]] = []


class _BareRun(ActiveRun):
    """A run whose function was going on when it called `runlock`."""

    def __init__(self, frame: FrameType, config: Mapping[str, Any]) -> None:
        code = frame.f_code
        module = str(frame.f_globals.get("__name__", ""))
        argv = sys.argv[1:] if module == "__main__" and "__file__" in frame.f_globals else None
        super().__init__(config, describe_caller(module, code.co_qualname, code, argv))
        self._is_last = _is_last_statement(frame)

    def declare(self, **declared: Any) -> Any:
        receipt = super().declare(**declared)
        return self.finish() if self._is_last else receipt


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
    for known, run in _open:
        if known is frame:
            run._is_last = _is_last_statement(frame)
            return run
    run = _BareRun(frame, config)
    if not run._is_last:
        if not _open:
            atexit.register(_complete_at_exit)
        _open.append((frame, run))
    return run


def complete_returned(error: BaseException | None = None, *, is_exit: bool = False) -> None:
    """Complete the receipts of those functions that have ended since.

    Parameters
    ----------
    error : BaseException, optional
        What ended the cell or the process.
    is_exit : bool
        Nothing goes on after this: a generator that waits will not be continued.

    Notes
    -----
    The last instruction that a frame executed tells whether the function returned or was left by an exception.
    Nothing is traced, so a function that goes on is as fast as ever.
    """
    for frame, run in list(_open):
        if not _has_ended(frame) or (_is_suspended(frame) and not is_exit):
            continue
        _open.remove((frame, run))
        if run.receipt is None:
            continue
        left_by = _error_of(frame, error)
        if _last_opname(frame) in _RETURNS or is_clean_exit(left_by):
            run.finish()
        else:
            run.fail(error_entry(left_by) if left_by is not None else _unknown_error(frame))


def _complete_at_exit() -> None:
    complete_returned(getattr(sys, "last_exc", None) or getattr(sys, "last_value", None), is_exit=True)


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


def _has_ended(frame: FrameType) -> bool:
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
    return upto is not None and all(name in _NOTHING or name.startswith(_VARIABLES) for name in rest[: upto + 1])
