"""What mains returned, and the table of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from naga import PickledValue, UnavailableValue, results
from naga.errors import RefusedError
from naga.sweep.values import keep_value, load_value
from tests.sweep.projects import make_project, sweep, write_tasks

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Model:
    """A value that is not plain."""

    weight: float


@pytest.mark.parametrize("value", [1, 0.5, "text", True, [1, None], {"a": {"b": [1]}}])
def test_value_that_is_plain_comes_back_as_it_was(tmp_path: Path, value: Any) -> None:
    keep_value(tmp_path, value)

    assert load_value(tmp_path) == value


def test_value_of_numpy_comes_back_as_a_number(tmp_path: Path) -> None:
    keep_value(tmp_path, {"loss": np.float64(0.5)})

    assert load_value(tmp_path) == {"loss": 0.5}


def test_value_that_is_not_plain_is_unpickled_only_when_asked_for_and_never_somebody_elses(tmp_path: Path) -> None:
    keep_value(tmp_path, Model(0.5))
    value = load_value(tmp_path)
    assert isinstance(value, PickledValue)
    assert value.load() == Model(0.5)

    value.path.chmod(0o666)

    with pytest.raises(RefusedError, match="somebody else"):
        value.load()
    assert value.load(trust=True) == Model(0.5)


def test_value_that_cannot_be_pickled_is_reported_and_replaces_the_one_before(tmp_path: Path) -> None:
    keep_value(tmp_path, 1)
    keep_value(tmp_path, threading.Lock())

    value = load_value(tmp_path)

    assert isinstance(value, UnavailableValue)
    assert "pickle" in value.reason


def test_results_of_a_sweep_have_values_of_classes_of_the_script_and_of_what_cannot_be_kept(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    write_tasks(project, [1])
    assert sweep(project, "-o", "mode=object").returncode == 0
    (row,) = results(project / "results", table=False)
    assert row["value"].load().number == 1

    assert sweep(project, "-o", "mode=lock").returncode == 0
    (row,) = results(project / "results", table=False)
    assert (row["status"], row["config.mode"], type(row["value"])) == ("finished", "lock", UnavailableValue)
    assert results(project / "results", limit=0, table=False) == []
