"""The decorator that gives a main its config, its command line and its receipt."""

from __future__ import annotations

import dis
import functools
import inspect
import os
import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar

import msgspec

from naga.errors import IntegrityError, NagaError, UsageError
from naga.lock.reads import watched_reads
from naga.postmortem.frames import is_naga_file, without_naga_above_user
from naga.run.active import ActiveRun, error_entry, is_clean_exit
from naga.run.caller import describe_caller
from naga.run.current import current_run, running
from naga.run.host import current_host
from naga.sweep.stage import hand_over, is_wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from omegaconf import DictConfig

    from naga.config.arguments import Arguments
    from naga.config.building import ConfigLayers
    from naga.lock.shared import Shared
    from naga.run.host import Host

__all__ = ["clicfg"]

R = TypeVar("R")

_STAGE = "_naga_stage"


def clicfg(
    config_class: Any, *, lock: bool = True, strict: bool = False
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Give a main its config: from the class, from files, from the command line or from arguments.

    Called from Python, the decorated main takes nothing, a config object, or values by name. As the main of a script
    it reads the command line; ``-h`` lists every key.

    Parameters
    ----------
    config_class : class, instance, mapping or DictConfig
        Keys, types and defaults: a plain class with or without annotations, a dataclass, an attrs class, an object of
        one of these, a mapping.
    lock : bool
        Leave a receipt in the config's ``save_dir``, if it has one.
    strict : bool
        A file of the project that the run reads without declaring it makes the run failed, instead of one line at the
        end that names it.

    Returns
    -------
    callable
        A decorator for functions whose first parameter (of methods the second) is the config. The decorated function
        keeps name, docstring and signature and returns what the function returned; the config that the function
        gets is a DictConfig with all interpolations resolved. A coroutine function gives a coroutine; as the main
        of a script, ``main()`` alone on its line runs it.

    Raises
    ------
    UsageError
        What is decorated is a generator or no function.
    ConfigError
        A key is unknown, a value has the wrong type or is missing; raised by the decorated function before the
        function itself runs. In a script it ends the process with one line instead.
    IntegrityError
        An input changed while the function ran, or, under `strict`, a file was read without being declared.

    Notes
    -----
    An integer key ``seed`` seeds the generators of `random`, NumPy and PyTorch before the function runs.

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
        _check_function(function)

        @functools.wraps(function)
        def main(*args: Any, **kwargs: Any) -> Any:
            # Read from the attribute, which `%autoreload` gives a new value when the module was edited.
            stage: _Stage = vars(main)[_STAGE]
            argv = sys.argv[1:] if _is_script_main(stage.function) else None
            try:
                if not inspect.iscoroutinefunction(stage.function):
                    return stage.call(args, kwargs, argv)
                coroutine = stage.await_(args, kwargs, argv)
                if argv is None or not _is_statement(_caller_of(sys._getframe())):
                    return coroutine
                import asyncio

                return asyncio.run(coroutine)
            except BaseException as error:
                error.__traceback__ = without_naga_above_user(error.__traceback__)
                raise

        setattr(main, _STAGE, _Stage(function, config_class, lock, strict))
        return main

    return decorate


def _is_script_main(function: Callable[..., Any]) -> bool:
    """Tell a script's own main from a function that was imported, defined in a cell, or called by another main."""
    # Another decorator may be of another module.
    namespace = getattr(inspect.unwrap(function), "__globals__", {})
    file = namespace.get("__file__")
    if namespace.get("__name__") != "__main__" or not isinstance(file, str) or current_run() is not None:
        return False
    own_file: str = inspect.unwrap(function).__code__.co_filename
    return os.path.realpath(file) == os.path.realpath(own_file)


def _caller_of(frame: FrameType) -> FrameType:
    """Return the frame that called a main, past the decorators of naga that stand above it."""
    caller = frame
    while is_naga_file(caller.f_code.co_filename) and caller.f_back is not None:
        caller = caller.f_back
    return caller


def _is_statement(frame: FrameType) -> bool:
    """Tell whether a frame takes what its call gives, or hands it on, as in ``asyncio.run(main())``."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        return False
    after = (step for step in dis.get_instructions(frame.f_code) if step.offset > frame.f_lasti)
    opname = next((step.opname for step in after if step.opname != "CACHE"), "")
    return opname.startswith(("POP_TOP", "RETURN_", "STORE_"))


def _check_function(function: Callable[..., Any]) -> None:
    name = getattr(function, "__name__", type(function).__name__)
    if not hasattr(inspect.unwrap(function), "__code__"):
        raise UsageError(f"clicfg cannot decorate {name}", hint="decorate a function")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        hint = "call the generator from a main that returns"
        raise UsageError(
            f"clicfg cannot decorate {name}: a generator has no end that a receipt could record", hint=hint
        )


class _Stage(msgspec.Struct, frozen=True):
    """A decorated function and how it was decorated."""

    function: Callable[..., Any]
    config_class: Any
    lock: bool
    strict: bool

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any], argv: list[str] | None) -> Any:
        with _last_words(argv):
            call = self._prepare(args, kwargs, argv)
            with self._recorded(call.arguments[-1], argv) as note:
                return note(self.function(*call.arguments, **call.keywords))

    async def await_(self, args: tuple[Any, ...], kwargs: dict[str, Any], argv: list[str] | None) -> Any:
        try:
            with _last_words(argv):
                call = self._prepare(args, kwargs, argv)
                with self._recorded(call.arguments[-1], argv) as note:
                    return note(await self.function(*call.arguments, **call.keywords))
        except BaseException as error:
            error.__traceback__ = without_naga_above_user(error.__traceback__)
            raise

    def _prepare(self, args: tuple[Any, ...], kwargs: dict[str, Any], argv: list[str] | None) -> _Call:
        """Turn what the decorated function was called with into what the function itself is called with."""
        from naga.config.building import collect_layers

        owner, given, values, rest = _split_arguments(self.function, args, kwargs)
        arguments = None if argv is None else self._parse(argv, given)
        source = f"{self.function.__name__}(...)"
        layers = collect_layers(self.config_class, given, values, arguments, caller=source)
        host = _host_of(argv)
        if host is not None:
            layers = host.lay_values(layers)
        if arguments is not None and not arguments.print_config and (arguments.sweep is not None or is_wanted()):
            if host is not None and host.values:
                raise UsageError("a sweep takes no --set", hint="give the values by -o, or in a file of tasks")
            self._sweep(owner, layers, rest, arguments)
        if arguments is not None and arguments.print_config:
            from naga.run.printing import printed_config

            sys.stdout.write(printed_config(layers, arguments.sweep))
            raise SystemExit(0)
        config = layers.resolved()
        if host is not None:
            host.place_values(config)
        if arguments is not None and arguments.dry_run:
            from naga.run.dry_run import describe_run

            sys.stdout.write(describe_run(self.function.__name__, config, layers.place, lock=self.lock))
            raise SystemExit(0)
        return _Call((*owner, config), rest)

    def _sweep(
        self, owner: tuple[Any, ...], layers: ConfigLayers, rest: dict[str, Any], arguments: Arguments
    ) -> NoReturn:
        """Run one task after the other, or, in a worker that will do so, hand over what calls the function."""
        from naga.run.sweeping import MainStage, run_sweep

        if not self.lock:
            hint = "take lock=False away: what is done is known from the receipts"
            raise UsageError(f"a sweep of {self.function.__name__} would leave no receipts", hint=hint)

        def call(config: DictConfig, argv: list[str], shared: Shared, keep: Callable[[Any], None]) -> None:
            with self._recorded(config, argv, shared):
                value = self.function(*owner, config, **rest)
                if inspect.iscoroutine(value):
                    import asyncio

                    value = asyncio.run(value)
                keep(value)

        stage = MainStage(self.function.__qualname__, layers, call, arguments)
        if arguments.sweep is None or is_wanted():
            hand_over(stage)
        run_sweep(stage, arguments.sweep, layers, dry_run=arguments.dry_run)

    def _parse(self, argv: list[str], given: Any) -> Arguments:
        from naga.config.arguments import parse_arguments

        def keys() -> tuple[str, str]:
            from naga.config.building import given_schema
            from naga.config.listing import list_keys

            return list_keys(given_schema(self.config_class, given)[0], self.config_class)

        return parse_arguments(
            argv,
            program=os.path.basename(sys.argv[0]),  # noqa: PTH119 - a plain name
            description=inspect.getdoc(self.function),
            list_keys=keys,
        )

    @contextmanager
    def _recorded(
        self, config: DictConfig, argv: list[str] | None, shared: Shared | None = None
    ) -> Iterator[Callable[[Any], Any]]:
        """Record that the function started and how it ended; the yielded function takes note of what it returned."""
        from naga.config.plain import plain_config
        from naga.run.new_folder import claim_new_folder

        claim_new_folder(config)
        code = inspect.unwrap(self.function).__code__
        caller = describe_caller(self.function.__module__, self.function.__qualname__, code, argv)
        if (giver := _host_of(argv)) is not None and giver.values:
            caller["set"] = sorted(giver.values)
        # A main that another main calls is no news for the host.
        host = current_host() if current_run() is None else None
        seeds = _seed(config)
        loaded_before = host.loaded_before if host else ()
        run = ActiveRun(plain_config(config), caller, loaded_before=loaded_before, seeds=seeds, shared=shared)
        if self.lock:
            run.start()
        if host is not None:
            host.note(config, run)
        opened: set[str] = set()
        try:
            with running(run), watched_reads(opened):
                yield host.returned if host is not None else lambda value: value
        except BaseException as error:
            if is_clean_exit(error):
                self._finish(run, opened)
            else:
                run.fail(error_entry(error), opened)
                run.save_frames(error)
            raise
        self._finish(run, opened)

    def _finish(self, run: ActiveRun, opened: set[str]) -> None:
        receipt = run.finish(opened, strict=self.strict)
        if receipt is None:
            return
        if receipt.error is not None:
            hint = "declare it: runlock(data=[...])" if receipt.error.type == "UndeclaredReads" else "run it again"
            raise IntegrityError(receipt.error.message, hint=hint, path=run.receipt_path)
        undeclared = receipt.used["undeclared"]
        if undeclared:
            print(_undeclared_line(undeclared), file=sys.stderr)  # noqa: T201 - the one line at the end


def _host_of(argv: list[str] | None) -> Host | None:
    """Return the host of a script's own main, which reads the command line."""
    return current_host() if argv is not None else None


def _seed(config: DictConfig) -> dict[str, int] | None:
    seed = config.get("seed")
    if not isinstance(seed, int) or isinstance(seed, bool):
        return None
    from naga.lock.seeds import set_seeds

    return set_seeds(seed)


def _undeclared_line(paths: list[str]) -> str:
    shown = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
    count = "1 file was" if len(paths) == 1 else f"{len(paths)} files were"
    return f"naga: {count} read but not declared: {shown} (declare data: runlock(data=[...]))"


class _Call(NamedTuple):
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]


@contextmanager
def _last_words(argv: list[str] | None) -> Iterator[None]:
    """End a script with one line for an error of naga, unless another program runs the script."""
    try:
        yield
    except NagaError as error:
        if argv is None or current_host() is not None:
            raise
        if "--debug" in argv:
            traceback.print_exc()
        print(f"naga: error: {error.one_line()}", file=sys.stderr)  # noqa: T201 - the script's own last words
        raise SystemExit(error.exit_code) from None


def _split_arguments(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], Any, dict[str, Any], dict[str, Any]]:
    """Tell apart the object of a method, the config object, config keys by name, and further parameters."""
    names = list(inspect.signature(function).parameters)
    owner = args[:1] if names[:1] in (["self"], ["cls"]) else ()
    names, args = names[len(owner) :], args[len(owner) :]
    if len(args) > 1:
        raise UsageError(f"{function.__name__}() takes one config; pass everything else by name")
    given = args[0] if args else kwargs.get(names[0]) if names else None
    further = {name: kwargs[name] for name in names[1:] if name in kwargs}
    taken = {*names[:1], *further}
    return owner, given, {name: value for name, value in kwargs.items() if name not in taken}, further
