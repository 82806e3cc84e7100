"""Where the catalog lies: on a local disk, because SQLite trusts locks that a network mount may not keep."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from naga.lock.stat_index import cache_folder

__all__ = ["Place", "find_place", "network_kind"]

_NAME: Final = "ledger.sqlite"

_NETWORK = re.compile(
    r"(nfs\d*|cifs|smb\d*|smbfs|afs|9p|ceph|lustre|gpfs|beegfs(_nodev)?|glusterfs|pvfs2|orangefs|ocfs2|gfs2|davfs|ncpfs"
    r"|acfs|panfs|fuse\.(?!.*fuseblk).+)"
)
"""Kinds of file systems that other machines may write to, or whose locks cannot be relied on."""
_MOUNTS: Final = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")


class Place(NamedTuple):
    """Where the catalog lies.

    Attributes
    ----------
    path : Path or None
        The file, which need not exist; None for memory, where it is built anew by every process.
    problem : str or None
        Why it does not lie in the cache folder.
    """

    path: Path | None
    problem: str | None = None

    def given_up(self) -> Place:
        """Return what takes the place of a file that cannot be used.

        Returns
        -------
        Place
        """
        return Place(None, f"{self.path} cannot be written")


def find_place() -> Place:
    """Find a place for the catalog on a disk of this machine.

    Returns
    -------
    Place
        In the cache folder; where that is on a network mount, in a folder of the user's own among the temporary files;
        in memory when that is on one too, or belongs to somebody else.
    """
    folder = cache_folder()
    kind = network_kind(folder)
    if kind is None:
        return Place(folder / _NAME)
    problem = f"{folder} is on a network mount ({kind})"
    instead = Path(tempfile.gettempdir(), f"naga-{os.getuid()}")
    is_fit = network_kind(instead) is None and _is_ours(instead)
    return (
        Place(instead / _NAME, problem) if is_fit else Place(None, f"{problem}, and so is {instead}, or it is not ours")
    )


def network_kind(path: Path, mounts: str | None = None) -> str | None:
    """Tell whether a path is on a network mount.

    Parameters
    ----------
    path : Path
        It need not exist.
    mounts : str, optional
        The table of mounts, as in ``/proc/self/mountinfo``; by default that of this process.

    Returns
    -------
    str or None
        The kind of the file system; None for a local one, and where nothing says (macOS).
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(errors="surrogateescape")
        except OSError:
            return None
    place = os.path.realpath(path)
    best = ("", "")
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, kinds = before.split(" "), after.split(" ")
        if len(fields) > 4 and kinds:
            point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4])
            is_above = place == point or place.startswith(f"{point.rstrip('/')}/")
            # Of two mounts at one point the later one hides the earlier.
            if is_above and len(point) >= len(best[0]):
                best = point, kinds[0]
    return best[1] if _NETWORK.fullmatch(best[1]) else None


def _is_ours(folder: Path) -> bool:
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return True
    return folder.is_dir() and not folder.is_symlink() and status.st_uid == os.getuid() and status.st_mode & 0o77 == 0
