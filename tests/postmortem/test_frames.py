"""Which frames of a failure are the person's own, and what their variables are."""

from __future__ import annotations

import functools
import json
import os
import sys
import traceback
from typing import TYPE_CHECKING

import pytest

import naga
from naga import run_script, trim_traceback
from naga.postmortem.frames import is_user_file, user_frames
from tests.programs import load_module

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def failure(function: Callable[[], object]) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("/home/me/project/process.py", True),
        ("process.py", True),
        ("/home/me/site-packages.py", True),
        ("/home/me/old-site-packages/x.py", True),
        ("/tmp/ipykernel_12/345.py", True),
        ("<ipython-input-1-abc>", True),
        ("<stdin>", True),
        ("<string>", True),
        ("<python-input-0>", True),
        ("<frozen importlib._bootstrap>", False),
        ("<attrs generated init process.Config>", False),
        ("<__array_function__ internals>", False),
        (json.__file__, False),
        (pytest.__file__, False),
        ("/usr/lib/python3/dist-packages/yaml/__init__.py", False),
        ("/home/me/.local/lib/python3.11/site-packages/x.py", False),
        (naga.__file__, False),
        (naga.__file__.replace("__init__.py", "run/clicfg.py"), False),
        (os.path.dirname(naga.__file__) + "_ipython/magics.py", False),
        (os.path.dirname(naga.__file__) + "_other/process.py", True),
    ],
)
def test_file_is_the_persons_own_unless_it_was_installed(file: str, expected: bool) -> None:
    assert is_user_file(file) is expected


MODULE = """\
import functools
import json
from naga import clicfg

def outer(values):
    kept = 'outer'
    return inner(values)

def inner(values):
    total = 0
    return [total + 1 / value for value in values]

def lazy(values):
    return sum(1 / value for value in values)

def by_lambda(values):
    local = 'here'
    return list(map(lambda value: 1 / value, values))

def through_the_library(text):
    local = 'here'
    return json.loads(text)

@clicfg(config_class={'param': 0})
def main(cfg):
    local = 'here'
    return 1 / cfg.param

def generator():
    local = 'here'
    yield 1 / 0

def use_generator():
    caller = 'here'
    return sum(value for value in generator())
"""


def test_frames_go_from_the_outermost_to_the_one_that_failed(tmp_path: Path) -> None:
    module = load_module(tmp_path, MODULE)
    frames = user_frames(failure(lambda: module.outer([1, 0])))
    assert [frame.name for frame in frames][-2:] == ["outer", "inner"]
    assert [frame.line for frame in frames][-2:] == [7, 11]
    assert frames[-1].file == str(tmp_path / "process.py")
    assert frames[-2].locals == {"values": [1, 0], "kept": "outer"}


def test_variables_of_a_comprehension_and_a_lambda_belong_to_their_function(tmp_path: Path) -> None:
    module = load_module(tmp_path, MODULE)
    inner = user_frames(failure(lambda: module.inner([1, 0])))[-1]
    # From Python 3.12 on a comprehension has no frame of its own, and its variable is gone when it fails (PEP 709).
    gone = {"value": 0} if sys.version_info < (3, 12) else {}
    assert (inner.name, inner.locals) == ("inner", {"values": [1, 0], "total": 0, **gone})
    lazy = user_frames(failure(lambda: module.lazy([1, 0])))[-1]
    assert (lazy.name, lazy.locals) == ("lazy", {"values": [1, 0], "value": 0})
    by_lambda = user_frames(failure(lambda: module.by_lambda([0])))[-1]
    assert (by_lambda.name, by_lambda.locals) == ("by_lambda", {"values": [0], "local": "here", "value": 0})


def test_frames_of_libraries_are_left_out(tmp_path: Path) -> None:
    module = load_module(tmp_path, MODULE)
    frames = user_frames(failure(lambda: module.through_the_library("{")))
    assert frames[-1].name == "through_the_library"
    assert frames[-1].locals == {"text": "{", "local": "here"}


def test_frames_of_naga_are_left_out(tmp_path: Path) -> None:
    module = load_module(tmp_path, MODULE)
    frames = user_frames(failure(module.main))
    # A process that runs some of the tests for pytest is `python -c`, which is a program of a person.
    assert {frame.file for frame in frames} - {"<string>"} == {__file__, str(tmp_path / "process.py")}
    assert frames[-1].name == "main"


def test_frame_of_a_generator_is_the_deepest(tmp_path: Path) -> None:
    module = load_module(tmp_path, MODULE)
    frames = user_frames(failure(module.use_generator))
    assert [frame.name for frame in frames][-2:] == ["use_generator", "generator"]


def test_error_without_frames_of_the_person_has_none() -> None:
    assert user_frames(ValueError("never raised")) == []


def test_frame_of_a_module_has_no_dunders(tmp_path: Path) -> None:
    frames = user_frames(failure(lambda: load_module(tmp_path, "x = 1\n1 / 0\n")))
    assert (frames[-1].name, frames[-1].locals) == ("<module>", {"x": 1})


def test_trimmed_traceback_begins_with_the_person_and_has_no_naga(tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text("def main():\n    1 / 0\nmain()\n")
    error = failure(functools.partial(run_script, tmp_path / "failing.py"))
    assert any("script.py" in frame.filename for frame in traceback.extract_tb(error.__traceback__))

    trimmed = traceback.extract_tb(trim_traceback(error.__traceback__))

    assert [(frame.name, frame.lineno) for frame in trimmed[1:]] == [("<module>", 3), ("main", 2)]
    assert trimmed[0].name == "failure"


def test_trimmed_traceback_keeps_the_libraries_below_the_person(tmp_path: Path) -> None:
    module = load_module(tmp_path, MODULE)
    error = failure(lambda: module.through_the_library("{"))
    names = [frame.name for frame in traceback.extract_tb(trim_traceback(error.__traceback__))]
    assert names[-4:] == ["through_the_library", "loads", "decode", "raw_decode"]


def test_traceback_without_the_person_stays_whole() -> None:
    try:
        json.loads("{")
    except ValueError as error:
        below = error.__traceback__.tb_next if error.__traceback__ else None
    assert below is not None
    assert trim_traceback(below) is below
    assert trim_traceback(None) is None


def test_deep_recursion_is_walked_in_time(tmp_path: Path) -> None:
    module = load_module(tmp_path, "def down(n):\n    return down(n + 1)\n")
    frames = user_frames(failure(lambda: module.down(0)))
    assert len(frames) > sys.getrecursionlimit() / 3
    assert frames[-1].name == "down"


def test_frames_of_a_compiled_extension_are_not_the_persons_own(tmp_path: Path) -> None:
    text = "import numpy\ndef draws(low):\n    return numpy.random.default_rng(0).integers(low, 1)\n"
    error = failure(lambda: load_module(tmp_path, text).draws(5))
    deepest = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)][-1]
    assert deepest.endswith(".pyx")
    assert not os.path.isabs(deepest)
    assert [frame.name for frame in user_frames(error)][-1] == "draws"
