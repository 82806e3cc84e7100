"""The local variables of the last failure, put where the person works."""

from __future__ import annotations

import builtins
import os
import sys
from typing import TYPE_CHECKING, Any

from naga.postmortem.frames import user_frames

if TYPE_CHECKING:
    from collections.abc import Mapping

    from naga.postmortem.frames import Frame

__all__ = ["interactive_namespace", "keep_locals"]

_NEVER = frozenset({"In", "Out", "get_ipython", "exit", "quit", "open"})
_MARK = "_naga_kept_by"


def keep_locals(error: BaseException, namespace: dict[str, Any] | None = None) -> Frame | None:
    """Put the variables of the deepest frame of the person's own code into a namespace.

    Parameters
    ----------
    error : BaseException
        With its traceback. The same exception is kept once, however many decorators it passes.
    namespace : dict, optional
        By default that of the notebook or the interactive session; without one, nothing is done.

    Returns
    -------
    Frame or None
        The frame whose variables were kept.

    Notes
    -----
    Names that the notebook needs for itself, names that begin with an underscore, and names of builtins are left
    alone. One line on standard error says which names were put there, never their values.
    """
    if namespace is None:
        namespace = interactive_namespace()
    frames = user_frames(error)
    # Built-in exceptions take no weak references, so the mark stands in the exception itself; the process identifier
    # tells it from the mark of a worker that the exception came from.
    if namespace is None or not frames or vars(error).get(_MARK) == os.getpid():
        return None
    vars(error)[_MARK] = os.getpid()
    frame = frames[-1]
    kept = _injectable(frame.locals, namespace)
    if frame.name == "<module>" and all(namespace.get(name) is value for name, value in kept.items()):
        return frame
    shadowed = sorted(name for name in kept if name in namespace and namespace[name] is not kept[name])
    namespace.update(kept)
    print(_message(frame, sorted(kept), shadowed), file=sys.stderr)  # noqa: T201 - the one line for the person
    return frame


def interactive_namespace() -> dict[str, Any] | None:
    """Return the variables of the notebook or the interactive session that this process serves.

    Returns
    -------
    dict or None
        None in a script, where nobody could look at them.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        namespace: dict[str, Any] = shell.user_ns
        return namespace
    if hasattr(sys, "ps1") or sys.flags.interactive:
        return vars(sys.modules["__main__"])
    return None


def _injectable(variables: Mapping[str, Any], namespace: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in variables.items()
        if name.isidentifier()
        and not name.startswith("_")
        and name not in _NEVER
        and (name in namespace or not hasattr(builtins, name))
    }


def _message(frame: Frame, names: list[str], shadowed: list[str]) -> str:
    where = f"{frame.name}() at {_short(frame.file)}:{frame.line}"
    count = "1 local" if len(names) == 1 else f"{len(names)} locals"
    line = f"naga: {where} - {count} kept: {', '.join(names) or 'none'}"
    return f"{line}; replaced in the notebook: {', '.join(shadowed)}" if shadowed else line


def _short(file: str) -> str:
    return file.rpartition("/")[2] if "ipykernel_" not in file else "cell"
