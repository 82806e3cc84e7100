"""The wheel: what is in it, and that it works for somebody who has nothing but it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
import yaml

from naga._version import __version__

ROOT = Path(__file__).resolve().parents[1]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SCRIPT = """\
from pathlib import Path

from naga import clicfg


class Config:
    param = 1
    save_dir = "results/p"


@clicfg(config_class=Config)
def main(cfg):
    folder = Path(cfg.save_dir)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "out.txt").write_text(f"{cfg.param * 2}\\n")


if __name__ == "__main__":
    main()
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command and return what it printed; a failing one fails the test with what it said."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def copy_sources(place: Path) -> Path:
    """Copy what a wheel is made from, and nothing that was built of it."""
    built = shutil.ignore_patterns("__pycache__", "node_modules", ".yarn", "built", "lib", "static")
    for name in ("naga", "naga_ipython", "jupyter-config", "labextension"):
        shutil.copytree(ROOT / name, place / name, ignore=built)
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, place / name)
    return place


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel that the project's own files make."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT, cwd=folder)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the programs of a new environment that holds the wheel and what it asks for."""
    environment = tmp_path_factory.mktemp("environment") / "venv"
    run(sys.executable, "-m", "venv", environment, cwd=wheel.parent)
    run(environment / "bin" / "python", "-m", "pip", "install", "--quiet", wheel, cwd=wheel.parent)
    return environment / "bin"


@pytest.fixture(scope="module")
def project(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder where ``process.py`` has run with ``param=10``."""
    folder = tmp_path_factory.mktemp("a project")
    (folder / "process.py").write_text(SCRIPT, encoding="utf-8")
    run(scripts / "python", "process.py", "-o", "param=10", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    """Return the names of the files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_wheel_holds_every_module_of_the_two_packages_and_no_other(names: list[str]) -> None:
    files = (path for package in ("naga", "naga_ipython") for path in (ROOT / package).rglob("*.py"))
    assert {name for name in names if name.endswith(".py")} == {path.relative_to(ROOT).as_posix() for path in files}


def test_wheel_says_that_it_is_typed(names: list[str]) -> None:
    assert {"naga/py.typed", "naga_ipython/py.typed"} <= set(names)


def test_wheel_holds_nothing_of_tests_notebooks_and_scripts(names: list[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    of_the_wheel = {f"naga_ipython-{__version__}.dist-info", f"naga_ipython-{__version__}.data"}
    assert tops == {"naga", "naga_ipython"} | of_the_wheel


def test_wheel_holds_the_view_and_the_panel(names: list[str]) -> None:
    panel = f"naga_ipython-{__version__}.data/data/share/jupyter/labextensions/naga-lab"
    assert {"naga_ipython/static/view.js", f"{panel}/package.json", f"{panel}/install.json"} <= set(names)
    assert any(name.startswith(f"{panel}/static/remoteEntry.") for name in names)


def test_wheel_made_without_the_front_end_holds_the_rest(names: list[str], tmp_path: Path) -> None:
    source = copy_sources(tmp_path / "source")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=source, env={**os.environ, "PATH": os.devnull}, capture_output=True, check=True)
    (made,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(made) as archive:
        without = set(archive.namelist())
    assert not {name for name in without if "labextensions" in name or name.endswith(".js")}
    assert without >= {name for name in names if name.endswith(".py")}


def test_metadata_of_the_wheel_give_version_license_and_command(wheel: Path) -> None:
    information = f"naga_ipython-{__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        metadata = message_from_string(archive.read(f"{information}/METADATA").decode())
        commands = archive.read(f"{information}/entry_points.txt").decode()
        assert "The naga developers" in archive.read(f"{information}/licenses/LICENSE").decode()
    assert metadata["Version"] == __version__
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "naga = naga.cli.main:main" in commands


def test_installed_wheel_is_what_is_imported(scripts: Path, tmp_path: Path) -> None:
    place = run(scripts / "python", "-c", "import naga; print(naga.__file__)", cwd=tmp_path)
    assert Path(place.strip()).is_relative_to(scripts.parent)


def test_script_run_with_the_wheel_leaves_outputs_and_a_receipt(project: Path) -> None:
    assert (project / "results" / "p" / "out.txt").read_text(encoding="utf-8") == "20\n"
    receipt = yaml.safe_load((project / "results" / "p" / "run.lock").read_text(encoding="utf-8"))
    assert receipt["config"]["param"] == 10
    assert receipt["status"] == "finished"


def test_show_of_the_run_gives_its_config(project: Path, scripts: Path) -> None:
    assert "param" in run(scripts / "naga", "show", "results/p", cwd=project)


def test_version_is_that_of_the_wheel(scripts: Path, tmp_path: Path) -> None:
    assert __version__ in run(scripts / "naga", "--version", cwd=tmp_path)


def test_doctor_finds_a_new_environment_in_order(project: Path, scripts: Path) -> None:
    found = run(scripts / "naga", "doctor", cwd=project)
    assert re.search(rf"ok +panel +{re.escape(__version__)}", found)
