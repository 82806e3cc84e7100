"""What docs/notebooks.md shows is run, and must come out as it is printed there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pages import Reader


@pytest.mark.slow
@pytest.mark.usefixtures("libraries")
def test_page_of_notebooks_shows_what_comes_out(reader: Reader) -> None:
    reader.check("docs/notebooks.md")
