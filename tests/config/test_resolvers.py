"""``${runlock_data:PATH}`` and ``${runlock_prev:PATH}``: typed values, resolved once."""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING

import pytest
from omegaconf import OmegaConf

import naga
from naga import hash_path, read_receipt
from naga.config.values import ResolvedData, ResolvedPrev
from tests.programs import call_script, run_python

if TYPE_CHECKING:
    from pathlib import Path

ORDERS = {
    "naga first": "import naga\nfrom omegaconf import OmegaConf\n",
    "naga last": "from omegaconf import OmegaConf\nimport naga\n",
    "a submodule first": "import naga\nimport omegaconf.errors\nfrom omegaconf import OmegaConf\n",
    "after a failed import": """\
import sys
import naga
path, sys.path[:] = list(sys.path), []
try:
    import omegaconf
except ImportError:
    pass
else:
    raise AssertionError('omegaconf was found')
sys.path[:] = path
from omegaconf import OmegaConf
""",
    "naga twice": """\
import importlib
import naga
from omegaconf import OmegaConf
importlib.reload(naga)
""",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with data and a finished stage in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "features.csv").write_text("1\n")
    naga.clicfg(config_class={"save_dir": "data"})(lambda cfg: None)()
    return tmp_path


@pytest.mark.parametrize("imports", ORDERS.values(), ids=ORDERS.keys())
def test_resolver_is_there_whatever_was_imported_first(folder: Path, imports: str) -> None:
    (folder / "conf.yml").write_text("x: ${runlock_data:data/features.csv}\ny: ${runlock_prev:data/features.csv}\n")
    program = "cfg = OmegaConf.load('conf.yml'); print(cfg.x.digest, cfg.y.id)"

    done = run_python(folder, "-W", "error", "-c", imports + program)

    assert (done.returncode, done.stderr) == (0, "")
    receipt = read_receipt(folder / "data/run.lock")
    assert done.stdout.split() == [hash_path(folder / "data/features.csv").digest, receipt.id]


def test_import_of_naga_leaves_no_trace_once_omegaconf_is_there(folder: Path) -> None:
    program = """
        import sys
        before = list(sys.meta_path)
        import naga
        assert len(sys.meta_path) == len(before) + 1
        import omegaconf
        assert sys.meta_path == before
        assert type(omegaconf.__spec__.loader).__name__ == 'SourceFileLoader', omegaconf.__spec__
        assert omegaconf.__loader__ is omegaconf.__spec__.loader
    """
    done = run_python(folder, "-c", textwrap.dedent(program))
    assert (done.returncode, done.stderr) == (0, "")


def test_resolved_data_can_be_used_as_a_path(folder: Path) -> None:
    value = OmegaConf.create({"x": "${runlock_data:data/features.csv}"}).x
    assert isinstance(value, ResolvedData)
    assert os.fspath(value) == "data/features.csv"
    with open(value) as file:
        assert file.read() == "1\n"
    assert (str(value.path), value.digest) == ("data/features.csv", hash_path(folder / "data/features.csv").digest)


def test_resolved_prev_is_the_receipt_of_the_stage(folder: Path) -> None:
    value = OmegaConf.create({"x": "${runlock_prev:data}"}).x
    assert isinstance(value, ResolvedPrev)
    assert os.fspath(value) == str(folder / "data/run.lock")
    assert value.id == read_receipt(folder / "data/run.lock").id


def test_value_of_a_config_is_resolved_once(folder: Path) -> None:
    config = OmegaConf.create({"x": "${runlock_data:data/features.csv}"})
    first = config.x
    (folder / "data/features.csv").write_text("changed\n")
    assert config.x is first
    assert OmegaConf.create({"x": "${runlock_data:data/features.csv}"}).x.digest != first.digest


SCRIPT = """\
from naga import clicfg, runlock

class Config:
    source = 'data/features.csv'
    runlock: dict

@clicfg(config_class=Config)
def main(cfg):
    runlock(config=cfg, **cfg.runlock)

if __name__ == '__main__':
    main()
"""

COUNTING = """\
import sys
reads = []

def watch(event, arguments):
    if event == 'open' and str(arguments[0]).endswith('.csv'):
        reads.append(arguments[0])

sys.addaudithook(watch)
"""


def test_data_that_a_config_resolved_is_not_read_again_by_runlock(folder: Path) -> None:
    (folder / "conf.yml").write_text("runlock:\n  data:\n    x: ${runlock_data:${source}}\n")
    report = "    runlock(config=cfg, **cfg.runlock)\n    print(reads)\n"
    script = COUNTING + SCRIPT.replace("    runlock(config=cfg, **cfg.runlock)\n", report)
    (folder / "train.py").write_text(script)

    done = run_python(folder, "train.py", "--config", "conf.yml")

    assert (done.stdout, done.stderr) == ("['data/features.csv']\n", "")
    receipt = read_receipt(folder / "run.lock")
    assert receipt.data["x"].digest == hash_path(folder / "data/features.csv").digest
    assert receipt.config["runlock"]["data"]["x"]["path"] == "data/features.csv"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("${runlock_data:data/feature.csv}", "data/features.csv"),
        ("${runlock_data:''}", "no path"),
        ("${runlock_prev:nowhere}", "nowhere"),
        ("${runlock_data:${nowhere}}", "nowhere"),
    ],
)
def test_resolver_that_fails_says_so_in_one_line(folder: Path, value: str, says: str) -> None:
    (folder / "conf.yml").write_text(f"runlock:\n  data:\n    x: {value}\n")
    with pytest.raises(naga.NagaError) as caught:
        call_script(folder, SCRIPT, "--config", "conf.yml")
    assert says in caught.value.one_line()
