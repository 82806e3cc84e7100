"""The traceback of a script that a magic ran, as if the script had been the cell."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import naga

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["render_from_user_code"]

_HOOK = "_render_traceback_"
_SYNTAX_HOOK = "showsyntaxerror"


def render_from_user_code(shell: InteractiveShell, error: BaseException) -> None:
    """Have the traceback of an exception begin in the person's own code when the shell shows it.

    Parameters
    ----------
    shell : InteractiveShell
    error : BaseException
        On its way up to the shell.

    Notes
    -----
    IPython asks an exception for ``_render_traceback_`` before it renders it. By then the exception has passed all
    frames between the script and the shell; they are cut off once, so that ``%tb`` and ``%debug`` find the short
    traceback too, and the exception is an ordinary one again. A SyntaxError is not asked, so the method of the shell
    that shows it is taken aside once.
    """
    trimmed = naga.trim_traceback(error.__traceback__)
    if isinstance(error, SyntaxError):
        # A script that cannot be compiled has no frame of its own.
        _trim_syntax_error(shell, error, None if trimmed is error.__traceback__ else trimmed)
        return

    def render() -> list[str]:
        vars(error).pop(_HOOK, None)
        error.__traceback__ = trimmed
        sys.last_traceback = trimmed
        rendered: Any = shell.InteractiveTB.structured_traceback(type(error), error, trimmed, tb_offset=0)
        return list(rendered)

    vars(error)[_HOOK] = render


def _trim_syntax_error(shell: InteractiveShell, error: SyntaxError, trimmed: Any) -> None:
    def show(*args: Any, **kwargs: Any) -> None:
        vars(shell).pop(_SYNTAX_HOOK, None)
        if sys.exc_info()[1] is error:
            error.__traceback__ = trimmed
        shell.showsyntaxerror(*args, **kwargs)

    vars(shell)[_SYNTAX_HOOK] = show
