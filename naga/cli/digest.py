"""``naga digest``: digests of files and folders, printed and checked as ``sha256sum`` does it."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import naga
from naga.errors import IntegrityError, NagaError, NotFoundError, UsageError
from naga.lock.describe import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from naga import PathDigest

__all__ = ["add_to"]

_EXAMPLES = """\
examples:
  naga digest data/raw.csv data/images
  naga digest --exclude '*.tmp' data/images
  naga digest data/* > digests.txt
  naga digest --check digests.txt

exit codes: 0 done; 1 something differs; 65 something cannot be read; 66 something is not there
"""
_LINE = re.compile(rb"(?P<escaped>\\)?(?P<digest>[a-z0-9_]+:[0-9a-f]+) [ *](?P<path>.+)", re.DOTALL)
_MEANING = {b"\\\\": b"\\", b"\\n": b"\n", b"\\r": b"\r"}


def add_to(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser of ``naga``.

    Parameters
    ----------
    commands : subparsers action of argparse
    common : ArgumentParser
        The options that every command has.
    """
    parser = commands.add_parser(
        "digest",
        parents=[common],
        help="print or check the digests of files and folders",
        description="Print the digest of each file and folder, one a line, as sha256sum does it. docs/formats.md says"
        " how a digest is computed.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", metavar="PATH", nargs="*", help="a file or a folder")
    parser.add_argument("--include", metavar="PATTERN", action="append", help="of folders, only what this fits")
    parser.add_argument("--exclude", metavar="PATTERN", action="append", help="of folders, not what this fits")
    parser.add_argument("--check", metavar="FILE", help="compare with the lines in a file; - is standard input")
    parser.set_defaults(run=_digest)


def _digest(options: argparse.Namespace) -> int:
    if bool(options.paths) == bool(options.check):
        raise UsageError("give paths, or a file to check", hint="naga digest -h shows how it is used")
    return _check(options) if options.check else _print(options)


def _print(options: argparse.Namespace) -> int:
    found: list[PathDigest] = []
    exit_code = 0
    for path in options.paths:
        try:
            found.append(naga.hash_path(path, options.include, options.exclude))
        except NagaError as error:
            # As with sha256sum, one that fails does not keep the others from being printed.
            print(f"naga: error: {printable(error.one_line())}", file=sys.stderr)
            exit_code = exit_code or error.exit_code
            continue
        if not options.json:
            _write(_line(f"{found[-1].digest}  ", os.fsencode(found[-1].path)))
    if options.json:
        print(json.dumps([{**asdict(each), "path": str(each.path)} for each in found], indent=2))
    return exit_code


def _check(options: argparse.Namespace) -> int:
    checks = []
    for path, expected in _expectations(options.check):
        digest, verdict = _compare(path, expected, options)
        checks.append({"path": path, "expected": expected, "digest": digest, "verdict": verdict})
        if not options.json:
            _write(_line("", os.fsencode(path), f": {verdict}"))
    if options.json:
        print(json.dumps(checks, indent=2))
    failed = sum(check["verdict"] != "OK" for check in checks)
    if failed:
        print(f"naga: {failed} of {len(checks)} digests did not match", file=sys.stderr)
    return int(failed > 0)


def _compare(path: str, expected: str, options: argparse.Namespace) -> tuple[str | None, str]:
    try:
        digest = naga.hash_path(path, options.include, options.exclude).digest
    except NotFoundError:
        return None, "FAILED, it is not there"
    except IntegrityError as error:
        return None, f"FAILED, {error}"
    return digest, "OK" if digest == expected else "FAILED"


def _expectations(name: str) -> Iterator[tuple[str, str]]:
    """Yield path and digest of each line of a file."""
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise NotFoundError(f"cannot read {name}: {error.strerror}", path=Path(name)) from error
    for number, line in enumerate(content.removesuffix(b"\n").split(b"\n"), start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            hint = "each line is a digest, two blanks and a path, as naga digest prints them"
            raise IntegrityError(f"line {number} of {name} is no digest of a path", hint=hint, path=Path(name))
        path = match["path"]
        if match["escaped"]:
            path = re.sub(rb"\\[\\nr]", lambda found: _MEANING[found[0]], path)
        yield os.fsdecode(path), match["digest"].decode()


def _line(before: str, path: bytes, after: str = "") -> bytes:
    r"""Write a line; as with sha256sum, one that begins with a backslash has an escaped path."""
    escaped = path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    mark = b"\\" if escaped != path else b""
    return b"%b%b%b%b\n" % (mark, before.encode(), escaped, os.fsencode(after))


def _write(line: bytes) -> None:
    # Paths are bytes, and these need not be text.
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
