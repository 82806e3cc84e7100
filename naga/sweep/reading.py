"""The tasks of a sweep: from a file, from a list in the config, or from a grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omegaconf import ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from naga.config.conversion import UNFIT, converter_of, node_at
from naga.errors import ConfigError, ConfigFileError, NotFoundError, nearest
from naga.sweep.grid import grid_values
from naga.sweep.task import Duplicate, Task, TaskList
from naga.sweep.task_files import read_task_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from naga.config.building import ConfigLayers
    from naga.config.sweep_options import SweepOptions

__all__ = ["read_tasks"]

_DEEPEST = 64
_MOST_VALUES = 10_000
_TOO_BIG = "give the task a file of its own, and sweep over the names of the files"
_SPECIAL = frozenset(".[]=\\")


def read_tasks(options: SweepOptions, layers: ConfigLayers) -> TaskList:
    """Read the tasks of a sweep.

    Parameters
    ----------
    options : SweepOptions
        Where they come from, and which key their values go to.
    layers : ConfigLayers
        The config that they will be laid over, where ``--tasks_key`` finds its list.

    Returns
    -------
    TaskList
        In the order in which they were given; of those that make the same config the first. They are not checked
        against the config yet.

    Raises
    ------
    NotFoundError
        The file or the key is not there.
    ConfigError
        The file cannot be read, holds no task, or a task is a value and nobody said which key it sets; the message
        names its place.
    UsageError
        A grid makes no sense.
    """
    tasks: list[Task] = []
    duplicates: list[Duplicate] = []
    places: dict[str, str] = {}
    forms = _Forms(layers)
    for value, source in _sourced_values(options, layers):
        values = _dotted(value, options.task_to, source)
        form = forms.form(values)
        if form in places:
            duplicates.append(Duplicate(source, places[form]))
        else:
            places[form] = source
            tasks.append(Task(len(tasks), values, source))
    return TaskList(tuple(tasks), tuple(duplicates))


def _sourced_values(options: SweepOptions, layers: ConfigLayers) -> Iterator[tuple[Any, str]]:
    if options.tasks is not None:
        name, rows = read_task_file(options.tasks)
        return ((row.value, f"{name}:{row.line}") for row in rows)
    if options.tasks_key is not None:
        return _listed_values(options.tasks_key, layers)
    return ((values, f"--grid:{number}") for number, values in enumerate(grid_values(options.grid), start=1))


def _listed_values(key: str, layers: ConfigLayers) -> Iterator[tuple[Any, str]]:
    merged = layers.merged()
    configs = [merged] if layers.scope is None else [merged, layers.scope.values]
    try:
        found = next((node for one in configs if (node := OmegaConf.select(one, key)) is not None), None)
    except OmegaConfBaseException as error:
        raise ConfigError(f"--tasks_key {key}: {str(error).splitlines()[0]}", key=key) from error
    place = layers.place(key)
    if found is None:
        names = [str(name) for one in configs for name in one if not str(name).startswith("_")]
        near = nearest(key, names)
        hint = f"did you mean {near!r}?" if near else "name a key of the config or of its file that holds a list"
        raise NotFoundError(f"--tasks_key {key}: there is no such list", hint=hint, key=key)
    if not isinstance(found, ListConfig) or not len(found):
        hint = "write [VALUE, VALUE] or one item a line: - VALUE"
        raise ConfigError(f"{key!r} in {place} must be a list of tasks that is not empty", hint=hint, key=key)
    values: Any = OmegaConf.to_container(found, resolve=False)
    return ((value, f"{place}: {key}[{index}]") for index, value in enumerate(values))


def _dotted(value: Any, task_to: str | None, source: str) -> dict[str, Any]:
    """Bring a task into the form of dotted keys."""
    if task_to is None and not isinstance(value, dict):
        hint = "say which key it sets: --task_to KEY, or write {KEY: VALUE}"
        raise ConfigError(f"the task in {source} is a value without a key", hint=hint)
    if isinstance(value, dict | list):
        _check_size(value, source)
    elif task_to is not None:
        return {task_to: value}
    if task_to is not None:
        value = {task_to: value}
    if not value or not all(isinstance(key, str) and key for key in value):
        hint = "write {KEY: VALUE}; keys are text"
        raise ConfigError(f"the task in {source} has a key that is no key of a config, or none", hint=hint)
    dotted: dict[str, Any] = {}
    for key, item in _leaves(value):
        if key in dotted:
            raise ConfigError(f"the task in {source} sets {key} twice", hint="leave one of them out", key=key)
        dotted[key] = item
    return dotted


def _leaves(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in values.items():
        # A mapping with keys that are no part of a dotted key stays whole: it is the value.
        if isinstance(item, dict) and item and all(isinstance(name, str) and _is_plain(name) for name in item):
            yield from _leaves(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item


def _is_plain(name: str) -> bool:
    return bool(name) and _SPECIAL.isdisjoint(name)


def _check_size(value: Any, source: str) -> None:
    """Refuse what aliases blow up, or what is nested deeper than anything that a config could hold."""
    level, count = [value], 0
    for _ in range(_DEEPEST):
        level = [
            item
            for container in level
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, dict | list)
        ]
        count += sum(map(len, level))
        if count > _MOST_VALUES:
            raise ConfigFileError(f"the task in {source} holds more than {_MOST_VALUES:,} values", hint=_TOO_BIG)
        if not level:
            return
    raise ConfigFileError(f"the task in {source} is nested deeper than {_DEEPEST} levels", hint=_TOO_BIG)


class _Forms:
    """Brings tasks into the form in which two are the same when they make the same config, in whatever order."""

    def __init__(self, layers: ConfigLayers) -> None:
        self._schema = layers.schema
        self._converters: dict[str, Callable[[Any], Any] | None] = {}

    def form(self, values: dict[str, Any]) -> str:
        made = {key: self._made(key, value) for key, value in values.items()}
        return repr(sorted(made.items(), key=lambda pair: pair[0]) if len(made) > 1 else made)

    def _made(self, key: str, value: Any) -> Any:
        if key not in self._converters:
            self._converters[key] = converter_of(node_at(self._schema, key))
        convert = self._converters[key]
        made = UNFIT if convert is None else convert(value)
        return value if made is UNFIT else made
