"""Checking the snapshot of a run out into a folder of its own, without touching the repository that holds it.

The code is checked out into a repository of its own, which borrows the objects of the person's repository. A linked
worktree would be an entry in the person's repository, left behind by whoever is killed, and the snapshots that the run
there takes would be written there. This way nothing there is written at all.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from naga.lock.git import run as git
from naga.lock.snapshot import has_snapshot

if TYPE_CHECKING:
    from naga.lock.receipt import RepositoryEntry

__all__ = ["changed_in_checkout", "check_out"]


def check_out(repository: Path, entry: RepositoryEntry, top: Path) -> None:
    """Check the snapshot of a repository out into a folder.

    Parameters
    ----------
    repository : Path
        Absolute top of the person's working tree; only read.
    entry : RepositoryEntry
        What the receipt says of it; it has a snapshot, and the repository holds that.
    top : Path
        An empty folder, which becomes the top of the new working tree. HEAD is the recorded commit on the recorded
        branch, where that commit is still known, and the files are those of the snapshot, so that git answers as it did
        when the run was made.

    Raises
    ------
    GitError
        An object is missing, or git cannot write.

    Notes
    -----
    Sources: gitrepository-layout(5) for ``objects/info/alternates``, git-config(1) for includes.
    """
    assert entry.snapshot is not None
    objects, exclude, attributes, config = (
        _git_path(repository, name) for name in ("objects", "info/exclude", "info/attributes", "config")
    )
    kind = git(repository, "rev-parse", "--show-object-format").decode().strip()
    git(top, "init", "--quiet", "--template=", f"--object-format={kind}")
    folder = top / ".git"
    (folder / "objects/info/alternates").write_text(_quoted(objects) + "\n", encoding="utf-8", errors="surrogateescape")
    own = (folder / "config").read_text(encoding="utf-8")
    # What comes later wins, so the person's settings of filters and line ends come first.
    text = f"[include]\n\tpath = {_quoted(config)}\n{own}[core]\n\tsparseCheckout = false\n"
    (folder / "config").write_text(text, encoding="utf-8", errors="surrogateescape")
    (folder / "info").mkdir(exist_ok=True)
    for file in (exclude, attributes):
        if file.is_file():
            shutil.copyfile(file, folder / "info" / file.name)
    _copy_refs(repository, folder)
    git(top, "read-tree", "-m", "-u", entry.snapshot, variables={"GIT_LFS_SKIP_SMUDGE": "1"})
    _set_head(top, entry)


def changed_in_checkout(top: Path, snapshot: str) -> list[str]:
    """Tell which files of a snapshot are not in a checkout as they were checked out.

    Parameters
    ----------
    top : Path
        The top of the checkout.
    snapshot : str
        The commit that was checked out.

    Returns
    -------
    list of str
        Paths relative to `top`, sorted. What lies there besides is of no interest.

    Raises
    ------
    GitError
        The folder is no checkout, or an object is missing.
    """
    with tempfile.TemporaryDirectory(prefix="naga-") as scratch:
        # An index that knows nothing of the files yet, so that their content is compared and not their times.
        variables = {"GIT_INDEX_FILE": f"{scratch}/index"}
        git(top, "read-tree", snapshot, variables=variables)
        git(top, "update-index", "-q", "--refresh", variables=variables)
        listing = git(top, "diff-files", "--name-only", "-z", variables=variables)
    return sorted(os.fsdecode(path) for path in listing.split(b"\0") if path)


def _copy_refs(repository: Path, folder: Path) -> None:
    listing = git(repository, "for-each-ref", "--format=%(objectname) %(refname)")
    (folder / "packed-refs").write_bytes(b"# pack-refs with: sorted \n" + listing)


def _set_head(top: Path, entry: RepositoryEntry) -> None:
    """Let HEAD be what it was, and the index that of HEAD, while the files stay those of the snapshot."""
    head = entry.commit if entry.commit and has_snapshot(top, entry.commit) else entry.snapshot
    assert head is not None
    if entry.branch and head == entry.commit:
        git(top, "update-ref", f"refs/heads/{entry.branch}", head)
        git(top, "symbolic-ref", "HEAD", f"refs/heads/{entry.branch}")
    else:
        git(top, "update-ref", "--no-deref", "HEAD", head)
    git(top, "reset", "--quiet", "--mixed")


def _git_path(repository: Path, name: str) -> Path:
    answer = git(repository, "rev-parse", "--path-format=absolute", "--git-path", name)
    return Path(os.fsdecode(answer.removesuffix(b"\n")))


def _quoted(path: Path) -> str:
    """Quote a path as both git's config and its list of alternates read it."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{text}"'
