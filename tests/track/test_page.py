"""What docs/mlflow.md shows is run, and must come out as it is printed there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pages import Reader

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_page_of_mlflow_shows_what_comes_out(tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "naga.toml").touch()
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    reader = Reader(tmp_path)
    reader.check("docs/mlflow.md")
