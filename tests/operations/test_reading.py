"""What is listed while the receipts of a folder are being read for the first time."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.pipelines import make_run
from tests.programs import run_python

LOOK_ON = """\
import json, os, pathlib, sys, threading, naga

reached, go_on = threading.Event(), threading.Event()

def wait_before_the_oldest(event, args):
    if event == "open" and str(args[0]).endswith("run-0/run.lock"):
        reached.set()
        go_on.wait(60)

sys.addaudithook(wait_before_the_oldest)
librarian = naga.Librarian(".", max_age=float("inf"))
reader = threading.Thread(target=librarian.refresh)
reader.start()
assert reached.wait(60)
question = {"judge": False, "wait": False, "limit": 2}
told = [naga.answer_from(librarian, "runs", question)]
os.utime(librarian.root / told[0]["rows"][0]["path"], (0, 0))
told.append(naga.answer_from(librarian, "runs", question))
go_on.set()
reader.join()
told.append(naga.answer_from(librarian, "runs", question))
print(json.dumps(told))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a project with 200 receipts, the file of ``run-199`` the newest."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "naga.toml").touch()
    made = make_run(folder, "fit", "run-0").path
    os.utime(made, (1_000, 1_000))
    for number in range(1, 200):
        copy = made.parents[1] / f"run-{number}" / "run.lock"
        copy.parent.mkdir()
        shutil.copyfile(made, copy)
        os.utime(copy, (1_000 + number, 1_000 + number))
    return folder


def test_runs_while_receipts_are_read_are_the_newest_files_that_are_as_they_were_read(root: Path) -> None:
    first, second, last = json.loads(run_python(root, "-c", LOOK_ON).stdout)
    assert (first["complete"], second["complete"], last["complete"]) == (False, False, True)
    assert 100 < first["total"] < 200
    assert last["total"] == 200
    # One that changed since it was read is not shown as it was.
    changed = first["rows"][0]["path"]
    assert changed not in [row["path"] for row in second["rows"]]
    assert len(second["rows"]) == 1
