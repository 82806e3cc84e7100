"""A private copy of the places that a run knows: a temporary folder in which it can be repeated.

Every path of the run has its place below one folder: ``/home/ann/project`` becomes ``TREE/home/ann/project``. So
relative paths lead from place to place as they did, also those that leave the project.

The code is checked out into a repository of its own, which borrows the objects of the person's repository. A linked
worktree would be an entry in the person's repository, left behind by a rerun that is killed, and the snapshots that
the repeated run takes would be written there. This way nothing there is written at all.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from naga.errors import IncompleteError, RefusedError
from naga.lock.git import run as git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from naga.lock.receipt import RepositoryEntry

__all__ = ["Mirror", "check_out", "open_mirror"]

PREFIX = "naga-rerun-"

_LOCK = "lock"
_ROOM = "set TMPDIR to a folder with more room"


class Mirror:
    """The temporary folder of one rerun.

    Parameters
    ----------
    base : Path
        The folder.
    descriptor : int
        An open file whose lock says that the rerun goes on; the processes of the run inherit it.

    Attributes
    ----------
    base : Path
    descriptor : int
    keep : bool
        Whether the folder stays when the rerun is over.
    """

    def __init__(self, base: Path, descriptor: int) -> None:
        self.base = base
        self.descriptor = descriptor
        self.keep = False

    def place(self, path: Path) -> Path:
        """Return the place of a path in the mirror.

        Parameters
        ----------
        path : Path
            Absolute; its ``..`` are taken out first, so that the place is never outside of the mirror.

        Returns
        -------
        Path
        """
        return self.base / "tree" / os.path.abspath(path).lstrip("/")  # noqa: PTH100 - links are kept

    def make_folder(self, path: Path) -> Path:
        """Make the place of a folder, of real folders only.

        Parameters
        ----------
        path : Path
            Absolute.

        Returns
        -------
        Path
            The place. What else was on the way to it, such as a link that the repository holds, is gone.
        """
        place = self.place(path)
        tree = self.base / "tree"
        for folder in reversed((place, *place.parents)):
            if not folder.is_relative_to(tree):
                continue
            if folder.is_symlink() and not _stays_inside(folder, tree):
                folder.unlink()
            if not folder.is_dir():
                folder.unlink(missing_ok=True)
                folder.mkdir()
        return place


@contextlib.contextmanager
def open_mirror(outside: Iterable[Path]) -> Iterator[Mirror]:
    """Make the temporary folder of a rerun, and remove it when the block is left in whatever way.

    Parameters
    ----------
    outside : iterable of Path
        Folders that the temporary folder may not lie in.

    Yields
    ------
    Mirror
        Its folder stays when `keep` was set.

    Raises
    ------
    RefusedError
        The folder for temporary files lies in one of `outside`.
    IncompleteError
        It cannot be written.

    Notes
    -----
    What a rerun that was killed left behind is removed first: folders of this user with the prefix of naga whose lock
    nobody holds. flock(2) gives a lock free when the last process that inherited it has ended.
    """
    parent = Path(tempfile.gettempdir()).resolve()
    if any(parent.is_relative_to(folder.resolve()) for folder in outside):
        message = f"the folder for temporary files, {parent}, lies in the project"
        raise RefusedError(message, hint="set TMPDIR to a folder outside of it", path=parent)
    _remove_leftovers(parent)
    try:
        base = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    except OSError as error:
        raise IncompleteError(f"cannot write to {parent}: {error.strerror}", hint=_ROOM, path=parent) from error
    descriptor = _take_lock(base)
    mirror = Mirror(base, descriptor)
    try:
        yield mirror
    finally:
        if mirror.keep:
            (base / _LOCK).unlink()
        else:
            _remove(base)
        os.close(descriptor)


def check_out(repository: Path, entry: RepositoryEntry, mirror: Mirror) -> Path:
    """Check the snapshot of a repository out into the mirror.

    Parameters
    ----------
    repository : Path
        Absolute top of the person's working tree; only read.
    entry : RepositoryEntry
        What the receipt says of it; it has a snapshot, and the repository holds that.
    mirror : Mirror

    Returns
    -------
    Path
        The top of the new working tree. HEAD is the recorded commit on the recorded branch, where that commit is still
        known, and the files are those of the snapshot, so that git answers as it did when the run was made.

    Raises
    ------
    GitError
        An object is missing, or git cannot write.

    Notes
    -----
    Sources: gitrepository-layout(5) for ``objects/info/alternates``, git-config(1) for includes.
    """
    assert entry.snapshot is not None
    top = mirror.make_folder(repository)
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
    return top


def _copy_refs(repository: Path, folder: Path) -> None:
    listing = git(repository, "for-each-ref", "--format=%(objectname) %(refname)")
    (folder / "packed-refs").write_bytes(b"# pack-refs with: sorted \n" + listing)


def _set_head(top: Path, entry: RepositoryEntry) -> None:
    """Let HEAD be what it was, and the index that of HEAD, while the files stay those of the snapshot."""
    head = entry.commit if entry.commit and _has_commit(top, entry.commit) else entry.snapshot
    assert head is not None
    if entry.branch and head == entry.commit:
        git(top, "update-ref", f"refs/heads/{entry.branch}", head)
        git(top, "symbolic-ref", "HEAD", f"refs/heads/{entry.branch}")
    else:
        git(top, "update-ref", "--no-deref", "HEAD", head)
    git(top, "reset", "--quiet", "--mixed")


def _has_commit(top: Path, commit: str) -> bool:
    from naga.lock.snapshot import has_snapshot

    return has_snapshot(top, commit)


def _git_path(repository: Path, name: str) -> Path:
    answer = git(repository, "rev-parse", "--path-format=absolute", "--git-path", name)
    return Path(os.fsdecode(answer.removesuffix(b"\n")))


def _quoted(path: Path) -> str:
    """Quote a path as both git's config and its list of alternates read it."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{text}"'


def _stays_inside(link: Path, tree: Path) -> bool:
    return Path(os.path.realpath(link)).is_relative_to(os.path.realpath(tree))


def _take_lock(base: Path) -> int:
    # The lock is taken before the file has its name, so that nobody takes a rerun that begins for one that was killed.
    taking = base / "taking"
    descriptor = os.open(taking, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    taking.rename(base / _LOCK)
    return descriptor


def _remove_leftovers(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
                continue
            descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            # It goes away this moment, or it was kept on purpose.
            continue
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(folder)
        os.close(descriptor)


def _remove(folder: Path) -> None:
    # The lock goes last, so that the next rerun finishes what is interrupted here.
    for part in (folder / "tree", folder):
        try:
            shutil.rmtree(part)
        except FileNotFoundError:
            continue
        except PermissionError:
            for path, _, _ in os.walk(part):
                Path(path).chmod(0o700)
            shutil.rmtree(part)
