"""What submitit runs as an element of the array of a sweep: a supervisor with one worker, and its end before the limit.

The supervisor is a process of its own. When Slurm announces the time limit, or that the job is preempted, it takes no
more tasks, the one that runs gets the time that is left, and the job is put into the queue again.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from naga.sweep.ending import start_line
from naga.sweep.slurm_jobs import JOBS_NAME, current_job

__all__ = ["SlurmWorker"]

_MARGIN = 15
"""Seconds before the limit that are kept for killing a task, for its receipt, and for being put into the queue."""


@dataclass
class SlurmWorker:
    """An element of the array, for submitit: it is called in the job, and asked for a checkpoint before the limit.

    Attributes
    ----------
    folder : str
        The folder of the sweep.
    share : tuple of int
        As for `naga.sweep.supervisor.Supervisor`.
    delay : int
        How many seconds before the limit the signal comes.
    most : int or None
        The most tasks to take.
    retries : int
        How often to be started again without a task that ended since.
    idle : int
        How often that has happened.
    """

    folder: str
    share: tuple[int, int]
    delay: int
    most: int | None
    retries: int
    idle: int = 0
    _child: Any = field(default=None, repr=False)

    def __call__(self) -> int:
        """Run tasks until none is left, or as many as one worker may.

        Returns
        -------
        int
            The exit code of the supervisor.

        Raises
        ------
        RuntimeError
            It was killed, or cannot run the sweep; its last words stand above in the log.
        """
        _, _, restarts = current_job().rpartition(".")
        sys.stderr.write(start_line(int(restarts or 0)) + "\n")
        sys.stderr.flush()
        # Slurm sends the signal to all processes of the job, and it would end all that do not know it.
        handler = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        self._child = subprocess.Popen(self._command())
        signal.signal(signal.SIGUSR2, handler)
        code: int = self._child.wait()
        if code not in (0, 1, 75):
            raise RuntimeError(f"the supervisor of this worker ended with {code}")
        return code

    def checkpoint(self) -> Any:
        """Stop in good order.

        Returns
        -------
        submitit.helpers.DelayedSubmission or None
            What goes on when the job is started again; None when nothing has come of the last starts.
        """
        from submitit.core.utils import DelayedSubmission

        if self._child is not None:
            self._stop(self._child)
        idle = 0 if self._ended() else self.idle + 1
        if idle > self.retries:
            return None
        return DelayedSubmission(replace(self, idle=idle, _child=None))

    def _stop(self, child: subprocess.Popen[bytes]) -> None:
        """Let the task end that runs, but not beyond the limit."""
        deadline = time.monotonic() + self.delay - min(_MARGIN, self.delay / 2)
        for end in (deadline, deadline + _MARGIN / 3):
            child.send_signal(signal.SIGINT)
            try:
                child.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                continue
            else:
                return
        child.kill()

    def _command(self) -> list[str]:
        self._report().unlink(missing_ok=True)
        words = [sys.executable, "-P", "-m", "naga.sweep.slurm_drain", self.folder]
        words += ["--share", f"{self.share[0]}/{self.share[1]}", "--attempts", str(self.retries + 1)]
        words += ["--report", str(self._report())]
        return words if self.most is None else [*words, "--most", str(self.most)]

    def _report(self) -> Path:
        return Path(self.folder, JOBS_NAME, f"{current_job()}.json")

    def _ended(self) -> int:
        """Return how many tasks have ended in this start of the job."""
        try:
            return int(json.loads(self._report().read_bytes())["ended"])
        except (OSError, ValueError, KeyError):
            return 0
