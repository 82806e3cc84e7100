"""The file of a post-mortem, format 1: what its header holds, and how the file is put together and taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from naga.errors import IntegrityError, NotFoundError, RefusedError
from naga.lock.atomic import read_file, write_atomically
from naga.postmortem.key import sign, signature_is_own

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "FORMAT",
    "SUFFIX",
    "Header",
    "SavedFailure",
    "SavedFrame",
    "SavedVariable",
    "read_document",
    "write_document",
]

FORMAT = 1
SUFFIX = ".postmortem"
_MAGIC = b"naga post-mortem "
_LONGEST_HEADER = 1 << 26
_LONGEST_FILE = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedVariable:
    """A variable of a frame.

    Attributes
    ----------
    name, type : str
    description : str
        A few words on the value; secrets are ``***``.
    start, length : int
        Where in the body its pickle is, in bytes; a length of 0 stands for none.
    problem : str
        Why there is no pickle.
    """

    name: str
    type: str
    description: str = ""
    start: int = 0
    length: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFrame:
    """A frame; all attributes but `variables` as in `naga.postmortem.frames.Frame`."""

    name: str
    file: str
    line: int
    user: bool
    chosen: bool
    variables: tuple[SavedVariable, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFailure:
    """A failure, as in `naga.postmortem.failure.Failure`."""

    type: str
    frames: tuple[SavedFrame, ...]
    cause: SavedFailure | None = None
    leaves: tuple[SavedFailure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a post-mortem says about itself.

    Attributes
    ----------
    run : str
        The id of the run; empty for a worker process.
    written : str
        UTC, ISO 8601.
    host, python : str
        The machine, and the version of Python.
    process : int
        The identifier of the process.
    path : tuple of str
        The folders from which the run imported the person's own modules.
    failure : SavedFailure
    size : int
        Bytes of the body.
    """

    run: str
    written: str
    host: str
    python: str
    process: int
    path: tuple[str, ...]
    failure: SavedFailure
    size: int


def write_document(path: Path, header: Header, body: bytes) -> None:
    """Write a post-mortem that only its owner can read.

    Parameters
    ----------
    path : Path
        Its folder exists.
    header : Header
    body : bytes
        The pickles, one after the other.

    Raises
    ------
    OSError
        The file or the key of the person cannot be written.
    """
    content = msgspec.json.encode(header) + b"\n" + body
    write_atomically(path, _MAGIC + f"{FORMAT} {sign(content)}\n".encode() + content, mode=0o600)


def read_document(path: Path, *, trust: bool = False) -> tuple[Header, bytes]:
    """Read a post-mortem.

    Parameters
    ----------
    path : Path
    trust : bool
        Read what somebody else wrote, too.

    Returns
    -------
    tuple of Header and bytes
        The header and the body; nothing of the body was unpickled.

    Raises
    ------
    NotFoundError
        The file cannot be read.
    IntegrityError
        It is no post-mortem, or it was cut short.
    RefusedError
        It was not written by this person here, or changed since; pickles run code.
    """
    try:
        data = read_file(path, _LONGEST_FILE)
    except OSError as error:
        raise NotFoundError(f"cannot read {path}: {error.strerror}", path=path) from error
    first, _, content = data.partition(b"\n")
    words = first.removeprefix(_MAGIC).split(b" ")
    if not first.startswith(_MAGIC) or len(words) != 2:
        raise IntegrityError(f"{path} is no post-mortem", path=path)
    if words[0] != str(FORMAT).encode():
        message = f"{path} is a post-mortem of another format than {FORMAT}"
        raise IntegrityError(message, hint="open it with a newer naga", path=path)
    line, _, body = content.partition(b"\n")
    header = _parse(path, line)
    if len(body) != header.size:
        raise IntegrityError(f"{path} was cut short: {len(body)} bytes of {header.size}", path=path)
    if not trust and not signature_is_own(content, words[1].decode(errors="replace")):
        hint = "pickles run code; open it with --trust if you trust whoever wrote it"
        raise RefusedError(f"{path} was not written by you on this machine, or changed since", hint=hint, path=path)
    return header, body


def _parse(path: Path, line: bytes) -> Header:
    if len(line) > _LONGEST_HEADER:
        raise IntegrityError(f"the header of {path} is too long", path=path)
    try:
        header: Header = msgspec.json.decode(line, type=Header)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError, UnicodeDecodeError) as error:
        raise IntegrityError(f"the header of {path} cannot be read: {error}", path=path) from error
    return header
