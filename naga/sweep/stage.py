"""The stage of a sweep: what a script hands over when it is loaded to run tasks instead of being run."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from naga.lock.receipt import ErrorEntry, Receipt
    from naga.lock.shared import Shared

__all__ = ["Outcome", "Stage", "StageFound", "fingerprint", "hand_over", "is_wanted", "wanting_stage"]

_wanted: ContextVar[bool] = ContextVar("naga_wanted_stage", default=False)


class Outcome(msgspec.Struct, frozen=True):
    """What came of one run of a stage.

    Attributes
    ----------
    receipt : Receipt or None
        As it was written last; None when the run did not come to that.
    receipt_path : Path or None
        Where it lies.
    error : BaseException or None
        What the run failed with.
    entry : ErrorEntry or None
        The same, as a receipt has it.
    """

    receipt: Receipt | None
    receipt_path: Path | None
    error: BaseException | None = None
    entry: ErrorEntry | None = None


class Stage(Protocol):
    """A main with everything that was said about its config, but for the values of a task."""

    @property
    def name(self) -> str:
        """The name of the main, as its receipts have it."""
        ...

    @property
    def base(self) -> Mapping[str, Any]:
        """The config without the values of a task: plain, and without anything resolved."""
        ...

    @property
    def config_files(self) -> tuple[str, ...]:
        """The files that the config comes from, absolute."""
        ...

    def run(self, values: Mapping[str, Any], shared: Shared, keep: Callable[[Any], None]) -> Outcome:
        """Run the main once.

        Parameters
        ----------
        values : mapping
            Dotted key -> value, over all layers of the config.
        shared : Shared
            What the runs of a sweep have in common, and the guard of this one.
        keep : callable
            Takes what the main returned, before the receipt says that the run is finished.

        Returns
        -------
        Outcome
            Whatever the main raised is in it.
        """
        ...

    def config(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Put the config of a task together as its receipt will have it.

        Parameters
        ----------
        values : mapping
            As for `run`.

        Returns
        -------
        dict
            Plain values; nothing is redacted.

        Raises
        ------
        ConfigError
            The values do not fit.
        """
        ...

    def common(self, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return what is the same in the configs of all tasks that set the same keys.

        Parameters
        ----------
        values : mapping
            Those of one of these tasks.

        Returns
        -------
        mapping or None
            Plain values, not redacted; None when it cannot be told.
        """
        ...


class StageFound(BaseException):
    """Ends the loading of a script at the call of its main.

    It is no `Exception`, so that a script that catches everything around its main lets it through.

    Parameters
    ----------
    stage : Stage
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage


@contextmanager
def wanting_stage() -> Iterator[None]:
    """Make the mains that are called in a block hand over their stage instead of running."""
    token = _wanted.set(True)
    try:
        yield
    finally:
        _wanted.reset(token)


def is_wanted() -> bool:
    """Tell whether a main that is called now is to hand over its stage.

    Returns
    -------
    bool
    """
    return _wanted.get()


def hand_over(stage: Stage) -> NoReturn:
    """Give the stage to whoever loads the script.

    Parameters
    ----------
    stage : Stage

    Raises
    ------
    StageFound
        Always.
    """
    raise StageFound(stage)


def fingerprint(stage: Stage) -> str:
    """Digest the config of a stage without the values of a task.

    Parameters
    ----------
    stage : Stage

    Returns
    -------
    str
    """
    # A script that runs no sweep imports this module too.
    from naga.lock.digest import hash_bytes
    from naga.lock.document import canonical_json

    return hash_bytes(canonical_json(stage.base))
