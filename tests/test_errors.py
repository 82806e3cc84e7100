"""The error hierarchy: the tree that its module shows, the exit codes, what an error carries."""

from __future__ import annotations

import ast
import pickle
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import naga.errors
from naga.errors import ConflictError, NagaError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
DESIGN = ROOT / "docs" / "design.md"

LEAF = re.compile(r"^    (?P<branches>[│├└─ ]*)(?P<name>[A-Z]\w*Error)(?: +(?P<code>\d+))?(?: |$)", re.MULTILINE)

EXIT_CODES = {
    "CancelledError": 130,
    "UsageError": 2,
    "ConfigError": 78,
    "NotFoundError": 66,
    "IntegrityError": 65,
    "GitError": 65,
    "ConflictError": 73,
    "UnreachableError": 69,
    "IncompleteError": 75,
    "RefusedError": 77,
}


def read_tree(text: str) -> dict[str, tuple[str | None, int | None]]:
    """Return name -> (name of the parent, exit code if one is given) of the tree drawn in ``text``."""
    tree: dict[str, tuple[str | None, int | None]] = {}
    ancestors: list[str] = []
    for leaf in LEAF.finditer(text):
        depth = len(leaf["branches"]) // 4
        del ancestors[depth:]
        code = int(leaf["code"]) if leaf["code"] else None
        tree[leaf["name"]] = (ancestors[-1] if ancestors else None, code)
        ancestors.append(leaf["name"])
    return tree


def walk(root: type[NagaError]) -> Iterator[type[NagaError]]:
    """Yield ``root`` and all errors below it that ``naga.errors`` defines."""
    yield root
    for child in root.__subclasses__():
        if child.__module__ == naga.errors.__name__:
            yield from walk(child)


def test_tree_of_the_module_equals_the_classes() -> None:
    drawn = {name: parent for name, (parent, _) in read_tree(naga.errors.__doc__ or "").items()}
    real = {error.__name__: error.__bases__[0].__name__ for error in walk(NagaError)}
    assert drawn == {**real, "NagaError": None}


def test_tree_of_the_module_gives_the_exit_codes_of_the_classes() -> None:
    drawn = {name: code for name, (_, code) in read_tree(naga.errors.__doc__ or "").items() if code is not None}
    own = {error.__name__: error.exit_code for error in walk(NagaError) if "exit_code" in vars(error)}
    assert drawn == {name: code for name, code in own.items() if name != "NagaError"}


def test_exit_codes_are_those_of_the_design() -> None:
    own = {error.__name__: error.exit_code for error in walk(NagaError) if "exit_code" in vars(error)}
    assert own == {"NagaError": 1, **EXIT_CODES}
    sentence = re.search(r"Exit codes of the commands:(.*?)\.\s", DESIGN.read_text(encoding="utf-8"), re.DOTALL)
    assert sentence
    documented = {int(code) for code in re.findall(r"(?:^|;)\s*(\d+)", sentence[1])}
    assert documented == {0, 130, *own.values()}


def test_no_other_module_defines_an_error_that_the_tree_does_not_show() -> None:
    paths = sorted(path for package in ("naga", "naga_ipython") for path in (ROOT / package).rglob("*.py"))
    elsewhere = {
        node.name
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        if {ast.unparse(base).rpartition(".")[2] for base in node.bases} & set(naga.errors.__all__)
    } - {error.__name__ for error in walk(NagaError)}
    assert elsewhere == set()


def test_names_exported_by_the_module_are_its_classes_and_nearest() -> None:
    assert naga.errors.__all__ == sorted([*(error.__name__ for error in walk(NagaError)), "nearest"])


@pytest.mark.parametrize("error", list(walk(NagaError)), ids=lambda error: error.__name__)
def test_error_crosses_a_process_boundary_with_its_context(error: type[NagaError]) -> None:
    sent = error("no such key", hint="try 'param'", path=Path("a b"), key="parm")
    received = pickle.loads(pickle.dumps(sent))
    assert type(received) is error
    assert (str(received), received.hint, received.path, received.key) == (
        "no such key",
        "try 'param'",
        Path("a b"),
        "parm",
    )


def test_one_line_of_a_message_with_line_breaks_is_one_line() -> None:
    assert ConflictError("a\n  b", hint="pass --overwrite").one_line() == "a b (pass --overwrite)"
    assert ConflictError("a b").one_line() == "a b"


def test_nearest_with_a_typing_error_finds_what_was_meant() -> None:
    assert nearest("svae_dir", ["param", "save_dir", "seed"]) == "save_dir"
    assert nearest("param", []) is None
