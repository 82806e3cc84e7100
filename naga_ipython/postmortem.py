"""The magics about failures: choose a frame, take variables back, let go of them, open what was saved elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand

import naga
from naga_ipython.words import split_line

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["PostmortemMagics"]


@magics_class
class PostmortemMagics(Magics):
    """The magics of naga that look at failures."""

    shell: InteractiveShell
    every_cell = False

    @no_var_expand
    @line_magic
    def naga_restore(self, line: str) -> None:
        """Bring back the variables that those of a failure took the place of.

        ``%naga_restore``

        Names that you have given a new value since are left alone. `naga.locals` keeps the variables of the failure.
        """
        if line.strip():
            raise UsageError("%naga_restore takes nothing")
        back, alone = naga.last.restore()
        said = f"naga: restored: {', '.join(back)}" if back else "naga: nothing to restore"
        said += f"; left as you have set them since: {', '.join(alone)}" if alone else ""
        print(said, file=sys.stderr)  # noqa: T201 - the one line for the person

    @no_var_expand
    @line_magic
    def naga_frame(self, line: str) -> Any:
        """Choose another frame of the last failure, whose variables are then in the notebook.

        ``%naga_frame`` lists the frames; the arrow shows the chosen one.

        ``%naga_frame up`` and ``%naga_frame down`` go to the next frame of your own code, ``%naga_frame N`` to the
        frame of that number. ``%naga_frame cause`` goes to the exception behind this one, ``%naga_frame leaf K`` to an
        exception in a group, and ``%naga_frame back`` to the failure itself.
        """
        words = line.split()
        if not words:
            return naga.last.frames
        with _one_line():
            naga.last.select(words)
        return None

    @no_var_expand
    @line_magic
    def naga_clear(self, line: str) -> None:
        """Let go of the last failure and free the memory that it held.

        ``%naga_clear``

        What it put into the notebook is taken back as by ``%naga_restore``, and names that were new go away. Frames,
        the exception that IPython remembers, and outputs that are one of the variables are let go of too.
        """
        from naga_ipython.release import release_failure

        if line.strip():
            raise UsageError("%naga_clear takes nothing")
        release_failure(self.shell)

    @no_var_expand
    @line_magic
    def naga_postmortem(self, line: str) -> None:
        """Keep the variables of every failing cell, or open the failure of a run that happened elsewhere.

        ``%naga_postmortem on`` and ``%naga_postmortem off``

        ``%naga_postmortem RUN`` opens what a run saved when it failed while the environment variable NAGA_DEBUG was 1:
        its folder, its receipt, an id, ``@latest``, or the file itself. Then all is as if it had failed here.

        ``%naga_postmortem RUN --trust`` opens what somebody else saved. Opening runs code from the file.
        """
        words = split_line(line)
        trust = "--trust" in words
        match [word for word in words if word != "--trust"]:
            case ["on" | "off" as word]:
                self.every_cell = word == "on"
            case [run]:
                with _one_line():
                    failure = naga.open_postmortem(_path_of(run), trust=trust)
                    if naga.last.keep(failure, self.shell.user_ns) is None:
                        raise UsageError(f"no frame of {run} is your own code")
            case _:
                raise UsageError("%naga_postmortem on, off, or RUN [--trust]")

    @no_var_expand
    @cell_magic
    def debug_locals(self, line: str, cell: str) -> None:
        """Keep the local variables of whatever fails in this cell.

        The cell runs as an ordinary cell. When it fails, the local variables of the deepest frame of your own code are
        in the notebook.
        """
        # A cell that begins with the magic never comes here: its first line is taken off before it is run.
        if line.strip():
            raise UsageError("%%debug_locals takes nothing")
        result = self.shell.run_cell(cell)
        if result.error_in_exec is not None:
            naga.keep_locals(result.error_in_exec, self.shell.user_ns)
        if not result.success:
            raise UsageError("the cell under %%debug_locals failed")


def _path_of(run: str) -> Path:
    path = Path(run).expanduser()
    return path if path.exists() else naga.find_run(run)[0]


class _one_line:  # noqa: N801 - a with statement reads it as a verb
    """Fail the cell with one line for an error of naga."""

    def __enter__(self) -> None: ...

    def __exit__(self, _cls: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, naga.NagaError):
            raise UsageError(error.one_line()) from None
