"""The program that works on a sweep from wherever its folder can be seen: ``python -m naga.sweep.drain FOLDER``.

It takes tasks that nobody else is at until none is left. SIGTERM lets the running tasks end, or gives them as many
seconds as ``--grace`` says; what is left is told by the exit code.

Exit codes: 0 nothing is left to take, whatever became of the tasks; 1 one of its tasks failed; 75 it was stopped before
that, or tasks are left that others are at; 65 and 66 as for the commands, when the plan cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from naga.errors import NagaError, RefusedError
from naga.sweep.events import Silent
from naga.sweep.plan import read_plan, read_tasks
from naga.sweep.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from naga.sweep.events import Result

__all__ = ["drain", "main", "parse_share"]


def drain(
    folder: Path,
    *,
    jobs: int = 1,
    share: tuple[int, int] = (0, 1),
    grace: float | None = None,
    waits: bool = False,
) -> Result:
    """Work on a sweep until nothing is left to take.

    Parameters
    ----------
    folder : Path
        The folder of the sweep.
    jobs, share, grace, waits
        As for `naga.sweep.supervisor.Supervisor`.

    Returns
    -------
    Result

    Raises
    ------
    NotFoundError, IntegrityError
        The plan cannot be read.
    RefusedError
        The sweep has secrets, which are not in its folder.
    IncompleteError
        The script cannot be loaded any more.
    """
    plan = read_plan(folder)
    if plan.is_secret:
        hint = "put them into environment variables: ${oc.env:NAME}"
        raise RefusedError("the command line or the tasks hold secrets, which are not written down", hint=hint)
    tasks = list(read_tasks(folder))
    return Supervisor(folder, plan, tasks, jobs=jobs, observer=Silent(), waits=waits, grace=grace, share=share).run()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program.

    Parameters
    ----------
    argv : sequence of str, optional
        Its arguments.

    Returns
    -------
    int
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m naga.sweep.drain", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of the sweep")
    parser.add_argument("--n_jobs", type=int, default=1, help="how many tasks to run at a time")
    parser.add_argument(
        "--share", type=parse_share, default=(0, 1), metavar="K/N", help="begin at another place than others"
    )
    parser.add_argument("--grace", type=float, metavar="S", help="seconds that running tasks are given after SIGTERM")
    parser.add_argument(
        "--wait", action="store_true", help="wait for tasks that others are at, in case they are killed"
    )
    options = parser.parse_args(argv)
    try:
        result = drain(
            options.folder, jobs=options.n_jobs, share=options.share, grace=options.grace, waits=options.wait
        )
    except NagaError as error:
        print(f"naga: error: {error.one_line()}", file=sys.stderr)  # noqa: T201 - the last words of a program
        return error.exit_code
    return result.exit_code


def parse_share(text: str) -> tuple[int, int]:
    """Read the share of a sweep with which one of several begins.

    Parameters
    ----------
    text : str
        Such as ``2/8``.

    Returns
    -------
    tuple of int

    Raises
    ------
    ValueError
        It has another form.
    """
    number, _, count = text.partition("/")
    return int(number), int(count)


if __name__ == "__main__":
    raise SystemExit(main())
