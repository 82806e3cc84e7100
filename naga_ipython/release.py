"""Letting go of a failure: what naga, IPython and Python itself still hold of it."""

from __future__ import annotations

import builtins
import gc
import re
import sys
import traceback
from typing import TYPE_CHECKING, Any

import naga

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["release_failure"]

_SHORT = re.compile(r"_{1,3}|_\d+")
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
    if naga.last.frame is not None:
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
    """Take out of ``Out`` and its short names what is one of these values, or holds it, by identity."""
    held = {id(value) for value in values if _may_be_large(value)}

    frames = type(naga.last.frame)

    def is_held(value: Any) -> bool:
        if id(value) in held or type(value) is frames:
            return True
        # Several variables that were looked at together.
        return _is_one_of(type(value), tuple, list) and any(id(item) in held for item in value)

    outputs = shell.user_ns.get("Out", {})
    for number in [number for number, value in outputs.items() if is_held(value)]:
        del outputs[number]
    # The display hook of a kernel leaves its last value among the builtins too, as that of Python does.
    for namespace in (shell.user_ns, shell.user_ns_hidden, vars(shell.displayhook), vars(builtins)):
        for name in [name for name in namespace if _SHORT.fullmatch(name) and is_held(namespace[name])]:
            if name.strip("_") or namespace is vars(builtins):
                del namespace[name]
            else:
                namespace[name] = ""


def _may_be_large(value: Any) -> bool:
    """Tell apart what Python shares between all that are equal, such as small numbers."""
    cls = type(value)
    if _is_one_of(cls, str, bytes):
        return len(value) >= 1 << 16
    return value is not None and not _is_one_of(cls, bool, int, float, complex)


def _is_one_of(cls: type, *classes: type) -> bool:
    # Not `in`, which would ask a metaclass of the person.
    return any(cls is one for one in classes)
