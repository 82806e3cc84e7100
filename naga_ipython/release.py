"""Letting go of a failure: what naga, IPython and Python itself still hold of it."""

from __future__ import annotations

import gc
import sys
import traceback
from typing import TYPE_CHECKING, Any

import naga

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["release_failure"]

_LAST = ("last_exc", "last_value", "last_type", "last_traceback")


def release_failure(shell: InteractiveShell) -> None:
    """Free the memory that the last failure holds.

    Parameters
    ----------
    shell : InteractiveShell

    Notes
    -----
    Python remembers the last exception in `sys`, IPython in its traceback formatter, in the result of the last cell
    and, where a variable was displayed, in ``Out``, ``_`` and the display hook.
    """
    _forget_outputs(shell, naga.last.values())
    naga.last.clear()
    for error in _remembered_errors(shell):
        _clear_frames(error, set())
    for name in _LAST:
        vars(sys).pop(name, None)
    shell.InteractiveTB.tb = None
    shell.SyntaxTB.last_syntax_error = None
    # IPython fills it again at the end of this cell.
    shell.last_execution_result = None
    gc.collect()


def _remembered_errors(shell: InteractiveShell) -> Iterator[BaseException]:
    result = getattr(shell, "last_execution_result", None)
    for error in (
        getattr(sys, "last_exc", None),
        getattr(sys, "last_value", None),
        getattr(result, "error_in_exec", None),
    ):
        if isinstance(error, BaseException):
            yield error


def _clear_frames(error: BaseException | None, seen: set[int]) -> None:
    """Empty the frames of an exception and of those behind it and in it: others may hold the exception still."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    traceback.clear_frames(error.__traceback__)
    error.__traceback__ = None
    for other in (error.__cause__, error.__context__, *getattr(error, "exceptions", ())):
        _clear_frames(other, seen)


def _forget_outputs(shell: InteractiveShell, values: list[Any]) -> None:
    """Take out of ``Out`` and its short names what is one of these values, by identity."""
    held = {id(value) for value in values}
    namespace = shell.user_ns
    outputs = namespace.get("Out", {})
    for number in [number for number, value in outputs.items() if id(value) in held]:
        del outputs[number]
        namespace.pop(f"_{number}", None)
    hook = shell.displayhook
    for name in ("_", "__", "___"):
        if id(namespace.get(name)) in held:
            namespace[name] = ""
        if id(getattr(hook, name, None)) in held:
            setattr(hook, name, "")
