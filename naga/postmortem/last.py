"""The last failure: its frames, the one that is chosen, and what of it stands in the notebook."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from naga.errors import NotFoundError, UsageError
from naga.postmortem.injection import Injection
from naga.postmortem.views import Frames, Locals

if TYPE_CHECKING:
    from naga.postmortem.failure import Failure
    from naga.postmortem.frames import Frame

__all__ = ["LastFailure", "last", "local_variables"]

_SHOWN = 40
_STEPS = {"up": -1, "down": 1}


class LastFailure:
    """The last failure of this session, of which at most one is held.

    Attributes
    ----------
    frames : Frames
        All frames, outermost first; also as a table. Empty when nothing has failed.
    frame : Frame or None
        The chosen one, whose variables are `naga.locals`.
    type : str or None
        The name of the exception's class.
    """

    def __init__(self) -> None:
        self._root: Failure | None = None
        self._failure: Failure | None = None
        self._index: int | None = None
        self._injection: Injection | None = None
        self._namespace: dict[str, Any] = {}
        self._lock = threading.RLock()

    @property
    def frames(self) -> Frames:
        """Return the frames of the failure, or of the cause or leaf that was chosen."""
        return Frames(lambda: (self._failure.frames if self._failure else (), self._index))

    @property
    def frame(self) -> Frame | None:
        """Return the chosen frame."""
        return self._failure.frames[self._index] if self._failure and self._index is not None else None

    @property
    def type(self) -> str | None:
        """Return the name of the exception's class."""
        return self._failure.type if self._failure else None

    def __repr__(self) -> str:
        if self._failure is None:
            return "naga.last: nothing has failed"
        where = f" in {self._root.place}" if self._root and self._root.place else ""
        return f"{self._failure.type}{where}\n{self.frames!r}"

    def _repr_html_(self) -> str:
        return self.frames._repr_html_()

    def keep(self, failure: Failure, namespace: dict[str, Any]) -> Frame | None:
        """Hold a failure in place of the one before, and put the variables of its chosen frame into a namespace.

        Parameters
        ----------
        failure : Failure
        namespace : dict
            What the failure before put there is taken back first. One line on standard error says what is there now.

        Returns
        -------
        Frame or None
            The chosen frame; None when no frame is the person's own, and nothing was changed.
        """
        if failure.chosen is None:
            return None
        with self._lock:
            self._withdraw()
            self._root, self._namespace = failure, namespace
            self._show(failure, failure.chosen)
        return self.frame

    def select(self, words: list[str]) -> Frame:
        """Choose another frame, or the frames of a cause or of a leaf.

        Parameters
        ----------
        words : list of str
            ``up`` or ``down``, to the next frame of the person's own code; the number of a frame; ``cause``;
            ``leaf`` and a number; or ``back`` to the failure itself.

        Returns
        -------
        Frame

        Raises
        ------
        UsageError
            The words say nothing of this kind.
        NotFoundError
            There is no such frame, cause or leaf, or nothing has failed.
        """
        with self._lock:
            if self._failure is None or self._index is None:
                raise NotFoundError("nothing has failed", hint="the frames of a failure are kept when a run fails")
            failure, index = self._find(self._failure, self._index, words)
            self._withdraw()
            self._show(failure, index)
            return failure.frames[index]

    def choices(self) -> dict[str, tuple[str, ...]]:
        """Return what `select` can be told now.

        Returns
        -------
        dict
            First word -> the words that may follow it; nothing when nothing has failed.
        """
        with self._lock:
            failure, index = self._failure, self._index
            if failure is None or index is None:
                return {}
            own = [number for number, frame in enumerate(failure.frames) if frame.user]
            words = {
                "up": any(number < index for number in own),
                "down": any(number > index for number in own),
                "cause": failure.cause is not None and failure.cause.chosen is not None,
                "leaf": any(leaf.chosen is not None for leaf in failure.leaves),
                "back": failure is not self._root,
                **dict.fromkeys(map(str, range(len(failure.frames))), True),
            }
            leaves = tuple(str(number) for number, leaf in enumerate(failure.leaves) if leaf.chosen is not None)
            return {word: leaves if word == "leaf" else () for word, is_there in words.items() if is_there}

    def restore(self) -> tuple[list[str], list[str]]:
        """Bring back what the variables of the failure took the place of.

        Returns
        -------
        tuple of two lists of str
            As for `Injection.restore`.
        """
        with self._lock:
            return self._injection.restore() if self._injection else ([], [])

    def values(self) -> list[Any]:
        """Return the values of all variables of all frames that are held, and of the causes and leaves."""
        found: list[Any] = []
        waiting = [self._root] if self._root else []
        while waiting:
            failure = waiting.pop()
            waiting += [*([failure.cause] if failure.cause else []), *failure.leaves]
            for frame in failure.frames:
                if type(frame.locals) is dict:
                    found += frame.locals.values()
        return found

    def clear(self) -> None:
        """Let go of everything, and take back what was put into the notebook."""
        with self._lock:
            self._withdraw()
            self._root = self._failure = self._index = None
            self._namespace = {}

    def withdraw(self) -> None:
        """Take back what was put into the notebook; the frames are held still."""
        with self._lock:
            self._withdraw()

    def _withdraw(self) -> None:
        if self._injection is not None:
            self._injection.withdraw()
            self._injection = None

    def _show(self, failure: Failure, index: int) -> None:
        self._failure, self._index = failure, index
        frame = failure.frames[index]
        place = self._root.place if self._root else ""
        if type(frame.locals) is dict:
            self._injection = Injection(self._namespace, frame.locals)
            line = _message(frame, place, self._injection, has_naga=_has_naga(self._namespace))
            print(line, file=sys.stderr)  # noqa: T201 - the one line for the person
        else:
            print(f"naga: {frame.place()} - its variables are those of the notebook", file=sys.stderr)  # noqa: T201

    def _find(self, failure: Failure, index: int, words: list[str]) -> tuple[Failure, int]:
        match words:
            case ["up" | "down" as word]:
                step = _STEPS[word]
                numbers = range(index + step, -1 if step < 0 else len(failure.frames), step)
                found = next((number for number in numbers if failure.frames[number].user), None)
                if found is None:
                    raise NotFoundError(
                        f"there is no frame of your own further {word}", hint="naga.last.frames lists all"
                    )
                return failure, found
            case ["cause"]:
                return _first(failure.cause, f"nothing is behind this {failure.type}")
            case ["leaf", number] if number.isdecimal():
                leaves = failure.leaves
                leaf = leaves[int(number)] if int(number) < len(leaves) else None
                return _first(leaf, f"there is no leaf {number}; this {failure.type} has {len(leaves)}, from 0 on")
            case ["back"]:
                return _first(self._root, "nothing has failed")
            case [number] if number.isdecimal():
                if int(number) >= len(failure.frames):
                    raise NotFoundError(
                        f"there is no frame {number}", hint=f"there are {len(failure.frames)}, from 0 on"
                    )
                return failure, int(number)
        raise UsageError(f"no frame is called {' '.join(words)!r}", hint="up, down, a number, cause, leaf K or back")


def _first(failure: Failure | None, problem: str) -> tuple[Failure, int]:
    if failure is None:
        raise NotFoundError(problem)
    if failure.chosen is None:
        raise NotFoundError(f"no frame of the {failure.type} is your own code")
    return failure, failure.chosen


def _message(frame: Frame, place: str, injection: Injection, *, has_naga: bool) -> str:
    names = injection.names
    said = []
    if names:
        count = "1 local" if len(names) == 1 else f"{len(names)} locals"
        said.append(f"{count} kept: {_listed(names)}")
    if injection.shadowed:
        said.append(f"shadowed (undo: {_undo(has_naga)}): {_listed(injection.shadowed)}")
    if injection.left:
        said.append(f"only in naga.locals{'' if has_naga else ' (import naga)'}: {_listed(injection.left)}")
    where = f"{frame.place()} in {place}" if place else frame.place()
    return f"naga: {where} - {'; '.join(said) or 'no locals'}"


def _has_naga(namespace: dict[str, Any]) -> bool:
    """Tell whether the person can write `naga`: loading the extension gives them no name that could hide theirs."""
    return namespace.get("naga") is sys.modules["naga"]


def _undo(has_naga: bool) -> str:
    """Say how the person gets old values back: by a magic only where the extension is loaded."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    has_magic = shell is not None and shell.find_line_magic("naga_restore") is not None
    if has_magic:
        return "%naga_restore"
    return "naga.last.restore()" if has_naga else "import naga; naga.last.restore()"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


last = LastFailure()
"""The last failure of this session."""

local_variables = Locals(lambda: last.frame)
"""The variables of the chosen frame of the last failure."""
