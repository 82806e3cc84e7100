"""Submitting the array of a sweep through submitit.

It is done by a process of its own whose working folder is that of the sweep, ``python -m naga.sweep.slurm_submission``.
So is that of the jobs, and no path of the person has to stand in a script of sbatch: it cannot hold a line break, and
gives a meaning to ``%``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from naga.errors import RefusedError
from naga.sweep.slurm_commands import refusal
from naga.sweep.slurm_jobs import JOBS_NAME
from naga.sweep.slurm_settings import import_submitit
from naga.sweep.slurm_worker import SlurmWorker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from naga.sweep.slurm_settings import SlurmSettings

__all__ = ["count_workers", "main", "submit"]

_NEVER = 10**6
"""Whether a worker is started again is decided by its own checkpoint, and not by the count of submitit."""

_UNUSABLE = ("%", "\\")


def count_workers(tasks: int, settings: SlurmSettings, limit: int) -> int:
    """Return how many elements the array of a sweep gets.

    Parameters
    ----------
    tasks : int
        How many are to be run.
    settings : SlurmSettings
    limit : int
        The most elements that an array may have.

    Returns
    -------
    int
        As many as may run at a time, or as many as it takes when each takes only some tasks; never more than tasks.
    """
    wanted = settings.array_parallelism
    if settings.tasks_per_job is not None:
        wanted = -(-tasks // settings.tasks_per_job)
    return max(1, min(wanted, tasks, limit))


def submit(folder: Path, workers: int, settings: SlurmSettings) -> str:
    """Submit one array of workers.

    Parameters
    ----------
    folder : Path
        The folder of the sweep, with its plan.
    workers : int
    settings : SlurmSettings

    Returns
    -------
    str
        The id of the array.

    Raises
    ------
    UnreachableError
        The controller does not answer; nothing was submitted.
    RefusedError
        Slurm does not take it, or cannot take the path.
    """
    unusable = next((character for character in _UNUSABLE if character in str(folder)), None)
    if unusable is not None:
        message = f"Slurm writes no log to {folder}: it gives {unusable} in a path a meaning of its own"
        raise RefusedError(message, hint="run the sweep in a project with another path", path=folder)
    (folder / JOBS_NAME).mkdir(exist_ok=True)
    order = {
        "parameters": dict(settings.parameters),
        "width": settings.array_parallelism,
        "worker": {
            "folder": str(folder),
            "delay": settings.signal_delay_s,
            "most": settings.tasks_per_job,
            "retries": settings.max_retries,
        },
        "workers": workers,
    }
    done = subprocess.run(
        [sys.executable, "-P", "-m", __name__],
        cwd=folder,
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise refusal("sbatch", done.stderr)
    return str(json.loads(done.stdout)["array"])


def main() -> int:
    """Submit what standard input orders, and print the id of the array as JSON.

    Returns
    -------
    int
        The exit code; 1 with the words of sbatch on standard error when nothing was submitted.
    """
    order = json.load(sys.stdin)
    submitit = import_submitit()
    try:
        executor = submitit.AutoExecutor(
            folder=f"/proc/self/cwd/{JOBS_NAME}", cluster="slurm", slurm_max_num_timeout=_NEVER
        )
        executor.update_parameters(**_parameters(order))
        count = order["workers"]
        jobs = executor.submit_array([SlurmWorker(share=(k, count), **order["worker"]) for k in range(count)])
    except submitit.core.utils.FailedJobError as error:
        sys.stderr.write(str(error))
        return 1
    sys.stdout.write(json.dumps({"array": jobs[0].job_id.partition("_")[0]}))
    return 0


def _parameters(order: Mapping[str, Any]) -> dict[str, Any]:
    """Add what naga has to say to the parameters of the person."""
    parameters = {"name": "naga", **order["parameters"], "slurm_array_parallelism": order["width"]}
    job = "%A_%a" if order["workers"] > 1 else "%j"
    logs = {"output": f"{JOBS_NAME}/{job}_0_log.out", "error": f"{JOBS_NAME}/{job}_0_log.err"}
    arguments = [word for name, path in logs.items() for word in (f"--{name}", path)]
    if "cpus_per_task" in parameters:
        # From version 22.05 on, srun does not take it over from the job.
        arguments.append(f"--cpus-per-task={parameters['cpus_per_task']}")
    parameters["slurm_additional_parameters"] = {**(parameters.get("slurm_additional_parameters") or {}), **logs}
    parameters["slurm_srun_args"] = [*(parameters.get("slurm_srun_args") or []), *arguments]
    return parameters


if __name__ == "__main__":
    raise SystemExit(main())
