"""What MLflow is told of a receipt: parameters, tags, and the values that do not fit its limits."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from naga.lock.describe import stage_name
from naga.lock.digest import hash_bytes
from naga.lock.receipt import receipt_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from naga.lock.receipt import Receipt

__all__ = [
    "ACTIVATED",
    "LOGICAL_KEY",
    "LOGICAL_RUN_ID",
    "RECEIPT_DIGEST",
    "RUN_ID",
    "STATUS",
    "SUPERSEDED_BY",
    "SUPERSEDES",
    "Record",
    "logical_key",
    "make_record",
]

STATUS: Final = "status"
"""``started``, ``active``, ``deprecated`` or ``failed``."""
LOGICAL_RUN_ID: Final = "naga.logical_run_id"
LOGICAL_KEY: Final = "naga.logical_run_key"
"""A digest of the logical identifier, because MLflow's filters cannot hold every text."""
ACTIVATED: Final = "naga.activated"
"""When a run became the active one: nanoseconds since the epoch, as many digits for every time."""
SUPERSEDES: Final = "naga.supersedes"
SUPERSEDED_BY: Final = "naga.superseded_by"
RUN_ID: Final = "naga.run_id"
RECEIPT_DIGEST: Final = "naga.receipt"

_LONGEST_KEY: Final = 250
_LONGEST_PARAMETER: Final = 6000
_LONGEST_TAG: Final = 8000
_FULL: Final = "naga/full_values.json"
_CUT: Final = f" ... (cut, all of it is in {_FULL})"
_REFUSED: Final = re.compile(r"[^/\w.\- ]")


@dataclass(frozen=True, slots=True)
class Record:
    """A receipt in MLflow's words.

    Attributes
    ----------
    name : str
        The stage.
    parameters : dict
        Key of MLflow -> text; from the config, with dots for its levels.
    tags : dict
        Key of MLflow -> text.
    full : dict
        Key of MLflow -> ``{"key": ..., "value": ...}`` as the receipt has them, for each that was renamed or cut.
    """

    name: str
    parameters: dict[str, str]
    tags: dict[str, str]
    full: dict[str, dict[str, Any]]

    def artifacts(self) -> dict[str, bytes]:
        """Return what is kept as files because MLflow has no room for it.

        Returns
        -------
        dict
            Path of the artifact -> content; empty when everything fits.
        """
        if not self.full:
            return {}
        return {_FULL: json.dumps(self.full, ensure_ascii=False, indent=2).encode()}


def make_record(receipt: Receipt, path: Path, root: Path, logical_run_id: str) -> Record:
    """Say in MLflow's words what a receipt says.

    Parameters
    ----------
    receipt : Receipt
    path : Path
        Its file, absolute.
    root : Path
        The root of its project.
    logical_run_id : str
        The folder of the run, relative to the project.

    Returns
    -------
    Record

    Notes
    -----
    The limits are those of ``mlflow.utils.validation``: keys of 250 characters out of letters, digits and ``/ . - _``
    and the space, which must not look like a path that leads elsewhere; 6,000 characters for a parameter and 8,000
    for a tag. What MLflow would cut with no more than a warning is cut here and kept whole in an artifact.
    """
    fitter = _Fitter()
    config = ((key, value) for key, value in _flat(receipt.config) if key.partition(".")[0] != "runlock")
    parameters = fitter.fit(config, _LONGEST_PARAMETER)
    identity = {
        LOGICAL_RUN_ID: logical_run_id,
        LOGICAL_KEY: logical_key(logical_run_id),
        RUN_ID: receipt.id,
        RECEIPT_DIGEST: receipt_digest(receipt),
        "naga.recipe": receipt.recipe or "",
        "naga.stage": stage_name(receipt),
        "naga.path": str(path.parent),
        "naga.project": str(root),
        "naga.started": receipt.started,
    }
    tags = fitter.fit((*identity.items(), *_facts(receipt)), _LONGEST_TAG)
    return Record(stage_name(receipt), parameters, tags, fitter.full)


def logical_key(logical_run_id: str) -> str:
    """Return what stands for a logical identifier in searches.

    Parameters
    ----------
    logical_run_id : str

    Returns
    -------
    str
        A digest.
    """
    return hash_bytes(logical_run_id.encode("utf-8", "surrogateescape"))


def _facts(receipt: Receipt) -> Iterator[tuple[str, str]]:
    for name, entry in receipt.repos.items():
        yield f"naga.commit.{name}", entry.commit or ""
        yield f"naga.snapshot.{name}", entry.snapshot or ""
        yield f"naga.dirty.{name}", str(bool(entry.dirty)).lower()
    for name, data in receipt.data.items():
        yield f"naga.data.{name}", data.digest
    for name, output in receipt.outputs.items():
        yield f"naga.output.{name}", output.digest
    for name, prev in receipt.prevs.items():
        yield f"naga.prev.{name}", f"{prev.id} {prev.digest}"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class _Fitter:
    """Makes keys and values fit, and remembers those that it changed."""

    def __init__(self) -> None:
        self.full: dict[str, dict[str, Any]] = {}

    def fit(self, pairs: Iterable[tuple[str, str]], longest: int) -> dict[str, str]:
        fitted: dict[str, str] = {}
        for key, value in pairs:
            name = _unused(_fit_key(key), fitted)
            text = value.encode("utf-8", "backslashreplace").decode()
            fitted[name] = text if len(text) <= longest else text[: longest - len(_CUT)] + _CUT
            if name != key or fitted[name] != value:
                self.full[name] = {"key": key, "value": text}
        return fitted


def _fit_key(key: str) -> str:
    text = _REFUSED.sub("_", key.encode("utf-8", "replace").decode())[:_LONGEST_KEY].strip() or "_"
    plain = posixpath.normpath(text)
    # A key that names another path when it is read as one is refused, so its slashes and first dots have to go.
    if plain != text or plain.startswith(("/", ".")):
        text = re.sub(r"^\.+|/", "_", text)
    return text


def _unused(name: str, taken: Mapping[str, str]) -> str:
    # Some databases of MLflow do not tell capital letters from small ones.
    folded = {key.casefold() for key in taken} if name.casefold() != name or name not in taken else set(taken)
    candidate, number = name, 2
    while candidate in taken or candidate.casefold() in folded:
        suffix = f"_{number}"
        candidate, number = name[: _LONGEST_KEY - len(suffix)] + suffix, number + 1
    return candidate
