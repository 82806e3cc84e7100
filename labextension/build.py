"""Build the front end with node, when its sources have changed since the last time.

usage: python labextension/build.py [--link]

  --link   let the JupyterLab of this Python show what is built, as after an editable install

Needs node 20 or newer, and jupyter-builder beside this Python; everything else comes with ``yarn.lock``.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BUILT", "FOLDER", "VIEW", "build", "find_node", "is_current", "link"]

FOLDER = Path(__file__).resolve().parent
BUILT = FOLDER / "built"
VIEW = FOLDER.parent / "naga_ipython" / "static" / "view.js"

_NAME = "naga-lab"
_STAMP = FOLDER / "lib" / "built-from"
_MODULES = FOLDER / "node_modules"
_INSTALLED = _MODULES / ".installed-from"
_PACKAGES = ("package.json", "yarn.lock", ".yarnrc.yml")


def find_node() -> str | None:
    """Return the path of node, or None when there is none.

    Returns
    -------
    str or None
    """
    return shutil.which("node")


def is_current() -> bool:
    """Return whether what is built was made from the sources as they are.

    Returns
    -------
    bool
    """
    made = VIEW.is_file() and (BUILT / "package.json").is_file() and _STAMP.is_file()
    return made and _STAMP.read_text(encoding="utf-8") == _digest(_sources())


def build() -> bool:
    """Build the view and the panel, unless that has been done; whoever comes meanwhile waits for it.

    Returns
    -------
    bool
        False when there is no node to build with, and nothing was done.

    Raises
    ------
    subprocess.CalledProcessError
        A step failed; what it said went to standard error.
    """
    with _lock():
        if is_current():
            return True
        node = find_node()
        if node is None:
            return False
        _install_packages(node)
        shutil.rmtree(BUILT, ignore_errors=True)
        _call(node, "bundle.mjs")
        _call(sys.executable, "-m", "jupyter_builder.main", "build", ".")
        _STAMP.write_text(_digest(_sources()), encoding="utf-8")
    return True


def link() -> Path:
    """Let the JupyterLab of this Python find what is built, by a link, so that the next build is seen too.

    Returns
    -------
    Path
        The link.
    """
    place = Path(sys.prefix) / "share" / "jupyter" / "labextensions" / _NAME
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_symlink() or not place.exists():
        place.unlink(missing_ok=True)
        place.symlink_to(BUILT)
    return place


@contextmanager
def _lock() -> Iterator[None]:
    with (FOLDER / "package.json").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _install_packages(node: str) -> None:
    wanted = _digest([FOLDER / name for name in _PACKAGES])
    if _INSTALLED.is_file() and _INSTALLED.read_text(encoding="utf-8") == wanted:
        return
    _call(node, _find_yarn(), "install", "--immutable")
    _INSTALLED.write_text(wanted, encoding="utf-8")


def _find_yarn() -> str:
    found = importlib.util.find_spec("jupyter_builder")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("jupyter-builder brings the yarn that is needed here: pip install jupyter-builder")
    return str(Path(found.origin).parent / "yarn.js")


def _call(*command: str) -> None:
    environ = {**os.environ, "YARN_ENABLE_TELEMETRY": "0"}
    done = subprocess.run(
        command,
        cwd=FOLDER,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout, file=sys.stderr)
        done.check_returncode()


def _sources() -> list[Path]:
    named = [FOLDER / name for name in (*_PACKAGES, "bundle.mjs", "build.py")]
    return [*named, *sorted(path for path in (FOLDER / "src").rglob("*") if path.is_file())]


def _digest(paths: list[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        total.update(f"{path.relative_to(FOLDER).as_posix()}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def _main(arguments: list[str]) -> int:
    if arguments not in ([], ["--link"]):
        print(__doc__, file=sys.stderr)
        return 2
    if not build():
        print("node is not installed: the front end is not built", file=sys.stderr)
        return 0
    if arguments:
        link()
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
