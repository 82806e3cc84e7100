"""A main as the stage of a sweep: each task is a run of its own."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn

from naga.config.layers import Layer
from naga.config.plain import plain_value
from naga.config.variants import Variants
from naga.run.active import error_entry, is_clean_exit
from naga.run.host import Host, current_host, hosting
from naga.sweep.stage import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from omegaconf import DictConfig

    from naga.config.arguments import Arguments
    from naga.config.building import ConfigLayers
    from naga.config.sweep_options import SweepOptions
    from naga.lock.shared import Shared

__all__ = ["MainStage", "run_sweep", "single_argv"]

_PLAIN_WORD = re.compile(r"[A-Za-z_/][\w./-]*")
_NOT_TEXT = frozenset({"true", "false", "yes", "no", "on", "off", "null", "none", "y", "n", "nan", "inf"})


class MainStage:
    """A main with everything that was said about its config, but for the values of a task.

    Parameters
    ----------
    name : str
        The name of the main.
    layers : ConfigLayers
    call : callable
        Calls the main with a config and records the run; takes the config, the command line of the single run, what is
        shared, and what takes the value that was returned.
    arguments : Arguments
        The command line of the sweep.
    """

    def __init__(self, name: str, layers: ConfigLayers, call: Callable[..., Any], arguments: Arguments) -> None:
        self.name = name
        self._layers = layers.flattened()
        self._call = call
        self._arguments = arguments
        self._variants: dict[frozenset[str], Variants] = {}

    @property
    def base(self) -> Mapping[str, Any]:
        """The config without the values of a task: plain, and without anything resolved."""
        from omegaconf import OmegaConf

        configs = (
            [self._layers.schema] if self._layers.scope is None else [self._layers.scope.values, self._layers.schema]
        )
        values = [OmegaConf.to_container(one, resolve=False, throw_on_missing=False) for one in configs]
        return {str(key): plain_value(item) for each in values for key, item in each.items()}  # type: ignore[union-attr]

    @property
    def config_files(self) -> tuple[str, ...]:
        """The files that the config comes from, absolute."""
        files = (self._arguments.config, self._arguments.overrides_path)
        return tuple(str(file.absolute()) for file in files if file is not None)

    def config(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Put the config of a task together, as plain values.

        Parameters
        ----------
        values : mapping
            Dotted key -> value.

        Returns
        -------
        dict

        Raises
        ------
        ConfigError
            The values do not fit.
        """
        return self._variants_of(values).config(values)

    def common(self, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what is the same in the configs of all tasks that set the same keys.

        Parameters
        ----------
        values : mapping
            Those of one of these tasks.

        Returns
        -------
        dict or None
            Plain values; None when it cannot be told.
        """
        return self._variants_of(values).common()

    def run(self, values: Mapping[str, Any], shared: Shared, keep: Callable[[Any], None]) -> Outcome:
        """Run the main once.

        Parameters
        ----------
        values : mapping
            Dotted key -> value.
        shared : Shared
        keep : callable
            Takes what the main returned.

        Returns
        -------
        Outcome
        """
        host = Host()
        error: BaseException | None = None
        try:
            with hosting(host):
                self._call(self._resolved(values), single_argv(self._arguments, values), shared, keep)
        except BaseException as raised:  # noqa: BLE001 - whatever a task raises is its own affair
            error = None if is_clean_exit(raised) else raised
        receipt, path = (host.run.receipt, host.run.receipt_path) if host.run else (None, None)
        if error is None:
            return Outcome(receipt, path)
        recorded = receipt.error if receipt is not None and receipt.status == "failed" else None
        return Outcome(receipt, path, error, recorded or error_entry(error))

    def _variants_of(self, values: Mapping[str, Any]) -> Variants:
        keys = frozenset(values)
        if keys not in self._variants:
            self._variants[keys] = Variants(self._layers, keys)
        return self._variants[keys]

    def _resolved(self, values: Mapping[str, Any]) -> DictConfig:
        return self._layers.resolved(Layer.of_dotted("the task", values))


def single_argv(arguments: Arguments, values: Mapping[str, Any]) -> list[str]:
    """Write the command line that runs one task of a sweep alone.

    Parameters
    ----------
    arguments : Arguments
        The command line of the sweep.
    values : mapping
        Dotted key -> value of the task.

    Returns
    -------
    list of str
    """
    words: list[str] = []
    for name in ("config", "experiment", "overrides_path"):
        value = getattr(arguments, name)
        words += [] if value is None else [f"--{name}", str(value)]
    return [*words, "-o", *arguments.overrides, *(f"{key}={_word(value)}" for key, value in values.items())]


def _word(value: Any) -> str:
    """Write a value as ``-o`` reads it."""
    if isinstance(value, str) and _PLAIN_WORD.fullmatch(value) and value.lower() not in _NOT_TEXT:
        return value
    return json.dumps(value, ensure_ascii=False)


def run_sweep(stage: MainStage, options: SweepOptions, layers: ConfigLayers, *, dry_run: bool) -> NoReturn:
    """Run a main once for each task, and end the script.

    Parameters
    ----------
    stage : MainStage
    options : SweepOptions
    layers : ConfigLayers
    dry_run : bool
        Say what would be run instead of running it.

    Raises
    ------
    SystemExit
        With the exit code of the sweep.
    """
    from naga.sweep.command import sweep_command
    from naga.sweep.reading import read_tasks

    host = current_host()
    result = sweep_command(stage, read_tasks(options, layers), options, dry_run=dry_run)
    if host is not None:
        host.returned(result)
    raise SystemExit(result.exit_code)
