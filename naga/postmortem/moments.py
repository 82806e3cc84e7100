"""The moments at which it is known that nobody handled an exception: the end of a cell, of a thread, of a program."""

from __future__ import annotations

import dis
import gc
import sys
import threading
from typing import TYPE_CHECKING, Any

from naga.postmortem.kept import interactive_namespace, keep_locals
from naga.postmortem.passage import find_passages

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["is_left_to_a_with", "keep_if_passed", "watch_for_failures"]


def watch_for_failures() -> None:
    """Look once at the exception that ends the cell that goes on, the program, or a thread.

    Whatever was hooked in is taken out again as soon as it was called.
    """
    shell = _shell()
    if shell is not None:
        if not any(
            isinstance(getattr(one, "__self__", None), _CellEnd) for one in shell.events.callbacks["post_run_cell"]
        ):
            _CellEnd(shell.events)
    elif not isinstance(getattr(sys.excepthook, "__self__", None), _ProgramEnd):
        _ProgramEnd()
    if not isinstance(getattr(threading.excepthook, "__self__", None), _ThreadEnd):
        _ThreadEnd()


def keep_if_passed(error: BaseException, *, always: bool = False) -> None:
    """Keep the variables of an exception that nobody handled, if it left a decorated function on its way.

    Parameters
    ----------
    error : BaseException
    always : bool
        Keep them in any case.

    Notes
    -----
    Where an exception of a worker process arrives, a line on standard error says where the variables are.
    """
    passages = list(find_passages(error))
    for line in sorted({passage.saved for passage in passages if passage.saved}):
        print(line, file=sys.stderr)  # noqa: T201 - the line for the person
    for passage in passages:
        passage.saved = ""
    if always or any(not passage.is_arrived for passage in passages):
        keep_locals(error)
    if passages or always:
        # The failure before this one is held by nobody now, but exceptions and their frames go round in circles.
        gc.collect()


def is_left_to_a_with(frame: FrameType) -> bool:
    """Tell whether an exception at the point where a frame is now meets a ``with`` first, and no ``except`` behind it.

    Parameters
    ----------
    frame : frame

    Returns
    -------
    bool
        Whether the context manager would swallow it cannot be seen from outside.

    Notes
    -----
    Read from the frame's exception table (``Objects/exception_handling_notes.txt`` of CPython): the handler of a
    ``with`` begins with ``PUSH_EXC_INFO`` and ``WITH_EXCEPT_START``.
    """
    code: Any = dis.Bytecode(frame.f_code)
    steps = [step for step in code if step.opname != "CACHE"]
    following = {step.offset: [one.opname for one in steps[index : index + 2]] for index, step in enumerate(steps)}
    kinds: list[str] = []
    offset, seen = frame.f_lasti, set()
    while offset not in seen:
        seen.add(offset)
        entry = next((entry for entry in code.exception_entries if entry.start <= offset < entry.end), None)
        if entry is None:
            break
        offset = entry.target
        if following[offset][0] == "PUSH_EXC_INFO":
            kinds.append("with" if following[offset][1] == "WITH_EXCEPT_START" else "except")
    return kinds[:1] == ["with"] and "except" not in kinds


class _CellEnd:
    """Looks at the end of the cell that goes on, whether or not the extension is loaded."""

    def __init__(self, events: Any) -> None:
        self._events = events
        self._inner_cells = 0
        events.register("pre_run_cell", self.begin)
        events.register("post_run_cell", self.end)

    def begin(self, _info: Any) -> None:
        # A cell that is run by the cell.
        self._inner_cells += 1

    def end(self, result: Any) -> None:
        if self._inner_cells:
            self._inner_cells -= 1
            return
        self._events.unregister("pre_run_cell", self.begin)
        self._events.unregister("post_run_cell", self.end)
        if result.error_in_exec is not None:
            keep_if_passed(result.error_in_exec)


class _ProgramEnd:
    """Looks at the exception that ends a program, or what was typed at a prompt."""

    def __init__(self) -> None:
        self._before = sys.excepthook
        sys.excepthook = self.end

    def end(self, cls: Any, error: Any, traceback: Any) -> None:
        if sys.excepthook == self.end:
            sys.excepthook = self._before
        self._before(cls, error, traceback)
        keep_if_passed(error)


class _ThreadEnd:
    """Looks at the exception that ends a thread."""

    def __init__(self) -> None:
        self._before = threading.excepthook
        threading.excepthook = self.end

    def end(self, arguments: Any) -> None:
        if threading.excepthook == self.end:
            threading.excepthook = self._before
        self._before(arguments)
        if arguments.exc_value is not None:
            keep_if_passed(arguments.exc_value)


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None and interactive_namespace() is not None else None
