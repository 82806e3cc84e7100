"""The lowest OmegaConf that naga supports; all other tests run on the newest."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import run_python

ROOT = Path(__file__).resolve().parents[2]
LOWEST = "2.3.0"
MATRIX = ("test_schema.py", "test_layers.py", "test_overrides.py", "test_resolvers.py", "test_omegaconf_docs.py")


@pytest.fixture(scope="module")
def lowest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds the lowest OmegaConf, to be put before all others."""
    # What lies elsewhere is taken for the person's own code and compared with its byte code before each run.
    folder = tmp_path_factory.mktemp("omegaconf") / "site-packages"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), f"omegaconf=={LOWEST}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        pytest.skip(f"OmegaConf {LOWEST} cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    return folder


def test_lowest_version_is_the_one_that_the_project_declares() -> None:
    declared = re.search(r'"omegaconf>=([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert declared is not None
    assert LOWEST.startswith(declared[1])


@pytest.mark.slow
def test_configs_on_the_lowest_version_are_what_they_are_on_the_newest(lowest: Path, tmp_path: Path) -> None:
    path = os.pathsep.join([str(lowest), *filter(None, [os.environ.get("PYTHONPATH")])])
    probe = run_python(tmp_path, "-c", "import omegaconf; print(omegaconf.__version__)", PYTHONPATH=path)
    assert probe.stdout.strip() == LOWEST
    tests = [str(Path(__file__).with_name(name)) for name in MATRIX]
    options = [
        "-q",
        "-k",
        "not any_text",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        f"--basetemp={tmp_path / 'inner'}",
    ]

    done = run_python(ROOT, "-W", "error", "-m", "pytest", *options, *tests, PYTHONPATH=path)

    assert done.returncode == 0, done.stdout + done.stderr
