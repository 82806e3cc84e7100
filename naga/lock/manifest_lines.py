"""The lines of a manifest, of which docs/formats.md says every byte."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["ALGORITHM", "Kind", "entry_line", "file_lines", "join_lines"]

ALGORITHM = "xxh3_128"
"""The name in front of the colon of every digest."""

Kind = Literal["file", "dir", "link"]


def entry_line(path: str, kind: Kind, content: str, size: int = 0, executable: bool = False) -> str:
    """Write one line of a manifest, without its end.

    `content` is the digest of a file, the target of a link and ``-`` for a folder; `size` (bytes) and
    `executable` are of files only.
    """
    if kind == "file":
        return f"{_escape(path)}\tfile\t{'x' if executable else '-'}\t{size}\t{content}"
    return f"{_escape(path)}\t{kind}\t-\t-\t{_escape(content)}"


def file_lines(paths: Sequence[str], modes: Iterable[int], sizes: Iterable[int], digests: Iterable[bytes]) -> list[str]:
    """Write the lines of many files as `entry_line` does for one."""
    joined = "".join(paths)
    if "\\" in joined or "\n" in joined or "\t" in joined:
        paths = [_escape(path) for path in paths]
    return [
        f"{path}\tfile\t{'x' if mode & stat.S_IXUSR else '-'}\t{size}\t{ALGORITHM}:{digest.hex()}"
        for path, mode, size, digest in zip(paths, modes, sizes, digests, strict=True)
    ]


def join_lines(lines: list[bytes], include: Iterable[str] = (), exclude: Iterable[str] = ()) -> bytes:
    """Put a manifest together from what `entry_line` returned, encoded by `os.fsencode`; sorts it in place."""
    lines.sort()
    patterns = [f"include\t{_escape(each)}" for each in include] + [f"exclude\t{_escape(each)}" for each in exclude]
    return b"\n".join([*map(os.fsencode, patterns), *lines, b""])


def _escape(text: str) -> str:
    if "\\" in text or "\n" in text or "\t" in text:
        return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
    return text
