"""Where caches lie: databases on a local disk, because SQLite trusts locks that a network mount may not keep."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["cache_folder", "local_cache_folder", "network_kind"]

_NETWORK = re.compile(
    r"(nfs\d*|cifs|smb\d*|smbfs|afs|9p|ceph|lustre|gpfs|beegfs(_nodev)?|glusterfs|pvfs2|orangefs|ocfs2|gfs2|davfs|ncpfs"
    r"|acfs|panfs|fuse\.(?!.*fuseblk).+)"
)
"""Kinds of file systems that other machines may write to, or whose locks cannot be relied on."""
_MOUNTS: Final = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")


def cache_folder() -> Path:
    """Find the folder of everything that may be deleted without losing anything but time.

    Returns
    -------
    Path
        The value of the environment variable ``NAGA_CACHE_DIR``, or the user's cache folder for naga. It
        need not exist.
    """
    chosen = os.environ.get("NAGA_CACHE_DIR")
    if chosen:
        return Path(chosen)
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("naga"))


def local_cache_folder() -> Path | None:
    """Find a folder for databases that lies on a disk of this machine.

    Returns
    -------
    Path or None
        The cache folder; where that is on a network mount, a folder of the user's own among the temporary files; None
        when that is one too, or belongs to somebody else. It need not exist.
    """
    return _local_folder(cache_folder())


@cache
def _local_folder(folder: Path) -> Path | None:
    if network_kind(folder) is None:
        return folder
    import tempfile

    instead = Path(tempfile.gettempdir(), f"naga-{os.getuid()}")
    return instead if network_kind(instead) is None and _is_ours(instead) else None


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
