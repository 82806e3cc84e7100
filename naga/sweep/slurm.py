"""Running a sweep on Slurm: checked, frozen, submitted as one array, and followed or left alone."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from naga.errors import NagaError, RefusedError
from naga.lock.digest import hash_bytes
from naga.lock.document import canonical_json
from naga.lock.frozen import FrozenCode
from naga.lock.snapshot import find_root
from naga.sweep.freezing import config_texts, freeze, release
from naga.sweep.plan import read_plan
from naga.sweep.slurm_commands import GOES_ON, array_limit, cancel_jobs, check_partitions, list_elements, require_slurm
from naga.sweep.slurm_follow import Follower
from naga.sweep.slurm_record import RECORD_NAME, SlurmRecord, find_record, read_record, write_record
from naga.sweep.slurm_settings import SlurmSettings, read_slurm_settings
from naga.sweep.slurm_submission import count_workers, submit

if TYPE_CHECKING:
    from naga.sweep.events import Observer, Result
    from naga.sweep.plan import Plan
    from naga.sweep.sweep import Sweep

__all__ = ["SlurmLauncher"]

_ENDING_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class SlurmLauncher:
    """Runs the tasks of sweeps on Slurm.

    Attributes
    ----------
    settings : SlurmSettings
    limit : int
        The most elements that an array may have there.
    """

    settings: SlurmSettings
    limit: int

    @classmethod
    def from_file(cls, path: Path) -> SlurmLauncher:
        """Read the settings, and find out whether Slurm is there and can do what they say.

        Parameters
        ----------
        path : Path
            A file such as ``slurm.yaml``.

        Returns
        -------
        SlurmLauncher

        Raises
        ------
        ConfigError, NotFoundError, UnreachableError
            As for `naga.sweep.slurm_settings.read_slurm_settings`; Slurm is not there, or does not answer, or has no
            such partition.
        """
        settings = read_slurm_settings(path)
        require_slurm()
        partitions = str(settings.parameters.get("slurm_partition") or "")
        check_partitions([name for name in partitions.split(",") if name])
        return cls(settings, array_limit())

    def launch(self, sweep: Sweep, observer: Observer) -> Result:
        """Submit the tasks that are to be run, unless they were already, and wait for them unless told not to.

        Parameters
        ----------
        sweep : Sweep
        observer : Observer

        Returns
        -------
        Result

        Raises
        ------
        RefusedError
            Secrets would have to be written down, or Slurm does not take the array; nothing was submitted.
        UnreachableError
            The controller does not answer; nothing was submitted.
        IncompleteError
            The workers cannot run the tasks.
        """
        if sweep.plan.is_secret:
            hint = "put them into environment variables: ${oc.env:NAME}"
            message = "the command line or the tasks hold secrets, which workers elsewhere would have to read in a file"
            raise RefusedError(message, hint=hint)
        _let_go_of_old(Path(sweep.plan.root))
        folder, plan = self._find_running(sweep) or self._submit(sweep)
        return self._follow(folder, plan, sweep, observer)

    def _find_running(self, sweep: Sweep) -> tuple[Path, Plan] | None:
        """Find the array that runs the same tasks already."""
        found = find_record(Path(sweep.plan.root), _digest(sweep))
        if found is None:
            return None
        folder, record = found
        if not _are_running(record.arrays):
            return None
        _say(f"array {record.arrays[-1]} runs these tasks already")
        return folder, read_plan(folder)

    def _submit(self, sweep: Sweep) -> tuple[Path, Plan]:
        configs = config_texts(sweep.config_files) if self.settings.freeze else {}
        sweep = replace(sweep, plan=replace(sweep.plan, configs=configs))
        plan = sweep.plan
        code = self._freeze(plan)
        folder = sweep.write()
        try:
            record = SlurmRecord(frozen=tuple(each._asdict() for each in code), tasks=_digest(sweep))
            write_record(folder, record)
            workers = count_workers(len(sweep.survey.todo), self.settings, self.limit)
            array = submit(folder, workers, self.settings)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            for each in code:
                release(each, plan.id)
            raise
        write_record(folder, replace(record, arrays=(array,)))
        _say(f"submitted array {array} of {workers:,} worker{'s' if workers > 1 else ''}")
        return folder, plan

    def _freeze(self, plan: Plan) -> list[FrozenCode]:
        if not self.settings.freeze:
            return []
        script = Path(plan.program.script)
        entry = plan.repositories.get(str(find_root(script)))
        return [freeze(script, plan.id, {"sweep": plan.id}, entry=entry)]

    def _follow(self, folder: Path, plan: Plan, sweep: Sweep, observer: Observer) -> Result:
        record = read_record(folder)
        arrays = list(record.arrays)

        def submit_again(tasks: int) -> str:
            array = submit(folder, count_workers(tasks, self.settings, self.limit), self.settings)
            write_record(folder, replace(record, arrays=(*arrays, array)))
            _say(f"submitted array {array} for {tasks:,} tasks that are left")
            return array

        follower = Follower(folder, plan, sweep.tasks, arrays, observer, submit_again, self.settings.max_retries)
        if not self.settings.wait:
            return follower.result(_detached(plan, arrays))
        observer.began(follower.counts)
        try:
            stopped = follower.follow()
        except KeyboardInterrupt:
            stopped = self._interrupted(follower, plan)
        except NagaError:
            _end(follower, record, plan)
            raise
        finally:
            observer.ended(follower.counts)
        if not stopped.startswith("detached"):
            _end(follower, record, plan)
        return follower.result(stopped)

    def _interrupted(self, follower: Follower, plan: Plan) -> str:
        """Ask what is to become of the array after Ctrl-C, where there is somebody to ask."""
        if not (sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()):
            return _detached(plan, follower.arrays)
        sys.stderr.write("\nnaga: cancel the array (c), or detach and let it run (d)? ")
        sys.stderr.flush()
        try:
            answer = sys.stdin.readline().strip().lower()
        except KeyboardInterrupt:
            answer = "d"
        if answer not in ("c", "cancel"):
            return _detached(plan, follower.arrays)
        cancel_jobs(follower.arrays)
        follower.await_jobs(_ENDING_SECONDS)
        follower.bury(goes_on=False)
        return "interrupted"


def _end(follower: Follower, record: SlurmRecord, plan: Plan) -> None:
    """Leave no job and no checkout of a sweep that is over."""
    try:
        # Those that have not begun would only find that nothing is left.
        cancel_jobs(follower.arrays, waiting_only=True)
    except NagaError as error:
        _say(f"the workers that are left end by themselves: {error.one_line()}")
    if follower.await_jobs(_ENDING_SECONDS):
        for code in record.frozen:
            release(FrozenCode(**code), plan.id)


def _let_go_of_old(project: Path) -> None:
    """Remove what sweeps have left whose jobs have all ended, and let go of their checkouts."""
    for path in sorted((project / ".naga" / "sweeps").glob(f"*/{RECORD_NAME}")):
        folder, record = path.parent, read_record(path.parent)
        if _are_running(record.arrays) if record.arrays else not read_plan(folder).owner.is_gone:
            continue
        for code in record.frozen:
            release(FrozenCode(**code), folder.name)
        shutil.rmtree(folder, ignore_errors=True)


def _are_running(arrays: tuple[str, ...]) -> bool:
    return any(element.state in GOES_ON for element in list_elements(arrays).values())


def _digest(sweep: Sweep) -> str:
    """Digest what is to be run: code, config and tasks."""
    plan = sweep.plan
    tasks = [[dict(each.task.values), each.folder] for each in sweep.tasks]
    states = {root: entry.tree for root, entry in plan.repositories.items()}
    program = [plan.program.script, plan.program.cwd, plan.save_dir]
    return hash_bytes(canonical_json({"tasks": tasks, "code": states, "config": plan.fingerprint, "program": program}))


def _detached(plan: Plan, arrays: list[str]) -> str:
    return f"detached, array {arrays[-1]} goes on: naga tasks {os.path.relpath(plan.save_dir)} follows it"


def _say(text: str) -> None:
    print(f"naga: {text}", file=sys.stderr)  # noqa: T201 - what a person reads of a sweep
