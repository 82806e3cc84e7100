"""The pipeline of three stages, run once for all tests of this folder, and copies of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import naga
from tests.pipelines import build_pipeline, copy_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, session_folder: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(session_folder / "gitconfig"))
        patch.setenv("NAGA_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        folder = tmp_path_factory.mktemp("pipeline") / "project"
        folder.mkdir()
        return build_pipeline(folder)


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    return copy_pipeline(built, tmp_path / "project")


@pytest.fixture
def ask(project: Path) -> Ask:
    """Ask about the project; every answer must be JSON as a browser reads it."""

    def ask(op: str, **args: Any) -> dict[str, Any]:
        found = naga.answer(op, args, root=project)
        return dict(json.loads(json.dumps(found, allow_nan=False)))

    return ask
