"""Runs that are repeated in their folder."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from tests.pipelines import make_run

if TYPE_CHECKING:
    from pathlib import Path

    from naga.lock.lineage import Prev


def leave_run(project: Path, stage: str, **changes: Any) -> Prev:
    """Leave a receipt as a run of a stage would, in the folder that has its name, in the place of an earlier one."""
    shutil.rmtree(project / "results" / stage, ignore_errors=True)
    return make_run(project, stage, stage, **changes)
