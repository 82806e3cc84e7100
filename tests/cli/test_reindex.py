"""``naga reindex``: the catalog from the receipts alone."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest

import naga
from tests.pipelines import make_run


def spoil(root: Path) -> None:
    """Write into the catalog what no receipt says, with nothing that gives it away."""
    place = Path(os.environ["NAGA_CACHE_DIR"], "ledger.sqlite")
    connection = sqlite3.connect(place)
    connection.execute("DELETE FROM links")
    connection.commit()
    connection.close()


def test_reindex_of_a_spoilt_catalog_finds_what_receipts_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = make_run(tmp_path, "a", "a")
    make_run(tmp_path, "b", "b", prevs=[first])
    args = {"run": "results/a/run.lock", "direction": "down"}
    assert naga.answer("tree", args, root=tmp_path)["total"] == 1
    os.utime(first.path.parent, ns=(0, 0))
    naga.run_command(["reindex", str(tmp_path)])
    spoil(tmp_path)
    assert naga.run_command(["reindex", str(tmp_path), "--json"]) == 0
    text = capsys.readouterr().out
    assert json.loads(text[text.index("{") :])["receipts"] == 2
    assert naga.answer("tree", args, root=tmp_path)["total"] == 1


def test_reindex_that_only_asks_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(tmp_path, "a", "a")
    naga.run_command(["reindex", str(tmp_path)])
    before = Path(os.environ["NAGA_CACHE_DIR"], "ledger.sqlite").read_bytes()
    naga.run_command(["reindex", "--dry-run", str(tmp_path)])
    assert "1 receipt below" in capsys.readouterr().out
    assert Path(os.environ["NAGA_CACHE_DIR"], "ledger.sqlite").read_bytes() == before


def test_reindex_of_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(naga.NagaError):
        naga.run_command(["reindex", str(tmp_path / "none")])


def test_cache_folder_on_a_network_mount_is_not_used_and_this_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(tmp_path, "a", "a")
    table = tmp_path / "mountinfo"
    table.write_text(f"22 1 8:1 / / rw - ext4 x rw\n23 22 0:5 / {tmp_path}/net rw - nfs4 x rw\n")
    monkeypatch.setattr("naga.lock.cache_place._MOUNTS", table)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "local"))
    monkeypatch.setenv("NAGA_CACHE_DIR", str(tmp_path / "net" / "cache"))
    naga.run_command(["reindex", str(tmp_path)])
    place = tmp_path / "local" / f"naga-{os.getuid()}" / "ledger.sqlite"
    said = capsys.readouterr().err
    assert f"the catalog is kept in {place}: {tmp_path}/net/cache is on a network mount (nfs4)" in said
    assert place.exists()
    assert not (tmp_path / "net").exists()
    naga.run_command(["doctor"])
    (line,) = (line for line in capsys.readouterr().out.splitlines() if " catalog " in line)
    assert line.startswith("optional")
    assert "nfs4" in line
    assert naga.answer("status", root=tmp_path)["catalog"]["kept"] == "disk"
    table.write_text("22 1 8:1 / / rw - nfs x rw\n")
    # A process looks at a folder once.
    monkeypatch.setenv("NAGA_CACHE_DIR", str(tmp_path / "net" / "other"))
    assert naga.answer("status", root=tmp_path)["catalog"]["kept"] == "memory"
