"""Calls at the top of a cell that failed and then succeed: what their failure left is taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType, FrameType

__all__ = ["code", "forget_if_retried", "watch"]

code: CodeType | None = None
"""The code of the cell whose call failed last, as long as its variables are kept; read by every call that succeeds."""

_function: Any = None


def watch(function: Any, caller: CodeType) -> None:
    """Remember which function failed, and where it was called.

    Parameters
    ----------
    function : callable
    caller : code
    """
    global code, _function
    code, _function = caller, function


def forget_if_retried(function: Any, frame: FrameType) -> None:
    """Let go of the failure of a function that was called again in the same statement, and succeeded.

    Parameters
    ----------
    function : callable
        What succeeded.
    frame : frame
        Where it was called.
    """
    global code, _function
    if function is _function and frame.f_code is code:
        from naga.postmortem.last import last

        code = _function = None
        last.clear()
