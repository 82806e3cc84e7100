"""The variables of a failure in the namespace of the person: which names, and never a value that is looked at."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest

import naga
from naga import keep_locals
from tests.programs import load_module, run_python

if TYPE_CHECKING:
    from pathlib import Path

MODULE = """\
def fail(rows, list=None, _private=1):
    a = 0
    In, Out, exit, get_ipython, __dunder__ = 1, 2, 3, 4, 5
    a / 0

def outer():
    b = 1
    fail([1])

def plain():
    x = 1
    1 / 0
"""


@pytest.fixture
def error(tmp_path: Path) -> BaseException:
    """Return a failure two functions deep."""
    with pytest.raises(ZeroDivisionError) as caught:
        load_module(tmp_path, MODULE).outer()
    return caught.value


def test_variables_of_the_deepest_frame_are_kept(error: BaseException) -> None:
    namespace: dict[str, Any] = {"other": 1}
    frame = keep_locals(error, namespace)
    assert frame is not None
    assert (frame.name, frame.line) == ("fail", 4)
    assert namespace == {"other": 1, "rows": [1], "a": 0}


def test_names_that_the_notebook_needs_are_never_replaced(error: BaseException) -> None:
    needed = {name: name for name in ("In", "Out", "get_ipython", "exit", "_private", "__dunder__")}
    namespace: dict[str, Any] = dict(needed)
    keep_locals(error, namespace)
    assert {name: namespace[name] for name in needed} == needed


def test_builtin_is_hidden_only_where_the_person_hid_it_already(error: BaseException) -> None:
    namespace: dict[str, Any] = {"list": "mine"}
    keep_locals(error, namespace)
    assert namespace["list"] is None


def test_message_names_place_and_names_but_no_value(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    keep_locals(error, {"a": "before", "rows": "secret", "naga": naga})
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        "naga: fail() at process.py:4 - 2 locals kept: rows, a; shadowed (undo: naga.last.restore()): rows, a; "
        "only in naga.locals: list, _private, In, Out, exit, get_ipython\n"
    )


@pytest.mark.parametrize("others", [{}, {"naga": "the person's own"}])
def test_message_says_what_to_import_where_naga_is_no_name_of_the_notebook(
    error: BaseException, capsys: pytest.CaptureFixture[str], others: dict[str, Any]
) -> None:
    keep_locals(error, {"a": "before", **others})
    printed = capsys.readouterr().err
    assert (
        "; shadowed (undo: import naga; naga.last.restore()): a; only in naga.locals (import naga): list, " in printed
    )


def test_message_of_a_function_without_variables_counts_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        load_module(tmp_path, "def bare():\n    1 / 0\n").bare()
    keep_locals(caught.value, {})
    assert capsys.readouterr().err == "naga: bare() at process.py:2 - no locals\n"


def test_message_of_a_function_whose_variables_cannot_be_put_there_counts_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        load_module(tmp_path, "def hidden(list=None):\n    1 / 0\n").hidden()
    keep_locals(caught.value, {"naga": naga})
    assert capsys.readouterr().err == "naga: hidden() at process.py:2 - only in naga.locals: list\n"


def test_same_failure_is_kept_once(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, Any] = {}
    keep_locals(error, namespace)
    namespace.clear()
    capsys.readouterr()
    assert keep_locals(error, namespace) is None
    assert namespace == {}
    assert capsys.readouterr().err == ""


def test_failure_that_was_sent_here_by_another_process_is_kept_here_too(error: BaseException) -> None:
    keep_locals(error, {})
    sent = pickle.loads(pickle.dumps(error))
    namespace: dict[str, Any] = {}
    assert keep_locals(sent.with_traceback(error.__traceback__), namespace) is not None
    assert namespace["a"] == 0


def test_failure_that_was_kept_can_still_be_pickled(error: BaseException) -> None:
    keep_locals(error, {})
    assert isinstance(pickle.loads(pickle.dumps(error)), ZeroDivisionError)


def test_failure_without_a_frame_of_the_person_keeps_nothing() -> None:
    assert keep_locals(ValueError("never raised"), {}) is None


def test_failure_in_a_script_that_nobody_sits_at_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import naga\n" + MODULE + "try:\n    outer()\nexcept ZeroDivisionError as error:\n"
        "    assert naga.keep_locals(error) is None\n    assert 'rows' not in globals()\n"
    )
    done = run_python(tmp_path, "script.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


HOSTILE = """\
def refuse(*_, **__):
    raise AssertionError('a value was looked at')

NAMES = [
    'bool', 'len', 'iter', 'next', 'contains', 'getitem', 'getattr', 'eq', 'ne', 'lt', 'le', 'gt', 'ge', 'hash',
    'repr', 'str', 'format', 'bytes', 'int', 'float', 'index', 'call', 'copy', 'deepcopy', 'reduce', 'reduce_ex',
    'sizeof', 'dir', 'enter', 'exit', 'fspath', 'getstate', 'length_hint', 'add', 'and', 'or',
    'getattribute', 'instancecheck', 'array', 'rich_repr',
]
Hostile = type('Hostile', (), {f'__{name}__': refuse for name in NAMES})

def fail():
    value = Hostile()
    nested = [value]
    1 / 0
"""


def test_values_are_never_looked_at(tmp_path: Path) -> None:
    module = load_module(tmp_path, HOSTILE)
    with pytest.raises(ZeroDivisionError) as caught:
        module.fail()
    namespace: dict[str, Any] = {"value": module.Hostile(), "nested": module.Hostile()}

    frame = keep_locals(caught.value, namespace)

    assert frame is not None
    assert type(namespace["value"]) is module.Hostile
    assert type(namespace["nested"]) is list


def test_receipt_of_a_failure_looks_at_no_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = HOSTILE.replace(
        "def fail():", "from naga import clicfg\n@clicfg(config_class={'save_dir': 'x'})\ndef fail(cfg):"
    )
    with pytest.raises(ZeroDivisionError):
        load_module(tmp_path, text).fail()
