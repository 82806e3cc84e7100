"""Folders of runs that get the next free number."""

from __future__ import annotations

from pathlib import Path

import pytest

from naga import clicfg


class Config:
    """A config whose outputs are numbered."""

    save_dir = "results/fit-{new}/out"
    model = "${save_dir}/model.txt"


@clicfg(config_class=Config)
def main(cfg: Config) -> tuple[str, str]:
    return str(cfg.save_dir), str(cfg.model)


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_run_with_a_new_folder_gets_the_next_number_and_its_other_paths_follow() -> None:
    assert main() == ("results/fit-1/out", "results/fit-1/out/model.txt")
    Path("results/fit-7").mkdir()
    Path("results/other-9").mkdir()

    assert main() == ("results/fit-8/out", "results/fit-8/out/model.txt")
    assert Path("results/fit-8/out/run.lock").is_file()


def test_run_with_a_save_dir_of_its_own_makes_no_numbered_folder() -> None:
    main(save_dir="results/mine")

    assert [path.name for path in Path("results").iterdir()] == ["mine"]
