"""What is done with an exception that leaves a decorated function."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from naga.postmortem import retried
from naga.postmortem.failure import capture_failure
from naga.postmortem.frames import is_naga_file
from naga.postmortem.kept import interactive_namespace, keep_locals
from naga.postmortem.moments import is_left_to_a_with, watch_for_failures
from naga.postmortem.passage import is_worker, mark

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["note_leaving"]


def note_leaving(error: BaseException, function: Any, frame: FrameType) -> None:
    """Keep the variables of an exception now, or see to it that they are kept when nobody handles it.

    Parameters
    ----------
    error : BaseException
        As it is being handled in `frame`.
    function : callable
        The decorated function.
    frame : frame
        Its own frame, which runs still.

    Notes
    -----
    Another decorated function further out decides in place of this one.
    """
    caller = _caller(frame)
    if caller is None:
        return
    if is_worker():
        _note_in_worker(error, caller)
        return
    namespace = interactive_namespace()
    if namespace is None:
        return
    mark(error)
    if _is_cell(caller, namespace) and not _is_cancelled(error) and not is_left_to_a_with(caller):
        retried.watch(function, caller.f_code)
        keep_locals(error, namespace)
    else:
        watch_for_failures()


def _caller(frame: FrameType) -> FrameType | None:
    """Return the frame that called a decorated function; None when another decorated one is further out."""
    caller = None
    walked = frame.f_back
    while walked is not None:
        file = walked.f_code.co_filename
        if file == frame.f_code.co_filename:
            return None
        if caller is None and not is_naga_file(file):
            caller = walked
        walked = walked.f_back
    return caller


def _is_cell(frame: FrameType, namespace: dict[str, Any]) -> bool:
    return frame.f_globals is namespace and frame.f_code.co_name == "<module>"


def _is_cancelled(error: BaseException) -> bool:
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and isinstance(error, asyncio.CancelledError)


def _note_in_worker(error: BaseException, caller: FrameType) -> None:
    """Have the variables written to a file when the exception is sent away; at once when nothing would send it."""
    passage = mark(error)
    passage.failure = capture_failure(error)
    if caller.f_code.co_qualname == "BaseProcess.run":
        passage.save()
        print(passage.saved, file=sys.stderr)  # noqa: T201 - the line for the person
