"""Configs that are put together quickly are those that merging gives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naga.config.building import collect_layers
from naga.config.layers import Layer
from naga.config.plain import plain_config
from naga.config.variants import Variants
from naga.errors import NagaError


class Inner:
    """A nested level."""

    lr: float = 0.1
    name = "adam"


class Config:
    """Typed and untyped keys, and texts that are made of others."""

    param: int = 1
    flag: bool = False
    anything: Any = None
    inner = Inner()
    label = "run_${param}"
    copy = "${inner.lr}"
    save_dir = "results/${label}/${inner.name}"


LAYERS = collect_layers(Config, None, {}).flattened()
VALUES = st.one_of(
    st.integers(),
    st.floats(allow_nan=False),
    st.booleans(),
    st.none(),
    st.text(max_size=8),
    st.sampled_from(["3", "1e3"]),
)
KEYS = ("param", "flag", "anything", "inner.lr", "inner.name")


def merged(values: dict[str, Any]) -> Any:
    try:
        return plain_config(LAYERS.resolved(Layer.of_dotted("the task", values)))
    except NagaError as error:
        return type(error)


@given(st.sampled_from(KEYS), st.lists(VALUES, min_size=6, max_size=10))
def test_variants_of_any_values_are_what_merging_gives(key: str, given_values: list[Any]) -> None:
    variants = Variants(LAYERS, frozenset([key]))
    for value in given_values:
        try:
            found: Any = variants.config({key: value})
        except NagaError as error:
            found = type(error)
        assert found == merged({key: value})


@pytest.mark.parametrize(("key", "is_quick"), [("param", True), ("flag", True), ("inner.lr", False)])
def test_variants_are_quick_where_texts_are_filled_in_and_not_where_a_value_is_looked_up(
    key: str,
    is_quick: bool,
) -> None:
    assert Variants(LAYERS, frozenset([key])).is_quick is is_quick
