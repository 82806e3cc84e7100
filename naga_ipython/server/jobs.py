"""Work that takes longer than a request may: it is started, asked after, and can be cancelled."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Literal

import naga

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Job", "Jobs"]

_MOST_AT_ONCE = 2
_MOST_WAITING = 16
_MOST_KEPT = 64


class Job:
    """One piece of work.

    Attributes
    ----------
    id : str
        Nobody can guess it.
    """

    def __init__(self) -> None:
        self.id = secrets.token_urlsafe(12)
        self.state: Literal["running", "done", "cancelled", "failed"] = "running"
        self._done, self._total, self._what = 0, 0, ""
        self._answer: dict[str, Any] | None = None
        self._is_cancelled = threading.Event()

    def is_cancelled(self) -> bool:
        """Tell whether nobody wants to know any more."""
        return self._is_cancelled.is_set()

    def cancel(self) -> None:
        """Ask the work to stop."""
        self._is_cancelled.set()

    def tell(self, done: int, total: int, what: str) -> None:
        """Take note of how far the work is."""
        self._done, self._total, self._what = done, total, what

    def finish(self, answer: dict[str, Any]) -> None:
        """Take the answer."""
        self._answer = answer
        if "error" not in answer:
            self.state, self._done = "done", self._total
        else:
            self.state = "cancelled" if answer["error"]["type"] == "CancelledError" else "failed"

    def describe(self) -> dict[str, Any]:
        """Return what browsers are told.

        Returns
        -------
        dict
            ``id``, ``state`` (running, done, cancelled or failed), ``done``, ``total``, ``what`` comes next, and
            ``answer``, which is null while the work goes on.
        """
        return {
            "id": self.id,
            "state": self.state,
            "done": self._done,
            "total": self._total,
            "what": self._what,
            "answer": self._answer,
        }


class Jobs:
    """All jobs; two work at a time, in threads that do not keep the server alive."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._turns = threading.Semaphore(_MOST_AT_ONCE)

    def start(self, work: Callable[[Job], dict[str, Any]]) -> Job:
        """Start a job.

        Parameters
        ----------
        work : callable
            Gets the job, and returns the answer.

        Returns
        -------
        Job

        Raises
        ------
        NagaError
            Too many are waiting.
        """
        with self._lock:
            if sum(job.state == "running" for job in self._jobs.values()) >= _MOST_WAITING:
                raise naga.NagaError("too many jobs are waiting", hint="cancel one, or wait until one is done")
            job = Job()
            self._jobs[job.id] = job
            ended = [key for key, each in self._jobs.items() if each.state != "running"]
            for key in ended[: max(0, len(self._jobs) - _MOST_KEPT)]:
                del self._jobs[key]
        threading.Thread(target=self._run, args=(job, work), name=f"naga job {job.id}", daemon=True).start()
        return job

    def find(self, identifier: str) -> Job | None:
        """Return a job, or None when there is none of this identifier."""
        with self._lock:
            return self._jobs.get(identifier)

    def close(self) -> None:
        """Ask all jobs to stop."""
        with self._lock:
            for job in self._jobs.values():
                job.cancel()

    def _run(self, job: Job, work: Callable[[Job], dict[str, Any]]) -> None:
        with self._turns:
            try:
                job.finish(work(job))
            except BaseException:
                # Whoever asks must not wait for ever; the traceback goes to the log of the server all the same.
                job.finish({"error": {"type": "InternalError", "message": "see the log of the server", "hint": None}})
                raise
