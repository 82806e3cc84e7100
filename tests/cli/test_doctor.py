"""``naga doctor``: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import json
import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

from tests.programs import naga, run_python

ROOT = Path(__file__).resolve().parents[2]


def test_doctor_says_that_all_is_well_where_it_is(tmp_path: Path) -> None:
    done = naga(tmp_path, "doctor")
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line.split()[1]: line.split()[0] for line in done.stdout.splitlines()}
    assert lines["python"] == lines["omegaconf"] == lines["ipython"] == "ok"
    assert "missing" not in lines.values()


def test_doctor_as_json_gives_the_versions(tmp_path: Path) -> None:
    done = naga(tmp_path, "doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert findings["python"]["version"] == platform.python_version()
    assert findings["omegaconf"]["version"] == version("omegaconf")
    assert findings["omegaconf"]["required"] is True
    assert findings["submitit"]["required"] is False


def test_doctor_knows_every_package_that_the_project_declares(tmp_path: Path) -> None:
    text = (ROOT / "pyproject.toml").read_text()
    declared = re.search(r"^dependencies = \[(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert declared is not None
    names = set(re.findall(r'"([a-z-]+)>=', declared[1]))
    findings = json.loads(naga(tmp_path, "doctor", "--json").stdout)
    assert {finding["name"] for finding in findings if finding["required"]} == names | {"python"}


def test_doctor_without_any_package_says_what_is_missing_and_how_to_get_it(tmp_path: Path) -> None:
    # Without site-packages, nothing but the standard library and naga itself is there.
    done = run_python(tmp_path, "-S", "-m", "naga", "doctor", PYTHONPATH=str(ROOT))
    assert (done.returncode, done.stderr) == (1, "")
    (line,) = (line for line in done.stdout.splitlines() if "omegaconf" in line)
    assert line.startswith("missing")
    assert line.endswith("pip install naga-ipython")
    (optional,) = (line for line in done.stdout.splitlines() if "submitit" in line)
    assert optional.startswith("optional")
    assert "pip install 'naga-ipython[slurm]'" in optional


def test_doctor_without_git_says_how_to_get_it_and_goes_on(tmp_path: Path) -> None:
    done = naga(tmp_path, "doctor", PATH=os.fspath(tmp_path))
    assert done.returncode == 0
    (line,) = (line for line in done.stdout.splitlines() if " git " in line)
    assert line.startswith("optional")
    assert "install git" in line
