"""The decorator that keeps the local variables of a call that fails."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["unsafe_debug"]

P = ParamSpec("P")
R = TypeVar("R")

_SWITCHES = ("NAGA_DEBUG", "FLEXLOCK_DEBUG")


def unsafe_debug(function: Callable[P, R]) -> Callable[P, R]:
    """Keep the local variables of the deepest frame of the person's own code when a call fails.

    It does so only while the environment variable ``NAGA_DEBUG`` (or ``FLEXLOCK_DEBUG``) is ``1``, which is read at the
    moment of the failure; the variables then stand in the notebook or the interactive session. The exception is raised
    on in any case, and nothing ever waits for input.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
        With the name, docstring and signature of `function`.

    Notes
    -----
    Unsafe, because the variables of a failure may hold secrets and much memory. A call that does not fail pays for one
    more function call and nothing else.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            if any(os.environ.get(name) == "1" for name in _SWITCHES):
                from naga.postmortem.kept import keep_locals

                keep_locals(error)
            raise

    return call
