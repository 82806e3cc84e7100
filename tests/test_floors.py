"""The floors of docs/design.md: a module imports only from its own floor or below."""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import naga

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parents[1]

# The top of the package loads names lazily, so it may know every room; to the others it is the highest floor.
FREE = {"naga", "naga._version"}

BANNED = {
    "naga.lock": {
        "IPython",
        "ipykernel",
        "jupyter_client",
        "jupyter_core",
        "jupyter_server",
        "mlflow",
        "omegaconf",
        "rich",
    },
}
ONLY_IN_FUNCTIONS = {"naga.lock": {"tqdm"}}


@dataclass(frozen=True)
class Import:
    """One imported module as a dotted name; ``name`` is what ``from`` takes out of it."""

    target: str
    name: str | None
    line: int
    in_function: bool
    for_types: bool


class ImportCollector(ast.NodeVisitor):
    """Find every import of a module, wherever it stands."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.found: list[Import] = []
        self.functions = 0
        self.type_checks = 0

    def add(self, target: str, name: str | None, line: int) -> None:
        self.found.append(Import(target, name, line, self.functions > 0, self.type_checks > 0))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.add(alias.name, None, node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        origin = node.module or ""
        if node.level:
            parents = self.package.split(".")
            above = parents[: len(parents) - node.level + 1]
            origin = ".".join([*above, origin] if origin else above)
        for alias in node.names:
            self.add(origin, alias.name, node.lineno)

    def visit_Call(self, node: ast.Call) -> None:
        called = ast.unparse(node.func).rpartition(".")[2]
        if called in {"import_module", "__import__"} and node.args and isinstance(node.args[0], ast.Constant):
            self.add(str(node.args[0].value), None, node.lineno)
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        is_type_check = ast.unparse(node.test).endswith("TYPE_CHECKING")
        self.type_checks += is_type_check
        for statement in node.body:
            self.visit(statement)
        self.type_checks -= is_type_check
        self.visit(node.test)
        for statement in node.orelse:
            self.visit(statement)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        self.functions += 1
        self.generic_visit(node)
        self.functions -= 1

    visit_AsyncFunctionDef = visit_FunctionDef
    visit_Lambda = visit_FunctionDef


def read_sources() -> dict[str, tuple[str, bool]]:
    """Return dotted name -> (source, whether it is a package) of all modules of both packages."""
    sources = {}
    for package in ("naga", "naga_ipython"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            sources[name] = (path.read_text(encoding="utf-8"), is_package)
    return sources


SOURCES = read_sources()


def read_floors() -> dict[str, int]:
    """Return dotted name of a room -> floor, as the map in docs/design.md draws them."""
    design = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    drawn = re.findall(r"^  (\w+)(?:/|\.py) +floor (\d)", design, re.MULTILINE)
    rooms = {f"naga.{name}": int(floor) for name, floor in drawn}
    return {**rooms, "naga": 5, "naga.__main__": 5, "naga._version": 0}


FLOORS = read_floors()


def find_room(module: str) -> str:
    """Return the key of FLOORS that ``module`` belongs to."""
    return ".".join(module.split(".")[:2])


def collect_imports(module: str, source: str, *, is_package: bool = False) -> list[Import]:
    """Return all imports of ``source``; a ``from`` that takes a module out of a package names that module."""
    collector = ImportCollector(module if is_package else module.rpartition(".")[0])
    collector.visit(ast.parse(source))
    return [
        Import(f"{found.target}.{found.name}", None, found.line, found.in_function, found.for_types)
        if f"{found.target}.{found.name}" in SOURCES or f"{found.target}.{found.name}" in FLOORS
        else found
        for found in collector.found
    ]


def judge_inside(module: str, found: Import) -> str | None:
    """Return why ``module``, part of naga, may not have the import ``found``, or None if it may."""
    room, top = find_room(module), found.target.split(".")[0]
    if top == "naga_ipython":
        return "naga knows nothing of naga_ipython"
    if top == "naga":
        if find_room(found.target) not in FLOORS:
            return "the imported room has no floor in docs/design.md"
        if FLOORS[find_room(found.target)] > FLOORS[room]:
            return "the import points up"
    elif FLOORS[room] == 0 and top not in sys.stdlib_module_names:
        return "floor 0 imports the standard library only"
    elif top in BANNED.get(room, ()):
        return f"{room} does not know {top}"
    elif top in ONLY_IN_FUNCTIONS.get(room, ()) and not found.in_function:
        return f"{top} is imported in functions only"
    return None


def judge_notebook_side(found: Import) -> str | None:
    """Return why naga_ipython may not have the import ``found``, or None if it may."""
    if found.target.split(".")[0] != "naga" or found.target == "naga.errors":
        return None
    if found.target == "naga" and (found.name is None or found.name in naga.__all__):
        return None
    return "naga_ipython imports public names of naga only"


def find_private_attributes(source: str) -> list[str]:
    """Return an offence for each ``naga.name`` in ``source`` where the name is not public."""
    return [
        f"line {node.lineno}: naga.{node.attr}: naga_ipython uses public names of naga only"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "naga"
        if node.attr not in {*naga.__all__, "errors"}
    ]


def find_offences(module: str, source: str, *, is_package: bool = False) -> list[str]:
    """Return one line for each import of ``source`` that the floors forbid."""
    if module in FREE:
        return []
    from_notebook_side = module.split(".")[0] == "naga_ipython"
    if not from_notebook_side and find_room(module) not in FLOORS:
        return [f"{module} has no floor in docs/design.md"]
    offences = find_private_attributes(source) if from_notebook_side else []
    for found in collect_imports(module, source, is_package=is_package):
        reason = judge_notebook_side(found) if from_notebook_side else judge_inside(module, found)
        if reason:
            offences.append(f"line {found.line}: {found.target}: {reason}")
    return offences


def find_cycle(edges: Iterable[tuple[str, str]]) -> list[str]:
    """Return the names along one cycle of the graph of (importer, imported), or nothing."""
    graph: dict[str, set[str]] = {}
    for importer, imported in edges:
        graph.setdefault(importer, set()).add(imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def collect_edges(*, at_import_time: bool) -> list[tuple[str, str]]:
    """Return (importer, imported) of all modules; ``at_import_time`` leaves out what runs later or never."""
    return [
        (module, found.target)
        for module, (source, is_package) in SOURCES.items()
        if module not in FREE
        for found in collect_imports(module, source, is_package=is_package)
        if found.target in SOURCES and not (at_import_time and (found.in_function or found.for_types))
    ]


def test_floors_of_the_design_are_the_known_rooms() -> None:
    assert {
        "naga.errors": 0,
        "naga.lock": 1,
        "naga.config": 2,
        "naga.run": 3,
        "naga.track": 3,
        "naga.catalog": 3,
        "naga.sync": 4,
        "naga.registry": 4,
        "naga.cli": 5,
    }.items() <= FLOORS.items()


@pytest.mark.parametrize("module", SOURCES)
def test_module_of_the_project_keeps_to_its_floor(module: str) -> None:
    source, is_package = SOURCES[module]
    assert find_offences(module, source, is_package=is_package) == []


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    assert find_cycle(collect_edges(at_import_time=True)) == []


def test_rooms_do_not_import_each_other_in_a_circle() -> None:
    edges = [(find_room(importer), find_room(imported)) for importer, imported in collect_edges(at_import_time=False)]
    assert find_cycle((importer, imported) for importer, imported in edges if importer != imported) == []


@pytest.mark.parametrize(
    ("module", "source", "reason"),
    [
        ("naga.lock.digest", "from naga.config import schema", "points up"),
        ("naga.lock.digest", "import naga.postmortem.frames", "points up"),
        ("naga.lock.digest", "from ..config.schema import Schema", "points up"),
        ("naga.lock.digest", "from .. import config", "points up"),
        ("naga.lock.digest", "from naga import Project", "points up"),
        ("naga.lock.digest", "def f():\n    import naga.cli", "points up"),
        ("naga.lock.digest", "f = lambda: import_module('naga.cli')", "points up"),
        ("naga.lock.digest", "if TYPE_CHECKING:\n    from naga.run import Task", "points up"),
        ("naga.lock.digest", "import naga.attic", "no floor"),
        ("naga.lock.digest", "import naga_ipython.magics", "knows nothing"),
        ("naga.lock.digest", "def f():\n    from omegaconf import OmegaConf", "does not know omegaconf"),
        ("naga.lock.digest", "import IPython.display", "does not know IPython"),
        ("naga.lock.digest", "from tqdm.auto import tqdm", "in functions only"),
        ("naga.errors", "import yaml", "standard library only"),
        ("naga.errors", "from naga.lock import digest", "points up"),
        ("naga.attic", "import os", "no floor"),
        ("naga_ipython.magics", "from naga.lock.receipt import read_receipt", "public names"),
        ("naga_ipython.magics", "import naga.lock", "public names"),
        ("naga_ipython.magics", "from naga import no_such_name", "public names"),
        ("naga_ipython.magics", "import naga\nnaga.lock.receipt.read_receipt()", "public names"),
    ],
)
def test_offending_source_is_found_with_its_reason(module: str, source: str, reason: str) -> None:
    offences = find_offences(module, source)
    assert len(offences) == 1
    assert reason in offences[0]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("naga.lock.digest", "from naga.errors import NagaError\nfrom . import receipt\nimport xxhash"),
        ("naga.lock.digest", "def f():\n    from tqdm.auto import tqdm"),
        ("naga.run.task", "from naga.catalog import index\nfrom ..config import schema\nimport omegaconf"),
        ("naga.cli.main", "import naga\nfrom naga.registry import product\nimport rich"),
        (
            "naga_ipython.magics",
            "import naga\nfrom naga import clicfg\nfrom naga.errors import UsageError\nnaga.clicfg",
        ),
        ("naga", "from naga.cli import main"),
    ],
)
def test_innocent_source_is_let_through(module: str, source: str) -> None:
    assert find_offences(module, source) == []


def test_relative_import_of_a_package_is_resolved_from_the_package_itself() -> None:
    assert [found.target for found in collect_imports("naga.lock", "from .digest import x", is_package=True)] == [
        "naga.lock.digest"
    ]


def test_circle_of_imports_is_found_with_its_members() -> None:
    assert set(find_cycle([("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")])) == {"a", "b", "c"}
    assert find_cycle([("a", "b"), ("b", "c"), ("a", "c")]) == []
