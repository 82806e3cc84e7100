"""Where caches lie: what the person chose, and databases on a local disk only."""

from __future__ import annotations

from pathlib import Path

import pytest

from naga.lock.cache_place import cache_folder, local_cache_folder, network_kind
from naga.lock.digest import hash_path
from naga.lock.stat_index import StatIndex

MOUNTS = """\
22 1 8:1 / / rw - ext4 /dev/sda1 rw
40 22 0:50 / /home rw,relatime shared:1 - nfs4 server:/home rw
41 40 0:51 / /home/person/my\\040disk rw - xfs /dev/sdb rw
42 22 0:52 / /mnt/s rw - fuse.sshfs person@host: rw
"""


def test_cache_folder_is_the_chosen_one_or_that_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NAGA_CACHE_DIR", str(tmp_path / "chosen"))
    assert cache_folder() == tmp_path / "chosen"
    for unset in ("", None):
        monkeypatch.setenv("NAGA_CACHE_DIR", unset) if unset is not None else monkeypatch.delenv("NAGA_CACHE_DIR")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        assert cache_folder().name == "naga"
        assert cache_folder().is_relative_to(tmp_path)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/tmp/x", None),
        ("/home", "nfs4"),
        ("/home/person/.cache/naga", "nfs4"),
        ("/home/person/my disk/cache", None),
        ("/homework", None),
        ("/mnt/s/deep/er", "fuse.sshfs"),
    ],
)
def test_network_mount_is_recognized_by_the_table_of_mounts(path: str, kind: str | None) -> None:
    assert network_kind(Path(path), MOUNTS) == kind


def test_cache_folder_on_a_network_mount_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(f"22 1 8:1 / / rw - ext4 x rw\n23 22 0:5 / {tmp_path}/net rw - nfs4 x rw\n")
    monkeypatch.setattr("naga.lock.cache_place._MOUNTS", table)
    monkeypatch.setenv("NAGA_CACHE_DIR", str(tmp_path / "net" / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**21)

    folder = local_cache_folder()
    hash_path(tmp_path / "large")

    assert folder is not None
    assert folder.parent == tmp_path / "temporary"
    assert StatIndex().path == folder / "stat-index.sqlite"
    assert (folder / "stat-index.sqlite").exists()
    assert not list((tmp_path / "net").rglob("*.sqlite"))


def test_databases_without_a_local_disk_are_not_kept_and_digests_are_right(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(f"22 1 0:5 / {tmp_path} rw - nfs4 x rw\n")
    monkeypatch.setattr("naga.lock.cache_place._MOUNTS", table)
    monkeypatch.setenv("NAGA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**21)

    found = [hash_path(tmp_path / "large", index=index).digest for index in (StatIndex(), StatIndex(), None)]

    assert len(set(found)) == 1
    assert StatIndex().path is None
    assert not list(tmp_path.rglob("*.sqlite"))
