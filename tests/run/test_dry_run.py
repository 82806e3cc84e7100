"""``--dry_run``: what would be run, and that nothing is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.programs import call_script, run_python

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """\
from pathlib import Path
from naga import clicfg

class Config:
    param = 1
    api_token = 'hunter2hunter2'
    save_dir = 'results/${param}'

@clicfg(config_class=Config)
def main(cfg):
    Path(cfg.save_dir, 'out.txt').write_text(str(cfg.param))

if __name__ == '__main__':
    main()
"""


def listed(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if "__pycache__" not in str(path))


def test_dry_run_shows_config_and_receipt_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "process.py").write_text(SCRIPT)

    done = run_python(tmp_path, "process.py", "--dry_run", "-o", "param=3")

    assert (done.returncode, done.stderr) == (0, "")
    assert yaml.safe_load(done.stdout) == {"param": 3, "api_token": "***", "save_dir": "results/3"}
    assert "# receipt: results/3/run.lock, which is not there yet" in done.stdout
    places = dict(re.findall(r"^(\w+):.*  # (\S+)$", done.stdout, re.MULTILINE))
    assert places == {"param": "-o", "api_token": "process.py:6", "save_dir": "process.py:7"}
    assert listed(tmp_path) == ["process.py"]


def test_dry_run_names_the_receipt_that_would_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "process.py").write_text(SCRIPT)
    assert run_python(tmp_path, "process.py").returncode == 0
    before = {path: (tmp_path / path).stat().st_mtime_ns for path in listed(tmp_path)}

    done = run_python(tmp_path, "process.py", "--dry_run")

    assert "# receipt: results/1/run.lock would be replaced (finished, started 2" in done.stdout
    assert {path: (tmp_path / path).stat().st_mtime_ns for path in listed(tmp_path)} == before


def test_dry_run_says_when_a_receipt_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "process.py").write_text(SCRIPT)
    (tmp_path / "results/1").mkdir(parents=True)
    (tmp_path / "results/1/run.lock").write_text("[")
    done = run_python(tmp_path, "process.py", "--dry_run")
    assert "run.lock, which is there and cannot be read" in done.stdout


@pytest.mark.parametrize("change", [("config_class=Config", "config_class=Config, lock=False"), ("save_dir", "place")])
def test_dry_run_of_a_main_without_receipt_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str]
) -> None:
    call_script(tmp_path, SCRIPT.replace(*change), "--dry_run")
    assert "# no receipt would be written" in capsys.readouterr().out


def test_dry_run_of_a_wrong_config_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "process.py").write_text(SCRIPT)
    done = run_python(tmp_path, "process.py", "--dry_run", "-o", "parm=3")
    assert (done.returncode, done.stdout) == (78, "")
