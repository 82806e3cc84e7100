"""Ask the ``git`` program, and compute the trees that it would write.

Every question that naga has is one git command, which costs one to two milliseconds, while importing a
library for git costs a hundred.

A command sees the repository that it is pointed at and no other: variables such as ``GIT_DIR``, which git
sets for its hooks, are not passed on. It takes no optional locks, asks nobody, touches no network, follows no
replacement of objects, and runs no hook and no file system monitor that a config names. One kind of foreign
program is left, the clean filters of ``.gitattributes``: their output is the content that git stores.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from naga.errors import GitError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from subprocess import Popen

    Entry = tuple[bytes, bytes]  # mode and id, not in hexadecimal digits

__all__ = ["Command", "Objects", "edit_tree", "git_folder", "pack", "remote_url", "run"]

_OPTIONS = (
    *("--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"),
    # With a sparse index even questions write trees.
    *("-c", "index.sparse=false"),
)

_VARIABLES = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    # A partial clone fetches what it lacks, even for a local question; older git knows only the second.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
    # English messages. LC_ALL=C would give them too, but clean filters inherit it, and one that counts
    # characters would then store other bytes than the person's own `git add`.
    "LANGUAGE": "C",
}
# `git rev-parse --local-env-vars` without those that carry settings, and what else redirects a command.
_DROPPED = frozenset(
    f"GIT_{name}"
    for name in (
        *("DIR", "WORK_TREE", "COMMON_DIR", "INDEX_FILE", "PREFIX", "NAMESPACE", "IMPLICIT_WORK_TREE"),
        *("OBJECT_DIRECTORY", "ALTERNATE_OBJECT_DIRECTORIES", "QUARANTINE_PATH", "ATTR_SOURCE"),
        *("GRAFT_FILE", "SHALLOW_FILE", "REPLACE_REF_BASE", "INTERNAL_SUPER_PREFIX", "INDEX_VERSION"),
    )
)
_TREE, _NOTHING = b"40000", (b"", b"")


class Command:
    """A git command that runs while the caller does something else.

    It is used in a ``with`` statement, which ends the command when nobody waited for its output.

    Parameters
    ----------
    root : Path
        Absolute top of a working tree.
    *arguments : str
        The subcommand and its arguments, perhaps after settings (``-c``, ``name=value``).
    variables : mapping of str to str, optional
        Environment variables for this command, stronger than the fixed ones.
    stdin : bool
        Whether there will be input; otherwise standard input is empty.

    Raises
    ------
    NotFoundError
        If there is no ``git`` on ``PATH``.
    """

    def __init__(
        self, root: Path, *arguments: str, variables: Mapping[str, str] | None = None, stdin: bool = False
    ) -> None:
        self._root = root
        self._arguments = arguments
        self._process = _start(root, arguments, variables or {}, stdin=stdin)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in filter(None, (process.stdin, process.stdout, process.stderr)):
            # Closing flushes, and nobody is left to read.
            with suppress(BrokenPipeError):
                stream.close()

    def output(self, stdin: bytes | None = None) -> bytes:
        """Wait for the end of the command.

        Parameters
        ----------
        stdin : bytes, optional
            What the command reads from standard input.

        Returns
        -------
        bytes
            Standard output.

        Raises
        ------
        GitError
            If the command ends with another code than 0.
        """
        output, complaints = self._process.communicate(stdin)
        if self._process.returncode:
            raise self._failure(complaints)
        return output

    def _failure(self, complaints: bytes) -> GitError:
        text = complaints.decode(errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        verdicts = [line for line in lines if line.startswith(("fatal:", "error:"))]
        last = (verdicts or lines or [f"it ended with code {self._process.wait()}"])[-1]
        name = next(word for word in self._arguments if word != "-c" and "=" not in word)
        return GitError(f"git {name} in {self._root}: {last}", path=self._root, hint=_hint(self._root, text))


class Objects(Command):
    """A running ``git cat-file --batch``: any number of questions for the price of one process.

    Parameters
    ----------
    root : Path
        Absolute top of a working tree.

    Raises
    ------
    NotFoundError
        If there is no ``git`` on ``PATH``.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root, "cat-file", "--batch", stdin=True)

    def read(self, name: str) -> tuple[str, bytes] | None:
        """Look an object up by name.

        Parameters
        ----------
        name : str
            A full id or a full ref name, perhaps with ``^{commit}`` or ``^{tree}``; without line breaks.

        Returns
        -------
        tuple of str and bytes, or None
            Id in hexadecimal digits and content; None when there is no such object.

        Raises
        ------
        GitError
            If git cannot read the repository.
        """
        question, answers, complaints = self._process.stdin, self._process.stdout, self._process.stderr
        assert question is not None
        assert answers is not None
        assert complaints is not None
        # A git that refuses the repository has ended already; its message is read below.
        with suppress(BrokenPipeError):
            question.write(name.encode() + b"\n")
            question.flush()
        header = answers.readline().decode().split()
        if not header:
            raise self._failure(complaints.read())
        return (header[0], answers.read(int(header[2]) + 1)[:-1]) if len(header) == 3 else None


def run(root: Path, *arguments: str, stdin: bytes | None = None, variables: Mapping[str, str] | None = None) -> bytes:
    """Run one git command to its end.

    Parameters
    ----------
    root : Path
        Absolute top of a working tree.
    *arguments : str
        The subcommand and its arguments, perhaps after settings (``-c``, ``name=value``).
    stdin : bytes, optional
        What the command reads from standard input.
    variables : mapping of str to str, optional
        Environment variables for this command, stronger than the fixed ones. A command that is meant to reach
        a remote sets ``GIT_ALLOW_PROTOCOL``.

    Returns
    -------
    bytes
        Standard output.

    Raises
    ------
    GitError
        If the command ends with another code than 0.
    NotFoundError
        If there is no ``git`` on ``PATH``.
    """
    with Command(root, *arguments, variables=variables, stdin=stdin is not None) as command:
        return command.output(stdin)


def git_folder(root: Path) -> Path:
    """Return the folder that holds the index and HEAD of a working tree, without starting a process.

    Parameters
    ----------
    root : Path
        Absolute top of a working tree.

    Returns
    -------
    Path
        ``.git`` itself, or what the file ``.git`` of a linked worktree or a submodule names.

    Raises
    ------
    NotFoundError
        If `root` is not the top of a working tree.

    Notes
    -----
    Source: gitrepository-layout(5).
    """
    entry = root / ".git"
    try:
        content = b"" if entry.is_dir() else entry.read_bytes()
    except OSError as error:
        message = f"{root} is not the top of a git working tree: it has no .git"
        raise NotFoundError(message, path=root, hint="`git init` makes one") from error
    return entry.parent / os.fsdecode(content.removeprefix(b"gitdir:").strip(b" \r\n") or b".git")


def pack(objects: Sequence[tuple[str, bytes]], width: int) -> tuple[str, bytes]:
    """Put objects into the form from which ``git unpack-objects`` writes them.

    Parameters
    ----------
    objects : sequence of (str, bytes)
        Kind, ``commit`` or ``tree``, and content of each.
    width : int
        Bytes of an id: 20 for SHA-1, 32 for SHA-256.

    Returns
    -------
    tuple of str and bytes
        Id of the last object in hexadecimal digits, and a pack of version 2.

    Notes
    -----
    Source: gitformat-pack(5).
    """
    from zlib import compress

    data = b"PACK" + (2).to_bytes(4, "big") + len(objects).to_bytes(4, "big")
    for kind, content in objects:
        # Four bits of the size, then seven at a time, the lowest first; the highest bit says that more follow.
        size, part = len(content) >> 4, ("commit", "tree").index(kind) + 1 << 4 | len(content) & 15
        while size:
            data += bytes([part | 128])
            size, part = size >> 7, size & 127
        data += bytes([part]) + compress(content, 1)
    return _object_id(*objects[-1], width).hex(), data + _hash(data, width)


def edit_tree(
    objects: Objects, base: str | None, edits: Mapping[bytes, Entry | None]
) -> tuple[str, list[tuple[str, bytes]]]:
    """Compute the tree that another tree becomes by some edits.

    Parameters
    ----------
    objects : Objects
        Where `base` is read from, and of its folders only those with edits.
    base : str or None
        Id of the tree to begin with in hexadecimal digits, None for the empty tree.
    edits : mapping of bytes to (bytes, bytes) or None
        Path, relative and with ``/``, to mode and id, or to None when it goes away. Without a `base` at least one
        is not None.

    Returns
    -------
    tuple of str and list of (str, bytes)
        Id in hexadecimal digits; kind and content of the trees that are new.

    Raises
    ------
    GitError
        If git cannot read the repository, or a tree is not in it.
    """
    width = len(base) // 2 if base else next(len(entry[1]) for entry in edits.values() if entry)
    new = []
    trees = {b"": _entries(objects, base) if base else {}}
    folders = sorted({path[: slash.start()] for path in edits for slash in re.finditer(b"/", path)})
    for folder in folders:
        parent, _, name = folder.rpartition(b"/")
        mode, tree = trees[parent].get(name, _NOTHING)
        trees[folder] = _entries(objects, tree.hex()) if mode == _TREE else {}
    for path, entry in edits.items():
        parent, _, name = path.rpartition(b"/")
        if entry:
            trees[parent][name] = entry
        elif trees[parent].get(name, _NOTHING)[0] != _TREE:
            trees[parent].pop(name, None)
    for folder in reversed(folders):
        parent, _, name = folder.rpartition(b"/")
        if trees[folder] and not edits.get(folder):
            new.append(("tree", _content(trees[folder])))
            trees[parent][name] = (_TREE, _object_id(*new[-1], width))
        elif trees[parent].get(name, _NOTHING)[0] == _TREE:
            del trees[parent][name]
    new.append(("tree", _content(trees[b""])))
    return _object_id(*new[-1], width).hex(), new


def remote_url(listing: bytes) -> str | None:
    """Choose the URL of ``origin``, or of the only remote.

    Parameters
    ----------
    listing : bytes
        What ``git remote -v`` prints.

    Returns
    -------
    str or None
        Without user name, password, query and fragment, each of which may be a secret; but the user of an
        ``ssh`` address stays, for it is none without. None when no remote or more than one could be meant.
    """
    urls = dict(re.findall(rb"^([^\t\n]+)\t(.+) \(fetch\)(?: \[.*\])?$", listing, re.MULTILINE))
    url = urls.get(b"origin", next(iter(urls.values())) if len(urls) == 1 else b"")
    return _without_credentials(os.fsdecode(url)) if url else None


def _start(root: Path, arguments: tuple[str, ...], variables: Mapping[str, str], *, stdin: bool) -> Popen[bytes]:
    from subprocess import DEVNULL, PIPE, Popen

    environment = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    environment |= _VARIABLES | dict(variables)
    command = ["git", "-C", os.fspath(root), *_OPTIONS, *arguments]
    try:
        return Popen(command, env=environment, stdin=PIPE if stdin else DEVNULL, stdout=PIPE, stderr=PIPE)
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        message = f"git was not found on PATH; it is needed to read the repository {root}"
        raise NotFoundError(message, path=root, key="git", hint="install git, or put it on PATH") from error


def _hint(root: Path, complaints: str) -> str | None:
    if re.search(r"dubious ownership|unsafe repository", complaints):
        from shlex import quote

        return f"if you trust its owner: git config --global --add safe.directory {quote(os.fspath(root))}"
    if re.search(r"insufficient permission|Permission denied|Read-only file system", complaints):
        return f"this user may not read or write all of {root / '.git'} and the files in the message"
    return None


def _hash(data: bytes, width: int) -> bytes:
    from hashlib import sha1, sha256

    return (sha256(data) if width == 32 else sha1(data, usedforsecurity=False)).digest()


def _object_id(kind: str, content: bytes, width: int) -> bytes:
    return _hash(b"%s %d\0%s" % (kind.encode(), len(content), content), width)


def _entries(objects: Objects, tree: str) -> dict[bytes, Entry]:
    found = objects.read(f"{tree}^{{tree}}")
    if found is None:
        raise GitError(f"the repository lacks the tree {tree}", key=tree, hint="`git fsck` tells more")
    # Some old tools wrote the mode of a folder as 040000, which git itself never does.
    pattern = rb"0*([0-7]+) ([^\0]+)\0(.{%d})" % (len(tree) // 2)
    return {name: (mode, digest) for mode, name, digest in re.findall(pattern, found[1], re.DOTALL)}


def _content(entries: Mapping[bytes, Entry]) -> bytes:
    """Put a tree together; git sorts folders as if their names ended with a slash."""
    order = sorted((name + b"/" if mode == _TREE else name, name) for name, (mode, _) in entries.items())
    return b"".join(b"%s %s\0%s" % (entries[name][0], name, entries[name][1]) for _, name in order)


def _without_credentials(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    if not mark or scheme == "file":
        return url
    # A password may hold an unescaped slash: then what looks like a port is no number.
    address = re.sub(r"\A(?:[^/?#]*@|(?!\[)[^/?#@]*:(?!\d*(?:[/?#]|\Z)).*@)+", "", rest, flags=re.DOTALL)
    user = re.split(r"[:@]", rest)[0] + "@" if address != rest and scheme.endswith("ssh") else ""
    return f"{scheme}://{user}{re.split('[?#]', address)[0]}"
