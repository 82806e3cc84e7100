"""The host of a script: what runs it inside this process, and wants to know of the run."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omegaconf import DictConfig

    from naga.run.active import ActiveRun

__all__ = ["Host", "current_host", "hosting"]

_host: ContextVar[Host | None] = ContextVar("naga_host", default=None)


@dataclass(slots=True)
class Host:
    """Collects what the last main of a script was given and gave.

    Attributes
    ----------
    loaded_before : frozenset of str
        Names of the modules that were imported before the script began.
    config : DictConfig or None
        The config of the main.
    run : ActiveRun or None
        Its run.
    value : object
        What it returned.
    """

    loaded_before: frozenset[str] = field(default_factory=frozenset)
    config: DictConfig | None = None
    run: ActiveRun | None = None
    value: Any = None

    def note(self, config: DictConfig | None, run: ActiveRun) -> None:
        """Take down the run of a main that is about to be called.

        Parameters
        ----------
        config : DictConfig or None
            None for a plain function.
        run : ActiveRun
        """
        self.config, self.run, self.value = config, run, None

    def returned(self, value: Any) -> Any:
        """Take down what that main returned.

        Parameters
        ----------
        value : object

        Returns
        -------
        object
            The same.
        """
        self.value = value
        return value


@contextlib.contextmanager
def hosting(host: Host) -> Iterator[None]:
    """Be the host of the scripts that run in a block.

    Parameters
    ----------
    host : Host
    """
    token = _host.set(host)
    try:
        yield
    finally:
        _host.reset(token)


def current_host() -> Host | None:
    """Return the host of the script that is running, or None when the script has the process for itself.

    Returns
    -------
    Host or None
    """
    return _host.get()
