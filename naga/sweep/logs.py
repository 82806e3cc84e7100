"""The log of a task: everything that its process wrote to standard output and standard error, redacted."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from naga.lock.redact import Redactor

__all__ = ["LOG_NAME", "LogWriter", "TaskLog"]

LOG_NAME = "log.txt"

_LONGEST_LINE = 1 << 16
_MOST_READS = 64
_LINE_END = re.compile(rb"[\r\n]")


class TaskLog:
    """The file of one task.

    Parameters
    ----------
    path : str
        The file; what was there is replaced.
    redactor : Redactor
        Knows the secrets of the environment and of the task.
    is_certain : bool
        Whether the task will be run. Where others may have ended it, their log stays until something comes.
    """

    def __init__(self, path: str, redactor: Redactor, *, is_certain: bool = True) -> None:
        self._path = path
        self._descriptor = self._replace() if is_certain else -1
        self._redactor = redactor
        self._rest = b""

    def write(self, content: bytes) -> None:
        """Write what has come.

        Parameters
        ----------
        content : bytes
            A line that is not whole is kept back: a secret could be cut in two.
        """
        content = self._rest + content
        ends = [match.end() for match in _LINE_END.finditer(content, len(self._rest))]
        whole = ends[-1] if ends else len(content) if len(content) > _LONGEST_LINE else 0
        self._rest = content[whole:]
        self._write_redacted(content[:whole])

    def close(self, *, was_run: bool) -> None:
        """Write what was kept back, and close the file.

        Parameters
        ----------
        was_run : bool
            Whether the task was run, and not found to be done.
        """
        self._write_redacted(self._rest)
        if was_run and self._descriptor < 0:
            self._descriptor = self._replace()
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def _replace(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)

    def _write_redacted(self, content: bytes) -> None:
        if not content:
            return
        if self._descriptor < 0:
            self._descriptor = self._replace()
        text = self._redactor.text(content.decode(errors="surrogateescape"))
        rest = memoryview(text.encode(errors="surrogateescape"))
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


class LogWriter:
    """Takes the output of a worker and writes it to the log of the task that the worker is at.

    Parameters
    ----------
    source : int
        The end of a pipe; it belongs to the writer from now on.

    Attributes
    ----------
    before : bytes
        The end of what came before the first task, such as what the script says while it is loaded.
    """

    def __init__(self, source: int) -> None:
        os.set_blocking(source, False)
        self._source = source
        self._log: TaskLog | None = None
        self.before = b""

    def fileno(self) -> int:
        """Return the number of the pipe, for waiting on it.

        Returns
        -------
        int
        """
        return self._source

    def begin(self, log: TaskLog) -> None:
        """Write to another log from now on.

        Parameters
        ----------
        log : TaskLog
        """
        self._log = log

    def pump(self) -> bool:
        """Write what is there, but not for ever.

        Returns
        -------
        bool
            False when nothing more will ever come.
        """
        for _ in range(_MOST_READS):
            try:
                content = os.read(self._source, 1 << 18)
            except BlockingIOError:
                return True
            if not content:
                return False
            if self._log is None:
                self.before = (self.before + content)[-_LONGEST_LINE:]
            else:
                self._log.write(content)
        return True

    def end(self, *, was_run: bool = True) -> None:
        """Write everything that is there, and close the log.

        Parameters
        ----------
        was_run : bool
            As for `TaskLog.close`.
        """
        if self._source >= 0:
            self.pump()
        if self._log is not None:
            self._log.close(was_run=was_run)
            self._log = None

    def close(self) -> None:
        """Close log and pipe."""
        self.end()
        os.close(self._source)
        self._source = -1
