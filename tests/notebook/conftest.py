"""The IPython and ipykernel of the notebook's tests: those of this environment, and the lowest that naga supports."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.notebook.lowest import ROOT, install_lowest, lowest_versions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def lowest() -> Path:
    """Return a folder with the lowest IPython and ipykernel, kept below ``build``; skip, or fail where CI=true."""
    names = "-".join(f"{name}-{version}" for name, version in sorted(lowest_versions().items()))
    folder = ROOT / "build" / "lowest" / f"{names}-{sys.implementation.cache_tag}"
    problem = None if folder.is_dir() else install_lowest(folder)
    if problem is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(problem, pytrace=False)
        pytest.skip(problem)
    return folder / "site-packages"


@pytest.fixture(scope="module", params=["newest", "lowest"])
def libraries(request: pytest.FixtureRequest) -> Iterator[str]:
    """Have kernels and programs start with the IPython and ipykernel of this environment, then with the lowest."""
    if request.param == "newest":
        yield "newest"
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(request.getfixturevalue("lowest")))
        yield "lowest"
