"""A private copy of the places that a run knows: a temporary folder in which it can be repeated.

Every path of the run has its place below one folder: ``/home/ann/project`` becomes ``TREE/home/ann/project``. So
relative paths lead from place to place as they did, also those that leave the project.
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

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Mirror", "open_mirror"]

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
