"""Tracebacks without naga: what a magic ran is shown as if it had been the cell."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import naga

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["TracebackView", "without_magic"]

_METHOD = "showtraceback"
_OWN = str(Path(__file__).parent)


class TracebackView:
    """Has a shell show its tracebacks without the frames of naga.

    Parameters
    ----------
    shell : InteractiveShell

    Notes
    -----
    By the time that a shell shows an exception, the exception has passed the magic and the frames of the shell that
    called it. They are taken out of the exception itself, so that ``%tb``, ``%debug`` and ``%pdb`` do not find them
    either. Exceptions that passed no magic of naga are left alone, and nothing is remembered of any.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._is_active = True
        self._before = vars(shell).get(_METHOD)
        self._show = shell.showtraceback
        self._method = self._showtraceback
        vars(shell)[_METHOD] = self._method

    def remove(self) -> None:
        """Give the shell its own method back."""
        self._is_active = False
        if vars(self._shell).get(_METHOD) != self._method:
            return  # somebody else has put theirs around this one, which does nothing any more
        if self._before is None:
            vars(self._shell).pop(_METHOD)
        else:
            vars(self._shell)[_METHOD] = self._before

    def _showtraceback(self, exc_tuple: Any = None, *args: Any, **kwargs: Any) -> None:
        error = exc_tuple[1] if exc_tuple is not None else sys.exc_info()[1]
        shown_before = getattr(sys, "last_value", None) if error is None else None
        if self._is_active and isinstance(shown_before, BaseException) and _has_group(shown_before):
            # For ``%tb`` IPython asks Python for the current exception, of which there is none.
            self._show_group(shown_before)
        elif not (self._is_active and isinstance(error, BaseException) and _clean_all(error)):
            self._show(exc_tuple, *args, **kwargs)
        elif _has_group(error):
            self._show_group(error)
        else:
            exc_tuple = None if exc_tuple is None else (type(error), error, error.__traceback__)
            self._show(exc_tuple, *args, **kwargs)

    def _show_group(self, error: BaseException) -> None:
        # IPython prints groups to standard error as Python does, with a frame of its own at the top.
        shell, user_part = self._shell, _user_part(error.__traceback__)
        shell._get_exc_info((type(error), error, error.__traceback__))
        shell.InteractiveTB.tb = user_part
        text = "".join(traceback.format_exception(type(error), error, user_part))
        shell._showtraceback(type(error), error, text.rstrip("\n").split("\n"))
        if shell.call_pdb:
            shell.debugger(force=True)


def without_magic(error: BaseException) -> BaseException:
    """Cut what stands above the person's own code off the traceback of an exception.

    Parameters
    ----------
    error : BaseException
        As a magic of naga has caught it.

    Returns
    -------
    BaseException
        The same. Where no frame of the person is in the traceback, as of a script that cannot be compiled, none is
        left.
    """
    trimmed = naga.trim_traceback(error.__traceback__)
    return error.with_traceback(None if trimmed is error.__traceback__ else trimmed)


def _clean_all(error: BaseException) -> bool:
    """Take the magics of naga out of all tracebacks behind an exception; tell whether there were any."""
    found = [_clean(each) for each in _chain(error)]
    return any(found)


def _clean(error: BaseException) -> bool:
    entries = _entries(error.__traceback__)
    passed = [place for place, entry in enumerate(entries) if _file(entry).startswith(_OWN)]
    if not passed:
        return False
    # A shell leaves out the first frame of what it shows, which is its own.
    head = [entry for entry in entries[:1] if passed[0] > 0 and "IPython" in _file(entry)]
    error.__traceback__ = _linked([*head, *entries[passed[-1] + 1 :]])
    return True


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, its causes and contexts, and the members of groups among them, each once."""
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or any(current is known for known in seen):
            continue
        seen.append(current)
        yield current
        waiting += [current.__cause__, current.__context__]
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions


def _has_group(error: BaseException) -> bool:
    return any(isinstance(each, BaseExceptionGroup) for each in _chain(error))


def _user_part(start: TracebackType | None) -> TracebackType | None:
    return start.tb_next if start is not None and "IPython" in start.tb_frame.f_code.co_filename else start


def _entries(start: TracebackType | None) -> list[TracebackType]:
    entries = []
    while start is not None:
        entries.append(start)
        start = start.tb_next
    return entries


def _linked(entries: list[TracebackType]) -> TracebackType | None:
    linked: TracebackType | None = None
    for entry in reversed(entries):
        linked = type(entry)(linked, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return linked


def _file(entry: TracebackType) -> str:
    return entry.tb_frame.f_code.co_filename
