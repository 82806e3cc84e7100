"""The host of a script: what runs it inside this process, and wants to know of the run."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omegaconf import DictConfig

    from naga.config.building import ConfigLayers
    from naga.run.active import ActiveRun

__all__ = ["Host", "current_host", "hosting"]

_host: ContextVar[Host | None] = ContextVar("naga_host", default=None)


class Host(msgspec.Struct):
    """Collects what the last main of a script was given and gave.

    Attributes
    ----------
    loaded_before : frozenset of str
        Names of the modules that were imported before the script began.
    values : mapping
        Dotted key -> object, for the config of a main of the script.
    values_taken : bool
        Whether a main has taken them.
    config : DictConfig or None
        The config of the main.
    run : ActiveRun or None
        Its run.
    value : object
        What it returned.
    """

    loaded_before: frozenset[str] = msgspec.field(default_factory=frozenset)
    values: Mapping[str, Any] = msgspec.field(default_factory=dict)
    values_taken: bool = False
    config: DictConfig | None = None
    run: ActiveRun | None = None
    value: Any = None
    _layers: ConfigLayers | None = None

    def lay_values(self, layers: ConfigLayers) -> ConfigLayers:
        """Lay the values of the host over the config of a main.

        Parameters
        ----------
        layers : ConfigLayers

        Returns
        -------
        ConfigLayers

        Raises
        ------
        ConfigError
            A value cannot be read, such as an interpolation without its end.
        """
        if self.values:
            from naga.run.handed import lay_objects

            layers = lay_objects(layers, self.values, "--set")
            self.values_taken = True
        self._layers = layers
        return layers

    def place_values(self, config: DictConfig) -> None:
        """Put the objects of the host into a config that `lay_values` has prepared for them.

        Parameters
        ----------
        config : DictConfig
            Resolved.
        """
        if self.values:
            from naga.run.handed import place_objects

            place_objects(config, self.values)

    def changed_defaults(self) -> dict[str, Any]:
        """Return the defaults of those keys of the last config that were given another value.

        Returns
        -------
        dict
            Nested as the config is, redacted where secret.
        """
        if self._layers is None or self.config is None:
            return {}
        from naga.config.changes import changed_defaults
        from naga.lock.redact import Redactor

        defaults: dict[str, Any] = Redactor().value(changed_defaults(self._layers))
        return defaults

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
