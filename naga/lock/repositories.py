"""The repositories of a run: their names, their roots and their exact state."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from naga.errors import NagaError
from naga.lock.frozen import frozen_codes
from naga.lock.project import portable_path
from naga.lock.receipt import RepositoryEntry
from naga.lock.snapshot import find_root, take_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["describe_repository", "named_roots"]


def named_roots(known: Mapping[str, Path], declared: Mapping[str, Path]) -> dict[str, Path]:
    """Add declared folders to the repositories of a run.

    Parameters
    ----------
    known : mapping
        Name -> root of those from before.
    declared : mapping
        Name -> folder in a repository, or a folder that is in none.

    Returns
    -------
    dict
        Name -> absolute root. A repository that is declared again has its last name; one whose name is taken by
        another gets a number.
    """
    roots = dict(known)
    for name, folder in declared.items():
        root = find_root(folder) or folder.absolute()
        roots = {key: value for key, value in roots.items() if value != root}
        if name in roots:
            free = next(f"{name}_{number}" for number in count(2) if f"{name}_{number}" not in roots)
            roots[free] = roots[name]
        roots[name] = root
    return roots


def describe_repository(root: Path, project: Path, leave_out: Iterable[Path]) -> RepositoryEntry:
    """Keep the exact state of a repository, and describe it.

    Parameters
    ----------
    root : Path
        Its root, or a folder that is in no repository.
    project : Path
        The root of the project.
    leave_out : iterable of Path
        Folders and files of outputs.

    Returns
    -------
    RepositoryEntry
        Where there is no exact state, it says why. Of a repository whose code runs from a checkout, the frozen state.
    """
    place = portable_path(root, project)
    for code in frozen_codes():
        if code.root == str(root):
            return RepositoryEntry(**{**code.state, "path": place})
    if find_root(root) is None:
        return RepositoryEntry(path=place, problem=f"{root.name or root} is not in a git repository")
    try:
        state = take_snapshot(root, leave_out=leave_out)
    except NagaError as error:
        return RepositoryEntry(path=place, problem=error.one_line())
    return RepositoryEntry(
        path=place,
        commit=state.commit,
        tree=state.tree,
        dirty=state.dirty,
        snapshot=state.snapshot,
        branch=state.branch,
        url=state.url,
        excluded=state.excluded,
        problem=None if state.commit else "the repository has no commits yet",
    )
