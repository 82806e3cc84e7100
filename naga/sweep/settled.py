"""What is done: a finished receipt whose recipe is that of the task, and nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from naga.errors import NagaError, NotFoundError
from naga.lock.digest import hash_bytes
from naga.lock.document import canonical_json
from naga.lock.receipt import read_receipt
from naga.lock.recipe import recipe_digest
from naga.lock.redact import Redactor
from naga.lock.settings import read_settings
from naga.lock.staleness import Examiner
from naga.lock.world import World

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from naga.lock.receipt import Receipt
    from naga.sweep.stage import Stage

__all__ = ["Judge", "Judgement", "Mark", "mark_of", "settled_since", "stat_of"]

Mark = list[Any]
"""The status of a receipt's file, the digest of what its verdict depends on besides its config, and how it ended."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a task is done.

    Attributes
    ----------
    state : {"done", "failed", "killed", "started", "missing", "other", "stale", "unreadable"}
        What its receipt says; ``other`` for another config, ``stale`` when code, data or stages before changed since.
    reason : str
        In words, what makes it run again; empty for what is done or missing.
    """

    state: str
    reason: str = ""


class Judge:
    """Tells which tasks are done, and looks only once at what they share.

    Parameters
    ----------
    redactor : Redactor
        Knows the secrets of the environment.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._examiner = Examiner(World())
        self._groups: dict[str, Judgement] = {}

    def judge(self, path: Path, config: Mapping[str, Any]) -> tuple[Judgement, str]:
        """Read the receipt of a task and tell whether it is done.

        Parameters
        ----------
        path : Path
            Where the receipt is, if there is one.
        config : mapping
            The config that the task would have now, plain and not redacted.

        Returns
        -------
        judgement : Judgement
        group : str
            What `group_of` says of it; empty where that does not matter.
        """
        try:
            receipt = read_receipt(path)
        except NotFoundError:
            return Judgement("missing"), ""
        except NagaError as error:
            return Judgement("unreadable", str(error)), ""
        if receipt.status != "finished":
            reason = f"{receipt.error.type}: {receipt.error.message}" if receipt.error else ""
            return Judgement(receipt.status, reason), ""
        if not has_config(receipt, config, self._redactor):
            return Judgement("other", "it ran with another config"), ""
        group = group_of(receipt)
        return self.judge_group(group, path, receipt), group

    def judge_group(self, group: str, path: Path, receipt: Receipt | None = None) -> Judgement:
        """Tell whether code, data and the stages before are what they were for some finished runs.

        Parameters
        ----------
        group : str
            What `group_of` says of them.
        path : Path
            The receipt of one of them.
        receipt : Receipt, optional
            Its content, where it was read already.

        Returns
        -------
        Judgement
        """
        if group not in self._groups:
            receipt = receipt or read_receipt(path)
            # What became of the outputs does not matter: the receipt says that the task was done.
            verdict = self._examiner.verdict(str(path), replace(receipt, outputs={}))
            causes = ", ".join(cause.text() for cause in verdict.causes[:3])
            self._groups[group] = Judgement("stale", causes) if verdict.causes else Judgement("done")
        return self._groups[group]


def has_config(receipt: Receipt, config: Mapping[str, Any], redactor: Redactor) -> bool:
    """Tell whether a run had a config, as far as that is part of its recipe.

    Parameters
    ----------
    receipt : Receipt
        That of a run that has ended.
    config : mapping
        Plain and not redacted.
    redactor : Redactor

    Returns
    -------
    bool
    """
    redacted = redactor.learn(config).value(dict(config))
    return redacted == receipt.config or recipe_digest(replace(receipt, config=redacted)) == receipt.recipe


def group_of(receipt: Receipt) -> str:
    """Digest everything that the verdict over a finished run depends on besides its config.

    Parameters
    ----------
    receipt : Receipt

    Returns
    -------
    str
    """
    content = receipt.to_mapping()
    keys = ("caller", "used", "repos", "data", "prevs")
    caller = {key: value for key, value in content["caller"].items() if key != "argv"}
    return hash_bytes(canonical_json({**{key: content[key] for key in keys}, "caller": caller}))


def mark_of(path: Path, receipt: Receipt) -> Mark:
    """Describe a receipt that was just written, so that it need not be read again as long as its file is the same.

    Parameters
    ----------
    path : Path
    receipt : Receipt

    Returns
    -------
    list
    """
    return [*stat_of(str(path)), group_of(receipt), receipt.status]


def stat_of(path: str) -> list[int]:
    """Return what tells a file from the one that was there before.

    Parameters
    ----------
    path : str

    Returns
    -------
    list of int
        Inode, size in bytes, and the times of the last change of content and status in nanoseconds; empty when there
        is no file.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - called for a hundred thousand paths given as text
    except OSError:
        return []
    return [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def settled_since(path: Path, stage: Stage, values: Mapping[str, Any], root: Path) -> dict[str, Any] | None:
    """Tell how a task ended that somebody else ran since the sweep began.

    Parameters
    ----------
    path : Path
        The receipt, which is there.
    stage : Stage
    values : mapping
        Those of the task.
    root : Path
        The root of the project.

    Returns
    -------
    dict or None
        ``ended``, ``mark`` and ``error``; None when it is to be run.
    """
    try:
        receipt = read_receipt(path)
    except NagaError:
        return None
    redactor = Redactor.from_environment(os.environ, read_settings(root).readable)
    if receipt.status in ("started", "killed") or not has_config(receipt, stage.config(values), redactor):
        return None
    error = receipt.error and {"type": receipt.error.type, "message": receipt.error.message}
    place = {"file": receipt.error.file, "line": receipt.error.line} if receipt.error else {}
    return {"ended": "done", "mark": mark_of(path, receipt), "error": {**error, **place} if error else None}
