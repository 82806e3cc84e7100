"""The summary of a sweep: which receipts were found finished, so that they need not be read again.

It is a cache and safe to delete. An entry counts only when the file of the receipt is what it was, to the inode and the
nanosecond, and when the task's config comes from the same things; whether code and data are still what they were is
looked at anew each time.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from naga.config.references import varied_places
from naga.errors import NagaError
from naga.lock.atomic import write_atomically
from naga.lock.digest import hash_bytes
from naga.lock.document import canonical_json
from naga.sweep.journal import JournalReader
from naga.sweep.plan import read_plan, read_tasks, state_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from naga.lock.redact import Redactor
    from naga.sweep.plan import Plan, PlannedTask
    from naga.sweep.settled import Mark
    from naga.sweep.stage import Stage

__all__ = ["ConfigKeys", "Summary"]

FORMAT = 1


class ConfigKeys:
    """Digests of everything that the config of a task comes from.

    Parameters
    ----------
    stage : Stage
    redactor : Redactor
        What it hides is in no digest either, as it is in no receipt.
    """

    def __init__(self, stage: Stage, redactor: Redactor) -> None:
        self._stage = stage
        self._redactor = redactor
        self._common: dict[tuple[str, ...], str | None] = {}
        self._follows_folder = bool(varied_places(frozenset(["save_dir"]), stage.base))

    def key(self, values: Mapping[str, Any], folder: str, config: Mapping[str, Any]) -> str:
        """Digest what the config of a task comes from.

        Parameters
        ----------
        values : mapping
            Those of the task, whose config was put together before.
        folder : str
        config : mapping
            The config, before it was told the folder.

        Returns
        -------
        str
            Empty when it cannot be told.
        """
        names = tuple(values)
        if names not in self._common:
            common = self._stage.common(values)
            is_secret = self._redactor.value(dict.fromkeys(names, "value")) != dict.fromkeys(names, "value")
            if is_secret or (common is None and self._follows_folder):
                return ""
            self._common[names] = None if common is None else hash_bytes(self._form([names, common]))
        digest = self._common[names] or self._form(dict(config)).decode()
        own = json.dumps([*values.values(), folder], separators=(",", ":"))
        return hash_bytes(f"{digest}{own}".encode())[10:]

    def _form(self, value: Any) -> bytes:
        return canonical_json(self._redactor.value(value))


class Summary:
    """What is known of the receipts of one stage below one folder.

    Parameters
    ----------
    path : Path
        Its file.
    groups : list of str
        Digests, as `naga.sweep.settled.group_of` gives them.
    entries : dict
        Folder of a task -> status of the file of its receipt, number of its group, and key of its config.
    """

    def __init__(self, path: Path, groups: Iterable[str] = (), entries: Mapping[str, list[Any]] | None = None) -> None:
        self._path = path
        self._groups = list(groups)
        self._numbers = {group: number for number, group in enumerate(self._groups)}
        self._entries: dict[str, list[Any]] = dict(entries or {})
        self._is_changed = False

    @classmethod
    def load(cls, root: Path, stage: str, save_dir: str) -> Summary:
        """Read the summary, and take in what sweeps of the same kind have left that could not do so any more.

        Parameters
        ----------
        root : Path
            The root of the project.
        stage : str
            The name of the main.
        save_dir : str
            The folder that holds the folders of the tasks.

        Returns
        -------
        Summary
            Empty where there is none, or none that can be read.
        """
        name = hash_bytes(canonical_json([stage, save_dir])).rpartition(":")[2]
        state = state_folder(root)
        summary = cls(state / "summaries" / f"{name}.json")
        with suppress(OSError, msgspec.MsgspecError, KeyError, TypeError, ValueError):
            content = msgspec.json.decode(summary._path.read_bytes())
            if content["naga"] == FORMAT:
                summary = cls(summary._path, content["groups"], content["entries"])
        for folder, plan in _former_sweeps(state / "sweeps"):
            if (plan.stage, plan.save_dir, plan.launcher) == (stage, save_dir, "local") and plan.owner.is_gone:
                summary.take_in(folder, list(read_tasks(folder)))
                summary.save()
                shutil.rmtree(folder, ignore_errors=True)
        return summary

    def group_of(self, planned: PlannedTask, status: list[int]) -> str | None:
        """Return the group of a receipt that is known and finished.

        Parameters
        ----------
        planned : PlannedTask
        status : list of int
            What `naga.sweep.settled.stat_of` says of its file now.

        Returns
        -------
        str or None
            None when it has to be read.
        """
        entry = self._entries.get(planned.folder)
        if entry is None or not planned.key or entry[5] != planned.key or entry[:4] != status:
            return None
        group: str = self._groups[entry[4]]
        return group

    def add(self, planned: PlannedTask, mark: Mark) -> None:
        """Take note of a receipt.

        Parameters
        ----------
        planned : PlannedTask
        mark : list
            As `naga.sweep.settled.mark_of` gives it.
        """
        if not planned.key or len(mark) != 6 or mark[5] != "finished":
            return
        if mark[4] not in self._numbers:
            self._numbers[mark[4]] = len(self._groups)
            self._groups.append(mark[4])
        self._entries[planned.folder] = [*mark[:4], self._numbers[mark[4]], planned.key]
        self._is_changed = True

    def take_in(self, folder: Path, tasks: Sequence[PlannedTask]) -> None:
        """Take note of all receipts that the journals of a sweep tell of.

        Parameters
        ----------
        folder : Path
            The folder of the sweep.
        tasks : sequence of PlannedTask
        """
        with suppress(OSError):
            for entry in JournalReader(folder).new_entries():
                if entry.get("mark"):
                    self.add(tasks[entry["task"]], entry["mark"])

    def save(self) -> None:
        """Write the summary, if there is anything new; a disk that is full or cannot be written to is no error."""
        if not self._is_changed:
            return
        content = {"naga": FORMAT, "groups": self._groups, "entries": self._entries}
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            state_folder(self._path.parents[2])
            write_atomically(self._path, msgspec.json.encode(content))
            self._is_changed = False


def _former_sweeps(place: Path) -> list[tuple[Path, Plan]]:
    found = []
    with suppress(FileNotFoundError):
        for name in sorted(os.listdir(place)):  # noqa: PTH208
            with suppress(NagaError):
                found.append((place / name, read_plan(place / name)))
    return found
