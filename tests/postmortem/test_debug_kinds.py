"""``@unsafe_debug`` on functions of every kind: they stay of that kind, can be sent elsewhere, and hide naga."""

from __future__ import annotations

import asyncio
import inspect
import pickle
import traceback
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import cloudpickle
import pytest

from naga import unsafe_debug
from tests.programs import run_python

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from pathlib import Path


@unsafe_debug
def plain(value: int) -> int:
    return 10 // value


@unsafe_debug
async def coroutine(value: int) -> int:
    await asyncio.sleep(0)
    return 10 // value


@unsafe_debug
def generator(value: int) -> Generator[int, int, str]:
    received = yield value
    try:
        received = yield 10 // received
    except KeyError:
        received = -1
    yield received
    return "returned"


@unsafe_debug
async def async_generator(value: int) -> AsyncGenerator[int, int]:
    received = yield value
    try:
        received = yield 10 // received
    except KeyError:
        received = -1
    yield received


class Owner:
    @unsafe_debug
    def method(self, value: int) -> int:
        return 10 // value

    @unsafe_debug
    @staticmethod
    def static(value: int) -> int:
        return 10 // value

    @unsafe_debug
    @classmethod
    def of_class(cls, value: int) -> str:
        return f"{cls.__name__} {10 // value}"


def test_decorated_functions_stay_of_their_kind() -> None:
    kinds: list[Any] = [
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
    ]
    found = [[kind(one) for kind in kinds] for one in (plain, coroutine, generator, async_generator)]
    assert found == [[False] * 3, [True, False, False], [False, True, False], [False, False, True]]


def test_decorated_methods_stay_methods() -> None:
    assert (Owner().method(2), Owner.static(2), Owner().static(5), Owner.of_class(2)) == (5, 5, 2, "Owner 5")


def every(a, /, b, c=3, *rest, d, e=5, **more):  # type: ignore[no-untyped-def]
    return a, b, c, rest, d, e, more


def by_place(*rest, d=4):  # type: ignore[no-untyped-def]
    return rest, d


def by_name(a, /, b=2, *, d=4, **more):  # type: ignore[no-untyped-def]
    return a, b, d, more


@pytest.mark.parametrize("function", [every, by_place, by_name])
@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((1, 2), {"d": 4}),
        ((1,), {"d": 3}),
        ((1,), {"x": 3}),
        ((1,), {"b": 2, "d": 4, "e": 0, "a": 9, "f": 6}),
        ((1, 2, 0, 7, 8), {"d": 4}),
        ((), {}),
        ((1, 2), {}),
        ((1,), {"c": 2, "d": 3}),
    ],
)
def test_decorated_function_takes_what_the_function_takes(
    function: Any, args: tuple[int, ...], kwargs: dict[str, int]
) -> None:
    def outcome(called: Any) -> object:
        try:
            return called(*args, **kwargs)
        except TypeError as error:
            return str(error)

    assert outcome(unsafe_debug(function)) == outcome(function)
    assert inspect.signature(unsafe_debug(function)) == inspect.signature(function)


def test_generator_takes_what_is_sent_and_thrown_and_returns() -> None:
    running = generator(1)
    assert (next(running), running.send(5), running.throw(KeyError("x"))) == (1, 2, -1)
    with pytest.raises(StopIteration) as stopped:
        next(running)
    assert stopped.value.value == "returned"
    closed = generator(1)
    next(closed)
    closed.close()


def test_async_generator_takes_what_is_sent_and_thrown() -> None:
    async def use() -> list[int]:
        running = async_generator(1)
        found = [await anext(running), await running.asend(5), await running.athrow(KeyError("x"))]
        with pytest.raises(StopAsyncIteration):
            await anext(running)
        closed = async_generator(1)
        await anext(closed)
        await closed.aclose()
        return found

    assert asyncio.run(use()) == [1, 2, -1]


async def first(value: int) -> int:
    running = async_generator(value)
    await anext(running)
    return await running.asend(0)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: plain(0), ["plain"]),
        (lambda: asyncio.run(coroutine(0)), ["coroutine"]),
        (lambda: [next(one := generator(1)), one.send(0)], ["generator"]),
        (lambda: asyncio.run(first(0)), ["first", "async_generator"]),
        (lambda: Owner().method(0), ["method"]),
    ],
)
@pytest.mark.parametrize("switch", ["0", "1"])
def test_traceback_of_a_decorated_call_has_no_frame_of_naga(
    call: Any, names: list[str], switch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAGA_DEBUG", switch)
    with pytest.raises(ZeroDivisionError) as caught:
        call()
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [frame.name for frame in frames if frame.filename == __file__][2:] == names
    assert [frame.filename for frame in frames if "/naga/" in frame.filename] == []


def test_decorated_functions_can_be_pickled_and_sent_to_a_process() -> None:
    for function in (plain, coroutine, generator, async_generator, Owner.method):
        assert pickle.loads(pickle.dumps(function)) is function
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(plain, 5).result() == 2


def test_decorated_function_of_a_cell_can_be_pickled_by_value() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec("from naga import unsafe_debug\n@unsafe_debug\ndef half(value):\n    return value / 2\n", namespace)
    assert cloudpickle.loads(cloudpickle.dumps(namespace["half"]))(3) == 1.5


SCRIPT = """\
import asyncio
from naga import clicfg, unsafe_debug

@DECORATORS
def main(cfg):
    return below(cfg.param)

@unsafe_debug
def below(value):
    return 1 / value

if __name__ == '__main__':
    main()
"""


@pytest.mark.parametrize("switch", ["", "1"])
def test_traceback_of_a_script_has_no_frame_of_naga(tmp_path: Path, switch: str) -> None:
    decorators = "unsafe_debug\n@clicfg(config_class={'param': 0})"
    (tmp_path / "script.py").write_text(SCRIPT.replace("DECORATORS", decorators))
    done = run_python(tmp_path, "script.py", NAGA_DEBUG=switch)
    assert (done.returncode, done.stdout) == (1, "")
    assert [line.split()[-1] for line in done.stderr.splitlines() if line.startswith("  File")] == [
        "<module>", "main", "below",
    ]  # fmt: skip


@pytest.mark.parametrize("call", ["main()", "asyncio.run(main())"])
def test_coroutine_main_under_both_decorators_runs_as_a_script(tmp_path: Path, call: str) -> None:
    decorators = "unsafe_debug\n@clicfg(config_class={'param': 2})"
    text = SCRIPT.replace("DECORATORS", decorators).replace("def main", "async def main")
    text = text.replace("return below(cfg.param)", "print('ran', below(cfg.param))").replace(
        "    main()", f"    {call}"
    )
    (tmp_path / "script.py").write_text(text)
    done = run_python(tmp_path, "script.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran 0.5\n", "")
