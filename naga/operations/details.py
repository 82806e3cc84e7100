"""One run with everything that its receipt says, beside what is there now."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from naga.errors import NagaError
from naga.lock.compare import RECIPE_SECTIONS, compare_receipts
from naga.lock.describe import stage_name
from naga.lock.receipt import Receipt, receipt_digest
from naga.lock.staleness import Examiner, code_files
from naga.lock.world import place_of, receipt_at
from naga.operations.arguments import Argument
from naga.operations.contents import preview_of
from naga.operations.magic import magic_lines
from naga.operations.reasons import causes_of
from naga.operations.rows import row_of_subject, rows_of_entries
from naga.operations.subjects import find_subject, inner_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from naga.catalog.librarian import Librarian
    from naga.lock.receipt import DataEntry, PrevEntry, RepositoryEntry
    from naga.lock.world import World
    from naga.operations.subjects import Subject

__all__ = ["RUN", "describe_run"]

RUN = {"run": Argument("text")}
_MOST: Final = 200
"""Entries of each kind."""
_LARGEST_CONFIG: Final = 256 * 2**10
_LARGEST_VALUE: Final = 4 * 2**10


def describe_run(librarian: Librarian, *, run: str) -> dict[str, Any]:
    """Tell everything about one run.

    Parameters
    ----------
    librarian : Librarian
    run : str
        The path of its receipt relative to the root, or its identifier.

    Returns
    -------
    dict
        As docs/operations.md has it; of a receipt that cannot be read only the row, everything else empty.
    """
    subject = find_subject(librarian, run)
    row = row_of_subject(librarian, subject)
    if isinstance(subject.receipt, NagaError):
        return {**row, **_NOTHING, "problem": str(subject.receipt)[:500], "folder": _folder(librarian, subject)}
    world = librarian.world()
    receipt = subject.receipt
    configuration, is_cut = _configuration(receipt.config)
    found = {
        "recipe": receipt.recipe,
        "caller": _caller(receipt),
        "folder": _folder(librarian, subject),
        "configuration": configuration,
        "configuration_cut": is_cut,
        "data": _entries(librarian, subject, world, receipt.data, is_output=False),
        "data_total": len(receipt.data),
        "outputs": _entries(librarian, subject, world, receipt.outputs, is_output=True),
        "outputs_total": len(receipt.outputs),
        "code": [_code(name, entry, subject, world) for name, entry in list(receipt.repos.items())[:_MOST]],
        "prevs": [_prev(librarian, subject, world, *item) for item in list(receipt.prevs.items())[:_MOST]],
        "successors": _successors(librarian, receipt.id),
        "undeclared": _undeclared(receipt),
        "failure": _failure(receipt),
        "environment": _environment(receipt.environment),
        "causes": causes_of(librarian, subject),
        "snippet": f"import naga\n\npath, receipt = naga.find_run({receipt.id!r}, root={str(librarian.root)!r})",
        **_magic(librarian, receipt, subject.root),
    }
    librarian.learn(world)
    return {**row, **found}


_NOTHING: Final[Mapping[str, Any]] = {
    "recipe": None,
    "caller": {"file": None, "function": None, "module": None, "notebook": None, "argv": []},
    "configuration": {},
    "configuration_cut": False,
    "data": [],
    "data_total": 0,
    "outputs": [],
    "outputs_total": 0,
    "code": [],
    "prevs": [],
    "successors": [],
    "undeclared": [],
    "failure": None,
    "environment": {},
    "causes": [],
    "snippet": None,
    "magic": None,
    "magic_here": None,
    "cwd": None,
}


def _folder(librarian: Librarian, subject: Subject) -> str | None:
    if subject.path is None:
        return None
    return inner_path(librarian, subject.path.rpartition("/")[0]) or ""


def _caller(receipt: Receipt) -> dict[str, Any]:
    caller = receipt.caller
    notebook = caller.get("notebook")
    argv = caller.get("argv")
    return {
        **{
            name: caller[name] if isinstance(caller.get(name), str) else None for name in ("file", "function", "module")
        },
        "notebook": notebook.get("path") if isinstance(notebook, dict) else None,
        "argv": [str(word) for word in argv[:_MOST]] if isinstance(argv, list) else [],
    }


def _configuration(config: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return the config, of a very large one the keys with small values."""
    if len(json.dumps(config)) <= _LARGEST_CONFIG:
        return dict(config), False
    small = {key: value for key, value in config.items() if len(json.dumps(value)) <= _LARGEST_VALUE}
    return dict(list(small.items())[: _LARGEST_CONFIG // _LARGEST_VALUE]), True


def _entries(
    librarian: Librarian, subject: Subject, world: World, entries: Mapping[str, DataEntry], *, is_output: bool
) -> list[dict[str, Any]]:
    found = []
    for name, entry in list(entries.items())[:_MOST]:
        sight = world.look_at(entry, subject.root, is_output=is_output)
        is_missing = sight.digest is None and not sight.is_changing
        state = "intact" if sight.digest == entry.digest else "missing" if is_missing else "modified"
        served = inner_path(librarian, place_of(entry.path, subject.root))
        found.append(
            {
                "name": name,
                "path": entry.path,
                "served": served,
                "digest": entry.digest,
                "size": entry.size,
                "kind": entry.kind,
                "files": entry.files,
                "now": {"state": state, "digest": sight.digest, "problem": sight.problem},
                "preview": preview_of(name, entry) if is_output and served and not is_missing else None,
            }
        )
    return found


def _code(name: str, entry: RepositoryEntry, subject: Subject, world: World) -> dict[str, Any]:
    receipt = subject.known
    files = receipt.used.get("files")
    used = files.get(name) if isinstance(files, dict) else None
    # The same rules as where a run is judged, for this one repository.
    alone = replace(receipt, used={"files": {name: used or {}}})
    listed = [
        {"path": path, "digest": digest, "changed": world.look(place).digest != digest}
        for path, digest, place in list(code_files(alone, subject.root))[:_MOST]
    ]
    return {
        "name": name,
        "path": entry.path,
        "commit": entry.commit,
        "snapshot": entry.snapshot,
        "dirty": entry.dirty,
        "branch": entry.branch,
        "url": entry.url,
        "problem": entry.problem,
        "excluded": list(entry.excluded[:_MOST]),
        "files": listed,
        "files_total": len(used) if isinstance(used, dict) else 0,
    }


def _prev(librarian: Librarian, subject: Subject, world: World, name: str, entry: PrevEntry) -> dict[str, Any]:
    receipt = subject.known
    then = receipt.lineage.get(entry.id)
    place = place_of(entry.path, subject.root)
    now = receipt_at(place)
    change, text = _change(then, entry, now, receipt)
    return {
        "name": name,
        "path": entry.path,
        "then": {
            "id": entry.id,
            "digest": entry.digest,
            "stage": stage_name(then) if then else None,
            "status": then.status if then else None,
            "started": then.started if then else None,
        },
        "now": {
            "id": now.id,
            "digest": receipt_digest(now),
            "stage": stage_name(now),
            "status": now.status,
            "state": Examiner(world).verdict(place, now).state,
            "started": now.started,
            "path": inner_path(librarian, place),
        }
        if isinstance(now, Receipt)
        else None,
        "change": change,
        "text": text,
    }


def _change(
    then: Receipt | None, entry: PrevEntry, now: Receipt | NagaError | None, holder: Receipt
) -> tuple[str, str]:
    """Say what has become of a prev, in a word and in a sentence."""
    if now is None:
        return "gone", "its receipt is not there any more; what this run embedded is shown"
    if isinstance(now, NagaError):
        return "unreadable", str(now)[:500]
    if now.id == entry.id:
        if receipt_digest(now) == entry.digest:
            return "same", "it is the run that this one read"
        return "rewritten", "the receipt of this run was changed after it was read"
    if now.status == "finished" and then is not None and then.recipe is not None and then.recipe == now.recipe:
        return "repeated", "it was run again with the same recipe"
    if now.status != "finished":
        return "replaced", f"it was run again and is {now.status}"
    if then is None:
        return "replaced", "it was run again"
    whole = replace(then, lineage=holder.lineage)
    summary = compare_receipts(whole, now, sections=RECIPE_SECTIONS).summary()
    return "replaced", f"it was run again with other {summary or 'stages before it'}"


def _successors(librarian: Librarian, identifier: str) -> list[dict[str, Any]]:
    found = librarian.ask(lambda ledger: ledger.children(str(librarian.root), identifier, limit=_MOST))
    return rows_of_entries(librarian, [entry for entry, _ in found])


def _undeclared(receipt: Receipt) -> list[str]:
    paths = receipt.used.get("undeclared")
    return [str(path) for path in paths[:_MOST]] if isinstance(paths, list) else []


def _failure(receipt: Receipt) -> dict[str, Any] | None:
    error = receipt.error
    if error is None:
        return None
    return {"type": error.type, "message": error.message, "file": error.file, "line": error.line}


def _magic(librarian: Librarian, receipt: Receipt, root: str) -> dict[str, str | None]:
    lines = magic_lines(receipt, root)
    if lines is None:
        return {"magic": None, "magic_here": None, "cwd": None}
    cwd = "" if lines.folder == str(librarian.root) else inner_path(librarian, lines.folder)
    return {"magic": lines.anywhere, "magic_here": lines.here, "cwd": cwd}


def _environment(environment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the environment, of the packages only how many they are."""
    packages = environment.get("packages")
    told = {key: value for key, value in environment.items() if key != "packages"}
    if isinstance(packages, dict):
        listed = packages.get("list")
        told["packages"] = len(listed) if isinstance(listed, list) else None
        told["packages_digest"] = packages.get("digest")
    return _configuration(told)[0]
