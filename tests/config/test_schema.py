"""What can be a config: classes, objects and mappings of every kind, and the keys and types that they give."""

# ruff: noqa: RUF009, RUF012 - configs as people write them
from __future__ import annotations

import dataclasses
import enum
from pathlib import Path
from typing import Any, ClassVar, Optional

import attrs
import omegaconf
import pytest
from omegaconf import MISSING, DictConfig, OmegaConf

from naga import NagaError, clicfg
from naga.errors import ConfigError, MissingValueError, UnknownKeyError, WrongTypeError


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Inner:
    x = 1
    name = "n"


@dataclasses.dataclass
class InnerData:
    x: int = 1


@attrs.define
class InnerAttrs:
    x: int = 1


def received(config_class: Any, *given: Any, **values: Any) -> DictConfig:
    """Return the config that a main of this class is called with."""

    @clicfg(config_class=config_class, lock=False)
    def main(cfg: DictConfig) -> DictConfig:
        return cfg

    return main(*given, **values)


def plain(config_class: Any, *given: Any, **values: Any) -> Any:
    return OmegaConf.to_container(received(config_class, *given, **values))


class Inferred:
    number = 1
    text = "x"
    ratio = 1.5
    flag = True
    nothing = None
    items = [1, 2]
    table = {"a": 1}
    place = Path("a/b")
    color = Color.RED


class Annotated:
    number: int = 1
    ratio: float = 2
    maybe: Optional[int] = None  # noqa: UP045 - both forms are to be understood
    either: int | None = 3
    union: int | str = "x"
    items: list[int] = [1]
    table: dict[str, int] = {"a": 1}
    place: Path = Path("a")
    color: Color = Color.RED
    anything: Any = 3


class Mixed:
    first: int = 1
    second: str
    third: float = 2
    fourth = "y"


class Base:
    kept = 1
    replaced = "base"


class Derived(Base):
    replaced = "derived"
    added: float = 3


class WithMethods:
    number = 1
    LIMIT: ClassVar[int] = 9
    _private = 2

    def method(self) -> None: ...

    @property
    def double(self) -> int:
        return 2 * self.number

    @staticmethod
    def static() -> None: ...

    @classmethod
    def of_class(cls) -> None: ...


class NestedClass:
    outer = 1

    class inner:
        x = 1

        class deeper:
            z = 1.0


class NestedObject:
    inner = Inner()


class NestedAnnotated:
    inner: Inner = Inner()
    maybe: Inner | None = None
    several: list[Inner] = [Inner()]
    named: dict[str, Inner] = {}
    data: InnerData = InnerData(x=5)
    slotted = InnerAttrs(x=6)


class NestedType:
    """The class inside is there to be a type, not a key."""

    class Model:
        layers = 3

    class Kind(enum.Enum):
        SMALL = 1

    model: Model = Model()
    kind = Kind.SMALL


@dataclasses.dataclass
class Data:
    number: int
    inner: InnerData = dataclasses.field(default_factory=InnerData)
    items: list[int] = dataclasses.field(default_factory=lambda: [1])


@attrs.define
class Attrs:
    number: int = 1
    inner: InnerAttrs = InnerAttrs()


@attrs.define
class AttrsWithFactory:
    items: list[int] = attrs.Factory(lambda: [1])


def test_plain_class_gives_its_defaults_in_their_order() -> None:
    config = received(Inferred)
    defaults = {name: value for name, value in vars(Inferred).items() if not name.startswith("_")}
    assert list(config) == list(defaults)
    assert OmegaConf.to_container(config) == defaults


@pytest.mark.parametrize(
    ("key", "value"),
    [("number", "x"), ("number", 1.5), ("number", None), ("ratio", "x"), ("flag", "maybe"), ("items", 3),
     ("items", {"a": 1}), ("table", [1]), ("table", 3), ("color", "GREEN"), ("text", [1]), ("text", None)],
)  # fmt: skip
def test_plain_class_takes_the_type_of_a_key_from_its_default(key: str, value: Any) -> None:
    with pytest.raises(WrongTypeError, match=f"'{key}' in main"):
        received(Inferred, **{key: value})


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [("number", "10", 10), ("ratio", "1e-3", 1e-3), ("ratio", 3, 3.0), ("color", "BLUE", Color.BLUE),
     ("place", "c", Path("c")), ("nothing", 3, 3), ("nothing", "x", "x"), ("table", {"b": 2}, {"a": 1, "b": 2}),
     ("items", ["x"], ["x"])],
)  # fmt: skip
def test_plain_class_converts_what_fits_the_type(key: str, value: Any, expected: Any) -> None:
    given = plain(Inferred, **{key: value})[key]
    assert given == expected
    assert type(given) is type(expected)


def test_annotations_as_texts_are_the_types() -> None:
    assert Annotated.__annotations__["number"] == "int"
    config = plain(Annotated, number="3", either=None, maybe="5", union=7, table={"b": 2})
    assert (config["number"], config["either"], config["maybe"], config["union"]) == (3, None, 5, 7)
    assert config["table"] == {"a": 1, "b": 2}
    assert type(config["ratio"]) is float


@pytest.mark.parametrize(
    ("key", "value"),
    [("items", ["x"]), ("table", {"a": "x"}), ("maybe", "x"), ("union", [1]), ("color", 7), ("number", None)],
)
def test_annotations_refuse_what_does_not_fit_them(key: str, value: Any) -> None:
    with pytest.raises(WrongTypeError, match=rf"'{key}[^']*' in main\(...\) must be "):
        received(Annotated, **{key: value})


def test_item_of_the_wrong_type_is_named_with_its_own_type() -> None:
    with pytest.raises(WrongTypeError, match=r"'items\[1\]' in main\(...\) must be int, not 'x'"):
        received(Annotated, items=[1, "x"])


def test_mixed_class_keeps_the_order_of_its_source() -> None:
    assert list(received(Mixed, second="s")) == ["first", "second", "third", "fourth"]


def test_annotation_without_default_is_required() -> None:
    with pytest.raises(MissingValueError, match=r"'second' \(str\)") as caught:
        received(Mixed)
    assert caught.value.hint is not None
    assert "-o second=VALUE" in caught.value.hint


def test_derived_class_has_the_keys_of_its_base() -> None:
    assert plain(Derived) == {"kept": 1, "replaced": "derived", "added": 3.0}


def test_methods_and_class_variables_are_no_keys() -> None:
    assert list(received(WithMethods)) == ["number"]


def test_nested_class_is_a_nested_config() -> None:
    config = plain(NestedClass, inner={"deeper": {"z": 2}})
    assert config == {"outer": 1, "inner": {"x": 1, "deeper": {"z": 2.0}}}


def test_nested_object_is_a_nested_config() -> None:
    assert plain(NestedObject, inner={"x": 5}) == {"inner": {"x": 5, "name": "n"}}


def test_nested_annotations_are_nested_configs_wherever_they_stand() -> None:
    config = plain(NestedAnnotated, maybe={"x": 2}, several=[{"x": 3}, {}], named={"k": {"name": "m"}})
    assert config["inner"] == {"x": 1, "name": "n"}
    assert config["maybe"] == {"x": 2, "name": "n"}
    assert config["several"] == [{"x": 3, "name": "n"}, {"x": 1, "name": "n"}]
    assert config["named"] == {"k": {"x": 1, "name": "m"}}
    assert (config["data"], config["slotted"]) == ({"x": 5}, {"x": 6})


@pytest.mark.parametrize("values", [{"inner": {"y": 1}}, {"maybe": {"y": 1}}, {"several": [{"y": 1}]}])
def test_nested_config_refuses_unknown_keys(values: dict[str, Any]) -> None:
    with pytest.raises(UnknownKeyError, match="y"):
        received(NestedAnnotated, **values)


def test_nested_class_that_is_the_type_of_a_key_is_no_key_itself() -> None:
    assert plain(NestedType) == {"model": {"layers": 3}, "kind": NestedType.Kind.SMALL}


@pytest.mark.parametrize("value", [Inner(), Inner, {"x": 1, "name": "n"}])
def test_nested_value_may_be_given_as_object_class_or_mapping(value: Any) -> None:
    assert plain(NestedObject, inner=value) == {"inner": {"x": 1, "name": "n"}}


def test_dataclass_and_attrs_class_are_configs() -> None:
    assert plain(Data, number=2) == {"number": 2, "inner": {"x": 1}, "items": [1]}
    assert plain(Attrs, inner=InnerAttrs(x=3)) == {"number": 1, "inner": {"x": 3}}


@pytest.mark.skipif(omegaconf.__version__.startswith("2.3"), reason="OmegaConf 2.3 knows no factories of attrs")
def test_factory_of_an_attrs_class_gives_the_default() -> None:
    assert plain(AttrsWithFactory) == {"items": [1]}


@pytest.mark.parametrize("given", [Data(number=4), Data])
def test_dataclass_is_taken_as_object_and_as_class(given: Any) -> None:
    values = {} if given is not Data else {"number": 4}
    assert plain(Data, given, **values)["number"] == 4


@pytest.mark.parametrize("config", [{"a": 1, "b": {"c": 2}}, OmegaConf.create({"a": 1, "b": {"c": 2}})])
def test_mapping_is_a_closed_config(config: Any) -> None:
    assert plain(config, b={"c": 5}) == {"a": 1, "b": {"c": 5}}
    with pytest.raises(UnknownKeyError, match=r"'b\.d'"):
        received(config, b={"d": 1})
    assert config["b"]["c"] == 2


@pytest.mark.parametrize("config", [{"a": MISSING}, Mixed, Data])
def test_missing_value_is_an_error_for_every_kind_of_config(config: Any) -> None:
    with pytest.raises(MissingValueError, match="no value for"):
        received(config)


def test_missing_nested_config_is_set_by_one_of_its_keys() -> None:
    class Config:
        inner: InnerData

    with pytest.raises(MissingValueError) as caught:
        received(Config)
    assert caught.value.hint is not None
    assert "-o inner.x=VALUE" in caught.value.hint
    assert plain(Config, inner={"x": 3}) == {"inner": {"x": 3}}


def test_object_as_config_class_gives_its_own_defaults() -> None:
    config = Inferred()
    config.number = 5
    assert received(config).number == 5
    assert received(Data(number=6)).number == 6
    assert plain(NestedClass()) == plain(NestedClass)


def test_config_that_was_given_is_never_changed() -> None:
    mapping = {"a": 1, "b": {"c": [1]}}
    config = OmegaConf.create(mapping)
    received(mapping, config).b.c.append(2)
    received(Inferred)["items"].append(3)
    assert (config.b.c, mapping["b"], Inferred.items) == ([1], {"c": [1]}, [1, 2])


def test_key_may_be_called_like_a_method_of_a_mapping() -> None:
    class Config:
        keys = 3
        items = [1]
        get = "x"

    given = Config()
    given.keys = 4
    assert plain(Config, given) == {"keys": 4, "items": [1], "get": "x"}


def test_values_made_by_the_constructor_are_keys_of_an_object() -> None:
    class Config:
        def __init__(self) -> None:
            self.number = 1
            self.inner = Inner()

    class Outer:
        config = Config()

    assert plain(Config, Config(), number=2) == {"number": 2, "inner": {"x": 1, "name": "n"}}
    assert plain(Outer) == {"config": {"number": 1, "inner": {"x": 1, "name": "n"}}}


def _class_with(**values: Any) -> type:
    return type("Config", (), {"__module__": __name__, **values})


class ContainsItself:
    child: ContainsItself | None = None


@pytest.mark.parametrize(
    ("cls", "says"),
    [
        (_class_with(a=object()), ["Config.a", "object", "use numbers, strings"]),
        (_class_with(a={1, 2}), ["Config.a", "set", "lists"]),
        (_class_with(a=print), ["Config.a", "use numbers"]),
        (_class_with(a=Inner), ["Config.a", "class Inner", "write a = Inner()"]),
        (_class_with(a=dataclasses.field(default_factory=list)), ["Config.a", "@dataclass"]),
        (_class_with(a=1, __annotations__={"a": set[int]}), ["Config.a", "set[int]", "lists"]),
        (_class_with(a=None, __annotations__={"a": int}), ["Config.a", "'int'", "| None"]),
        (_class_with(a=1, __annotations__={"a": "Nowhere"}), ["Config.a", "'Nowhere'", "import Nowhere"]),
        (_class_with(inner=type("Deep", (), {"b": object()})()), ["Deep.b", "object"]),
        (ContainsItself, ["ContainsItself", "contains itself"]),
    ],
)
def test_value_that_no_config_can_hold_names_key_and_remedy(cls: type, says: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        received(cls)
    for words in says:
        assert words in caught.value.one_line()


def test_dataclass_with_a_type_that_no_config_can_hold_names_the_key() -> None:
    @dataclasses.dataclass
    class Config:
        good: int = 1
        bad: set[int] = dataclasses.field(default_factory=set)

    with pytest.raises(ConfigError, match=r"Config\.bad"):
        received(Config)


@pytest.mark.parametrize("given", [3, "config.yml", [1]])
def test_something_else_in_place_of_a_config_is_refused(given: Any) -> None:
    with pytest.raises(ConfigError, match="no config"):
        received(Inferred, given)
    with pytest.raises(NagaError, match="no config"):
        received(given)
