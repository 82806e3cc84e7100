"""What the folder of a sweep says of its arrays on Slurm, so that other commands find them again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from naga.errors import IntegrityError
from naga.lock.atomic import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RECORD_NAME", "SlurmRecord", "find_record", "read_record", "write_record"]

RECORD_NAME = "slurm.json"


@dataclass(frozen=True, slots=True)
class SlurmRecord:
    """The arrays of a sweep.

    Attributes
    ----------
    arrays : tuple of str
        Their ids, in the order in which they were submitted.
    frozen : tuple of dict
        The values of the `naga.lock.frozen.FrozenCode` that the jobs run from.
    tasks : str
        The digest of what is to be run.
    """

    arrays: tuple[str, ...] = ()
    frozen: tuple[dict[str, Any], ...] = ()
    tasks: str = ""


def write_record(folder: Path, record: SlurmRecord) -> None:
    """Write a record.

    Parameters
    ----------
    folder : Path
        The folder of the sweep.
    record : SlurmRecord
    """
    write_atomically(folder / RECORD_NAME, json.dumps(asdict(record)).encode() + b"\n")


def read_record(folder: Path) -> SlurmRecord:
    """Read a record.

    Parameters
    ----------
    folder : Path
        The folder of the sweep.

    Returns
    -------
    SlurmRecord
        Empty when the sweep was never submitted.

    Raises
    ------
    IntegrityError
        It is not one that this version can read.
    """
    path = folder / RECORD_NAME
    try:
        return msgspec.convert(json.loads(path.read_bytes()), SlurmRecord)
    except FileNotFoundError:
        return SlurmRecord()
    except (OSError, ValueError) as error:
        raise IntegrityError(f"{path} cannot be read: {error}", path=path) from error


def find_record(root: Path, tasks: str) -> tuple[Path, SlurmRecord] | None:
    """Find the last sweep of a project that was submitted to run the same.

    Parameters
    ----------
    root : Path
        The root of the project.
    tasks : str
        As for `SlurmRecord`.

    Returns
    -------
    folder : Path
    record : SlurmRecord
        None instead of both when there is no such sweep.
    """
    # The names of the folders sort by time.
    for path in sorted((root / ".naga" / "sweeps").glob(f"*/{RECORD_NAME}"), reverse=True):
        record = read_record(path.parent)
        if record.tasks == tasks and record.arrays:
            return path.parent, record
    return None
