"""What docs/slurm.md shows is run on a real Slurm, and must come out as it is printed there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pages import Reader
    from tests.slurm.cluster import Cluster


@pytest.mark.slow
def test_page_of_slurm_shows_what_comes_out(reader: Reader, slurm: Cluster) -> None:
    reader.ignore("list.txt")
    reader.environ = slurm.environ
    reader.check("docs/slurm.md")
