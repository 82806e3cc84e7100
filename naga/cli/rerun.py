"""``naga rerun``: repeat a run, and compare what comes of it."""

from __future__ import annotations

import argparse
import json
import os
from typing import TYPE_CHECKING, Any

import naga
from naga.lock.describe import or_absent, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from naga.rerun.attest import Rerun
    from naga.rerun.outputs import OutputVerdict

__all__ = ["add_to"]

_EXAMPLES = """\
examples:
  naga rerun results/fit --check
  naga rerun @latest --check --json
  naga rerun results/fit --check --dry-run
  naga rerun results/fit --save_dir results/fit-again

exit codes: 0 the same bits, or within the tolerances of naga.toml; 1 different, or the run failed;
65 an input is modified; 66 an input or the snapshot is missing; 77 such a run cannot be repeated
"""

_HEADLINES = {
    "same": "same bits",
    "within": "within tolerance",
    "different": "different",
    "failed": "failed",
    "repeated": "repeated",
    "planned": "everything that the run needs is there; nothing was run",
}
_WORDS = {
    "within": "within tolerance",
    "different": "different",
    "missing": "was not made again",
    "added": "was not there before",
    "unwritten": "was not written; the snapshot holds it so",
}


def add_to(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser of ``naga``.

    Parameters
    ----------
    commands : subparsers action of argparse
    common : ArgumentParser
        The options that every command has.
    """
    parser = commands.add_parser(
        "rerun",
        parents=[common],
        help="repeat a run and compare its outputs",
        description="Run again what a receipt records, in a temporary folder: the code of the snapshot, with the"
        " recorded config, on the recorded inputs.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("token", metavar="TOKEN", help="an id, @latest, or a path")
    parser.add_argument("--check", action="store_true", help="compare the outputs, and keep an attestation")
    parser.add_argument("--save_dir", "--save-dir", metavar="DIR", help="only repeat the run, with its outputs in DIR")
    parser.add_argument("--keep", action="store_true", help="leave the temporary folder, and say where it is")
    parser.add_argument("--dry-run", action="store_true", help="check that everything is there, and run nothing")
    parser.set_defaults(run=_rerun)


def _rerun(options: argparse.Namespace) -> int:
    path, _ = naga.find_run(options.token)
    result = naga.rerun(
        path,
        check=options.check,
        save_dir=options.save_dir,
        keep=options.keep,
        quiet=options.json,
        dry_run=options.dry_run,
    )
    if options.json:
        print(json.dumps(_content(result), indent=2))
    else:
        print("\n".join(_lines(result)))
    return result.exit_code


def _content(result: Rerun) -> dict[str, Any]:
    places = {"path": result.attestation, "folder": result.folder, "save_dir": result.save_dir}
    return {**result.to_mapping(), **{name: str(path) for name, path in places.items() if path is not None}}


def _lines(result: Rerun) -> Iterator[str]:
    yield f"{_HEADLINES[result.verdict]}{_counts(result)}"
    if result.error:
        yield f"  {printable(result.error)}"
    if result.verdict in ("repeated", "planned"):
        yield f"  {printable(' '.join(result.command))}"
    for output in result.outputs:
        if output.verdict != "same":
            yield f"  {printable(output.path)}  {printable(_remark(output))}"
    yield from _section(
        "the environment is another one", [_difference(difference) for difference in result.differences]
    )
    yield from _section("the config had other values", list(result.config))
    yield from _section("not set, for the receipt does not hold the value", list(result.unset))
    for name, path in (("attestation", result.attestation), ("kept", result.folder), ("outputs", result.save_dir)):
        if path is not None:
            yield f"{name}: {printable(_short(path))}"


def _counts(result: Rerun) -> str:
    count = len(result.outputs)
    if not count:
        return ""
    bad = sum(not output.is_good for output in result.outputs)
    outputs = "output" if count == 1 else "outputs"
    return f": {bad} of {count} {outputs}" if bad else f": {count} {outputs}"


def _remark(output: OutputVerdict) -> str:
    words = _WORDS[output.verdict]
    if output.place:
        words += f", {output.place}"
    if output.relative is not None:
        return f"{words}, at most {output.relative:.3g} of a number"
    return f"{words}, at most {output.absolute:.3g}" if output.absolute else words


def _difference(difference: Any) -> str:
    return f"{difference.what}: {or_absent(difference.recorded)} became {or_absent(difference.current)}"


def _section(title: str, rows: list[str]) -> Iterator[str]:
    if rows:
        yield f"{title}:"
        yield from (f"  {printable(row)}" for row in rows)


def _short(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
