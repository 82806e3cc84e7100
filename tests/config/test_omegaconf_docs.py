"""The examples of OmegaConf's documentation, through naga and through OmegaConf itself.

Each case stands for an example of its pages on structured configs, usage, resolvers and the grammar, and holds what
these pages show. A version of OmegaConf that refuses an example, since it knows less, must be refused by naga as well.
"""

from __future__ import annotations

import builtins
import enum
import os
import pathlib
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import attr
import omegaconf
import pytest
from omegaconf import II, MISSING, SI, OmegaConf

from naga.config.arguments import Arguments
from naga.config.building import collect_layers
from naga.errors import NagaError

VERSION = tuple(int(part) for part in omegaconf.__version__.split(".")[:2])


class Height(enum.Enum):
    SHORT = 0
    TALL = 1


class HttpStatus(str, enum.Enum):  # noqa: UP042 - as it is documented
    OK = "ok-status"
    ERROR = "error-status"


@dataclass
class SimpleTypes:
    num: int = 10
    pi: float = 3.1415
    is_awesome: bool = True
    height: Height = Height.SHORT
    description: str = "text"
    data: bytes = b"bin_data"
    path: pathlib.Path = pathlib.Path("hello.txt")


@dataclass
class StringEnumConfig:
    status: HttpStatus = HttpStatus.OK


@dataclass
class User:
    name: str = MISSING
    height: Height = MISSING


@dataclass
class DuperUser(User):
    duper: bool = True


@dataclass
class Group:
    name: str = MISSING
    admin: User = field(default_factory=User)
    manager: User = field(default_factory=lambda: User(name="manager", height=Height.TALL))


@attr.s(auto_attribs=True)
class AttrsUser:
    name: str = MISSING
    height: Height = Height.SHORT


@attr.s(auto_attribs=True)
class AttrsGroup:
    admin: AttrsUser = attr.Factory(AttrsUser)
    tags: list[str] = attr.Factory(lambda: ["a"])


@dataclass
class HasLiteral:
    mode: Literal["train", "eval"] = "train"
    stages: list[Literal["train", "eval"]] = field(default_factory=lambda: ["train"])


@dataclass
class Named:
    name: str = MISSING


@dataclass
class ListsExample:
    ints: list[int] = field(default_factory=lambda: [10, 20, 30])
    users: list[Named] = field(default_factory=lambda: [Named(name="omry")])


@dataclass
class TupleExample:
    fixed: tuple[int, str] = (10, "name")
    variadic: tuple[int, ...] = (1, 2, 3)


@dataclass
class DictExample:
    ints: dict[str, int] = field(default_factory=lambda: {"a": 10, "b": 20, "c": 30})
    bools: dict[str, bool] = field(default_factory=lambda: {"Uno": True, "Zoro": False})
    users: dict[str, Named] = field(default_factory=lambda: {"omry": Named(name="omry")})


@dataclass
class NestedContainers:
    dict_of_dict: dict[str, dict[str, int]] = field(default_factory=lambda: {"foo": {"bar": 123}})
    list_of_list: list[list[int]] = field(default_factory=lambda: [[123]])
    dict_of_list: dict[str, list[int]] = MISSING
    list_of_dict: list[dict[str, int]] = MISSING


@dataclass
class HasUnion:
    u: float | bool = 10.1


@dataclass
class StrOrFloat:
    u: str | float = "x"


@dataclass
class OptionalUnion:
    u: int | str | None = 3


@dataclass
class HasContainerUnion:
    value: list[int] | dict[str, int] = field(default_factory=lambda: [1, 2])


@dataclass
class ListUnion:
    value: list[int] | list[str] = field(default_factory=lambda: [1])


@dataclass
class Modifiers:
    num: int = 10
    optional_num: int | None = 10
    another_num: int = MISSING
    optional_dict: dict[str, int] | None = None
    list_optional: list[int | None] = field(default_factory=lambda: [10, None])


@dataclass
class Interpolation:
    val: int = 100
    a: int = "${val}"  # type: ignore[assignment]
    b: int = SI("${val}")
    c: int = II("val")


@dataclass
class TypedInterpolation:
    str_key: str = "string"
    int_key: int = II("str_key")


@dataclass(frozen=True)
class FrozenClass:
    x: int = 10
    list: builtins.list[int] = field(default_factory=lambda: [1, 2, 3])


@dataclass
class Server:
    port: int = MISSING


@dataclass
class Log:
    file: str = MISSING
    rotation: int = MISSING


@dataclass
class MyConfig:
    server: Server = field(default_factory=Server)
    log: Log = field(default_factory=Log)
    users: list[int] = field(default_factory=list)


@dataclass
class HasIgnoreMetadata:
    normal_field: int = 1
    field_ignored: int = field(default=2, metadata={"omegaconf_ignore": True})
    field_not_ignored: int = field(default=3, metadata={"omegaconf_ignore": False})


class Plain:
    anything: Any = None
    text: str = ""
    rate: float = 1.0


FREE: dict[str, Any] = dict.fromkeys(("a", "b", "server", "log", "users", "k", "list", "key", "a.b", "a=b", "c[0]"))
ADDED = {
    "total": "${doc_add:1,2,3}",
    "a": 1,
    "b": 2,
    "a_plus_b": "${doc_sum:${a},${b}}",
    "func": "plus1",
    "x": "${doc.${func}:3}",
}


class Case(NamedTuple):
    config: Any
    file: str = ""
    words: tuple[str, ...] = ()
    expected: Any = None
    changes: dict[str, Any] = {}  # noqa: RUF012 - a default of a named tuple; no test changes it


REFUSED = object()
SIMPLE = {
    "num": 10,
    "pi": 3.1415,
    "is_awesome": True,
    "height": Height.SHORT,
    "description": "text",
    "data": b"bin_data",
    "path": Path("hello.txt"),
}
USER = {"name": "n", "height": Height.SHORT}
GROUP = {"name": "g", "admin": USER, "manager": {"name": "manager", "height": Height.TALL}}
GROUP_WORDS = ("name=g", "admin.name=n", "admin.height=SHORT")
MODIFIERS = {"num": 10, "optional_num": 10, "another_num": 20, "optional_dict": None, "list_optional": [10, None]}
NESTED = {
    "dict_of_dict": {"foo": {"bar": 123}},
    "list_of_list": [[123]],
    "dict_of_list": {"x": [1]},
    "list_of_dict": [{"y": 2}],
}
NESTED_WORDS = ("dict_of_list={x: [1]}", "list_of_dict=[{y: 2}]")
DICTS = {
    "ints": {"a": 10, "b": 20, "c": 30, "d": 10},
    "bools": {"Uno": True, "Zoro": False, "Dos": True},
    "users": {"omry": {"name": "omry"}, "James": {"name": "Bond"}},
}
EXAMPLE = "server:\n  port: 80\nlog:\n  file: ???\n  rotation: 3600\nusers:\n  - user1\n  - user2\n"
CLIENT = """\
server: {host: localhost, port: 80}
client:
  url: http://${server.host}:${server.port}/
  server_port: ${server.port}
  # relative interpolation
  description: Client of ${.url}
"""
OPEN = {"server": None, "client": None}
URL = "http://localhost:80/"
CLIENTS = {
    "server": {"host": "localhost", "port": 80},
    "client": {"url": URL, "server_port": 80, "description": f"Client of {URL}"},
}
PLANS = {"plans": {"A": "plan A", "B": "plan B"}, "selected_plan": "A", "plan": "${plans[${selected_plan}]}"}
PASSWORDS = {
    "one": "${oc.env:DOC_UNSET,password}",
    "two": "${oc.env:DOC_UNSET,12345}",
    "three": "${oc.env:DOC_UNSET,null}",
}
DECODED = {
    "port": "${oc.decode:${oc.env:DOC_PORT}}",
    "nodes": "${oc.decode:${oc.env:DOC_NODES}}",
    "timeout": "${oc.decode:${oc.env:DOC_UNSET,null}}",
    "again": "${oc.decode:${oc.env:DOC_AGAIN}}",
}
SELECTED = {
    "a": "Saving output to ${oc.select:output,/tmp}",
    "missing": None,
    "with": "${oc.select:nothing,default value}",
}
WORKERS = {
    "workers": {"node3": "10.0.0.2", "node7": "10.0.0.9"},
    "nodes": "${oc.dict.keys: workers}",
    "ips": "${oc.dict.values: workers}",
}
MADE = {"plain": "${doc_make:}", "config": "${oc.create:${doc_make:}}", "text": "${oc.create:${oc.env:DOC_YAML}}"}
CONCATENATED = {
    "one": "${doc_sum:Hello,World}",
    "trimmed": "${doc_sum:Hello , World}",
    "space": "${doc_sum:Hello,\\ World}",
    "quoted": '${doc_sum:"Hello,", " World"}',
}
ESCAPES = {"one": r"\${dir}", "two": r"C:\\${dir}", "three": r"C:\foo_${dir}", "four": r"C:\\foo_${dir}", "dir": "tmp"}
WHITE = {"esc": r"${oc.decode: \ hi u \  }", "tabs": "${oc.decode:\t\\\thi u\t\\\t\t}"}
QUOTES = {
    "name": "you",
    "a": "${oc.decode:'\"Hello ${name}!\"'}",
    "b": r"${oc.decode:'[a, ${name}, {c: 1e-3}]'}",
    "c": "${oc.decode:'+1_000_000'}",
    "d": "${oc.decode:'fAlSe'}",
    "e": "${oc.decode:'None'}",
    "f": "${oc.decode:'-INF'}",
}

CASES = {
    "simple types": Case(SimpleTypes, expected=SIMPLE),
    "object with values": Case(
        lambda: SimpleTypes(num=20, height=Height.TALL), expected=SIMPLE, changes={"num": 20, "height": Height.TALL}
    ),
    "text for an int": Case(SimpleTypes, words=("num='100'",), expected=SIMPLE, changes={"num": 100}),
    "word for an int": Case(SimpleTypes, words=("num=foo",), expected=REFUSED),
    "enum by name": Case(SimpleTypes, words=("height=TALL",), expected=SIMPLE, changes={"height": Height.TALL}),
    "enum by full name": Case(
        SimpleTypes, words=("height=Height.TALL",), expected=SIMPLE, changes={"height": Height.TALL}
    ),
    "enum by number": Case(SimpleTypes, words=("height=1",), expected=SIMPLE, changes={"height": Height.TALL}),
    "enum in a file": Case(
        SimpleTypes,
        file="height: TALL\npath: a/b\ndata: !!binary aGk=\nis_awesome: off\n",
        expected=SIMPLE,
        changes={"height": Height.TALL, "path": Path("a/b"), "data": b"hi", "is_awesome": False},
    ),
    "text enum by name": Case(StringEnumConfig, words=("status=ERROR",), expected={"status": HttpStatus.ERROR}),
    "text enum by value": Case(StringEnumConfig, words=("status=error-status",), expected={"status": HttpStatus.ERROR}),
    "key that is not there": Case(SimpleTypes, words=("does_not_exist=1",), expected=REFUSED),
    "nested": Case(Group, words=GROUP_WORDS, expected=GROUP),
    "nested in a file": Case(Group, file="name: g\nadmin: {name: n, height: SHORT}\n", expected=GROUP),
    "nested replaced by a number": Case(Group, words=("manager=10", *GROUP_WORDS), expected=REFUSED),
    "subclass": Case(DuperUser, words=("name=n", "height=SHORT"), expected={**USER, "duper": True}),
    "attrs": Case(AttrsGroup, words=("admin.name=n", "tags=[b, c]"), expected={"admin": USER, "tags": ["b", "c"]}),
    "literal": Case(
        HasLiteral, words=("mode=eval", "stages=[train, eval]"), expected={"mode": "eval", "stages": ["train", "eval"]}
    ),
    "other literal": Case(HasLiteral, words=("mode=debug",), expected=REFUSED),
    "lists": Case(
        ListsExample,
        words=("ints=[1, '20']", "users=[{name: Joe}]"),
        expected={"ints": [1, 20], "users": [{"name": "Joe"}]},
    ),
    "number for a user": Case(ListsExample, words=("users=[10]",), expected=REFUSED),
    "tuples": Case(TupleExample, words=("fixed=[20, 30]",), expected={"fixed": (20, "30"), "variadic": (1, 2, 3)}),
    "tuple of another length": Case(TupleExample, words=("fixed=[20, 30, 40]",), expected=REFUSED),
    "dicts": Case(DictExample, words=("ints.d=10", "bools.Dos=true", "users.James={name: Bond}"), expected=DICTS),
    "number for a user in a dict": Case(DictExample, words=("users.Joe=10",), expected=REFUSED),
    "nested containers": Case(NestedContainers, words=NESTED_WORDS, expected=NESTED),
    "list for a dict": Case(NestedContainers, words=(NESTED_WORDS[0], "list_of_dict=[[whoops]]"), expected=REFUSED),
    "union": Case(HasUnion, words=("u=true",), expected={"u": True}),
    "text for a union": Case(HasUnion, words=("u=abc",), expected=REFUSED),
    "union without conversion": Case(StrOrFloat, words=("u='10.1'",), expected={"u": "10.1"}),
    "int for a union of float": Case(StrOrFloat, words=("u=123",), expected=REFUSED),
    "null for an optional union": Case(OptionalUnion, words=("u=null",), expected={"u": None}),
    "union of containers": Case(HasContainerUnion, words=("value={x: 1}",), expected={"value": {"x": 1}}),
    "union of containers back": Case(HasContainerUnion, file="value: [3, 4]", expected={"value": [3, 4]}),
    "ambiguous union": Case(ListUnion, words=("value=[]",), expected=REFUSED),
    "missing": Case(Modifiers, expected=REFUSED),
    "missing set": Case(Modifiers, words=("another_num=20",), expected=MODIFIERS),
    "null for an int": Case(Modifiers, words=("another_num=20", "num=null"), expected=REFUSED),
    "null for an optional": Case(
        Modifiers,
        words=("another_num=20", "optional_num=null", "optional_dict={a: 1}"),
        expected=MODIFIERS,
        changes={"optional_num": None, "optional_dict": {"a": 1}},
    ),
    "interpolation": Case(Interpolation, expected={"val": 100, "a": 100, "b": 100, "c": 100}),
    "interpolation of a changed value": Case(
        Interpolation, words=("val=7",), expected={"val": 7, "a": 7, "b": 7, "c": 7}
    ),
    "interpolation of another type": Case(TypedInterpolation, expected=REFUSED),
    "interpolation that is converted": Case(
        TypedInterpolation, words=("str_key='1234'",), expected={"str_key": "1234", "int_key": 1234}
    ),
    "frozen class": Case(FrozenClass, expected={"x": 10, "list": [1, 2, 3]}),
    "file of another type": Case(MyConfig, file=EXAMPLE, words=("log.file=x",), expected=REFUSED),
    "file of the schema": Case(
        MyConfig,
        file=EXAMPLE.replace("user", "1").replace("1s:", "users:"),
        words=("log.file=x",),
        expected={"server": {"port": 80}, "log": {"file": "x", "rotation": 3600}, "users": [11, 12]},
    ),
    "ignored field": Case(HasIgnoreMetadata, expected={"normal_field": 1, "field_not_ignored": 3}),
    "dot-list": Case(
        {"a": None},
        words=("a.aa.aaa=1", "a.aa.bbb=2", "a.bb.aaa=3", "a.bb.bbb=4"),
        expected={"a": {"aa": {"aaa": 1, "bbb": 2}, "bb": {"aaa": 3, "bbb": 4}}},
    ),
    "command line": Case(
        {"server": None, "log": None},
        words=("server.port=82", "log.file=log2.txt"),
        expected={"server": {"port": 82}, "log": {"file": "log2.txt"}},
    ),
    "files merged": Case(
        {"server": None, "users": None, "log": None},
        file="server: {port: 80}\nusers: [user1, user2]\nlog: {file: log.txt}\n",
        words=("server.port=82",),
        expected={"server": {"port": 82}, "users": ["user1", "user2"], "log": {"file": "log.txt"}},
    ),
    "missing never overwrites": Case({"port": 80}, file="port: ???\n", expected={"port": 80}),
    "keys of all kinds": Case(
        {"key": "str", 123: "int", True: "bool", 3.14: "float", Height.TALL: "Height", b"1": "bytes"},
        words=("key=other",),
        expected={"key": "other", 123: "int", True: "bool", 3.14: "float", Height.TALL: "Height", b"1": "bytes"},
    ),
    "list in a dict": Case(
        {"k": "v", "list": [1, {"a": "1", "b": "2", 3: "c"}]},
        words=("k='1'",),
        expected={"k": "1", "list": [1, {"a": "1", "b": "2", 3: "c"}]},
    ),
    "escaped dot": Case({"a": None}, words=(r"a.x\.y=1",), expected={"a": {"x.y": 1}}),
    "escaped equals": Case({"a": None}, words=(r"a.x\=y=1",), expected={"a": {"x=y": 1}}),
    "escaped brackets": Case({"a": None}, words=(r"a.x\[0\]=1",), expected={"a": {"x[0]": 1}}),
    "backslash that escapes nothing": Case({"a": None}, words=(r"a.x\y=1",), expected={"a": {r"x\y": 1}}),
    "key with a dot in brackets": Case({"a": None}, words=("a[b][c]=1",), expected={"a": {"b": {"c": 1}}}),
    "equals in the value": Case(
        Plain, words=("text=x=y", r"anything=a\=b"), expected={"anything": r"a\=b", "text": "x=y", "rate": 1.0}
    ),
    "numbers": Case(
        Plain, words=("rate=1e-3", "anything=1_000"), expected={"anything": 1000, "text": "", "rate": 0.001}
    ),
    "null": Case(Plain, words=("anything=null",), expected={"anything": None, "text": "", "rate": 1.0}),
    "unicode": Case(
        Plain,
        words=("text=ü☃🎉", "anything={ключ: 值}"),
        expected={"anything": {"ключ": "值"}, "text": "ü☃🎉", "rate": 1.0},
    ),
    "empty text": Case(Plain, words=("text=''", "anything="), expected={"anything": None, "text": "", "rate": 1.0}),
    "quoted number": Case(
        Plain, words=("anything='1'", 'text="null"'), expected={"anything": "1", "text": "null", "rate": 1.0}
    ),
    "node interpolation": Case(OPEN, file=CLIENT, expected=CLIENTS),
    "nested interpolation": Case(PLANS, expected={**PLANS, "plan": "plan A"}),
    "nested interpolation changed": Case(
        PLANS, words=("selected_plan=B",), expected={**PLANS, "selected_plan": "B", "plan": "plan B"}
    ),
    "interpolation of a node": Case(
        {"john": {"height": 180, "weight": 75}, "player": "${john}"},
        expected={"john": {"height": 180, "weight": 75}, "player": {"height": 180, "weight": 75}},
    ),
    "interpolation of nothing": Case({"a": "${nope}"}, expected=REFUSED),
    "interpolation in a circle": Case({"a": "${b}", "b": "${a}"}, expected=REFUSED),
    "custom resolvers": Case(ADDED, expected={**ADDED, "total": 6, "a_plus_b": 3, "x": 4}),
    "arguments of resolvers": Case(
        CONCATENATED,
        expected={"one": "HelloWorld", "trimmed": "HelloWorld", "space": "Hello World", "quoted": "Hello, World"},
    ),
    "resolver that knows its parent": Case(
        {"node": {"a": 1, "b": 2, "ab": "${doc_parent:a,b}", "az": "${doc_parent:a,z}"}},
        expected={"node": {"a": 1, "b": 2, "ab": 3, "az": 1}},
    ),
    "unknown resolver": Case({"a": "${doc_unknown:1}"}, expected=REFUSED),
    "oc.env": Case(
        {"name": "${oc.env:DOC_USER}", "home": "/home/${oc.env:DOC_USER}"},
        expected={"name": "omry", "home": "/home/omry"},
    ),
    "oc.env with defaults": Case(PASSWORDS, expected={"one": "password", "two": "12345", "three": None}),
    "oc.env without a default": Case({"a": "${oc.env:DOC_UNSET}"}, expected=REFUSED),
    "oc.decode": Case(
        DECODED, expected={"port": 3308, "nodes": ["host1", "host2", "host3"], "timeout": None, "again": 3308}
    ),
    "oc.create": Case(MADE, expected={"plain": {"a": 10}, "config": {"a": 10}, "text": {"A": 10, "b": 20, "C": 10}}),
    "oc.select": Case(SELECTED, expected={"a": "Saving output to /tmp", "missing": None, "with": "default value"}),
    "oc.select of a key with a colon": Case(
        {"a:b": 10, "good": "${oc.select:'a:b'}"}, expected={"a:b": 10, "good": 10}
    ),
    "oc.deprecated": Case(
        {
            "rusty_key": "${oc.deprecated:shiny_key}",
            "shiny_key": 10,
            "custom": "${oc.deprecated:shiny_key, 'Use $NEW_KEY'}",
        },
        expected={"rusty_key": 10, "shiny_key": 10, "custom": 10},
    ),
    "oc.dict": Case(WORKERS, expected={**WORKERS, "nodes": ["node3", "node7"], "ips": ["10.0.0.2", "10.0.0.9"]}),
    "escaped interpolation": Case(
        ESCAPES,
        expected={"one": "${dir}", "two": r"C:\tmp", "three": r"C:\foo_tmp", "four": r"C:\\foo_tmp", "dir": "tmp"},
    ),
    "escaped white space": Case(WHITE, expected={"esc": " hi u  ", "tabs": "\thi u\t\t"}),
    "elements of the grammar": Case(
        QUOTES,
        expected={
            "name": "you",
            "a": "Hello you!",
            "b": ["a", "you", {"c": 0.001}],
            "c": 1_000_000,
            "d": False,
            "e": "None",
            "f": float("-inf"),
        },
    ),
}


def _parent_sum(a: Any, b: Any, *, _parent_: Any) -> Any:
    return _parent_.get(a, 0) + _parent_.get(b, 0)


RESOLVERS: dict[str, Callable[..., Any]] = {
    "doc_add": lambda *numbers: sum(numbers),
    "doc_sum": lambda a, b: a + b,
    "doc.plus1": lambda number: number + 1,
    "doc_make": lambda: {"a": 10},
    "doc_parent": _parent_sum,
}


@pytest.fixture(autouse=True)
def _documented_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DOC_USER", "omry")
    monkeypatch.setenv("DOC_PORT", "3308")
    monkeypatch.setenv("DOC_NODES", "[host1, host2, host3]")
    monkeypatch.setenv("DOC_AGAIN", "${port}")
    monkeypatch.setenv("DOC_YAML", "A: 10\nb: 20\nC: ${.A}")
    monkeypatch.delenv("DOC_UNSET", raising=False)
    assert "DOC_UNSET" not in os.environ
    register = OmegaConf.register_new_resolver if VERSION < (2, 4) else OmegaConf.register_resolver
    for name, resolver in RESOLVERS.items():
        register(name, resolver, replace=True)
    yield
    for name in RESOLVERS:
        OmegaConf.clear_resolver(name)


def _config_of(case: Case) -> Any:
    return case.config() if callable(case.config) and not isinstance(case.config, type) else case.config


def by_omegaconf(case: Case) -> Any:
    """Return what OmegaConf makes of a case, as plain values."""
    config = _config_of(case)
    if config is Plain:
        config = dataclass(type("Plain", (), {**vars(Plain), "__annotations__": dict(Plain.__annotations__)}))
    schema: Any = OmegaConf.create(config) if isinstance(config, dict) else OmegaConf.structured(config)
    if isinstance(config, dict):
        OmegaConf.set_struct(schema, True)
    layers: list[Any] = [OmegaConf.create(case.file)] if case.file else []
    layers += [OmegaConf.from_dotlist(list(case.words))] if case.words else []
    merged = OmegaConf.merge(schema, *layers) if layers else schema
    return OmegaConf.to_container(merged, resolve=True, throw_on_missing=True)


def by_naga(case: Case, folder: Path) -> Any:
    """Return what naga makes of a case, as plain values."""
    path = folder / "conf.yml"
    path.write_text(case.file, encoding="utf-8")
    arguments = Arguments(config=path if case.file else None, overrides=case.words)
    config = collect_layers(_config_of(case), None, {}, arguments).resolved()
    assert "${" not in re.sub(r"\$\{dir\}", "", str(OmegaConf.to_container(config, resolve=False)).replace("\\", ""))
    return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore:.*is deprecated. Change your:UserWarning", "ignore:Use shiny_key:UserWarning")
def test_example_of_the_documentation_gives_what_omegaconf_gives(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    documented = {**case.expected, **case.changes} if case.expected is not REFUSED else REFUSED
    try:
        with warnings.catch_warnings():
            expected: Any = by_omegaconf(case)
    except Exception as error:
        assert documented is REFUSED or VERSION < (2, 4), error
        with pytest.raises(NagaError) as caught:
            by_naga(case, tmp_path)
        assert "\n" not in caught.value.one_line()
        return
    if VERSION >= (2, 4):
        assert repr(expected) == repr(documented)
    assert repr(by_naga(case, tmp_path)) == repr(expected)


def test_deprecated_key_warns_as_omegaconf_does(tmp_path: Path) -> None:
    with pytest.warns(UserWarning) as caught:
        by_naga(CASES["oc.deprecated"], tmp_path)
    said = [str(one.message) for one in caught]
    assert any("'rusty_key' is deprecated" in one for one in said)
    assert any("Use shiny_key" in one for one in said)
