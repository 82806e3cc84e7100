"""Running scripts and commands as a person does: in a process of their own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from naga import run_script

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from naga import RunResult


def run_python(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the interpreter in a folder, with further environment variables, and return what it printed."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


def call_script(folder: Path, text: str, *arguments: str) -> RunResult:
    """Write a script into a folder, run it in this process as its main program, and return what came of it."""
    path = folder / "script.py"
    path.write_text(text, encoding="utf-8")
    return run_script(path, arguments)


def load_module(folder: Path, text: str, name: str = "process") -> ModuleType:
    """Write a module into a folder and import it, so that its functions are code of that folder."""
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    # Not through the loader: its cache takes a file of the same size in the same second for the same file.
    exec(compile(text, str(path), "exec", dont_inherit=True), vars(module))
    return module


def naga(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command ``naga`` in a folder and return what it printed."""
    return run_python(folder, "-m", "naga", *arguments, **environ)
