"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(path for package in ("naga", "naga_ipython") for path in (ROOT / package).rglob("*.py"))

MODULE_LINES = 400
FUNCTION_LINES = 45

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

every_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())


def count_lines(node: Function) -> int:
    """Return the lines of a function without its docstring: what is explained at length is no less simple."""
    first = node.body[0]
    described = ast.get_docstring(node) is not None
    docstring_lines = (first.end_lineno or 0) - first.lineno + 1 if described else 0
    return (node.end_lineno or 0) - node.lineno + 1 - docstring_lines


def find_long_functions(tree: ast.AST) -> list[str]:
    return [
        f"line {node.lineno}: {node.name} has {count_lines(node)} lines"
        for node in ast.walk(tree)
        if isinstance(node, Function) and count_lines(node) > FUNCTION_LINES
    ]


def list_public(body: list[ast.stmt]) -> Iterator[Documented]:
    """Yield the public functions and classes of a module, and their public methods and classes in turn."""
    for node in body:
        if not isinstance(node, Documented) or node.name.startswith("_"):
            continue
        marks = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
        # An overload and a setter are described where the thing itself is.
        if not marks & {"overload", "setter", "deleter"}:
            yield node
        if isinstance(node, ast.ClassDef):
            yield from list_public(node.body)


def find_undocumented(tree: ast.Module) -> list[str]:
    return [f"line {node.lineno}: {node.name}" for node in list_public(tree.body) if not ast.get_docstring(node)]


def find_prints(tree: ast.AST) -> list[str]:
    """Return a line for each print to standard output, which belongs to the script that runs."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "print")
    return [
        f"line {node.lineno}: print"
        for node in calls
        if not any(keyword.arg == "file" and ast.unparse(keyword.value) == "sys.stderr" for keyword in node.keywords)
    ]


def is_blanket(exception: ast.expr | None) -> bool:
    caught = exception.elts if isinstance(exception, ast.Tuple) else [exception]
    return any(one is None or ast.unparse(one) in {"Exception", "BaseException"} for one in caught)


def does_nothing(body: list[ast.stmt]) -> bool:
    return all(
        isinstance(node, ast.Pass | ast.Continue)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in body
    )


def find_swallowed_errors(tree: ast.AST) -> list[str]:
    """Return a line for each handler, or ``suppress``, that catches everything and does nothing about it."""
    handlers = (node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler))
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    suppressions = (node for node in calls if ast.unparse(node.func).rpartition(".")[2] == "suppress")
    return [
        *(f"line {node.lineno}: except" for node in handlers if is_blanket(node.type) and does_nothing(node.body)),
        *(f"line {node.lineno}: suppress" for node in suppressions if any(map(is_blanket, node.args))),
    ]


@cache
def list_tracked_files() -> tuple[Path, ...]:
    """Return the files that git tracks, or would track if they were added."""
    if not (ROOT / ".git").exists():
        pytest.skip("this copy of the project is no git repository")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    return tuple(path for name in sorted(filter(None, listed.split("\0"))) if (path := ROOT / name).is_file())


# Written so that this file is no finding of its own.
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME)\b")

# The domains of package indexes and of their file servers, and the end of each.
INDEXES = {"pypi": "org", "pythonhosted": "org", "npmjs": "org", "anaconda": "org", "debian": "org"}
INDEX_HOST = re.compile("|".join(rf"\b{name}\.{end}\b" for name, end in INDEXES.items()))

# Folders that only one machine has; the code of naga names no absolute home folder at all.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:root|work|opt/wheels)(?=/\w)")


def find_lines(pattern: re.Pattern[str], text: str) -> list[str]:
    return [
        f"line {number}: {line.strip()}" for number, line in enumerate(text.splitlines(), 1) if pattern.search(line)
    ]


def find_in_tracked_files(pattern: re.Pattern[str]) -> dict[str, list[str]]:
    """Return relative path -> matching lines, of the tracked files that are text."""
    found = {}
    for path in list_tracked_files():
        content = path.read_bytes()
        if b"\0" not in content and (lines := find_lines(pattern, content.decode(errors="replace"))):
            found[path.relative_to(ROOT).as_posix()] = lines
    return found


@every_module
def test_module_is_short_enough_to_be_read_at_once(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MODULE_LINES


@every_module
def test_functions_of_a_module_are_short(path: Path) -> None:
    assert find_long_functions(ast.parse(path.read_text(encoding="utf-8"))) == []


@every_module
def test_public_members_of_a_module_have_docstrings(path: Path) -> None:
    assert find_undocumented(ast.parse(path.read_text(encoding="utf-8"))) == []


@every_module
def test_module_outside_the_commands_does_not_print_to_standard_output(path: Path) -> None:
    if path.is_relative_to(ROOT / "naga" / "cli"):
        return
    assert find_prints(ast.parse(path.read_text(encoding="utf-8"))) == []


@every_module
def test_module_swallows_no_error_blindly(path: Path) -> None:
    assert find_swallowed_errors(ast.parse(path.read_text(encoding="utf-8"))) == []


def test_no_file_is_called_after_what_it_is_not() -> None:
    names = {part for path in list_tracked_files() for part in path.relative_to(ROOT).with_suffix("").parts}
    assert names & {"util", "utils", "helpers", "misc"} == set()


def test_tracked_files_hold_no_unfinished_business() -> None:
    assert find_in_tracked_files(UNFINISHED) == {}


def test_tracked_files_name_no_package_index() -> None:
    assert find_in_tracked_files(INDEX_HOST) == {}


def test_tracked_files_name_no_path_of_one_machine() -> None:
    here = "|".join(re.escape(str(place)) for place in (ROOT, Path.home()) if len(place.parts) > 2)
    assert find_in_tracked_files(re.compile(f"{MACHINE_PATH.pattern}|{here}" if here else MACHINE_PATH.pattern)) == {}


def test_function_over_the_limit_is_found_and_its_docstring_not_counted() -> None:
    code = "    x = 1\n" * (FUNCTION_LINES - 1)
    docstring = '    """Summary.\n' + "\n" * 60 + '    """\n'
    assert find_long_functions(ast.parse(f"def f():\n{docstring}{code}")) == []
    assert find_long_functions(ast.parse(f"def f():\n{code}    y = 2\n")) == ["line 1: f has 46 lines"]


def test_public_member_without_docstring_is_found() -> None:
    source = """
class Public:
    def method(self): ...
    def _private(self): ...
    @x.setter
    def x(self, value): ...
def function(): ...
def _private(): ...
"""
    assert [line.split()[-1] for line in find_undocumented(ast.parse(source))] == [
        "Public",
        "method",
        "function",
    ]


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    f()\nexcept:\n    pass",
        "try:\n    f()\nexcept Exception:\n    ...",
        "for x in y:\n    try:\n        f()\n    except (OSError, BaseException):\n        continue",
        "with contextlib.suppress(Exception):\n    f()",
    ],
)
def test_error_swallowed_blindly_is_found(source: str) -> None:
    assert len(find_swallowed_errors(ast.parse(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    f()\nexcept OSError:\n    pass",
        "try:\n    f()\nexcept Exception as error:\n    report(error)",
        "with suppress(FileNotFoundError):\n    f()",
    ],
)
def test_error_handled_or_named_is_let_through(source: str) -> None:
    assert find_swallowed_errors(ast.parse(source)) == []


def test_print_is_found_and_other_calls_are_not() -> None:
    assert find_prints(ast.parse("def f():\n    print(1)\nconsole.print(2)\nprint(3, file=sys.stderr)")) == [
        "line 2: print"
    ]


@pytest.mark.parametrize("end", ["/naga", "/x/y"])
def test_path_of_one_machine_is_found(end: str) -> None:
    assert MACHINE_PATH.search(f"see {'/' + 'root'}{end}")
    assert not MACHINE_PATH.search(f"see tests/root{end} and the root {end}")


def test_host_of_a_package_index_is_found() -> None:
    name, end = next(iter(INDEXES.items()))
    assert INDEX_HOST.search(f"--index-url https://{name}.{end}/simple")
    assert not INDEX_HOST.search("https://example.org/simple")


def test_unfinished_business_is_found() -> None:
    assert UNFINISHED.search("# " + "TO" + "DO: later")
    assert not UNFINISHED.search("all to" + "do lists")
