"""The parts of the view that need no browser, tested by node itself."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.front_end import FrontEnd

pytestmark = pytest.mark.slow


def test_parts_of_the_view_pass_their_own_tests(front_end: FrontEnd) -> None:
    command = [front_end.find_node(), "test.mjs"]
    done = subprocess.run(command, cwd=front_end.FOLDER, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) > 0
