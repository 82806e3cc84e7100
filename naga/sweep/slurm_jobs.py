"""The jobs of a sweep on Slurm: which of them go on, and why the others ended."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from naga.errors import NagaError
from naga.sweep.ending import Ending, ending_of
from naga.sweep.slurm_commands import GOES_ON, Element, list_elements

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["JOBS_NAME", "JobWatch", "current_job"]

JOBS_NAME = "jobs"
"""The folder in that of a sweep where submitit keeps scripts and logs of its jobs."""

_LOOK_AGAIN = 10.0
"""Seconds until Slurm is asked again; a controller that is asked by many workers has other things to do."""


def current_job() -> str:
    """Name the job that this process is part of, and how often it was started again.

    Returns
    -------
    str
        Such as ``12_3.0``; empty outside of jobs of Slurm.
    """
    environ = os.environ
    array, index = environ.get("SLURM_ARRAY_JOB_ID"), environ.get("SLURM_ARRAY_TASK_ID")
    job = f"{array}_{index}" if array and index else environ.get("SLURM_JOB_ID", "")
    return f"{job}.{environ.get('SLURM_RESTART_COUNT') or 0}" if job else ""


class JobWatch:
    """Asks Slurm, now and then, for the jobs of a sweep.

    Parameters
    ----------
    folder : Path
        The folder of the sweep.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / JOBS_NAME
        self._own = current_job()
        self._elements: dict[str, dict[str, Element]] = {}
        self._asked: dict[str, float] = {}

    def elements(self, arrays: Iterable[str], seconds: float = _LOOK_AGAIN) -> dict[str, Element]:
        """Return the elements of arrays that the controller knows.

        Parameters
        ----------
        arrays : iterable of str
        seconds : float
            How old an answer may be.

        Returns
        -------
        dict
            As for `naga.sweep.slurm_commands.list_elements`.

        Raises
        ------
        UnreachableError
            The controller does not answer.
        """
        found: dict[str, Element] = {}
        for array in arrays:
            now = time.monotonic()
            if now - self._asked.get(array, -seconds) >= seconds:
                self._elements[array] = list_elements([array])
                self._asked[array] = now
            found |= self._elements[array]
        return found

    def is_gone(self, start: str) -> bool:
        """Tell whether a start of a job is known to have ended.

        Parameters
        ----------
        start : str
            What `current_job` returned in it.

        Returns
        -------
        bool
            False while it goes on, and when nothing is known.
        """
        job, _, restarts = start.rpartition(".")
        own, _, own_restarts = self._own.rpartition(".")
        if job == own:
            return int(restarts) < int(own_restarts)
        try:
            element = self.elements([job.partition("_")[0]]).get(job)
        except NagaError:
            return False
        return element is None or element.restarts > int(restarts) or element.state not in GOES_ON

    def ending(self, start: str, patience: float = 0.0) -> Ending:
        """Say why a start of a job that is gone ended.

        Parameters
        ----------
        start : str
            As for `is_gone`.
        patience : float
            How many seconds to wait for accounting, which lags behind.

        Returns
        -------
        Ending
        """
        job, _, restarts = start.rpartition(".")
        log = self._folder / f"{job}_0_log.err"
        deadline = time.monotonic() + patience
        while True:
            try:
                element = self.elements([job.partition("_")[0]]).get(job)
                found = ending_of(job, int(restarts), element, log)
            except NagaError as error:
                return Ending("Lost", f"Slurm job {job} is gone, and nothing says why: {error}")
            if found is not None:
                return found
            if time.monotonic() >= deadline:
                return Ending("Lost", f"Slurm job {job} is gone, and nothing says why yet")
            time.sleep(0.5)
