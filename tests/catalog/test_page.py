"""What docs/status.md shows is run, and must come out as it is printed there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pages import Reader


@pytest.mark.slow
def test_page_of_status_shows_what_comes_out(reader: Reader) -> None:
    reader.ignore("data/", "paper.txt")
    reader.check("docs/status.md")
