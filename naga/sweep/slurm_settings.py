"""The settings of a sweep on Slurm: what a person writes into a file such as ``slurm.yaml``."""

from __future__ import annotations

import typing
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from naga.errors import ConfigError, NotFoundError, UnknownKeyError, WrongTypeError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["SlurmSettings", "import_submitit", "read_slurm_settings"]

_EARLY_SECONDS = 60
"""How much earlier than asked for Slurm may send a signal; see ``--signal`` in sbatch(1)."""

_LEAST_SECONDS = 30
"""A worker that may get less than this to work would be started again and again for nothing."""

_Count = Annotated[int, msgspec.Meta(ge=1)]
_Natural = Annotated[int, msgspec.Meta(ge=0)]

_SHARED: Mapping[str, Any] = MappingProxyType(
    {
        "name": str,
        "timeout_min": _Count,
        "mem_gb": Annotated[float, msgspec.Meta(gt=0)],
        "cpus_per_task": _Count,
        "gpus_per_node": _Natural,
    }
)
"""The parameters of submitit that it calls the same for every kind of cluster."""

_OWN: Mapping[str, Any] = MappingProxyType(
    {"tasks_per_job": _Count | None, "max_retries": _Natural, "wait": bool, "freeze": bool}
)

_SHARPER: Mapping[str, Any] = MappingProxyType(
    {"slurm_array_parallelism": _Count, "slurm_signal_delay_s": _Count, "slurm_srun_args": list[str] | None}
)
"""Where submitit's own types let through what cannot be, or are none that can be checked."""

_ONE_PROCESS = "a worker is one process; slurm_array_parallelism says how many there are"
_REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "nodes": _ONE_PROCESS,
        "tasks_per_node": _ONE_PROCESS,
        "slurm_nodes": _ONE_PROCESS,
        "slurm_ntasks_per_node": _ONE_PROCESS,
        "slurm_max_num_timeout": "max_retries says how often a worker is started again",
        "slurm_time": "timeout_min is the time limit of a job in minutes",
        "slurm_use_srun": "workers are started by srun, so that the signal before the time limit reaches them",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmSettings:
    """How the workers of a sweep are submitted.

    Attributes
    ----------
    parameters : mapping
        What submitit is told, by its own names; ``slurm_signal_delay_s`` is always there.
    limit_min : int
        The time limit of a job in minutes.
    signal_delay_s : int
        How many seconds before the limit a worker is told of it.
    array_parallelism : int
        The most workers at a time.
    tasks_per_job : int or None
        The most tasks that one worker takes before it ends; None: as many as there are.
    max_retries : int
        How often a worker is started again, and a task whose worker was lost run again, without any progress.
    wait : bool
        Whether the command waits until the sweep is over.
    freeze : bool
        Whether jobs run from the snapshot instead of from the folder that is being edited.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    limit_min: int = 5
    signal_delay_s: int = 30
    array_parallelism: int = 256
    tasks_per_job: int | None = None
    max_retries: int = 3
    wait: bool = True
    freeze: bool = True


_DEFAULT = SlurmSettings()


def read_slurm_settings(path: Path) -> SlurmSettings:
    """Read the settings, and refuse what cannot be meant.

    Parameters
    ----------
    path : Path
        A YAML file.

    Returns
    -------
    SlurmSettings

    Raises
    ------
    NotFoundError
        There is no such file, or submitit is not installed.
    ConfigFileError
        The file is not YAML, or not a mapping.
    UnknownKeyError, WrongTypeError
        A key is unknown, or its value has the wrong type; the message names the line, and the nearest key.
    ConfigError
        A key is not for workers, or the time limit leaves no time for any work.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from naga.config.files import read_config_file

    content = read_config_file(path)
    types = _types()
    for key in map(str, content):
        if key not in types:
            raise _unknown_key(path, key, types)
    try:
        values: dict[str, Any] = OmegaConf.to_container(content, resolve=True)  # type: ignore[assignment]
    except OmegaConfBaseException as error:
        message = f"{path}: {str(error).splitlines()[0]}"
        raise ConfigError(message, path=path, key=str(error.full_key or "")) from error
    values = {key: _checked(path, key, value, types[key]) for key, value in values.items()}
    return _with_delay(path, values)


def import_submitit() -> Any:
    """Import submitit, which only sweeps on Slurm need.

    Returns
    -------
    module

    Raises
    ------
    NotFoundError
        It is not installed; the hint says what to install.
    """
    try:
        import submitit
    except ImportError as error:
        hint = "pip install 'naga-ipython[slurm]'"
        raise NotFoundError("sweeps on Slurm need submitit, which is not installed", hint=hint) from error
    return submitit


@cache
def _types() -> dict[str, Any]:
    """Return key -> type of all that may stand in the file; what submitit itself knows is asked of submitit."""
    submitit = import_submitit()
    known = submitit.SlurmExecutor._valid_parameters()
    hints = typing.get_type_hints(submitit.slurm.slurm._make_sbatch_string)
    slurm = {f"slurm_{name}": hints[name] for name in sorted(known)}
    return {key: kind for key, kind in {**slurm, **_SHARPER, **_SHARED, **_OWN}.items() if key not in _REFUSED}


def _unknown_key(path: Path, key: str, types: Mapping[str, Any]) -> ConfigError:
    if key in _REFUSED:
        return ConfigError(f"{key!r} in {_place(path, key)} cannot be set", hint=_REFUSED[key], path=path, key=key)
    # What belongs to sbatch alone is often written without its prefix.
    found = f"slurm_{key}" if f"slurm_{key}" in types else nearest(key, types)
    hint = f"did you mean {found}?" if found else "docs/slurm.md lists the keys"
    return UnknownKeyError(f"unknown key {key!r} in {_place(path, key)}", hint=hint, path=path, key=key)


def _checked(path: Path, key: str, value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        message = f"{key!r} in {_place(path, key)}: {str(error).replace('`', '').lower()}, {value!r}"
        raise WrongTypeError(message, path=path, key=key) from error


def _with_delay(path: Path, values: dict[str, Any]) -> SlurmSettings:
    limit = values.get("timeout_min", _DEFAULT.limit_min)
    # The 90 s that submitit asks for would end workers of short jobs as soon as they start.
    delay = values.get("slurm_signal_delay_s", min(90, max(15, limit * 6)))
    if limit * 60 - delay - _EARLY_SECONDS <= _LEAST_SECONDS:
        key = "slurm_signal_delay_s" if "slurm_signal_delay_s" in values else "timeout_min"
        message = f"{key!r} in {_place(path, key)}: a limit of {limit} min leaves no time for tasks"
        hint = (
            f"a worker is told {delay} s before the limit, and Slurm may tell it {_EARLY_SECONDS} s earlier: "
            "set a longer timeout_min or a shorter slurm_signal_delay_s"
        )
        raise ConfigError(message, hint=hint, path=path, key=key)
    own = {key: values.pop(key) for key in _OWN if key in values}
    width = values.pop("slurm_array_parallelism", _DEFAULT.array_parallelism)
    parameters = {**values, "timeout_min": limit, "slurm_signal_delay_s": delay}
    return SlurmSettings(parameters=parameters, limit_min=limit, signal_delay_s=delay, array_parallelism=width, **own)


def _place(path: Path, key: str) -> str:
    from naga.config.files import line_of

    line = line_of(path, key)
    return f"{path}:{line}" if line else str(path)
