"""Configs that are put together quickly are those that merging gives."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from naga.config.arguments import Arguments
from naga.config.building import ConfigLayers, collect_layers
from naga.config.layers import Layer
from naga.config.plain import plain_config
from naga.config.variants import Variants
from naga.errors import NagaError


class Mode(Enum):
    """Two members, whose names and values both name them."""

    FAST = 1
    SLOW = 2


class Inner:
    """A nested level, with a text that names its neighbour."""

    lr: float = 0.1
    name = "adam"
    own = "${.lr}/${param}"


class Config:
    """Typed and untyped keys, texts that are made of others, and interpolations that are more than text."""

    param: int = 1
    flag: bool = False
    anything: Any = None
    mode: Mode = Mode.FAST
    maybe: int | None = None
    either: int | str = 3
    place: Path = Path("in")
    kind: Literal["a", "b"] = "a"
    sizes: list[int] = [1, 2]  # noqa: RUF012 - as people write it
    loose: list[Any] = []  # noqa: RUF012 - as people write it
    table: dict[str, int] = {}  # noqa: RUF012 - as people write it
    inner = Inner()
    label = "run_${param}_${mode}_${maybe}"
    copy = "${inner.lr}"
    doubled: Any = "${twice:${inner.lr}}"
    first = "first is ${sizes.0}"
    listed = ["${place}", {"a": "${param}"}]  # noqa: RUF012
    constant = "${oc.env:HOME,none}"
    save_dir = "results/${label}/${inner.name}/${inner.own}/${constant}"


OmegaConf.register_resolver("twice", lambda value: value * 2, replace=True)
LAYERS = collect_layers(Config, None, {}).flattened()
SCALARS = st.one_of(
    st.integers(),
    st.floats(allow_nan=False),
    st.booleans(),
    st.none(),
    st.text(max_size=8),
    st.sampled_from(["3", "1e3", "FAST", "Mode.SLOW", "a", "${param}", "???"]),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=2))
KEYS = [name for name in vars(Config) if not name.startswith("_") and name not in ("inner", "save_dir")]
KEYS += ["inner.lr", "inner.name"]


def merged(values: dict[str, Any], layers: ConfigLayers = LAYERS) -> Any:
    try:
        return plain_config(layers.resolved(Layer.of_dotted("the task", values)))
    except NagaError as error:
        return type(error)


def made(variants: Variants, values: dict[str, Any]) -> Any:
    try:
        return variants.config(values)
    except NagaError as error:
        return type(error)


@settings(max_examples=100)
@given(st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True), st.data())
def test_variants_of_any_values_are_what_merging_gives(keys: list[str], data: st.DataObject) -> None:
    variants = Variants(LAYERS, frozenset(keys))
    for _ in range(8):
        values = {key: data.draw(VALUES) for key in keys}
        assert made(variants, values) == merged(values)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("param", [1, 2, "3"]),
        ("flag", [True, "no"]),
        ("mode", ["SLOW", "FAST", 2]),
        ("maybe", [None, 4]),
        ("either", [5, "text"]),
        ("place", ["a/b", "c"]),
        ("kind", ["b", "a"]),
        ("sizes", [[3], [1, 2, "3"]]),
        ("loose", [["x", None], [1.5]]),
        ("inner.lr", [0.5, "1e-3"]),
    ],
)
def test_variants_of_plain_values_are_put_together_without_merging(key: str, values: list[Any]) -> None:
    variants = Variants(LAYERS, frozenset([key]))
    for number in range(6):
        made(variants, {key: values[number % len(values)]})
    assert variants.is_quick
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(ConfigLayers, "resolved")
        found = [variants.config({key: value}) for value in values]
    assert found == [merged({key: value}) for value in values]


def test_variants_whose_first_tasks_differ_in_one_key_only_follow_the_other_key_later() -> None:
    variants = Variants(LAYERS, frozenset(["param", "inner.lr"]))
    for lr in (0.1, 0.2):
        for param in range(6):
            values = {"inner.lr": lr, "param": param}
            assert variants.config(values) == merged(values)


def test_variants_whose_first_tasks_are_the_same_follow_an_item_of_a_list_later() -> None:
    variants = Variants(LAYERS, frozenset(["sizes"]))
    for sizes in ([1], [1], [1], [1], [1], [2, 3]):
        assert variants.config({"sizes": sizes}) == merged({"sizes": sizes})


def test_variants_of_an_experiment_follow_its_full_name(tmp_path: Path) -> None:
    file = tmp_path / "stages.yml"
    file.write_text("fit:\n  param: 3\nlog: ${fit.param}.log\n")
    arguments = Arguments(config=file, experiment="fit", overrides=("label=${fit.param}", "copy=${log}"))
    layers = collect_layers(Config, None, {}, arguments).flattened()
    variants = Variants(layers, frozenset(["param"]))
    for param in (7, 7, 7, 7, 7, 8, 9):
        assert variants.config({"param": param}) == merged({"param": param}, layers)
