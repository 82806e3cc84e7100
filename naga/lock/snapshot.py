"""Record the exact working tree of a repository as a commit: the snapshot of a run.

``git status`` tells in one answer how the index differs from HEAD and the working tree from the index. Only what
differs is hashed, through an index of its own, and HEAD's tree with these edits is the tree of the snapshot. The
person's index is never written or locked. ``docs/snapshots.md`` defines terms and format.
"""

from __future__ import annotations

import os
import re
import stat
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from naga.lock.frozen import home_of
from naga.lock.git import Command, Objects, edit_tree, git_folder, pack, remote_url, run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from naga.lock.git import Entry

    Edits = dict[bytes, Entry | None]

__all__ = ["RepositoryState", "find_root", "has_snapshot", "read_state", "take_snapshot"]

SIZE_LIMIT = 10 * 2**20

SECRET_NAMES = (
    *(".env", ".env.*", ".envrc", ".netrc", ".pgpass", ".pypirc", ".npmrc", ".git-credentials", ".htpasswd"),
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.ppk", "*.jks", "*.keystore", "*.kdbx", ".dockercfg", "kubeconfig"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "credentials*", "service?account*.json"),
    *(f"*secret*.{kind}" for kind in ("json", "yaml", "yml", "toml", "ini", "cfg", "conf", "env", "txt")),
)
HARMLESS_NAMES = frozenset({".env.example", ".env.template", ".env.sample", ".env.dist"})

_STATUS = (
    *("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all"),
    *("--no-renames", "--no-ahead-behind", "--ignore-submodules=none"),
)
# Settings of a repository that would stop these commands, or make them write elsewhere too.
_UPDATE = (
    *("-c", "core.safecrlf=false", "-c", "core.ignoreStat=false", "-c", "core.splitIndex=false"),
    *("update-index", "-z"),
)
_SET_REF = ("-c", "core.logAllRefUpdates=false", "-c", "core.filesRefLockTimeout=10000", "update-ref")
_PERSON = "naga <naga@localhost> 0 +0000"


class RepositoryState(msgspec.Struct, frozen=True):
    """What a working tree held at one moment.

    Attributes
    ----------
    root : Path
        Absolute top of the working tree.
    commit : str or None
        HEAD, None on an unborn branch.
    tree : str or None
        Id of the exact working tree, without what is ignored or left out; None with neither a commit nor a file.
    dirty : bool
        Whether `tree` differs from HEAD's tree.
    snapshot : str or None
        The commit that holds `tree`, kept alive by ``refs/naga/<snapshot>``; None without `tree` or for a question.
    url : str or None
        URL of the remote ``origin``, or of the only remote, without credentials.
    excluded : tuple of str
        What is neither ignored nor in `tree`, as sorted POSIX paths relative to `root`: untracked files that
        are left out, and with a slash at the end folders of outputs, repositories inside this one, and
        submodules with changes inside. Bytes that are no UTF-8 are surrogates, as `os.fsdecode` makes them.
    branch : str or None
        The checked-out branch, None when HEAD is detached.
    """

    root: Path
    commit: str | None
    tree: str | None
    dirty: bool
    snapshot: str | None
    url: str | None
    excluded: tuple[str, ...]
    branch: str | None


def find_root(path: Path) -> Path | None:
    """Find the working tree that a path is in, without starting a process.

    Parameters
    ----------
    path : Path
        A file or folder; it need not exist.

    Returns
    -------
    Path or None
        The nearest folder at or above `path` with a ``.git``, absolute, its links as `path` spells them, or for code
        that runs from a checkout, that of the repository; None outside of any working tree. No bare repositories.
    """
    place = Path(home_of(os.path.normpath(path.absolute())))
    folders = (place, *place.parents)
    return next((top for top in folders if os.path.lexists(top / ".git" / "HEAD") or (top / ".git").is_file()), None)


def take_snapshot(root: Path, *, leave_out: Iterable[Path] = (), size_limit: int = SIZE_LIMIT) -> RepositoryState:
    """Record the exact working tree as a commit and keep it alive.

    Parameters
    ----------
    root : Path
        Top of a working tree.
    leave_out : iterable of Path
        Files and folders of outputs, absolute or relative to `root`; untracked files there are left out. The
        top itself is no folder of outputs: all code would be left out with it.
    size_limit : int
        Untracked files above this size in bytes are left out.

    Returns
    -------
    RepositoryState
        `snapshot` is HEAD when the working tree is HEAD's tree, otherwise a commit that depends on the tree
        only. Tracked files are always in it, whatever their size, name or folder.

    Raises
    ------
    GitError
        If git cannot read the repository or write to it.
    NotFoundError
        If `root` is not the top of a working tree, or there is no ``git`` on ``PATH``.
    """
    return _observe(root, leave_out, size_limit, keep=True)


def read_state(root: Path, *, leave_out: Iterable[Path] = (), size_limit: int = SIZE_LIMIT) -> RepositoryState:
    """Answer like `take_snapshot`, but write neither object nor ref.

    Parameters
    ----------
    root, leave_out, size_limit
        As for `take_snapshot`.

    Returns
    -------
    RepositoryState
        The same except for `snapshot`, which is None.

    Raises
    ------
    GitError
        If git cannot read the repository.
    NotFoundError
        If `root` is not the top of a working tree, or there is no ``git`` on ``PATH``.
    """
    return _observe(root, leave_out, size_limit, keep=False)


def has_snapshot(root: Path, commit: str) -> bool:
    """Tell whether a repository holds a commit and its tree; nothing is fetched.

    Parameters
    ----------
    root : Path
        Top of a working tree.
    commit : str
        A full id in hexadecimal digits. Anything else, such as the name of a branch, is no snapshot.

    Returns
    -------
    bool
        True when both are there.

    Raises
    ------
    GitError
        If git cannot read the repository.
    NotFoundError
        If `root` is not the top of a working tree, or there is no ``git`` on ``PATH``.
    """
    root = root.absolute()
    git_folder(root)
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit):
        return False
    with Objects(root) as objects:
        found = objects.read(f"{commit}^{{commit}}")
        return found is not None and found[0] == commit and objects.read(f"{commit}^{{tree}}") is not None


class _Status(msgspec.Struct):
    """What git says; paths are bytes relative to the top, and an entry is its mode and id."""

    commit: str | None = None
    branch: str | None = None
    # How the index differs from HEAD; None for what the index or the working tree does not have.
    edits: Edits = msgspec.field(default_factory=dict)
    # What to hash, with the entry of the index, if there is one.
    changed: Edits = msgspec.field(default_factory=dict)
    untracked: list[bytes] = msgspec.field(default_factory=list)
    excluded: set[bytes] = msgspec.field(default_factory=set)


def _observe(root: Path, leave_out: Iterable[Path], size_limit: int, *, keep: bool) -> RepositoryState:
    root = root.absolute()
    folder = git_folder(root)
    with (
        Command(root, *_STATUS) as question,
        Command(root, "remote", "-v") as remotes,
        Objects(root) as objects,
    ):
        # While git looks at the files, there is time to look at the index.
        may_hide = _may_hide(folder, objects.read("HEAD^{commit}"))
        status = _parse_status(question.output())
        attributes = _reveal(root, status) if may_hide else {}
        _sift(root, status, _relative(root, leave_out), size_limit)
        edits = status.edits | _hash_files(root, status, attributes, write=keep)
        head = objects.read(f"{status.commit}^{{commit}}") if status.commit else None
        tree = head_tree = head[1].split()[1].decode() if head else None
        new: list[tuple[str, bytes]] = []
        if edits and (head_tree or any(edits.values())):
            tree, new = edit_tree(objects, head_tree, edits)
        commit = status.commit if tree == head_tree else None
        snapshot = _keep(root, objects, tree, new, commit) if keep and tree else None
        url = remote_url(remotes.output())
    excluded = tuple(sorted(map(os.fsdecode, status.excluded)))
    return RepositoryState(root, status.commit, tree, tree != head_tree, snapshot, url, excluded, status.branch)


def _parse_status(output: bytes) -> _Status:
    """Read records as git-status(1) describes them under "Porcelain Format Version 2"."""
    status = _Status()
    for record in output.split(b"\0"):
        kind, _, rest = record.partition(b" ")
        if kind == b"?":
            status.untracked.append(rest)
        elif kind in {b"1", b"u"}:
            _sort_entry(status, rest, conflict=kind == b"u")
        elif rest.startswith(b"branch.oid ") and rest != b"branch.oid (initial)":
            status.commit = rest[11:].decode()
        elif rest.startswith(b"branch.head ") and rest != b"branch.head (detached)":
            status.branch = os.fsdecode(rest[12:])
    return status


def _sort_entry(status: _Status, record: bytes, *, conflict: bool) -> None:
    if conflict:
        # Our side stands for the entry of the index.
        _, submodule, _, mode, _, found, _, digest, _, path = record.split(b" ", 9)
        state = b".U"
    else:
        state, submodule, _, mode, found, _, digest, path = record.split(b" ", 7)
    entry = (mode, bytes.fromhex(digest.decode())) if int(mode) else None
    if submodule[2:] != b"..":
        status.excluded.add(path + b"/")
    if state[:1] != b".":
        status.edits[path] = entry
    if state[1:] != b"." and int(found):
        status.changed[path] = entry
    elif state[1:] != b".":
        status.edits[path] = None


def _may_hide(folder: Path, head: tuple[str, bytes] | None) -> bool:
    """Tell whether the index may have entries that ``git status`` does not compare with the working tree.

    Notes
    -----
    Source: gitformat-index(5). An entry has its mode, 12 more bytes, its id, and 16 flags, of which the highest is
    "assume valid" and the next announces others, such as "skip worktree". A split index is elsewhere. What this finds
    in excess costs one process.
    """
    if head is None or any(folder.glob("sharedindex.*")):
        return True
    data = (folder / "index").read_bytes() if (folder / "index").exists() else b""
    # A literal byte first makes a search four times as fast; the zeros before it rule out most coincidences.
    rest = rb"(?<=\0\0..).{%d}[\x40-\xff]" % (12 + len(head[0]) // 2)
    return any(re.search(mode + rest, data, re.DOTALL) for mode in (rb"\x81[\xa4\xed]", rb"\xa0\0", rb"\xe0\0"))


def _reveal(root: Path, status: _Status) -> dict[bytes, Entry]:
    """Compare what git assumes unchanged, or absent though it is there; return attributes out of sight."""
    attributes: dict[bytes, Entry] = {}
    top = Path(os.path.realpath(root))
    for line in run(root, "ls-files", "-v", "-s", "-z").split(b"\0"):
        tag, _, rest = line.partition(b" ")
        if tag != b"S" and not tag.islower():
            continue
        mode, digest, _, path = re.split(rb"[ \t]", rest, maxsplit=3)
        entry = (mode, bytes.fromhex(digest.decode()))
        place = top / os.fsdecode(path)
        # What lies beyond a link is not this entry, and neither is a folder, unless it is a submodule.
        is_there = place.is_symlink() or (place.is_dir() if mode == b"160000" else place.is_file())
        if is_there and Path(os.path.realpath(place.parent)) == place.parent:
            status.changed[path] = entry
        elif tag not in {b"S", b"s"} or place.is_dir():
            status.edits[path] = None
        elif place.name == ".gitattributes":
            attributes[path] = entry
    return attributes


def _relative(root: Path, paths: Iterable[Path]) -> frozenset[bytes]:
    """Express paths relative to the top, as they are spelled and with their links resolved."""
    tops = {root, Path(os.path.realpath(root))}
    places = [Path(os.path.normpath(root / path)) for path in paths]
    places += [Path(os.path.realpath(place.parent), place.name) for place in places]
    places += [Path(os.path.realpath(place)) for place in places]
    inside = (place.relative_to(top) for top in tops for place in places if top in place.parents)
    return frozenset(map(os.fsencode, inside))


def _sift(root: Path, status: _Status, outputs: frozenset[bytes], size_limit: int) -> None:
    """Sort untracked files into those to hash and those that are left out."""
    top = os.fsencode(root) + b"/"
    # A receipt at the top is no code, while all else there is.
    outputs |= {b"run.lock"}

    @cache
    def output_folder(folder: bytes) -> bytes | None:
        pieces = folder.split(b"/")
        folders = (b"/".join(pieces[: count + 1]) for count in range(len(pieces)))
        return next((f for f in folders if f in outputs or os.path.lexists(top + f + b"/run.lock")), None)

    for path in status.untracked:
        parent = path.rstrip(b"/").rpartition(b"/")[0]
        folder = output_folder(parent) if parent else None
        if folder is not None:
            status.excluded.add(folder + b"/")
        elif path.endswith(b"/") or path in outputs or _is_unfit(top + path, size_limit):
            status.excluded.add(path)
        else:
            status.changed[path] = None


def _is_unfit(path: bytes, size_limit: int) -> bool:
    """Tell whether an untracked file looks like a secret, is too large, or cannot be read."""
    name = os.fsdecode(path.rpartition(b"/")[2]).lower()
    if name not in HARMLESS_NAMES and _secret_pattern().fullmatch(name):
        return True
    try:
        info = os.lstat(path)
    except OSError:
        # It went away since git saw it, and git will notice that again.
        return False
    return stat.S_ISREG(info.st_mode) and (info.st_size > size_limit or not os.access(path, os.R_OK))


@cache
def _secret_pattern() -> re.Pattern[str]:
    from fnmatch import translate

    return re.compile("|".join(map(translate, SECRET_NAMES)))


def _hash_files(root: Path, status: _Status, attributes: dict[bytes, Entry], *, write: bool) -> Edits:
    """Have git read files as ``git add`` would, into an index that holds nothing else."""
    if not status.changed:
        return {}
    from tempfile import TemporaryDirectory

    # Line ends and modes may depend on what the index had before. What is little goes on the command line.
    known = attributes | {path: entry for path, entry in status.changed.items() if entry}
    form = b"%s,%s,%s" if len(known) <= 100 else b"%s %s\t%s\0"
    lines = [form % (mode, digest.hex().encode(), path) for path, (mode, digest) in known.items()]
    options = ["--add", "--remove", *(() if write else ("--info-only",))]
    with TemporaryDirectory(prefix="naga-") as scratch:
        variables = {"GIT_INDEX_FILE": f"{scratch}/index"}
        if len(known) <= 100:
            options += [word for line in lines for word in ("--cacheinfo", os.fsdecode(line))]
        else:
            run(root, *_UPDATE, "--index-info", stdin=b"".join(lines), variables=variables)
        paths = b"".join(path + b"\0" for path in status.changed)
        run(root, *_UPDATE, *options, "--stdin", stdin=paths, variables=variables)
        listing = run(root, "ls-files", "-s", "-z", variables=variables)
    found = re.findall(rb"(\d+) (\w+) \d\t([^\0]+)\0", listing)
    hashed: Edits = dict.fromkeys(status.changed)
    hashed |= {path: (mode, bytes.fromhex(digest.decode())) for mode, digest, path in found if path in hashed}
    top = os.fsencode(root) + b"/"
    # Names that git never stores, such as `.GIT`, and repositories in the place of a file.
    for path in (path for path, entry in hashed.items() if not entry and os.path.lexists(top + path)):
        status.excluded.add(path + b"/" * (root / os.fsdecode(path)).is_dir())
    return hashed


def _keep(root: Path, objects: Objects, tree: str, new: list[tuple[str, bytes]], commit: str | None) -> str:
    """Give a commit a ref, or first make one without a parent, whose id depends on the tree only."""
    snapshot, data = commit, b""
    if snapshot is None:
        text = f"tree {tree}\nauthor {_PERSON}\ncommitter {_PERSON}\n\nSnapshot of a working tree\n"
        snapshot, data = pack([*new, ("commit", text.encode())], len(tree) // 2)
    ref = f"refs/naga/{snapshot}"
    found = objects.read(ref)
    if found is None or found[0] != snapshot:
        if data:
            run(root, "unpack-objects", "-q", stdin=data)
        run(root, *_SET_REF, ref, snapshot)
    return snapshot
