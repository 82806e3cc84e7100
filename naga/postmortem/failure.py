"""What is kept of a failure: the frames of its exception, of the causes behind it and of the leaves of its group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from naga.postmortem.frames import Frame, list_frames

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Failure", "capture_failure"]

_MOST_CAUSES = 20
_MOST_LEAVES = 100


@dataclass(frozen=True, slots=True, repr=False)
class Failure:
    """An exception that is over, without its traceback and its message.

    Attributes
    ----------
    type : str
        The name of the exception's class.
    frames : tuple of Frame
        Outermost first.
    cause : Failure or None
        The exception behind this one: its cause, or the one that was being handled.
    leaves : tuple of Failure
        Of an exception group, the exceptions in it and in its groups.
    place : str
        Where it happened, if not in the main thread of this process: the name of the thread, or the process.
    """

    type: str
    frames: tuple[Frame, ...]
    cause: Failure | None = None
    leaves: tuple[Failure, ...] = ()
    place: str = ""

    def __repr__(self) -> str:
        return f"<Failure {self.type}, {len(self.frames)} frames>"

    @property
    def chosen(self) -> int | None:
        """Return the index of the frame to show first: the deepest of the person's own; None without one."""
        return next((index for index, frame in enumerate(self.frames) if frame.chosen), None)


def capture_failure(error: BaseException, namespace: Mapping[str, Any] | None = None, place: str = "") -> Failure:
    """Take the frames of an exception, of what is behind it and of what is in it.

    Parameters
    ----------
    error : BaseException
        With its traceback.
    namespace : mapping, optional
        As for `naga.postmortem.frames.list_frames`.
    place : str
        As in `Failure`.

    Returns
    -------
    Failure
        It holds the values of the variables, and neither the exception nor its traceback.
    """
    return _capture(error, namespace, place, set(), _MOST_CAUSES)


def _capture(
    error: BaseException, namespace: Mapping[str, Any] | None, place: str, seen: set[int], depth: int
) -> Failure:
    seen.add(id(error))
    behind = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    cause = None
    if behind is not None and id(behind) not in seen and depth:
        cause = _capture(behind, namespace, "", seen, depth - 1)
    leaves = [_capture(leaf, namespace, "", seen, 0) for leaf in _leaves(error, set()) if id(leaf) not in seen]
    frames = tuple(list_frames(error, namespace))
    return Failure(type(error).__name__, frames, cause, tuple(leaves[:_MOST_LEAVES]), place)


def _leaves(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    if not isinstance(error, BaseExceptionGroup) or id(error) in seen:
        return
    seen.add(id(error))
    for inner in error.exceptions:
        if isinstance(inner, BaseExceptionGroup):
            yield from _leaves(inner, seen)
        else:
            yield inner
