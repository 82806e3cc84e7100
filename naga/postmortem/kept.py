"""The local variables of a failure, put where the person works."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from naga.postmortem.failure import capture_failure
from naga.postmortem.last import last
from naga.postmortem.passage import find_passages, is_worker, mark

if TYPE_CHECKING:
    from naga.postmortem.frames import Frame

__all__ = ["interactive_namespace", "keep_locals"]


def keep_locals(error: BaseException, namespace: dict[str, Any] | None = None) -> Frame | None:
    """Hold the frames of a failure, and put the variables of the deepest one of the person's own into a namespace.

    Parameters
    ----------
    error : BaseException
        With its traceback. The same exception is kept once, whatever it passes.
    namespace : dict, optional
        By default that of the notebook or the interactive session; without one, nothing is done.

    Returns
    -------
    Frame or None
        The frame whose variables were kept. None when there is no frame of the person but that of the cell itself,
        whose variables are there already: then what was kept before stays.

    Notes
    -----
    What the failure before it put into the namespace is taken back first. Names that the notebook needs for itself,
    names that begin with an underscore, and names that would newly hide a builtin are not put there; `naga.locals` has
    them. One line on standard error says which names are where, never their values.
    """
    if namespace is None:
        namespace = interactive_namespace()
    passage = mark(error)
    if namespace is None or passage.is_kept:
        return None
    place = next((f"thread {found.thread}" for found in find_passages(error) if found.thread), "")
    failure = capture_failure(error, namespace, place)
    if failure.chosen is None or type(failure.frames[failure.chosen].locals) is not dict:
        return None
    passage.is_kept = True
    return last.keep(failure, namespace)


def interactive_namespace() -> dict[str, Any] | None:
    """Return the variables of the notebook or the interactive session that this process serves.

    Returns
    -------
    dict or None
        None in a script and in the worker processes of a notebook, where nobody could look at them.
    """
    if is_worker():
        return None
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        namespace: dict[str, Any] = shell.user_ns
        return namespace
    if hasattr(sys, "ps1") or sys.flags.interactive:
        return vars(sys.modules["__main__"])
    return None
