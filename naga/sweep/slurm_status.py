"""The jobs of a sweep on Slurm as they are now, for whoever looks at the sweep."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from naga.errors import NagaError
from naga.sweep.slurm_commands import GOES_ON, list_elements
from naga.sweep.slurm_record import read_record

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ArrayStatus", "array_statuses"]


@dataclass(frozen=True, slots=True)
class ArrayStatus:
    """An array of a sweep.

    Attributes
    ----------
    array : str
        Its id.
    states : dict
        State, such as RUNNING -> how many of its elements are in it, by name; empty when Slurm has forgotten it.
    waits_for : list of str
        Why elements wait, in Slurm's words, by name.
    problem : str
        Why nothing is known; empty when the controller answered.
    """

    array: str
    states: dict[str, int]
    waits_for: list[str]
    problem: str = ""

    @property
    def goes_on(self) -> bool:
        """Whether an element runs or will run."""
        return bool(self.states.keys() & GOES_ON)

    def text(self) -> str:
        """Say it in one line.

        Returns
        -------
        str
        """
        if self.problem:
            return f"array {self.array}: {self.problem}"
        states = ", ".join(f"{count} {state.lower().replace('_', ' ')}" for state, count in self.states.items())
        reasons = f" ({', '.join(self.waits_for)})" if self.waits_for else ""
        return f"array {self.array}: {states or 'no longer known to Slurm'}{reasons}"


def array_statuses(folder: Path) -> list[ArrayStatus]:
    """Ask Slurm for the arrays of a sweep.

    Parameters
    ----------
    folder : Path
        The folder of the sweep.

    Returns
    -------
    list of ArrayStatus
        In the order in which they were submitted; empty for a sweep that is not on Slurm.

    Raises
    ------
    IntegrityError
        What the folder says cannot be read.
    """
    return [_status(array) for array in read_record(folder).arrays]


def _status(array: str) -> ArrayStatus:
    try:
        elements = list_elements([array]).values()
    except NagaError as error:
        return ArrayStatus(array, {}, [], error.one_line())
    states = Counter(element.state for element in elements)
    reasons = {element.reason for element in elements if element.state == "PENDING"} - {"", "None"}
    return ArrayStatus(array, dict(sorted(states.items())), sorted(reasons))
