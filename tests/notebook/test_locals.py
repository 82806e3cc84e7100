"""The local variables of a failure, in a real kernel: which are kept, when, and that all of it can be taken back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kernels import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kernels import Answer

PROCESS = """\
import asyncio, concurrent.futures, contextlib, json, sys, threading, time
from naga import clicfg, unsafe_debug


def main(cfg):
    a = len(cfg)
    rows = [a]
    list = 'hidden'
    return rows[7]

@unsafe_debug
def divide(total, divisor=0):
    assert sys.gettrace() is None
    return total / divisor

@unsafe_debug
def outer(total):
    name = 'outer'
    return middle(total)

def middle(total):
    return divide(total)

def handles(total):
    try:
        return outer(total)
    except ZeroDivisionError:
        return 'handled'

def retries(total):
    for divisor in (0, 0, 2):
        try:
            return divide(total, divisor)
        except ZeroDivisionError:
            continue

def hands_on(total):
    return divide(total)

@unsafe_debug
def waits(total):
    waiting = 'yes'
    print('asleep', flush=True)
    time.sleep(60)

@unsafe_debug
async def coroutine(total):
    await asyncio.sleep(0)
    inner = total
    return 1 / total

@unsafe_debug
def generator(total):
    for number in range(2, -1, -1):
        yield total / number

@unsafe_debug
async def async_generator(total):
    for number in range(2, -1, -1):
        yield total / number

@unsafe_debug
def deep(level):
    return deep(level + 1)

@unsafe_debug
@clicfg(config_class={'param': 0})
def configured(cfg):
    local = 'here'
    return 1 / cfg.param

@unsafe_debug
@clicfg(config_class={'param': 0})
async def configured_coroutine(cfg):
    local = 'there'
    return 1 / cfg.param

@unsafe_debug
def chained(text):
    try:
        parse(text)
    except ValueError as error:
        raise RuntimeError('on purpose') from error

def parse(text):
    parsed = 'a part'
    raise ValueError(text)

@unsafe_debug
def grouped(count):
    errors = []
    for number in range(count):
        try:
            leaf_function(number)
        except KeyError as error:
            errors.append(error)
    raise ExceptionGroup('several', errors)

def leaf_function(number):
    leaf = f'leaf {number}'
    raise KeyError(number)

def through_json(text):
    local = 'here'
    return json.loads(text)

def by_lambda(values):
    local = 'here'
    return sorted(values, key=lambda value: 1 / value)

def apply(function, argument):
    applied = True
    return function(argument)

def lambda_elsewhere(values):
    local = 'here'
    return apply(lambda value: 1 / value, values)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "process.py").write_text(PROCESS)
    return folder


@pytest.fixture(scope="module")
def shared(folder: Path, libraries: str) -> Iterator[Kernel]:
    kernel = Kernel(folder, NAGA_DEBUG="1")
    kernel.run("%load_ext naga\nimport json, naga, process, pytest, sys")
    yield kernel
    kernel.stop()


@pytest.fixture
def kernel(shared: Kernel) -> Iterator[Kernel]:
    """Yield a kernel with the extension, in which nothing has failed; the tests of this file share it."""
    shared.run("before = set(globals())")
    yield shared
    shared.run("%naga_clear\n%naga_postmortem off\nfor _one in set(globals()) - before:\n    del globals()[_one]")


def value_of(kernel: Kernel, expression: str) -> object:
    answer = kernel.run(f"print(json.dumps({expression}))")
    assert answer.errors == [], answer.traceback
    return json.loads(answer.stdout)


def kept(kernel: Kernel) -> object:
    """Return what of the last failure is in `naga.locals` and what in the notebook."""
    return value_of(kernel, "[sorted(naga.locals), sorted(n for n in naga.locals if n in globals())]")


def failing(kernel: Kernel, call: str) -> Answer:
    """Have a call fail in a cell of which every failure is kept."""
    answer = kernel.run(f"%%debug_locals\n{call}")
    # IPython prints the traceback of a group as text.
    assert (answer.status, len(answer.errors)) == ("error", "Group" not in answer.stderr), answer
    return answer


def test_failure_says_in_one_line_what_is_where_and_restore_brings_the_old_values_back(kernel: Kernel) -> None:
    kernel.run("a = 'before'")
    answer = failing(kernel, "process.main('x')")
    assert answer.stderr == (
        "naga: main() at process.py:9 - 3 locals kept: cfg, a, rows; shadowed (undo: %naga_restore): a; "
        "only in naga.locals: list\n"
    )
    assert value_of(kernel, "[cfg, a, rows, list is __builtins__.list]") == ["x", 1, [1], True]

    restored = kernel.run("%naga_restore")

    assert (restored.status, restored.stderr) == ("ok", "naga: restored: a\n")
    assert value_of(kernel, "[cfg, a, rows, naga.locals.a]") == ["x", "before", [1], 1]
    assert kernel.run("%naga_restore").stderr == "naga: nothing to restore\n"


def test_restore_leaves_names_that_were_given_a_value_since(kernel: Kernel) -> None:
    kernel.run("a, rows = 'before', 'before'")
    failing(kernel, "process.main('x')")
    kernel.run("a = 'since'")
    answer = kernel.run("%naga_restore")
    assert answer.stderr == "naga: restored: rows; left as you have set them since: a\n"
    assert value_of(kernel, "[a, rows]") == ["since", "before"]


def test_locals_are_a_mapping_with_attributes_and_completion(kernel: Kernel) -> None:
    failing(kernel, "process.main('x')")
    assert value_of(kernel, "[naga.locals['cfg'], naga.locals.list, len(naga.locals), list(naga.locals)]") == [
        "x", "hidden", 4, ["cfg", "a", "rows", "list"],
    ]  # fmt: skip
    assert any("rows" in match for match in kernel.complete("naga.locals.ro"))
    assert any("rows" in match for match in kernel.complete("naga.locals['ro"))
    missing = kernel.run("naga.locals.nothing")
    assert [error["ename"] for error in missing.errors] == ["AttributeError"]


def test_locals_are_shown_by_names_and_types_and_never_by_values(kernel: Kernel) -> None:
    failing(kernel, "process.main('hunter2')")
    (shown,) = kernel.run("naga.locals").results
    assert shown["text/plain"].splitlines() == [
        "naga.locals of main() at process.py:9", "cfg   str", "a     int", "rows  list", "list  str",
    ]  # fmt: skip
    assert "<td" in shown["text/html"]
    (frames,) = kernel.run("naga.last.frames").results
    for text in (*shown.values(), *frames.values()):
        assert "hunter2" not in text
        assert "hidden" not in text


NEVER = """\
%%debug_locals
def fails():
    In = Out = get_ipython = exit = quit = _ = __ = _3 = _i = _private = __dunder__ = 'bad'
    len = sum = 'bad'
    good = 1
    1 / 0
fails()
"""


def test_names_of_the_notebook_and_builtins_are_never_replaced(kernel: Kernel) -> None:
    kernel.run("sum = 'my own'")
    answer = kernel.run(NEVER)
    assert "2 locals kept: sum, good; shadowed (undo: %naga_restore): sum; only in naga.locals: " in answer.stderr
    names = "In Out get_ipython exit quit _ __ _3 _i _private len"
    assert value_of(kernel, f"[name for name in '{names}'.split() if globals().get(name) == 'bad']") == []
    assert value_of(kernel, "[naga.locals['len'], naga.locals['exit'], '__dunder__' in naga.locals]") == [
        "bad", "bad", False,
    ]  # fmt: skip
    kernel.run("%naga_restore")
    assert value_of(kernel, "sum") == "my own"


def test_second_failure_takes_the_place_of_the_first(kernel: Kernel) -> None:
    kernel.run("total, cfg = 'before', 'before'")
    failing(kernel, "process.main('x')")
    failing(kernel, "process.divide(1)")
    assert value_of(kernel, "[total, cfg, 'rows' in globals(), list(naga.locals)]") == [
        1, "before", False, ["total", "divisor"],
    ]  # fmt: skip


def test_run_that_succeeds_takes_back_what_a_failure_left(kernel: Kernel, folder: Path) -> None:
    kernel.run("total = 'before'")
    failing(kernel, "process.divide(1)")
    (folder / "good.py").write_text("good = 1\n")
    assert kernel.run("%naga_run good.py").status == "ok"
    assert value_of(kernel, "[total, 'divisor' in globals(), len(naga.locals)]") == ["before", False, 0]


def test_failure_of_the_cell_itself_leaves_what_was_kept(kernel: Kernel) -> None:
    failing(kernel, "process.divide(1)")
    answer = failing(kernel, "divisor.nothing")
    assert answer.stderr == ""
    assert kept(kernel) == [["divisor", "total"], ["divisor", "total"]]


def test_frames_go_from_the_cell_to_the_deepest_and_tell_libraries(kernel: Kernel) -> None:
    failing(kernel, "process.through_json('{')")
    names = value_of(kernel, "[[f.name, f.line, f.user] for f in naga.last.frames]")
    assert isinstance(names, list)
    assert names[0] == ["<module>", 2, True]
    assert names[1] == ["through_json", names[1][1], True]
    assert [user for _, _, user in names[2:]] == [False] * (len(names) - 2) != []
    assert value_of(kernel, "[naga.last.frame.name, naga.last.frames[1].file[-10:], naga.last.frames[1].locals]") == [
        "through_json", "process.py", {"text": "{", "local": "here"},
    ]  # fmt: skip
    (shown,) = kernel.run("%naga_frame").results
    lines = shown["text/plain"].splitlines()
    assert "those of the notebook" in lines[1]
    assert lines[2].startswith("->  1  through_json")
    assert "library" in lines[3]
    assert shown["text/html"].count("<tr>") == len(lines)


@pytest.mark.parametrize(
    ("call", "name", "names"),
    [
        ("process.by_lambda([0])", "by_lambda", ["local", "value", "values"]),
        ("process.lambda_elsewhere(0)", "lambda_elsewhere", ["local", "value", "values"]),
    ],
)
def test_frame_of_a_lambda_is_that_of_its_function(kernel: Kernel, call: str, name: str, names: list[str]) -> None:
    failing(kernel, call)
    assert value_of(kernel, "[naga.last.frame.name, sorted(naga.locals)]") == [name, names]
    assert value_of(kernel, "[frame.name for frame in naga.last.frames if '<lambda>' in frame.name]") == []


def test_frame_up_down_and_by_number(kernel: Kernel) -> None:
    failing(kernel, "process.outer(5)")
    assert value_of(kernel, "[frame.name for frame in naga.last.frames]") == ["<module>", "outer", "middle", "divide"]
    said = kernel.run("%naga_frame up")
    assert (said.status, said.stderr) == ("ok", "naga: middle() at process.py:22 - 1 local kept: total\n")
    assert kept(kernel) == [["total"], ["total"]]
    assert kernel.run("%naga_frame up").stderr.endswith("kept: total, name\n")
    assert value_of(kernel, "[name, 'divisor' in globals()]") == ["outer", False]
    assert "those of the notebook" in kernel.run("%naga_frame up").stderr
    assert "further up" in kernel.run("%naga_frame up").stderr
    kernel.run("%naga_frame 3")
    assert value_of(kernel, "divisor") == 0
    assert "further down" in kernel.run("%naga_frame down").stderr


def test_frame_of_a_cause_and_back(kernel: Kernel) -> None:
    failing(kernel, "process.chained('hunter2')")
    assert value_of(kernel, "naga.last.type") == "RuntimeError"
    assert kernel.run("%naga_frame cause").stderr.endswith("2 locals kept: text, parsed\n")
    assert value_of(kernel, "[naga.last.type, parsed]") == ["ValueError", "a part"]
    assert "nothing is behind" in kernel.run("%naga_frame cause").stderr
    kernel.run("%naga_frame back")
    assert value_of(kernel, "naga.last.frame.name") == "chained"


def test_frame_of_a_leaf_of_a_group(kernel: Kernel) -> None:
    failing(kernel, "process.grouped(3)")
    kernel.run("%naga_frame leaf 2")
    assert value_of(kernel, "[leaf, number, naga.last.type]") == ["leaf 2", 2, "KeyError"]
    kernel.run("%naga_frame back")
    answer = kernel.run("%naga_frame leaf 3")
    assert (answer.status, answer.errors) == ("error", [])
    assert "has 3, from 0 on" in answer.stderr


@pytest.mark.parametrize("line", ["%naga_frame sideways", "%naga_frame up down", "%naga_frame 99", "%naga_restore x"])
def test_wrong_line_fails_its_cell_with_one_line(kernel: Kernel, line: str) -> None:
    failing(kernel, "process.divide(1)")
    answer = kernel.run(line)
    assert (answer.status, answer.errors) == ("error", [])
    assert answer.stderr.startswith("UsageError: ")
    assert answer.stderr.count("\n") == 1


def test_frame_when_nothing_has_failed_says_so(kernel: Kernel) -> None:
    assert "nothing has failed" in kernel.run("%naga_frame up").stderr
    assert "nothing has failed" in kernel.run("naga.last").results[0]["text/plain"]
    assert "nothing has failed" in kernel.run("naga.locals").results[0]["text/plain"]


def test_decorated_call_that_fails_in_the_cell_says_one_line(kernel: Kernel) -> None:
    answer = kernel.run("process.outer(5)\nprint('went on')")
    assert [error["ename"] for error in answer.errors] == ["ZeroDivisionError"]
    assert answer.stdout == ""
    assert answer.stderr == "naga: divide() at process.py:14 - 2 locals kept: total, divisor\n"
    assert "postmortem" not in answer.traceback
    assert [frame for frame in ("outer(", "middle(", "divide(") if frame not in answer.traceback] == []


@pytest.mark.parametrize(
    "cell",
    [
        "print(process.handles(5))",
        "with pytest.raises(ZeroDivisionError):\n    process.outer(5)",
        "def test():\n    with pytest.raises(ZeroDivisionError):\n        process.outer(5)\ntest()",
        "import contextlib\nwith contextlib.suppress(ZeroDivisionError):\n    process.divide(5)",
        "print(process.retries(5))",
        (
            "for divisor_ in (0, 0, 2):\n    try:\n        process.divide(5, divisor_)\n        break\n"
            "    except ZeroDivisionError: pass"
        ),
        (
            "with process.concurrent.futures.ThreadPoolExecutor() as pool:\n"
            "    assert type(pool.submit(process.divide, 5).exception()) is ZeroDivisionError"
        ),
        "try:\n    sys.exit(process.unsafe_debug(sys.exit)(3))\nexcept SystemExit: pass",
    ],
)
def test_failure_that_was_handled_leaves_nothing(kernel: Kernel, cell: str) -> None:
    answer = kernel.run(cell)
    assert (answer.status, answer.errors) == ("ok", [])
    assert kept(kernel) == [[], []]
    assert value_of(kernel, "[name for name in ('total', 'divisor', 'name') if name in globals()]") == []
    hooks = "[sum('naga' in type(getattr(one, '__self__', None)).__module__ for one in callbacks) for callbacks in "
    hooks += "(get_ipython().events.callbacks['post_run_cell'], get_ipython().events.callbacks['pre_run_cell'])]"
    assert value_of(kernel, hooks) == [1, 0]


def test_failure_that_was_handled_is_not_found_by_the_next_one_that_was_not_decorated(kernel: Kernel) -> None:
    answer = kernel.run("process.handles(5)\n1 / 0")
    assert len(answer.errors) == 1
    assert answer.stderr == ""
    assert kept(kernel) == [[], []]


@pytest.mark.parametrize(
    "cell",
    [
        "try:\n    process.outer(5)\nexcept ZeroDivisionError:\n    print(divisor)",
        "try:\n    with open(json.__file__):\n        process.outer(5)\nexcept ZeroDivisionError:\n    print(divisor)",
    ],
)
def test_failure_that_the_cell_itself_catches_is_kept(kernel: Kernel, cell: str) -> None:
    answer = kernel.run(cell)
    assert (answer.status, answer.stdout) == ("ok", "0\n")
    assert kept(kernel) == [["divisor", "total"], ["divisor", "total"]]


@pytest.mark.parametrize(
    "cell",
    [
        "process.hands_on(5)",
        "[process.divide(5) for _ in range(2)]",
        "with pytest.raises(KeyError):\n    process.outer(5)",
        "list(map(process.divide, [5]))",
    ],
)
def test_failure_that_nobody_handles_is_kept_at_the_end_of_the_cell(kernel: Kernel, cell: str) -> None:
    answer = kernel.run(cell)
    assert [error["ename"] for error in answer.errors] == ["ZeroDivisionError"]
    assert answer.stderr.count("naga: ") == 1
    assert kept(kernel) == [["divisor", "total"], ["divisor", "total"]]


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("await process.coroutine(0)", "coroutine() at process.py:{} - 2 locals kept: total, inner"),
        ("process.asyncio.run(process.coroutine(0))", "coroutine() at process.py:{} - 2 locals kept: total, inner"),
        (
            "task = process.asyncio.create_task(process.coroutine(0))\nawait task",
            "coroutine() at process.py:{} - 2 locals kept: total, inner",
        ),
        ("list(process.generator(4))", "generator() at process.py:{} - 2 locals kept: total, number"),
        (
            "[one async for one in process.async_generator(4)]",
            "async_generator() at process.py:{} - 2 locals kept: total, number",
        ),
        ("process.configured()", "configured() at process.py:{} - 2 locals kept: cfg, local"),
        ("await process.configured_coroutine()", "configured_coroutine() at process.py:{} - 2 locals kept: cfg, local"),
    ],
)
def test_failure_of_every_kind_of_function_is_kept(kernel: Kernel, cell: str, line: str) -> None:
    if "asyncio.run" in cell:
        cell = f"import threading\ndef run():\n    return {cell}\nimport concurrent.futures\n"
        cell += "concurrent.futures.ThreadPoolExecutor(thread_name_prefix='pool').submit(run).result()"
        line = line.replace("{}", "{} in thread pool_0")
    answer = kernel.run(cell)
    assert [error["ename"] for error in answer.errors] == ["ZeroDivisionError"]
    head, _, tail = line.partition("{}")
    assert answer.stderr.startswith(f"naga: {head}")
    assert answer.stderr.endswith(f"{tail}\n")
    assert answer.stderr.count("naga: ") == 1
    assert "naga/postmortem" not in answer.traceback


def test_interrupt_is_kept(kernel: Kernel) -> None:
    answer = kernel.run("process.waits(5)", interrupt_at="asleep")
    assert [error["ename"] for error in answer.errors] == ["KeyboardInterrupt"]
    assert kept(kernel) == [["total", "waiting"], ["total", "waiting"]]


def test_failure_of_a_thread_is_kept_and_names_the_thread(kernel: Kernel) -> None:
    cell = "thread = process.threading.Thread(target=process.divide, args=(5,), name='reader')\n"
    answer = kernel.run(f"{cell}thread.start(); thread.join()")
    assert answer.status == "ok"
    assert "naga: divide() at process.py:14 in thread reader - 2 locals kept: total, divisor\n" in answer.stderr
    assert "ZeroDivisionError" in answer.stderr
    assert kept(kernel) == [["divisor", "total"], ["divisor", "total"]]
    assert (
        value_of(kernel, "'naga' in type(getattr(process.threading.excepthook, '__self__', None)).__module__") is False
    )


def test_recursion_error_is_kept_soon(kernel: Kernel) -> None:
    answer = kernel.run("process.deep(0)")
    assert [error["ename"] for error in answer.errors] == ["RecursionError"]
    assert answer.stderr.startswith("naga: deep() at process.py:")
    assert value_of(kernel, "level") > 100  # type: ignore[operator]
    timed = "import time\nbegin = time.process_time()\ntry:\n    process.deep(0)\nexcept RecursionError: pass\n"
    assert value_of(kernel, "naga.last.type") == "RecursionError"
    kernel.run(f"{timed}took = time.process_time() - begin")
    assert value_of(kernel, "took") < 1  # type: ignore[operator]


def test_postmortem_on_keeps_every_failing_cell_until_it_is_off(kernel: Kernel) -> None:
    kernel.run("%naga_postmortem on")
    answer = kernel.run("process.main('x')")
    assert answer.stderr.startswith("naga: main() at process.py:9 - 3 locals kept: cfg, a, rows")
    kernel.run("%naga_postmortem off")
    assert kernel.run("process.by_lambda([0])").stderr == ""
    assert value_of(kernel, "naga.last.frame.name") == "main"


HOSTILE = """\
def refuse(*_, **__):
    raise AssertionError('a value was looked at')
NAMES = ['bool', 'len', 'iter', 'next', 'contains', 'getitem', 'eq', 'ne', 'hash', 'repr', 'str', 'format', 'call',
         'copy', 'deepcopy', 'reduce', 'reduce_ex', 'getstate', 'dir', 'getattribute', 'getattr', 'sizeof', 'del_']
class Meta(type):
    __repr__ = __eq__ = __instancecheck__ = __subclasscheck__ = __getattribute__ = refuse
    __hash__ = type.__hash__
Hostile = Meta('Hostile', (), {f'__{name}__': refuse for name in NAMES})
def fails():
    hostile, other = Hostile(), [Hostile()]
    raise RuntimeError('on purpose')
"""


def test_values_are_never_looked_at(kernel: Kernel) -> None:
    kernel.run(HOSTILE + "hostile = Hostile()")
    for cell in ("fails()", "naga.last.frames", "naga.locals", "%naga_frame up", "%naga_frame 1", "%naga_restore"):
        answer = kernel.run(f"%%debug_locals\n{cell}" if cell == "fails()" else cell)
        assert "looked at" not in answer.stderr
        assert [error["evalue"] for error in answer.errors] in ([], ["on purpose"])
    kernel.run("%%debug_locals\nfails()")
    assert kernel.run("naga.locals").results[0]["text/plain"].splitlines()[1:] == ["hostile  Hostile", "other    list"]
    assert kernel.run("%naga_clear").status == "ok"


DEBUGGED = [
    ("%%debug_locals\nimport asyncio\nawait asyncio.sleep(0, 'value')", "'value'"),
    ("%%debug_locals\n\n1 + 1", "2"),
    ("\n\n%%debug_locals\n1 + 2", "3"),
]


@pytest.mark.parametrize(("cell", "shown"), DEBUGGED)
def test_debug_locals_runs_its_cell_as_an_ordinary_one(kernel: Kernel, cell: str, shown: str) -> None:
    answer = kernel.run(cell)
    assert (answer.errors, answer.stderr) == ([], "")
    assert [result["text/plain"] for result in answer.results] == [shown]


def test_debug_locals_is_a_real_cell_magic(kernel: Kernel) -> None:
    assert "%%debug_locals" in kernel.run("%lsmagic").results[0]["text/plain"]
    call = "get_ipython().run_cell_magic('debug_locals', '', {!r})"
    shown = kernel.run(call.format("1 + 1\n"))
    assert [result["text/plain"] for result in shown.results] == ["2"]
    failed = kernel.run(call.format("process.main('x')\n"))
    assert (failed.status, len(failed.errors)) == ("error", 1)
    assert kept(kernel) == [["a", "cfg", "list", "rows"], ["a", "cfg", "rows"]]
    assert value_of(kernel, "cfg") == "x"
    assert "ordinary cell" in kernel.inspect("%%debug_locals")


def test_debug_locals_with_words_fails_with_one_line(kernel: Kernel) -> None:
    answer = kernel.run("%%debug_locals now\n1 / 0")
    assert (answer.status, answer.errors) == ("error", [])
    assert "takes nothing" in answer.stderr


TYPED = """\
%load_ext naga
import naga, process
process.divide(5)
print([frame.name for frame in naga.last.frames], divisor)
%naga_run run.py
print([frame.name for frame in naga.last.frames], divisor)
"""


def test_frames_in_a_terminal_begin_at_the_cell_and_not_in_the_program_ipython(folder: Path, tmp_path: Path) -> None:
    (folder / "run.py").write_text("import process\nprocess.divide(5)\n")
    done = subprocess.run(
        [Path(sys.executable).parent / "ipython", "--simple-prompt", "--colors=NoColor"],
        input=TYPED,
        cwd=folder,
        env={**os.environ, "NAGA_DEBUG": "1", "IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "['<module>', 'divide'] 0\n" in done.stdout
    assert "['<module>', '<module>', 'divide'] 0\n" in done.stdout
    assert done.stderr.count("naga: divide() at process.py:14 - 2 locals kept: total, divisor\n") == 2


EDITED = """\
from naga import clicfg, unsafe_debug

class Config:
    param = {param}

@unsafe_debug
@clicfg(config_class=Config)
def main(cfg):
    return cfg.param + {plus}

@clicfg(config_class=Config)
@unsafe_debug
def other(cfg):
    return cfg.param + {plus}

@unsafe_debug
def helper(value):
    return value + {plus}
"""


def test_autoreload_sees_edits_through_both_decorators(kernel: Kernel, folder: Path) -> None:
    (folder / "edited.py").write_text(EDITED.format(param=1, plus=10))
    kernel.run("%load_ext autoreload\n%autoreload 2")
    assert value_of(kernel, "1") == 1
    kernel.run("from edited import main, other, helper")
    assert value_of(kernel, "[main(), other(), helper(1)]") == [11, 11, 11]
    (folder / "edited.py").write_text(EDITED.format(param=1000, plus=2000))
    assert value_of(kernel, "[main(), other(), helper(1), main(param=5)]") == [3000, 3000, 2001, 2005]
    kernel.run("%autoreload 0")
