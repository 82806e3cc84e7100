"""The decorator that keeps the local variables of a call that fails."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from naga.postmortem import retried

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator

__all__ = ["is_debugging", "leave", "unsafe_debug"]

P = ParamSpec("P")
R = TypeVar("R")

_SWITCHES = ("NAGA_DEBUG", "FLEXLOCK_DEBUG")


def unsafe_debug(function: Callable[P, R]) -> Callable[P, R]:
    """Keep the local variables of the deepest frame of the person's own code when a call fails.

    It does so only while the environment variable ``NAGA_DEBUG`` (or ``FLEXLOCK_DEBUG``) is ``1``, which is read at the
    moment of the failure; the variables then stand in the notebook or the interactive session. The exception is raised
    on in any case, and nothing ever waits for input.

    Parameters
    ----------
    function : callable
        A function, a coroutine function, a generator function, plain or asynchronous, or a method.

    Returns
    -------
    callable
        Of the same kind, with the name, docstring and signature of `function`.

    Notes
    -----
    Unsafe, because the variables of a failure may hold secrets and much memory. A call that does not fail pays for one
    more function call and nothing else.

    An exception that leaves the outermost decorated function into the cell itself is kept at once. One that leaves it
    into other code is kept when nobody handles it there: at the end of the cell, of the program or of its thread. In a
    worker process of a pool the variables go to a file when the exception is sent back.
    """
    if isinstance(function, staticmethod | classmethod):
        return cast("Callable[P, R]", type(function)(unsafe_debug(function.__func__)))
    # Each of them calls its own attribute, which `%autoreload` gives a new value, and not the function as it was.
    inner = inspect.unwrap(function)
    if inspect.isasyncgenfunction(function):
        made: Any = _of_async_generator(function)
    elif inspect.isgeneratorfunction(function):
        made = _of_generator(function)
    elif inspect.iscoroutinefunction(function):
        made = _of_coroutine(function)
    elif inspect.iscoroutinefunction(inner):
        made = _of_what_returns_a_coroutine(function)
    else:
        made = _of_signature(function) or _of_function(function)
    return cast("Callable[P, R]", made)


def is_debugging() -> bool:
    """Tell whether the environment asks for the variables of failures now.

    Returns
    -------
    bool
    """
    return any(os.environ.get(name) == "1" for name in _SWITCHES)


def leave(error: BaseException, function: Any) -> None:
    """Take note of an exception that leaves a decorated function, and take naga's own frame off its traceback.

    Parameters
    ----------
    error : BaseException
        As it is being handled.
    function : callable
        The decorated function.
    """
    from naga.postmortem.frames import without_naga

    if not isinstance(error, SystemExit | GeneratorExit) and is_debugging():
        from naga.postmortem.leaving import note_leaving

        note_leaving(error, function, sys._getframe(1))
    error.__traceback__ = without_naga(error.__traceback__)


_TEMPLATE = """\
def _naga_call({parameters}):
    try:
{calls}
    except BaseException as _naga_error:
        _naga_leave(_naga_error, _naga_call)
        raise
    if _naga_retried.code is not None:
        _naga_retried.forget_if_retried(_naga_call, _naga_frame(1))
    return _naga_result
"""


def _of_signature(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """Decorate a plain function with one of the same parameters.

    Packing arguments and taking them apart again costs up to four times as much as all the rest. None is returned
    where the parameters cannot be written down, and where they would be packed several times, as to put others before
    those of ``*args``.
    """
    code = getattr(function, "__code__", None)
    if code is None or hasattr(function, "__wrapped__") or any("_naga" in name for name in code.co_varnames):
        return None
    names = list(code.co_varnames)
    positional, by_name = names[: code.co_argcount], names[code.co_argcount :][: code.co_kwonlyargcount]
    rest = names[code.co_argcount + code.co_kwonlyargcount :]
    starred = f"*{rest.pop(0)}" if code.co_flags & inspect.CO_VARARGS else ""
    double = f"**{rest.pop(0)}" if code.co_flags & inspect.CO_VARKEYWORDS else ""
    if not all(map(str.isidentifier, (*positional, *by_name))) or (starred and (positional or double)):
        return None
    before = positional[: code.co_posonlyargcount] + (["/"] if code.co_posonlyargcount else [])
    parameters = [
        *before,
        *positional[code.co_posonlyargcount :],
        starred or ("*" if by_name else ""),
        *by_name,
        double,
    ]
    named = [f"{name}={name}" for name in by_name]
    text = _TEMPLATE.format(
        parameters=", ".join(filter(None, parameters)), calls=_calls(positional, starred or double, named)
    )
    namespace: dict[str, Any] = {"_naga_leave": leave, "_naga_retried": retried, "_naga_frame": sys._getframe}
    exec(compile(text, __file__, "exec", dont_inherit=True), namespace)  # noqa: S102 - made of identifiers only
    call: Any = namespace["_naga_call"]
    call.__defaults__, call.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    return functools.wraps(function)(call)


def _calls(positional: list[str], extra: str, named: list[str]) -> str:
    """Write the call of a function; to hand on what is empty would cost more than to ask whether it is."""
    call = "_naga_result = _naga_call.__wrapped__({})"
    bare = call.format(", ".join([*positional, *named]))
    if not extra:
        return f"        {bare}"
    stars_first = [extra, *named] if extra[1] != "*" else [*named, extra]
    full = call.format(", ".join([*positional, *stars_first]))
    return f"        if {extra.lstrip('*')}: {full}\n        else: {bare}"


def _of_function(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            # An empty mapping that is handed on costs a fifth of all that this costs.
            result = call.__wrapped__(*args, **kwargs) if kwargs else call.__wrapped__(*args)
        except BaseException as error:
            leave(error, call)
            raise
        if retried.code is not None:
            retried.forget_if_retried(call, sys._getframe(1))
        return result

    return call


def _of_coroutine(function: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        try:
            result = await call.__wrapped__(*args, **kwargs)
        except BaseException as error:
            leave(error, call)
            raise
        if retried.code is not None:
            retried.forget_if_retried(call, sys._getframe(1))
        return result

    return call


def _of_what_returns_a_coroutine(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate what is no coroutine function itself, as the main that `clicfg` makes of one."""

    async def awaited(coroutine: Any) -> Any:
        try:
            return await coroutine
        except BaseException as error:
            leave(error, call)
            raise

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            result = call.__wrapped__(*args, **kwargs)
        except BaseException as error:
            leave(error, call)
            raise
        return awaited(result) if isinstance(result, CoroutineType) else result

    return call


def _of_generator(function: Callable[..., Generator[Any, Any, Any]]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        try:
            return (yield from call.__wrapped__(*args, **kwargs))
        except BaseException as error:
            leave(error, call)
            raise

    return call


def _of_async_generator(function: Callable[..., AsyncGenerator[Any, Any]]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator = call.__wrapped__(*args, **kwargs)
        step = generator.__anext__()
        try:
            while True:
                try:
                    item = await step
                except StopAsyncIteration:
                    return
                # There is no `yield from` for asynchronous generators: what comes in goes on by hand.
                try:
                    step = generator.asend((yield item))
                except GeneratorExit:
                    await generator.aclose()
                    raise
                except BaseException as thrown:  # noqa: BLE001 - it goes on into the generator
                    step = generator.athrow(thrown)
        except BaseException as error:
            leave(error, call)
            raise

    return call
