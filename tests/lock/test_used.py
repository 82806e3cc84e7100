"""The code that a run used: its script and its modules, and nothing else."""

from __future__ import annotations

import json
import os
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import naga
from naga.lock.digest import hash_file
from tests.programs import run_python

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = {
    "main.py": "import json\nimport helper\nfrom package.deep import leaf\nimport naga, yaml, pytest\n",
    "helper.py": "def late():\n    import late_one\n",
    "late_one.py": "",
    "never.py": "",
    "package/__init__.py": "",
    "package/deep/__init__.py": "from . import sibling\nfrom ..other import name\n",
    "package/deep/leaf.py": "if False:\n    from .sibling import missing\n",
    "package/deep/sibling.py": "",
    "package/deep/never.py": "",
    "package/other.py": "from package import third as name\n",
    "package/third.py": "import importlib\n",
    "package/never.py": "",
    "unrelated.py": "import never\n",
}

# Prints what is used; the name of a script to run comes first, then modules to import before it starts.
PROGRAM = """\
import importlib, json, sys
from pathlib import Path
from naga.lock.used import used_files
roots = {name: Path(root) for name, root in json.loads(sys.argv[1]).items()}
script, *before = sys.argv[2:]
sys.path.insert(0, str(Path(script).parent))
for name in before:
    importlib.import_module(name)
loaded = frozenset(sys.modules) if before else ()
exec(compile(Path(script).read_text(), script, 'exec'), {'__name__': '__main__', '__file__': script})
print(json.dumps(used_files(roots, Path(script), loaded)))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "project"


def used_by(
    project: Path, *before: str, script: str = "main.py", roots: dict[str, Path] | None = None, **environ: str
) -> dict[str, dict[str, str]]:
    """Run a script in a process of its own, after the import of modules, and return what it used."""
    text = json.dumps({name: str(root) for name, root in (roots or {"project": project}).items()})
    done = run_python(project.parent, "-c", PROGRAM, text, str(project / script), *before, **environ)
    assert (done.returncode, done.stderr) == (0, "")
    used: dict[str, dict[str, str]] = json.loads(done.stdout)
    return used


MAIN_USES = {
    *("main.py", "helper.py", "package/__init__.py", "package/deep/__init__.py", "package/deep/leaf.py"),
    *("package/deep/sibling.py", "package/other.py", "package/third.py"),
}


def test_used_files_of_a_script_are_itself_and_its_modules_with_digests(project: Path) -> None:
    assert used_by(project) == {"project": {name: hash_file(project / name) for name in MAIN_USES}}


def test_used_files_of_a_module_imported_in_a_function_that_ran_count(project: Path) -> None:
    with (project / "main.py").open("a") as file:
        file.write("helper.late()\n")

    assert used_by(project)["project"].keys() == {*MAIN_USES, "late_one.py"}


def test_used_files_of_a_repository_without_code_of_the_run_are_none(project: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()

    assert used_by(project, roots={"other": tmp_path / "other"}) == {"other": {}}


def test_used_files_of_nested_repositories_belong_to_the_inner(project: Path) -> None:
    roots = {"outer": project, "inner": project / "package" / "deep"}
    used = used_by(project, roots=roots)

    assert used["inner"].keys() == {"__init__.py", "leaf.py", "sibling.py"}
    assert used["outer"].keys() == {name for name in MAIN_USES if "deep" not in name}


def test_used_files_through_a_link_count(project: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(project)
    through_link = used_by(tmp_path / "link", roots={"project": tmp_path / "link"})

    assert through_link == used_by(project)
    assert used_by(project, roots={"project": tmp_path / "link"}) == through_link


@pytest.mark.parametrize("folder", ["site-packages", "dist-packages"])
def test_used_files_of_installed_packages_in_the_repository_do_not_count(project: Path, folder: str) -> None:
    place = project / ".venv" / "lib" / folder
    place.mkdir(parents=True)
    (place / "installed.py").touch()
    with (project / "main.py").open("a") as file:
        file.write("import installed\n")

    assert used_by(project, PYTHONPATH=with_path(place))["project"].keys() == MAIN_USES


def test_used_files_of_the_library_of_an_environment_in_the_repository_do_not_count(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv.create(project / "env", with_pip=False, symlinks=True)
    library = project / "env" / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    (library / "library.py").touch()
    with (project / "main.py").open("a") as file:
        file.write("import library\n")
    path = with_path(library)
    assert "library.py" in str(used_by(project, PYTHONPATH=path))

    monkeypatch.setattr(sys, "executable", str(project / "env" / "bin" / "python"))
    assert used_by(project, PYTHONPATH=path)["project"].keys() == MAIN_USES


def with_path(*places: Path) -> str:
    """Return a PYTHONPATH on which everything of this process can be imported too."""
    return os.pathsep.join([*map(str, places), str(Path(naga.__file__).parents[1]), *filter(None, sys.path)])


def test_used_files_of_naga_itself_do_not_count() -> None:
    root = Path(naga.__file__).parents[1]
    code = "import sys; from pathlib import Path; from naga.lock.used import used_files\n"
    code += "print(used_files({'x': Path(sys.argv[1])}, None))"

    assert run_python(root, "-c", code, str(root)).stdout == "{'x': {}}\n"


def test_used_files_that_are_gone_are_left_out(project: Path) -> None:
    with (project / "main.py").open("a") as file:
        file.write(f"import os; os.unlink({str(project / 'helper.py')!r})\n")

    assert used_by(project)["project"].keys() == MAIN_USES - {"helper.py"}


EVERYTHING = ("unrelated", "helper", "late_one", "package.deep.leaf", "package.deep.never", "package.never")


def test_used_files_in_a_kernel_are_what_the_script_imports_however_deep(project: Path) -> None:
    # Also what is imported in functions and under conditions, because that may have run.
    assert used_by(project, *EVERYTHING)["project"].keys() == {*MAIN_USES, "late_one.py"}


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("import helper as h", {"helper.py", "late_one.py"}),
        ("import package.never", {"package/__init__.py", "package/never.py"}),
        ("from package import never, third", {"package/__init__.py", "package/never.py", "package/third.py"}),
        ("from package.third import *", {"package/__init__.py", "package/third.py"}),
        ("import package", {"package/__init__.py"}),
        ("def f():\n    class A:\n        import never", {"never.py"}),
        ("try:\n    import nothing\nexcept ImportError:\n    import never", {"never.py"}),
        ("import os, sys, json", set()),
        ("x = 'import never'", set()),
    ],
)
def test_used_files_in_a_kernel_follow_every_form_of_import(project: Path, statement: str, names: set[str]) -> None:
    (project / "small.py").write_text(statement)

    used = used_by(project, *EVERYTHING, script="small.py")

    assert used["project"].keys() == {"small.py", *names}


def test_used_files_in_a_kernel_that_are_imported_anew_count_with_what_they_import(project: Path) -> None:
    (project / "small.py").write_text("__import__('fresh')")
    (project / "fresh.py").write_text("import never")

    assert used_by(project, *EVERYTHING, script="small.py")["project"].keys() == {"small.py", "fresh.py", "never.py"}


def test_used_files_in_a_kernel_with_code_that_cannot_be_parsed_any_more_leave_it_at_that(project: Path) -> None:
    (project / "small.py").write_text(
        "import helper\nfrom pathlib import Path\nPath(helper.__file__).write_text('def (')\n"
    )

    assert used_by(project, *EVERYTHING, script="small.py")["project"].keys() == {"small.py", "helper.py"}


def test_used_files_known_from_before_keep_their_digests(repository: Path, git: Callable[..., str]) -> None:
    code = """\
import json, sys
from pathlib import Path
from naga.lock.used import used_files
script = Path(sys.argv[1])
roots = {'r': script.parent}
first = used_files(roots, script)
script.write_text('edited')
print(json.dumps([first, used_files(roots, script, (), first), used_files(roots, script)]))
"""
    first, second, fresh = json.loads(run_python(repository, "-c", code, str(repository / "process.py")).stdout)

    assert first == second
    assert first["r"].keys() == fresh["r"].keys() == {"process.py"}
    assert first != fresh
