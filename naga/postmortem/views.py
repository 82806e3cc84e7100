"""How the frames of a failure and their variables are looked at: names and types are shown, never values."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from naga.postmortem.frames import Frame

__all__ = ["Frames", "Locals", "type_name"]

_SHOWN = 40
_CELL = "text-align:left;vertical-align:top;padding:1px 12px 1px 0"


def type_name(value: Any) -> str:
    """Return the name of a value's type, without asking the value.

    Parameters
    ----------
    value : object

    Returns
    -------
    str
        With its module, unless that is ``builtins`` or ``__main__``.
    """
    # Whatever a class or a metaclass of the person defines is not called.
    cls = type(value)
    name: str = type.__dict__["__qualname__"].__get__(cls)
    module = type.__dict__["__module__"].__get__(cls)
    return name if type(module) is not str or module in ("builtins", "__main__") else f"{module}.{name}"


class Locals(Mapping[str, Any]):
    """The variables of the chosen frame of the last failure, by name, as attributes and with completion.

    It always shows the frame that ``%naga_frame`` chose last; it is empty when nothing has failed.
    """

    def __init__(self, current: Callable[[], Frame | None]) -> None:
        self._current = current

    def __getitem__(self, name: str) -> Any:
        return self._variables()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables())

    def __len__(self) -> int:
        return len(self._variables())

    def __getattr__(self, name: str) -> Any:
        variables = self._variables()
        if name.startswith("__") or name not in variables:
            raise AttributeError(f"the chosen frame has no variable {name!r}")
        return variables[name]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._variables()})

    def __repr__(self) -> str:
        frame = self._current()
        if frame is None:
            return "naga.locals: nothing has failed"
        return "\n".join([f"naga.locals of {frame.place()}", *_aligned(_typed(frame))])

    def _repr_html_(self) -> str:
        frame = self._current()
        if frame is None:
            return f"<pre>{escape(repr(self))}</pre>"
        return f"<div>{escape(frame.place())}</div>{_table(['name', 'type'], _typed(frame))}"

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._variables())

    def _variables(self) -> Mapping[str, Any]:
        frame = self._current()
        return frame.locals if frame is not None else {}


class Frames(Sequence["Frame"]):
    """The frames of the last failure, outermost first, as a list and as a table.

    It holds none of them, so that it may stay in the outputs of a notebook: it always shows those of the last failure.

    Parameters
    ----------
    current : callable
        Gives the frames, and the index of the one whose variables are in the notebook.
    """

    def __init__(self, current: Callable[[], tuple[Sequence[Frame], int | None]]) -> None:
        self._current = current

    @property
    def _frames(self) -> Sequence[Frame]:
        return self._current()[0]

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Frame, ...]: ...
    def __getitem__(self, index: int | slice) -> Frame | tuple[Frame, ...]:
        return tuple(self._frames)[index]

    def __len__(self) -> int:
        return len(self._frames)

    def __repr__(self) -> str:
        return "\n".join(_aligned([_HEAD, *self._rows()])) if self._frames else "no frames: nothing has failed"

    def _repr_html_(self) -> str:
        return _table(_HEAD, self._rows()) if self._frames else f"<pre>{escape(repr(self))}</pre>"

    def _rows(self) -> list[list[str]]:
        rows = []
        frames, shown = self._current()
        for index, frame in enumerate(frames):
            mark = "->" if index == shown else ""
            whose = "" if frame.user else " (library)"
            rows.append([mark, str(index), frame.name, f"{_short(frame)}:{frame.line}{whose}", _names(frame)])
        return rows


_HEAD = ["", "", "name", "file", "locals"]


def _short(frame: Frame) -> str:
    """Return a file as one reads it: from the working folder, or from the folder of packages on."""
    if frame.is_cell:
        return "cell"
    inside = os.path.join(os.getcwd(), "")  # noqa: PTH109, PTH118 - compared as text
    return re.split(r"/(?:site|dist)-packages/", frame.file)[-1].removeprefix(inside)


def _typed(frame: Frame) -> list[list[str]]:
    return [[name, type_name(value)] for name, value in frame.locals.items()]


def _names(frame: Frame) -> str:
    if type(frame.locals) is not dict:
        return "those of the notebook"
    names = list(frame.locals)
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [f"<tr>{''.join(f'<th style={chr(34)}{_CELL}{chr(34)}>{escape(cell)}</th>' for cell in head)}</tr>"]
    lines += [
        f"<tr>{''.join(f'<td style={chr(34)}{_CELL}{chr(34)}>{escape(cell)}</td>' for cell in row)}</tr>"
        for row in rows
    ]
    return f'<table style="margin:0">{"".join(lines)}</table>'
