"""An environment with the oldest JupyterLab and Jupyter Notebook that naga works with, and this project's wheel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["OLDEST", "install_wheel", "make_environment"]

ROOT = Path(__file__).resolve().parents[2]
OLDEST = ("jupyterlab==4.2.0", "notebook==7.2.0", "jupyter-server==2.14.0")


def make_environment(place: Path) -> Path:
    """Make a virtual environment with `OLDEST` and what naga needs, unless it is there; return its interpreter.

    Parameters
    ----------
    place : Path
        May be kept from one run of the tests to the next.

    Raises
    ------
    subprocess.CalledProcessError
        The packages cannot be had.
    """
    python, stamp = place / "bin" / "python", place / "installed"
    wanted = "\n".join([*OLDEST, (ROOT / "pyproject.toml").read_text(encoding="utf-8")])
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        _call(sys.executable, "-m", "venv", "--clear", place)
        # Of this project only what it asks for: the wheel comes later.
        _call(python, "-m", "pip", "install", "--quiet", *OLDEST, f"{_make_wheel(place)}[lab]")
        _call(python, "-m", "pip", "uninstall", "--quiet", "--yes", "naga-ipython")
        stamp.write_text(wanted, encoding="utf-8")
    return python


def install_wheel(python: Path, place: Path) -> None:
    """Make the wheel of this project in a folder, and install it without anything else."""
    wheel = _make_wheel(place)
    _call(python, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", "--no-index", wheel)


def _make_wheel(place: Path) -> Path:
    _call(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place)
    (wheel,) = place.glob("*.whl")
    return wheel


def _call(*command: str | Path) -> None:
    subprocess.run(command, cwd=ROOT, check=True, stdin=subprocess.DEVNULL, capture_output=True)
