"""The decorator that gives a main its config, its command line and its receipt."""

from __future__ import annotations

import functools
import inspect
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from naga.errors import NagaError, UsageError
from naga.run.active import ActiveRun, error_entry
from naga.run.caller import describe_caller
from naga.run.current import current_run, running
from naga.run.host import current_host

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from omegaconf import DictConfig

__all__ = ["clicfg"]

P = ParamSpec("P")
R = TypeVar("R")


def clicfg(config_class: Any, *, lock: bool = True) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Give a main its config: from the class, from files, from the command line or from arguments.

    Called from Python, the decorated main takes nothing, a config object, or values by name. As the main of a script
    it reads the command line; ``-h`` lists every key.

    Parameters
    ----------
    config_class : class, mapping or DictConfig
        Keys, types and defaults: a plain class with or without annotations, a dataclass, an attrs class, a mapping.
    lock : bool
        Leave a receipt in the config's ``save_dir``, if it has one.

    Returns
    -------
    callable
        A decorator for functions whose first parameter is the config. The decorated function keeps name, docstring
        and signature and returns what the function returned; the config that the function gets is a DictConfig
        with all interpolations resolved.

    Raises
    ------
    ConfigError
        A key is unknown, a value has the wrong type or is missing; raised by the decorated function before the
        function itself runs. In a script it ends the process with one line instead.

    Examples
    --------
    >>> class Config:
    ...     param = 1
    >>> @clicfg(config_class=Config)
    ... def main(cfg):
    ...     return cfg.param + 1
    >>> main(), main(param=10)
    (2, 11)
    """

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        @functools.wraps(function)
        def main(*args: Any, **kwargs: Any) -> R:
            if _is_script_main(function):
                return _call_from_command_line(function, config_class, lock, args, kwargs)
            config, rest = _config_from_arguments(function, config_class, args, kwargs)
            return _call(function, config, rest, lock)

        return main

    return decorate


def _is_script_main(function: Callable[..., Any]) -> bool:
    """Tell a script's own main from a function that was imported, defined in a cell, or called by another main."""
    namespace = getattr(function, "__globals__", {})
    file = namespace.get("__file__")
    if namespace.get("__name__") != "__main__" or not isinstance(file, str) or current_run() is not None:
        return False
    own_file: str = inspect.unwrap(function).__code__.co_filename
    return os.path.realpath(file) == os.path.realpath(own_file)


def _call_from_command_line(
    function: Callable[..., R], config_class: Any, lock: bool, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> R:
    argv = sys.argv[1:]
    try:
        config, rest = _config_from_command_line(function, config_class, args, kwargs, argv)
        return _call(function, config, rest, lock, argv)
    except NagaError as error:
        if current_host() is not None:
            raise
        if "--debug" in argv:
            traceback.print_exc()
        print(f"naga: error: {error.one_line()}", file=sys.stderr)  # noqa: T201 - the script's own last words
        raise SystemExit(error.exit_code) from None


def _config_from_command_line(
    function: Callable[..., Any],
    config_class: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    argv: list[str],
) -> tuple[DictConfig, dict[str, Any]]:
    from naga.config.arguments import parse_arguments
    from naga.config.layers import Layer, file_layers, merge_layers, override_layer, resolve_config
    from naga.config.listing import list_keys

    base, keywords, rest = _split_arguments(function, args, kwargs)
    arguments = parse_arguments(
        argv,
        program=os.path.basename(sys.argv[0]),  # noqa: PTH119 - a plain name
        description=inspect.getdoc(function),
        list_keys=lambda: list_keys(_schema_and_layers(config_class, base)[0], config_class),
    )
    schema, layers = _schema_and_layers(config_class, base)
    scope = None
    if arguments.experiment is not None and arguments.config is None:
        raise UsageError("--experiment needs the file that holds it", hint="add --config FILE")
    if arguments.config is not None:
        from_file, scope = file_layers(arguments.config, arguments.experiment, schema)
        layers += from_file
    if arguments.overrides:
        layers.append(override_layer(arguments.overrides))
    if keywords:
        layers.append(Layer.of_values(_call_source(function), keywords))
    return resolve_config(merge_layers(schema, layers), scope), rest


def _config_from_arguments(
    function: Callable[..., Any], config_class: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[DictConfig, dict[str, Any]]:
    from naga.config.layers import Layer, merge_layers, resolve_config

    base, keywords, rest = _split_arguments(function, args, kwargs)
    schema, layers = _schema_and_layers(config_class, base)
    if keywords:
        layers.append(Layer.of_values(_call_source(function), keywords))
    return resolve_config(merge_layers(schema, layers)), rest


def _schema_and_layers(config_class: Any, base: Any) -> tuple[DictConfig, list[Any]]:
    """Make the schema, and the layer of a config object that was given, unless that object is of the class itself."""
    from naga.config.layers import Layer
    from naga.config.objects import instance_values
    from naga.config.schema import make_schema

    if base is None or base is config_class:
        return make_schema(config_class), []
    if isinstance(config_class, type) and type(base) is config_class:
        return make_schema(base), []
    values: Any = base if hasattr(base, "keys") else instance_values(base)
    return make_schema(config_class), [Layer.of_values("the config that was given", values)]


def _split_arguments(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Tell apart the config object, config keys by name, and further parameters of the function."""
    names = list(inspect.signature(function).parameters)
    base = args[0] if args else kwargs.pop(names[0], None) if names else None
    if len(args) > 1:
        raise UsageError(f"{function.__name__}() takes one config; pass everything else by name")
    further = {name: kwargs[name] for name in names[1:] if name in kwargs}
    keywords = {name: value for name, value in kwargs.items() if name not in further}
    return base, keywords, further


def _call_source(function: Callable[..., Any]) -> str:
    return f"{function.__name__}(...)"


def _call(
    function: Callable[..., R],
    config: DictConfig,
    rest: Mapping[str, Any],
    lock: bool,
    argv: list[str] | None = None,
) -> R:
    """Call the function as a run: record that it started, and how it ended."""
    from naga.config.plain import plain_config

    plain = inspect.unwrap(function)
    caller = describe_caller(function.__module__, function.__qualname__, plain.__code__, argv)
    host = current_host()
    run = ActiveRun(plain_config(config), caller, loaded_before=host.loaded_before if host else ())
    if lock:
        run.start()
    if host is not None:
        host.note(config, run)
    with running(run):
        try:
            value = function(config, **rest)
        except BaseException as error:
            run.fail(error_entry(error))
            raise
    run.finish()
    if host is not None:
        host.value = value
    return value
