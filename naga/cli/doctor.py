"""``naga doctor``: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import site
import subprocess
import sysconfig
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["add_to"]

_PACKAGES = (
    ("omegaconf", "configs", "pip install naga-ipython"),
    ("pyyaml", "configs and receipts", "pip install naga-ipython"),
    ("msgspec", "receipts", "pip install naga-ipython"),
    ("xxhash", "digests", "pip install naga-ipython"),
    ("cloudpickle", "failures kept for later", "pip install naga-ipython"),
    ("platformdirs", "caches", "pip install naga-ipython"),
    ("rich", "tables", "pip install naga-ipython"),
    ("tqdm", "progress", "pip install naga-ipython"),
    ("ipython", "magics", "pip install naga-ipython"),
    ("ipykernel", "notebooks", "pip install 'naga-ipython[lab]'"),
    ("jupyterlab", "notebooks in the browser", "pip install 'naga-ipython[lab]'"),
    ("jupyter-server", "runs in the browser", "pip install 'naga-ipython[lab]'"),
    ("watchfiles", "changes at once in the browser", "pip install 'naga-ipython[lab]'"),
    ("anywidget", "runs in a cell", "pip install 'naga-ipython[lab]'"),
    ("mlflow-skinny", "tracking", "pip install 'naga-ipython[mlflow]'"),
    ("submitit", "Slurm", "pip install 'naga-ipython[slurm]'"),
)
_REQUIRED = frozenset(
    {"cloudpickle", "omegaconf", "pyyaml", "msgspec", "xxhash", "platformdirs", "rich", "tqdm", "ipython"}
)
_INSTEAD = {"mlflow-skinny": "mlflow"}


@dataclass(frozen=True, slots=True)
class _Finding:
    name: str
    purpose: str
    version: str | None
    required: bool
    remedy: str | None


def add_to(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser of ``naga``.

    Parameters
    ----------
    commands : subparsers action of argparse
    common : ArgumentParser
        The options that every command has.
    """
    parser = commands.add_parser(
        "doctor",
        parents=[common],
        help="say what is installed and what is missing",
        description="Say what is installed, what is missing, and how to get it. Exit code 1 when something that naga"
        " cannot do without is missing.",
        epilog="examples:\n  naga doctor\n  naga doctor --json\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    findings = [
        _Finding("python", "runs", platform.python_version(), required=True, remedy=None),
        _git(),
        *(_package(*row) for row in _PACKAGES),
        _panel(),
        _catalog(),
    ]
    if options.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            print(_line(finding))
    return int(any(finding.required and finding.version is None for finding in findings))


def _line(finding: _Finding) -> str:
    mark = "ok      " if finding.version else "missing " if finding.required else "optional"
    text = f"{mark}  {finding.name:<14} {finding.version or '-':<12} {finding.purpose}"
    return text if finding.version or not finding.remedy else f"{text}: {finding.remedy}"


def _git() -> _Finding:
    remedy = "install git with the package manager of the system"
    found = None
    if shutil.which("git"):
        answer = subprocess.run(["git", "--version"], capture_output=True, text=True, check=False)
        found = answer.stdout.replace("git version", "").strip() or None
    return _Finding("git", "exact code", found, required=False, remedy=remedy)


def _package(name: str, purpose: str, remedy: str) -> _Finding:
    found = None
    for candidate in (name, _INSTEAD.get(name, name)):
        try:
            found = found or version(candidate)
        except PackageNotFoundError:
            continue
    return _Finding(name, purpose, found, name in _REQUIRED, remedy)


def _panel() -> _Finding:
    remedy = "pip install naga-ipython from a wheel, or in a clone: python labextension/build.py --link (needs node)"
    bases = [Path(sysconfig.get_path("data")), Path(site.getuserbase())]
    files = [base / "share" / "jupyter" / "labextensions" / "naga-lab" / "package.json" for base in bases]
    found = next((json.loads(file.read_text(encoding="utf-8"))["version"] for file in files if file.is_file()), None)
    return _Finding("panel", "runs in JupyterLab", found, required=False, remedy=remedy)


def _catalog() -> _Finding:
    try:
        from naga.catalog.places import find_place

        place = find_place()
    except ImportError:
        return _Finding("catalog", "lists of runs", None, required=False, remedy="install what is missing above")
    remedy = f"{place.problem}, it is kept in {place.path or 'memory'}; set NAGA_CACHE_DIR to a folder on a local disk"
    found = "on disk" if place.problem is None else None
    return _Finding("catalog", "lists of runs", found, required=False, remedy=remedy)
