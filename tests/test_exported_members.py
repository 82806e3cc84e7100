"""What ``import naga`` shows and what it costs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

import naga

HEAVY = {
    "IPython",
    "git",
    "importlib.metadata",
    "mlflow",
    "numpy",
    "omegaconf",
    "pandas",
    "platformdirs",
    "rich",
    "sqlite3",
    "subprocess",
    "submitit",
    "tqdm",
    "xxhash",
    "yaml",
}


def ask_fresh_interpreter(expression: str, *, first: str = "") -> Any:
    """Return what ``expression`` is in an interpreter that has done nothing but ``first``."""
    program = f"import json, sys\n{first}\nprint(json.dumps({expression}))"
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return json.loads(answer.stdout)


def test_all_is_sorted_as_ruff_sorts_it_and_has_no_twins() -> None:
    constants_then_classes = sorted(
        set(naga.__all__), key=lambda name: (not name.isupper(), not name[0].isupper(), name)
    )
    assert list(naga.__all__) == constants_then_classes


def test_dir_in_a_fresh_interpreter_shows_exactly_what_is_exported() -> None:
    shown = ask_fresh_interpreter("dir(naga)", first="import naga")
    assert {name for name in shown if not name.startswith("_")} == {
        name for name in naga.__all__ if not name.startswith("_")
    }


LIVE = {"last_run"}
"""What is asked for anew each time, and has no documentation of its own."""


@pytest.mark.parametrize("name", sorted(set(naga.__all__) - LIVE))
def test_exported_name_resolves_to_something_documented(name: str) -> None:
    member = getattr(naga, name)
    assert getattr(member, "__doc__", None)


def test_unknown_name_is_an_attribute_error_that_names_it() -> None:
    name = "no_such_name"
    with pytest.raises(AttributeError, match=name):
        getattr(naga, name)


def test_import_in_a_fresh_interpreter_loads_nothing_heavy() -> None:
    before = set(ask_fresh_interpreter("sorted(sys.modules)"))
    after = set(ask_fresh_interpreter("sorted(sys.modules)", first="import naga"))
    assert (after - before) & HEAVY == set()


def test_import_in_a_fresh_interpreter_loads_no_room_but_the_hook_of_the_resolvers() -> None:
    loaded = ask_fresh_interpreter(
        "sorted(name for name in sys.modules if name.startswith('naga'))", first="import naga"
    )
    hook = {"naga.config", "naga.config.resolvers"}
    assert set(loaded) <= {"naga", "naga._version", "naga.errors", *hook}
