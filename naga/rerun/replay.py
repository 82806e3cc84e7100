"""The program in which a recorded run is repeated; `naga.rerun.rerun` starts it.

It is run by its path and imports nothing of naga, for the project that it serves may be one that holds a naga of its
own. What it does beside running the script: modules that would be imported from the person's working tree come from
the snapshot, and whatever Python opens, makes or removes there is refused.
"""

from __future__ import annotations

import functools
import importlib
import importlib.machinery
import json
import os
import runpy
import sys
import types
from pathlib import Path
from typing import Any

__all__ = ["main"]

_READING = frozenset("rbtU")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Audit events of what changes a file behind a link, and of what changes the entry itself; with the positions of paths.
_CONTENT = {"os.truncate": (0,), "os.chmod": (0,), "os.chown": (0,), "os.utime": (0,), "os.setxattr": (0,)}
_ENTRY = {
    **{f"os.{name}": (0,) for name in ("mkdir", "remove", "rmdir", "mkfifo", "mknod")},
    "os.rename": (0, 1),
    "os.link": (1,),
    "os.symlink": (1,),
    # Below the folder that it is given, it works with descriptors, of which the other events do not tell the paths.
    "shutil.rmtree": (0,),
}
_INSTALLED = ("/site-packages/", "/dist-packages/")


def main(job_file: str) -> None:
    """Run what a job describes, as the main program of this process.

    Parameters
    ----------
    job_file : str
        A JSON file with ``kind`` (script, module or call), ``file``, ``module``, ``function``, ``argv``, ``config``
        (of a call), ``folders`` (to import from), ``trees`` (folders of the person -> their places in the mirror),
        ``protected`` and ``writable`` (folders), and ``strays`` (the file for the answer).

    Notes
    -----
    The answer is a list of the Python files that were imported from the person's folders all the same.
    """
    job = json.loads(Path(job_file).read_bytes())
    trees = {os.path.realpath(tree): place for tree, place in job["trees"].items()}
    _import_from_snapshot(job["folders"], trees)
    sys.argv = [os.path.relpath(job["file"]), *job["argv"]]
    sys.addaudithook(functools.partial(_guard, _ends(job["protected"]), _ends(job["writable"])))
    try:
        _run(job)
    finally:
        strays = sorted(filter(None, (_stray(module, tuple(trees)) for module in list(sys.modules.values()))))
        Path(job["strays"]).write_text(json.dumps(strays), encoding="utf-8")


def _run(job: dict[str, Any]) -> None:
    if job["kind"] == "module":
        runpy.run_module(job["module"], run_name="__main__", alter_sys=True)
        return
    if job["kind"] == "script":
        _run_script(job["file"])
        return
    value: Any = importlib.import_module(job["module"])
    for name in job["function"].split("."):
        value = getattr(value, name)
    result = value(job["config"])
    if isinstance(result, types.CoroutineType):
        import asyncio

        asyncio.run(result)


def _run_script(file: str) -> None:
    """Run a file as ``python FILE`` does; it stays the main program until the process ends."""
    module = types.ModuleType("__main__")
    module.__file__ = file
    module.__loader__ = importlib.machinery.SourceFileLoader("__main__", file)
    vars(module).update(__builtins__=__builtins__, __cached__=None)
    code = compile(Path(file).read_bytes(), file, "exec", dont_inherit=True)
    sys.modules["__main__"] = module
    exec(code, vars(module))  # noqa: S102 - the person's own script


def _import_from_snapshot(folders: list[str], trees: dict[str, str]) -> None:
    """Look into the mirror where an installation in development mode leads to the person's working tree."""
    mapped = [_mapped(folder, trees) for folder in sys.path]
    changed = [place for folder, place in zip(sys.path, mapped, strict=True) if folder != place]
    inherited = [_mapped(folder, trees) for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    sys.path[:] = dict.fromkeys([*folders, *mapped])
    if changed or inherited:
        # For the programs that the run starts.
        os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([*changed, *inherited]))


def _mapped(folder: str, trees: dict[str, str]) -> str:
    real = os.path.realpath(folder)
    tree = _tree_of(real, tuple(trees))
    moved = trees[tree] + real[len(tree) :] if tree else folder
    return moved if os.path.isdir(moved) else folder  # noqa: PTH112 - no object for each entry of sys.path


def _stray(module: Any, trees: tuple[str, ...]) -> str | None:
    """Return the file of a module that comes from one of the person's folders."""
    file = getattr(module, "__dict__", {}).get("__file__")
    if not isinstance(file, str) or not file.endswith(".py"):
        return None
    real = os.path.realpath(file)
    is_own = real.startswith(os.path.realpath(Path(__file__).parents[1]) + "/")
    return real if _tree_of(real, trees) and not is_own else None


def _tree_of(real: str, trees: tuple[str, ...]) -> str | None:
    """Return the tree that holds a path as the person's own, not as something that is installed there."""
    tree = next((tree for tree in trees if f"{real}/".startswith(f"{tree}/")), None)
    if tree is None or any(part in f"{real}/" for part in _INSTALLED):
        return None
    prefix = os.path.realpath(sys.prefix)
    return None if f"{prefix}/".startswith(f"{tree}/") and f"{real}/".startswith(f"{prefix}/") else tree


def _ends(folders: list[str]) -> tuple[str, ...]:
    return tuple(f"{os.path.realpath(folder)}/" for folder in folders)


def _guard(protected: tuple[str, ...], writable: tuple[str, ...], event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse an event of PEP 578 that would change what lies in a protected place."""
    if event == "open":
        _, mode, flags = arguments
        positions: tuple[int, ...] = (0,) if flags & _WRITING or not _READING.issuperset(mode or "") else ()
    else:
        positions = _CONTENT.get(event) or _ENTRY.get(event, ())
    for position in positions:
        path = arguments[position]
        if isinstance(path, int):
            continue
        text = os.fsdecode(path)
        place = (_entry(text) if event in _ENTRY else os.path.realpath(text)) + "/"
        if place.startswith(protected) and not place.startswith(writable):
            message = f"a rerun does not write to {place[:-1]}, where the run that it repeats lies"
            raise PermissionError(message)


def _entry(path: str) -> str:
    """Resolve the links on the way to an entry, but not the entry itself."""
    folder, name = os.path.split(os.path.abspath(path))  # noqa: PTH100 - "." and a slash at the end are no names
    return os.path.join(os.path.realpath(folder), name)  # noqa: PTH118 - called for each file that is made


if __name__ == "__main__":
    main(sys.argv[1])
