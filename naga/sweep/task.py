"""A task: one value, or several, that a sweep lays over the config of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Duplicate", "Task", "TaskList"]


@dataclass(frozen=True, slots=True)
class Task:
    """One run of a sweep, before it is known where it will lie.

    Attributes
    ----------
    index : int
        Counted from 0, in the order in which the tasks were given, duplicates left out.
    values : mapping
        Dotted key -> value, to be laid over all layers of the config. Interpolations are not resolved. A mapping is
        taken apart into its keys unless it is empty or a key is not plain text.
    source : str
        Where it stands: ``list.txt:3``, ``standard input:2``, ``--grid``, ``conf/base.yml: tasks[3]``.
    """

    index: int
    values: Mapping[str, Any]
    source: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A task that says the same as one before it.

    Attributes
    ----------
    source : str
        Where it stands.
    first : str
        Where the one before it stands.
    """

    source: str
    first: str

    def __str__(self) -> str:
        return f"{self.source} says the same as {self.first}"


@dataclass(frozen=True, slots=True)
class TaskList:
    """What was read as the tasks of a sweep.

    Attributes
    ----------
    tasks : tuple of Task
        At least one; no two have the same values.
    duplicates : tuple of Duplicate
        What was left out, in its order.
    """

    tasks: tuple[Task, ...]
    duplicates: tuple[Duplicate, ...]
