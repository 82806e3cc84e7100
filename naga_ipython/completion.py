"""Completion of the magics' lines, beside that of IPython."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.completer import SimpleCompletion, context_matcher

from naga_ipython.magic_line import magic_line
from naga_ipython.words import quoted_like, split_to_cursor

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["LineCompletion"]

_RANK = 1000
"""Before all of IPython's own, the slowest of which would take seconds."""


class _Closed(list[SimpleCompletion]):
    """Completions beside which IPython offers nothing of its own, even if there are none.

    Names of Python are no words of these lines. IPython asks for the length to see whether others may be left out.
    """

    def __len__(self) -> int:
        return max(super().__len__(), 1)


class LineCompletion:
    """Completes the lines of the magics of naga in one shell.

    Parameters
    ----------
    shell : InteractiveShell
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._matchers = shell.Completer.custom_matchers
        # A method takes no attributes, which is how IPython is told of a matcher's name and rank.
        self._matcher = context_matcher(identifier="naga", priority=_RANK)(lambda context: self._complete(context))
        self._matchers.append(self._matcher)

    def remove(self) -> None:
        """Take it back."""
        self._matchers.remove(self._matcher)

    def _complete(self, context: CompletionContext) -> SimpleMatcherResult:
        nothing: SimpleMatcherResult = {"completions": [], "suppress": False}
        line = magic_line(context.full_text, context.cursor_line, context.cursor_position)
        if line is None or (line.is_automagic and not self._is_automagic(line.magic)):
            return nothing
        typed = split_to_cursor(line.before)
        if typed is None:
            return nothing
        from naga_ipython.candidates import candidates

        found = candidates(line, typed)
        if found is None:
            return nothing
        completions = _Closed(SimpleCompletion(text=quoted_like(word, typed.typed), type="param") for word in found)
        return {"completions": completions, "suppress": True, "matched_fragment": typed.typed, "ordered": True}

    def _is_automagic(self, name: str) -> bool:
        return bool(self._shell.automagic) and name not in self._shell.user_ns
