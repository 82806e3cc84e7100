"""The frames of a failure: which of them are the person's own, and the local variables that they held."""

from __future__ import annotations

import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType, TracebackType

__all__ = ["Frame", "is_user_file", "trim_traceback", "user_frames"]

_NAGA = tuple(f"{Path(__file__).parents[2]}{os.sep}{name}{os.sep}" for name in ("naga", "naga_ipython"))
_STANDARD = tuple({sysconfig.get_paths()[name] + os.sep for name in ("stdlib", "platstdlib")})
_TYPED = ("<ipython-input", "<python-input", "<stdin>", "<string>", "<console>")
_INNER = frozenset({"<lambda>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a failure.

    Attributes
    ----------
    name : str
        The function.
    file : str
        Where it is defined; for a cell the name that the kernel gave it.
    line : int
        Where it failed, or called the next frame.
    locals : dict
        Its variables; those of the comprehensions and lambdas that it was in come on top.
    """

    name: str
    file: str
    line: int
    locals: dict[str, Any]


def user_frames(error: BaseException) -> list[Frame]:
    """Return the frames of a failure that are the person's own code.

    Parameters
    ----------
    error : BaseException
        With its traceback.

    Returns
    -------
    list of Frame
        Outermost first: cells, scripts and modules, but nothing of the standard library, of installed packages or
        of naga. No value is touched: no ``repr``, no comparison, no copy.
    """
    frames: list[Frame] = []
    inner: dict[str, Any] = {}
    for frame, line in reversed(_walk(error.__traceback__)):
        code = frame.f_code
        if not is_user_file(code.co_filename):
            continue
        if code.co_name in _INNER:
            inner = {**_own_locals(frame), **inner}
            continue
        frames.insert(0, Frame(code.co_name, code.co_filename, line, {**_own_locals(frame), **inner}))
        inner = {}
    return frames


def is_user_file(file: str) -> bool:
    """Tell whether code from a file is a person's own.

    Parameters
    ----------
    file : str
        As in ``co_filename``.

    Returns
    -------
    bool
        False for the standard library, site- and dist-packages wherever they lie, frozen modules and naga.
    """
    if file.startswith("<") and not file.startswith(_TYPED):
        return False
    if "/site-packages/" in file or "/dist-packages/" in file:
        return False
    return not file.startswith(_NAGA) and not file.startswith(_STANDARD)


def trim_traceback(traceback: TracebackType | None) -> TracebackType | None:
    """Drop the frames at the head of a traceback that are not the person's own.

    Parameters
    ----------
    traceback : traceback or None

    Returns
    -------
    traceback or None
        From the first frame of the person's code on, without the frames of naga in between; the whole traceback
        when it holds no frame of theirs.
    """
    entries = []
    rest = traceback
    while rest is not None:
        entries.append(rest)
        rest = rest.tb_next
    first = next((i for i, entry in enumerate(entries) if is_user_file(entry.tb_frame.f_code.co_filename)), None)
    if first is None:
        return traceback
    kept = [entry for entry in entries[first:] if not entry.tb_frame.f_code.co_filename.startswith(_NAGA)]
    linked: TracebackType | None = None
    for entry in reversed(kept):
        linked = type(entry)(linked, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return linked


def _walk(traceback: TracebackType | None) -> list[tuple[FrameType, int]]:
    entries = []
    while traceback is not None:
        entries.append((traceback.tb_frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    return entries


def _own_locals(frame: FrameType) -> dict[str, Any]:
    """Copy the mapping of local variables, not the values; a module's frame gives its names without dunders."""
    hidden = (".", "__") if frame.f_code.co_name == "<module>" else (".",)
    return {name: value for name, value in frame.f_locals.items() if not name.startswith(hidden)}


if sys.platform == "darwin":  # the framework build links its standard library to another path
    _STANDARD = (*_STANDARD, os.path.realpath(_STANDARD[0]) + os.sep)
