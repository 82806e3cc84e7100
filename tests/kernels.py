"""Cells in a real kernel, as a notebook sends them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass
class Answer:
    """What came of a cell."""

    status: str = ""
    stdout: str = ""
    stderr: str = ""
    errors: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    streams: list[tuple[float, str]] = field(default_factory=list)

    @property
    def traceback(self) -> str:
        """Return the text of the only traceback."""
        (error,) = self.errors
        return "\n".join(error["traceback"])


class Kernel:
    """A kernel that was started in a folder."""

    def __init__(self, folder: Path, **environ: str) -> None:
        import os

        self._manager = KernelManager(kernel_name="python3")
        # A terminal without colours, so that tracebacks are plain text.
        environment = {**os.environ, "NO_COLOR": "1", **environ}
        self._manager.start_kernel(cwd=str(folder), env=environment)
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)
        self.run("%colors NoColor")

    def run(self, code: str, *, interrupt_at: str | None = None, typed: Sequence[str] | None = None) -> Answer:
        """Run a cell and return what it printed, showed and raised.

        It is interrupted as soon as it has printed a text, and given lines when it asks for input.
        """
        answer = self._run(code, interrupt_at, typed)
        # Right after a failing cell a kernel refuses what it takes for cells that were sent together with that one.
        while answer.status == "aborted":
            answer = self._run(code, interrupt_at, typed)
        return answer

    def _run(self, code: str, interrupt_at: str | None, typed: Sequence[str] | None) -> Answer:
        answer = Answer()
        lines = iter(typed or ())
        handlers = {"stream": self._stream, "error": self._error}

        def take(message: dict[str, Any]) -> None:
            kind, content = message["header"]["msg_type"], message["content"]
            if kind in handlers:
                handlers[kind](answer, content)
                if interrupt_at is not None and interrupt_at in content.get("text", ""):
                    self._manager.interrupt_kernel()
            elif kind in ("execute_result", "display_data"):
                answer.results.append(content["data"])
            elif kind == "update_display_data":
                answer.updates.append(content["data"])

        reply = self._client.execute_interactive(
            code,
            timeout=120,
            output_hook=take,
            allow_stdin=typed is not None,
            stdin_hook=lambda _: self._client.input(next(lines)),
        )
        answer.status = reply["content"]["status"]
        return answer

    def complete(self, code: str) -> list[str]:
        """Return what the kernel offers at the end of a line."""
        matches: list[str] = self._complete(code, len(code))["matches"]
        return matches

    def completed(self, code: str) -> list[str]:
        """Return what a cell with a cursor ``|`` in it becomes by each thing that the kernel offers there."""
        before, _, after = code.partition("|")
        answer = self._complete(before + after, len(before))
        begin, end = answer["cursor_start"], answer["cursor_end"]
        return [(before + after)[:begin] + match + (before + after)[end:] for match in answer["matches"]]

    def _complete(self, code: str, position: int) -> dict[str, Any]:
        content: dict[str, Any] = self._client.complete(code, position, reply=True, timeout=60)["content"]
        return content

    def inspect(self, code: str) -> str:
        """Return what the kernel says about a name, as a question mark behind it asks for."""
        reply = self._client.inspect(code, len(code), reply=True, timeout=60)
        return str(reply["content"]["data"].get("text/plain", ""))

    def stop(self) -> None:
        """End the kernel."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    @staticmethod
    def _stream(answer: Answer, content: dict[str, Any]) -> None:
        setattr(answer, content["name"], getattr(answer, content["name"]) + content["text"])
        answer.streams.append((time.monotonic(), content["text"]))

    @staticmethod
    def _error(answer: Answer, content: dict[str, Any]) -> None:
        answer.errors.append(content)
