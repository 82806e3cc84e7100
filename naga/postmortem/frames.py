"""The frames of a failure: which of them are the person's own, and the local variables that they held."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType, FrameType, TracebackType

__all__ = [
    "Frame",
    "chosen_frame",
    "is_naga_file",
    "is_user_code",
    "is_user_file",
    "list_frames",
    "trim_traceback",
    "user_frames",
    "without_naga",
    "without_naga_above_user",
]

_NAGA = tuple(f"{Path(__file__).parents[2]}{os.sep}{name}{os.sep}" for name in ("naga", "naga_ipython"))
_TYPED = ("<ipython-input", "<python-input", "<stdin>", "<string>", "<console>")
_INNER = frozenset({"<lambda>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})
# The methods that the standard library writes for a dataclass of the person.
_GENERATED = "__create_fn__."


@dataclass(frozen=True, slots=True, repr=False)
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
    locals : mapping
        Its variables, in the order in which the function names them; those of the comprehensions and lambdas that it
        was in come on top. The frame of a cell has a view of the notebook's variables.
    user : bool
        Whether it is the person's own code.
    chosen : bool
        Whether it is the deepest one of the person's own code.
    """

    name: str
    file: str
    line: int
    locals: Mapping[str, Any]
    user: bool = True
    chosen: bool = False

    def __repr__(self) -> str:
        return f"<Frame {self.place()}>"

    @property
    def is_cell(self) -> bool:
        """Tell whether it is code of a cell."""
        return "ipykernel_" in self.file or self.file.startswith("<ipython-input")

    def place(self) -> str:
        """Return function, file and line as one reads them.

        Returns
        -------
        str
            As ``main() at process.py:9``.
        """
        name = self.name if self.name.startswith("<") else f"{self.name}()"
        return f"{name} at {'cell' if self.is_cell else self.file.rpartition('/')[2]}:{self.line}"


def list_frames(error: BaseException, namespace: Mapping[str, Any] | None = None) -> list[Frame]:
    """Return the frames of a failure, from the outermost that is the person's own to the one that raised.

    Parameters
    ----------
    error : BaseException
        With its traceback.
    namespace : mapping, optional
        The variables of a notebook, of which the frames of its cells hold no copy.

    Returns
    -------
    list of Frame
        Callers that are still running come first; frames of naga are left out. No value is touched: no ``repr``, no
        comparison, no copy.
    """
    walked = [*_callers(error.__traceback__), *_walk(error.__traceback__)]
    walked = [(frame, line) for frame, line in walked if not frame.f_code.co_filename.startswith(_NAGA)]
    hosts = [_host(walked, index) for index in range(len(walked))]
    is_user = [is_user_code(frame.f_code) for frame, _ in walked]
    variables = [_variables(frame, namespace) for frame, _ in walked]
    for index, host in enumerate(hosts):
        if host != index:
            variables[host] = {**variables[host], **variables[index]}
    deepest = max((index for index, user in enumerate(is_user) if user), default=None)
    chosen = None if deepest is None else hosts[deepest]
    first = next((index for index, user in enumerate(is_user) if user), len(walked))
    # Outside of the cell is only what runs the notebook: the program `ipython` lies where scripts of a person lie.
    first = next((index for index, (frame, _) in enumerate(walked) if _is_cell(frame, namespace)), first)
    return [
        Frame(frame.f_code.co_name, frame.f_code.co_filename, line, variables[index], is_user[index], index == chosen)
        for index, (frame, line) in enumerate(walked)
        if index >= first and hosts[index] == index
    ]


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
        of naga.
    """
    return [frame for frame in list_frames(error) if frame.user]


def chosen_frame(error: BaseException) -> Frame | None:
    """Return the deepest frame of a failure that is the person's own code.

    Parameters
    ----------
    error : BaseException
        With its traceback.

    Returns
    -------
    Frame or None
        None when none of the frames is theirs. What fails in a comprehension or a lambda failed in the function that
        it is written in.
    """
    return next((frame for frame in list_frames(error) if frame.chosen), None)


def is_user_code(code: CodeType) -> bool:
    """Tell whether code is a person's own.

    Parameters
    ----------
    code : code

    Returns
    -------
    bool
        As for `is_user_file`; False too for the methods that are generated for a dataclass, and for compiled
        extensions.

    Notes
    -----
    Cython gives tracebacks code without instructions of its own (``PyCode_NewEmpty`` of the C API), which names its
    source by a path within the package.
    """
    is_compiled = not code.co_consts and not code.co_names and not os.path.isabs(code.co_filename)  # noqa: PTH117
    return is_user_file(code.co_filename) and not is_compiled and not code.co_qualname.startswith(_GENERATED)


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
    return not file.startswith(_NAGA) and not file.startswith(_standard_library())


def is_naga_file(file: str) -> bool:
    """Tell whether code from a file is naga's.

    Parameters
    ----------
    file : str
        As in ``co_filename``.

    Returns
    -------
    bool
    """
    return file.startswith(_NAGA)


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


def without_naga(traceback: TracebackType | None) -> TracebackType | None:
    """Drop the frames of naga at the head of a traceback.

    Parameters
    ----------
    traceback : traceback or None

    Returns
    -------
    traceback or None
        The whole traceback when nothing else would be left.
    """
    rest = traceback
    while rest is not None and rest.tb_frame.f_code.co_filename.startswith(_NAGA):
        rest = rest.tb_next
    return rest or traceback


def without_naga_above_user(traceback: TracebackType | None) -> TracebackType | None:
    """Drop the frames of naga at the head of a traceback that leads on into the person's own code.

    Parameters
    ----------
    traceback : traceback or None

    Returns
    -------
    traceback or None
        The whole traceback when no frame of the person is in it: then what naga did is what is to be seen.
    """
    is_led_on = any(is_user_code(frame.f_code) for frame, _ in _walk(traceback))
    return without_naga(traceback) if is_led_on else traceback


def _walk(traceback: TracebackType | None) -> list[tuple[FrameType, int]]:
    entries = []
    while traceback is not None:
        entries.append((traceback.tb_frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    return entries


def _callers(traceback: TracebackType | None) -> list[tuple[FrameType, int]]:
    """Return the frames that called the first one of a traceback, outermost first, as far as they still run."""
    frame = traceback.tb_frame.f_back if traceback is not None else None
    entries: list[tuple[FrameType, int]] = []
    while frame is not None:
        # Between naga and the person's own code stands only what calls naga, such as the machinery of magics.
        if entries or is_user_code(frame.f_code):
            entries.append((frame, frame.f_lineno))
        frame = frame.f_back
    return entries[::-1]


def _host(walked: list[tuple[FrameType, int]], index: int) -> int:
    """Return the index of the function that a comprehension or a lambda belongs to; of anything else its own."""
    inner = walked[index][0].f_code
    if inner.co_name not in _INNER or not is_user_code(inner):
        return index
    # "outer.<locals>.<lambda>" is written in "outer".
    written_in = inner.co_qualname.rpartition(".")[0].removesuffix(".<locals>")
    nearest = index
    for number in range(index - 1, -1, -1):
        code = walked[number][0].f_code
        if code.co_filename == inner.co_filename and code.co_qualname == written_in:
            return _host(walked, number)
        if nearest == index and code.co_name not in _INNER and is_user_code(code):
            nearest = number
    return nearest


def _is_cell(frame: FrameType, namespace: Mapping[str, Any] | None) -> bool:
    return frame.f_code.co_name == "<module>" and frame.f_globals is namespace


def _variables(frame: FrameType, namespace: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Copy the mapping of local variables, not the values; of a cell, whose variables live on, take a view."""
    if namespace is not None and _is_cell(frame, namespace):
        return MappingProxyType(namespace)
    return {name: value for name, value in frame.f_locals.items() if not name.startswith((".", "__"))}


@cache
def _standard_library() -> tuple[str, ...]:
    from sysconfig import get_paths

    folders = {get_paths()[name] for name in ("stdlib", "platstdlib")}
    if sys.platform == "darwin":  # the framework build links its standard library to another path
        folders |= set(map(os.path.realpath, folders))
    return tuple(folder + os.sep for folder in folders)
