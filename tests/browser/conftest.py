"""A JupyterLab and a browser that the tests of a module share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.browser.lab import Lab, Page, find_chromium, open_browser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return a headless Chromium; skip, or fail where CI=true, when there is none."""
    if find_chromium() is None:
        reason = "Chromium is not installed (see scripts/system-packages)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def lab_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that `lab` serves; a module that wants another one has a fixture of this name."""
    return tmp_path_factory.mktemp("lab-root")


@pytest.fixture(scope="module")
def lab_environment(session_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment variables of `lab`; a module that wants others has a fixture of this name."""
    git = {"GIT_CONFIG_GLOBAL": str(session_folder / "gitconfig"), "GIT_CONFIG_SYSTEM": os.devnull}
    return git | {"NAGA_CACHE_DIR": str(tmp_path_factory.mktemp("lab-cache"))}


@pytest.fixture(scope="module")
def lab_arguments() -> list[str]:
    """Return what `lab` is started with; a module that wants something has a fixture of this name."""
    return []


@pytest.fixture(scope="module")
def lab(
    lab_root: Path,
    lab_environment: dict[str, str],
    lab_arguments: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    """Return a JupyterLab that is up and serves `lab_root`."""
    lab = Lab(lab_root, tmp_path_factory.mktemp("lab-state"), lab_environment, lab_arguments).start()
    try:
        yield lab
    finally:
        lab.stop()


@pytest.fixture
def page(lab: Lab, browser: Browser) -> Iterator[Page]:
    """Return a new tab, in a browser profile of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, service_workers="block")
    try:
        yield Page(lab, context.new_page())
    finally:
        context.close()
