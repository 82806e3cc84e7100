"""The process of a worker, as its supervisor sees it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.lock.cores import available_cores
from naga.sweep.deaths import count_memory_kills
from naga.sweep.host import process_start
from naga.sweep.logs import LogWriter, TaskLog
from naga.sweep.messages import Channel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from naga.lock.redact import Redactor
    from naga.sweep.lease import Lease

__all__ = ["WorkerProcess", "thread_limits"]

# The folder of the script must not come before the standard library while naga is imported.
_CODE = "import sys; sys.path.append(sys.argv.pop()); from naga.sweep.worker import main; main()"

_PATIENCE = 5.0
"""Seconds that a worker is given to end by itself."""

_THREADS = (
    "BLIS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def thread_limits(environ: Mapping[str, str], jobs: int) -> dict[str, str]:
    """Say how many threads each worker may start, so that all together do not start more than there are cores.

    Parameters
    ----------
    environ : mapping
        Variables that are set there are left alone; ``OMP_NUM_THREADS`` speaks for all others.
    jobs : int
        How many workers there are.

    Returns
    -------
    dict
        Variable -> number, as environment variables have it.
    """
    share = environ.get("OMP_NUM_THREADS", str(max(1, available_cores() // jobs)))
    return {name: share for name in _THREADS if name not in environ}


class WorkerProcess:
    """A process that runs one task after the other.

    Parameters
    ----------
    hello : mapping
        What the worker is told first.
    limits : mapping
        Environment variables, besides those of this process.

    Attributes
    ----------
    pid : int
    start : str
        As `naga.sweep.host.process_start` has it.
    channel : Channel
    output : LogWriter
    index : int or None
        The task that it is at.
    lease : Lease or None
        The lease of that task.
    is_ready : bool
        Whether the script is loaded.
    memory_kills : MemoryKills
        As of its start.
    """

    def __init__(self, hello: Mapping[str, Any], limits: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        output, their_output = os.pipe()
        lifeline, self._lifeline = os.pipe()
        home = str(Path(__file__).parents[2])
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, *flags, "-P", "-c", _CODE, str(theirs.fileno()), home],
                stdin=subprocess.DEVNULL,
                stdout=their_output,
                stderr=their_output,
                pass_fds=(theirs.fileno(), lifeline),
                env={**os.environ, **limits},
                # Ctrl-C is for the supervisor, which decides what becomes of the task.
                start_new_session=True,
            )
        os.close(their_output)
        os.close(lifeline)
        self.channel, self.output = Channel(ours), LogWriter(output)
        self.pid = self._process.pid
        self.start = process_start(self.pid) or ""
        self.index: int | None = None
        self.lease: Lease | None = None
        self.is_ready = False
        self.memory_kills = count_memory_kills(self.pid)
        self.channel.send({**hello, "lifeline": lifeline})

    def begin(self, index: int, lease: Lease, redactor: Redactor, message: Mapping[str, Any]) -> None:
        """Give the worker a task.

        Parameters
        ----------
        index : int
        lease : Lease
        redactor : Redactor
            For the log.
        message : mapping
            What the worker is told.
        """
        self.index, self.lease = index, lease
        self.output.begin(TaskLog(f"{lease.folder}/log.txt", redactor, is_certain=not message["look_first"]))
        self.channel.send(message)

    def end(self, ended: str) -> int:
        """Take note that the task has ended, and give its lease up.

        Parameters
        ----------
        ended : str
            As for `naga.sweep.lease.Holder`.

        Returns
        -------
        int
            The task.
        """
        assert self.index is not None
        assert self.lease is not None
        self.output.end(was_run=ended not in ("done", "left"))
        self.lease.release(ended)
        index, self.index, self.lease = self.index, None, None
        return index

    def dismiss(self) -> None:
        """Let the worker end by itself; it has no task."""
        self.channel.close()

    def kill(self) -> int:
        """End the worker at once, and whatever its task has started.

        Returns
        -------
        int
            How it ended: its exit code, or the number of the signal below zero.
        """
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end of the worker, and close what connects it with this process.

        Returns
        -------
        int
            As for `kill`.
        """
        self.channel.close()
        self._await_end()
        # Before the number of the process can be used again: what a task has left running would go on writing.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        code = self._process.wait()
        self.output.close()
        os.close(self._lifeline)
        return code

    def _await_end(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None:
                return
            time.sleep(0.005)
