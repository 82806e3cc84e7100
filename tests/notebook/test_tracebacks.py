"""A failing script and the tools of IPython that look at it: %tb, %xmode, %debug, %pdb, and figures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.kernels import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FAILING = """\
def divide(total, divisor):
    marker = 'in divide'
    return total / divisor

def main():
    rows = ['in main']
    return divide(len(rows), 0)

main()
"""
GROUP = """\
def leaf(number):
    kept = f'leaf {number}'
    raise KeyError(number)

def main():
    errors = []
    for number in range(2):
        try:
            leaf(number)
        except KeyError as error:
            errors.append(error)
    raise ExceptionGroup('several', errors)

main()
"""
FIGURE = """\
import matplotlib.pyplot as plt
plt.plot([1, 2])
raise RuntimeError('after the figure')
"""
# The shell leaves out its own frame, whose place differs from version to version.
HIDDEN = re.compile(r"^\s*\[\.\.\. skipping \d+ hidden frame\(s\)\]\s*$", re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for name, text in {"failing.py": FAILING, "group.py": GROUP, "figure.py": FIGURE}.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def shared(folder: Path, libraries: str) -> Iterator[Kernel]:
    """Yield a kernel with the extension; the tests of this file share it."""
    kernel = Kernel(folder)
    kernel.run("%load_ext naga")
    yield kernel
    kernel.stop()


@pytest.fixture
def kernel(shared: Kernel) -> Iterator[Kernel]:
    yield shared
    shared.run("%pdb off\n%xmode Context\n%naga_clear")


def places(text: str) -> list[str]:
    """Return the functions that a debugger lists, and see that none of them is naga's or IPython's."""
    found = re.findall(r"^[> ] ?(/\S+)\(\d+\)(\S+)\(\)", HIDDEN.sub("", text), re.MULTILINE)
    assert {file.rpartition("/")[2] for file, _ in found} <= {"failing.py", "group.py"}, text
    return [function for _, function in found]


@pytest.mark.parametrize(
    ("mode", "shows"),
    [
        ("Context", "----> 3     return total / divisor"),
        ("Verbose", "divide(total=1, divisor=0)"),
        ("Plain", "    return total / divisor"),
        ("Minimal", "ZeroDivisionError: division by zero"),
    ],
)
def test_xmode_decides_how_a_failing_script_is_shown_and_tb_shows_the_same(
    kernel: Kernel, mode: str, shows: str
) -> None:
    kernel.run(f"%xmode {mode}")
    failed = kernel.run("%naga_run failing.py")
    again = kernel.run("%tb")
    assert shows in failed.traceback
    assert (mode == "Minimal") == ("failing.py" not in failed.traceback)
    assert "/naga" not in failed.traceback
    assert again.traceback.strip() == failed.traceback.strip()
    assert (again.stdout + again.stderr).strip() == ""


def test_debug_goes_through_the_frames_of_the_script_alone(kernel: Kernel) -> None:
    kernel.run("%naga_run failing.py")
    answer = kernel.run("%debug", typed=["w", "p marker", "up", "p rows", "up", "up", "q"])
    assert (answer.status, answer.errors) == ("ok", [])
    first, *rest = places(answer.stdout)
    assert (first, rest[:3], rest[3:]) == ("divide", ["<module>", "main", "divide"], ["main", "<module>"])
    assert "'in divide'" in answer.stdout
    assert "['in main']" in answer.stdout
    assert "all frames above" in answer.stdout


def test_pdb_starts_where_the_script_failed_and_the_cell_fails_after_it(kernel: Kernel) -> None:
    kernel.run("%pdb on")
    answer = kernel.run("%naga_run failing.py\nprint('went on')", typed=["p marker", "up", "up", "up", "q"])
    assert [error["ename"] for error in answer.errors] == ["ZeroDivisionError"]
    assert "went on" not in answer.stdout
    assert "'in divide'" in answer.stdout
    assert places(answer.stdout) == ["divide", "main", "<module>"]
    assert answer.stderr == "naga: divide() at failing.py:3 - 3 locals kept: total, divisor, marker\n"


def test_group_that_a_script_raises_is_one_traceback_of_its_own_and_tb_shows_it_again(kernel: Kernel) -> None:
    answer = kernel.run("%naga_run group.py\nprint('went on')")
    assert [error["ename"] for error in answer.errors] == ["ExceptionGroup"]
    assert answer.stdout == ""
    assert answer.stderr == "naga: main() at group.py:12 - 2 locals kept: errors, number\n"
    files = re.findall(r'File "([^"]+)"', answer.traceback)
    assert {file.rpartition("/")[2] for file in files} == {"group.py"}
    assert [
        text for text in ("several (2 sub-exceptions)", "KeyError: 0", "KeyError: 1") if text not in answer.traceback
    ] == []
    again = kernel.run("%tb")
    assert (again.traceback, again.stderr) == (answer.traceback, "")
    kernel.run("%naga_frame leaf 1")
    assert kernel.run("print(kept)").stdout == "leaf 1\n"


def test_pdb_starts_where_a_group_was_raised(kernel: Kernel) -> None:
    kernel.run("%pdb on")
    answer = kernel.run("%naga_run group.py", typed=["p len(errors)", "q"])
    assert [error["ename"] for error in answer.errors] == ["ExceptionGroup"]
    assert places(answer.stdout) == ["main"]
    assert "\n2\n" in answer.stdout


def test_debug_of_a_group_begins_where_it_was_raised(kernel: Kernel) -> None:
    kernel.run("%naga_run group.py")
    answer = kernel.run("%debug", typed=["p len(errors)", "up", "up", "q"])
    assert places(answer.stdout) == ["main", "<module>"]
    assert "\n2\n" in answer.stdout


def test_figure_that_is_open_when_a_script_fails_is_shown(kernel: Kernel) -> None:
    answer = kernel.run("%matplotlib inline\n%naga_run figure.py")
    assert [error["evalue"] for error in answer.errors] == ["after the figure"]
    assert [sorted(shown) for shown in answer.results] == [["image/png", "text/plain"]]
