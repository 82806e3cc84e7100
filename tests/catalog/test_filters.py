"""Filters of runs: what they mean, and what is said of those that cannot be understood."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naga.catalog.filters import parse_filters
from naga.catalog.runs import Run
from naga.errors import UsageError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def make(**changes: Any) -> Run:
    values: dict[str, Any] = {
        "path": Path("/results/run.lock"),
        "id": "01a1fc6f",
        "stage": "train",
        "status": "finished",
        "state": "ok",
        "started": "2026-11-20T12:00:00.000Z",
        "config": {
            "lr": 0.1,
            "name": "b",
            "flag": True,
            "none": None,
            "layers": [1, 2],
            "model": {"depth": 3},
            "a.b": 7,
        },
    }
    return Run(**{**values, **changes})


def fits(word: str, **changes: Any) -> bool:
    (found,) = parse_filters([word], now=NOW)
    return found.fits(make(**changes))


@pytest.mark.parametrize(
    "word",
    [
        *("stage:train", "stage:t*n", "stage:?rain", "status:finished", "finished", "status:ok", "ok"),
        *("since:1d", "since:25h", "since:2w", "since:86400s", "since:1440m", "since:2026-11-20"),
        *("since:2026-11-20T12:00:00Z", "since:2026-11-20T13:00:00+01:00"),
        *("lr=0.1", "lr==0.1", "lr = 0.1", "lr=1e-1", "lr=.1", "lr>0.01", "lr>=0.1", "lr<1", "lr<=0.1", "lr!=0.2"),
        *("name=b", 'name="b"', "name>a", "name!=c", "flag=true", "flag!=false", "none=null", "layers=[1, 2]"),
        *("model.depth=3", "model.depth>2.5", "a.b=7", 'model={"depth": 3}'),
    ],
)
def test_filter_that_fits_lets_the_run_through(word: str) -> None:
    assert fits(word)


@pytest.mark.parametrize(
    "word",
    [
        *("stage:trai", "stage:Train", "stage:eval*", "status:failed", "failed", "status:stale", "stale", "unreadable"),
        *("since:23h", "since:0.5d", "since:2026-11-21", "since:2026-11-20T12:00:01Z"),
        *("lr=0.2", "lr>0.1", "lr<0.1", "lr!=0.1", "lr=x", "lr>x", "name=c", "name>1", "name>c", "flag=1", "flag>0"),
        *(
            "flag=True",
            "none=0",
            "layers=[1]",
            "layers>1",
            "model.depth!=3",
            "model.depth.x=3",
            "missing=1",
            "missing!=1",
        ),
    ],
)
def test_filter_that_does_not_fit_keeps_the_run_out(word: str) -> None:
    assert not fits(word)


@pytest.mark.parametrize("word", ["stage:train", "finished", "since:1d", "lr=0.1"])
def test_filter_of_a_receipt_that_cannot_be_read_keeps_it_out(word: str) -> None:
    (found,) = parse_filters([word], now=NOW)
    assert not found.fits(Run(path=Path("/run.lock"), problem="broken"))


def test_filter_for_what_cannot_be_read_finds_it() -> None:
    (found,) = parse_filters(["unreadable"])
    assert found.fits(Run(path=Path("/run.lock"), problem="broken"))


@pytest.mark.parametrize(
    ("word", "needs"), [("ok", True), ("status:stale", True), ("missing", True), ("failed", False), ("lr=1", False)]
)
def test_filter_says_whether_data_has_to_be_looked_at(word: str, needs: bool) -> None:
    assert parse_filters([word])[0].needs_state is needs


@pytest.mark.parametrize("started", ["", "yesterday", "2026-13-01T00:00:00Z"])
def test_run_whose_start_cannot_be_read_is_since_never(started: str) -> None:
    assert not fits("since:9999w", started=started)


@pytest.mark.parametrize(
    ("word", "place", "hint"),
    [
        ("stage:", 7, "as in stage:train"),
        ("status:stael", 8, "did you mean stale?"),
        ("status:zzz", 8, "there are unreadable, started"),
        ("since:soon", 7, "an age such as"),
        ("since:2y", 7, "an age such as"),
        ("since:999999999999w", 7, "an age such as"),
        ("stag:train", 1, "did you mean stage:train?"),
        ("xyz:train", 1, "there are stage:, status:, since:"),
        ("train", 1, "stage:train"),
        ("fialed", 1, "did you mean failed?"),
        ("", 1, "stage:"),
        ("=3", 1, "as in lr>0.01"),
        ("lr>", 4, "as in lr>1"),
        ("lr!3", 3, "as in lr!=VALUE"),
        ("lr>>3", 4, "as in lr>1"),
        ("lr=<3", 4, "as in lr=1"),
        ("lr>[1]", 4, "= or !="),
        ("lr<null", 4, "= or !="),
    ],
)
def test_filter_that_cannot_be_understood_names_the_place(word: str, place: int, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_filters(["finished", word])
    assert repr(word) in str(caught.value)
    assert f"(character {place})" in str(caught.value)
    assert hint in (caught.value.hint or "")


@given(st.text(max_size=30))
def test_filter_of_whatever_text_is_understood_or_a_usage_error(word: str) -> None:
    try:
        (found,) = parse_filters([word])
    except UsageError as error:
        assert "\n" not in error.one_line()
    else:
        assert isinstance(found.fits(make()), bool)


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_comparison_of_two_numbers_is_that_of_python(value: float, other: float) -> None:
    config = {"x": value}
    assert fits(f"x<{other!r}", config=config) == (value < other)
    assert fits(f"x>={other!r}", config=config) == (value >= other)
    assert fits(f"x={other!r}", config=config) == (value == other)
