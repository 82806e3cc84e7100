"""What came of repeating a run, and the attestation of it beside the receipt."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from naga.errors import IncompleteError
from naga.lock.atomic import write_atomically
from naga.lock.digest import hash_bytes
from naga.lock.document import canonical_json, dump_document

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from naga.lock.environment import Difference
    from naga.rerun.outputs import OutputVerdict

__all__ = ["ATTESTATION", "Rerun", "environment_digest", "keep_attestation", "who_and_where"]

ATTESTATION: Final = 1
"""The number of the format."""

_FOLDER = ".naga/attestations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """What came of repeating a run.

    Attributes
    ----------
    id : str
        UUID of version 7.
    run : str
        The id of the run that was repeated.
    receipt : str
        The digest of its receipt.
    verdict : {"same", "within", "different", "failed", "repeated", "planned"}
        The outputs are the same bits, within the tolerances, or different; or the repeated run failed; or it was not
        asked to be compared; or nothing was run.
    who : str
        ``user@host``.
    when : str
        UTC, ISO 8601: when the run was started again.
    where : mapping
        ``system``, ``machine`` and ``python``.
    environment : str or None
        Digest of the environment of the repeated run.
    outputs : tuple of OutputVerdict
        Sorted by path.
    differences : tuple of Difference
        In which the environments differ. They decide nothing.
    config : tuple of str
        Keys that had another value than recorded although they were set, or that a plain script chose so.
    unset : tuple of str
        Keys that could not be set, since the receipt does not tell their value.
    command : tuple of str
        What was run, from where the script lies.
    error : str or None
        Why the repeated run failed.
    log : str
        The end of what a quiet run printed, with secrets redacted.
    attestation : Path or None
        Where this is kept.
    folder : Path or None
        The project in the temporary folder, when that was kept.
    save_dir : Path or None
        Where the outputs of a run that was only repeated lie.
    """

    id: str
    run: str
    receipt: str
    verdict: Literal["same", "within", "different", "failed", "repeated", "planned"]
    who: str
    when: str
    where: Mapping[str, str]
    environment: str | None = None
    outputs: tuple[OutputVerdict, ...] = ()
    differences: tuple[Difference, ...] = ()
    config: tuple[str, ...] = ()
    unset: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    error: str | None = None
    log: str = field(default="", repr=False)
    attestation: Path | None = None
    folder: Path | None = None
    save_dir: Path | None = None

    @property
    def exit_code(self) -> int:
        """1 when the outputs are different or the run failed, else 0."""
        return int(self.verdict in ("different", "failed"))

    def to_mapping(self) -> dict[str, Any]:
        """Return it as plain values.

        Returns
        -------
        dict
            The attributes by name after ``attestation`` (the number of the format); paths and what is None or empty
            are left out.
        """
        values = asdict(self)
        for name in ("attestation", "folder", "save_dir"):
            del values[name]
        outputs = [{key: value for key, value in output.items() if value is not None} for output in values["outputs"]]
        content = {**values, "outputs": outputs}
        return {"attestation": ATTESTATION, **{name: value for name, value in content.items() if value}}


def environment_digest(environment: Mapping[str, Any]) -> str:
    """Return one digest for an environment.

    Parameters
    ----------
    environment : mapping
        As a receipt records it.

    Returns
    -------
    str
        ``xxh3_128:<hex>`` of its canonical JSON without the list of packages, which has a digest of its own.
    """
    packages = environment.get("packages")
    kept = {key: value for key, value in packages.items() if key != "list"} if isinstance(packages, dict) else packages
    return hash_bytes(canonical_json({**environment, "packages": kept}))


def who_and_where() -> tuple[str, dict[str, str]]:
    """Say who repeats a run, and on what.

    Returns
    -------
    who : str
        ``user@host``; the number of a user without a name.
    where : dict
        ``system``, ``machine`` and ``python``.
    """
    import getpass
    import platform

    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    machine = os.uname()
    where = {"system": machine.sysname, "machine": machine.machine, "python": platform.python_version()}
    return f"{user}@{machine.nodename}", where


def keep_attestation(folder: Path, rerun: Rerun | None, name: str) -> Path:
    """Write an attestation beside a receipt.

    Parameters
    ----------
    folder : Path
        The folder of the receipt.
    rerun : Rerun or None
        What to write. None only makes sure that it can be written later.
    name : str
        The id of the rerun.

    Returns
    -------
    Path
        ``.naga/attestations/<id>.yml`` in `folder`, written whole or not at all.

    Raises
    ------
    IncompleteError
        It cannot be written.
    """
    path = folder / _FOLDER / f"{name}.yml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if rerun is not None:
            write_atomically(path, dump_document(rerun.to_mapping()).encode())
        elif not os.access(path.parent, os.W_OK):
            raise PermissionError(13, "Permission denied", str(path.parent))
    except OSError as error:
        verdict = f"; the verdict is {rerun.verdict}" if rerun else ""
        message = f"cannot keep the attestation {path}: {error.strerror}{verdict}"
        raise IncompleteError(message, hint="make the folder writable and rerun", path=path) from error
    return path
