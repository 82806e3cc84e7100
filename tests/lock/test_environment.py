"""The description of an environment and the comparison of two."""

from __future__ import annotations

import copy
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naga.lock.digest import hash_bytes
from naga.lock.environment import Difference, compare_environments, describe_environment, describe_gpus


def test_environment_of_this_process_is_true() -> None:
    described = describe_environment()
    assert described["interpreter"]["implementation"] == platform.python_implementation()
    assert described["interpreter"]["version"].startswith(platform.python_version())
    assert described["interpreter"]["bits"] == (64 if sys.maxsize > 2**32 else 32)
    assert described["platform"]["system"] == platform.system()
    assert described["platform"]["machine"] == platform.machine()
    assert described["platform"]["libc"] == " ".join(platform.libc_ver())
    assert described["memory"] > 2**28
    assert any(line.startswith("xxhash==") for line in described["packages"]["list"])


def test_environment_is_plain_and_repeatable() -> None:
    environ = {"TZ": "UTC", "LANG": "C", "OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "1"}
    described = describe_environment(seeds={"torch": 2, "random": 1}, environ=environ)
    again = describe_environment(seeds={"random": 1, "torch": 2}, environ=dict(reversed(environ.items())))
    assert json.dumps(json.loads(json.dumps(described))) == json.dumps(again)


def test_environment_package_digest_can_be_recomputed() -> None:
    packages = describe_environment()["packages"]
    assert packages["digest"] == hash_bytes("\n".join(packages["list"]).encode())


def test_environment_cpu_count_is_the_affinity_of_the_process() -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system has no affinity")
    code = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
        "from naga.lock.environment import describe_environment as d; print(d()['cpu']['count'])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT).strip() == "1"


ROOT = Path(__file__).parents[2]


def test_environment_variables_are_chosen_and_redacted() -> None:
    environ = {
        "SECRET_TOKEN": "hunter-2222",
        "HOME": "/home/me",
        "TZ": "UTC",
        "VIRTUAL_ENV": "/envs/hunter-2222",
        "XLA_FLAGS": "--dump=https://me:pw@h",
        "OMP_NUM_THREADS": "4",
    }
    described = describe_environment(environ=environ)
    assert described["variables"] == {
        "TZ": "UTC",
        "VIRTUAL_ENV": "/envs/***",
        "XLA_FLAGS": "--dump=https://***@h",
    }
    assert described["threads"] == {"OMP_NUM_THREADS": "4"}
    assert "hunter" not in json.dumps(described)


def test_environment_seeds_are_sorted_or_absent() -> None:
    assert list(describe_environment(seeds={"torch": 1, "numpy": 2})["seeds"]) == ["numpy", "torch"]
    assert "seeds" not in describe_environment()


def test_environment_container_is_told_by_its_variable() -> None:
    assert describe_environment(environ={"APPTAINER_CONTAINER": "/x.sif"})["container"] == "apptainer"
    assert describe_environment(environ={"KUBERNETES_SERVICE_HOST": "::1"})["container"] == "kubernetes"
    assert describe_environment(environ={}).get("container") in {None, "docker", "podman"}


def test_environment_import_brings_no_heavy_module() -> None:
    code = "import sys, naga.lock.environment; print([n for n in HEAVY if n in sys.modules])"
    heavy = ["importlib.metadata", "subprocess", "tqdm", "sqlite3", "omegaconf", "IPython"]
    script = f"HEAVY = {heavy}\n{code}"
    command = [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{script}"]
    assert subprocess.check_output(command, text=True, cwd=ROOT).strip() == "[]"


VERSION = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  535.104.05  Release Build\nGCC version: 12.2.0\n"


@pytest.fixture
def nvidia(tmp_path: Path) -> Path:
    folder = tmp_path / "driver"
    for bus in ("0000:01:00.0", "0000:02:00.0"):
        (folder / "gpus" / bus).mkdir(parents=True)
        (folder / "gpus" / bus / "information").write_text("Model: \t\t Tesla V100\nIRQ:   0\n")
    (folder / "version").write_text(VERSION)
    return folder


def write_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def test_gpus_without_a_driver_start_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_smi(tmp_path, monkeypatch, f"touch {tmp_path}/started; echo 'V100, 16160, 535.1'")
    assert describe_gpus(tmp_path / "none", tmp_path / "none") == []
    assert not (tmp_path / "started").exists()


def test_gpus_of_nvidia_are_asked_once(nvidia: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = "echo 'Tesla V100-SXM2, 16160, 535.104.05'; echo 'GH200, [N/A], 535.104.05'"
    write_smi(tmp_path, monkeypatch, f"echo x >> {tmp_path}/started; {answer}")
    expected = [
        {"name": "Tesla V100-SXM2", "memory": 16160 * 2**20, "driver": "535.104.05"},
        {"name": "GH200", "memory": None, "driver": "535.104.05"},
    ]
    assert describe_gpus(nvidia, tmp_path / "none") == expected
    assert describe_gpus(nvidia, tmp_path / "none") == expected
    assert (tmp_path / "started").read_text() == "x\n"


@pytest.mark.parametrize("script", ["echo 'NVIDIA-SMI has failed, because, of that'; exit 9", "exec sleep 60", "true"])
def test_gpus_of_nvidia_without_an_answer_come_from_the_kernel(
    nvidia: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr("naga.lock.environment._SMI_SECONDS", 0.5)
    write_smi(tmp_path, monkeypatch, script)
    started = time.monotonic()
    expected = [{"name": "Tesla V100", "memory": None, "driver": "535.104.05"}] * 2
    assert describe_gpus(nvidia, tmp_path / "none") == expected
    assert time.monotonic() - started < 10


def test_gpus_of_amd_come_from_the_kernel(tmp_path: Path) -> None:
    for card, vendor in [("card0", "0x1002"), ("card1", "0x8086")]:
        device = tmp_path / card / "device"
        device.mkdir(parents=True)
        (device / "vendor").write_text(f"{vendor}\n")
        (device / "device").write_text("0x740f\n")
        (device / "mem_info_vram_total").write_text("68702699520\n")
    (tmp_path / "card0-DP-1").mkdir()
    expected = [{"name": "AMD 0x740f", "memory": 68702699520, "driver": "amdgpu"}]
    assert describe_gpus(tmp_path / "none", tmp_path) == expected


RECORDED: dict[str, Any] = {
    "interpreter": {"implementation": "CPython", "version": "3.11.7", "build": "a", "bits": 64},
    "platform": {"system": "Linux", "release": "6.1", "machine": "x86_64", "libc": "glibc 2.36"},
    "packages": {"digest": "xxh3_128:0", "list": ["a==1.0", "b==2.0", "c==1 @ file:///home/me/c"]},
    "cpu": {"model": "Xeon", "count": 4},
    "memory": 1000,
    "gpu": [{"name": "V100", "memory": 1, "driver": "535"}] * 2,
    "threads": {"OMP_NUM_THREADS": "4"},
    "variables": {"TZ": "UTC", "SLURM_JOB_ID": "1"},
    "seeds": {"random": 1},
    "container": "docker",
}


def changed(section: str, value: Any) -> dict[str, Any]:
    return {**copy.deepcopy(RECORDED), section: value}


def test_compare_equal_environments_has_no_differences() -> None:
    assert compare_environments(RECORDED, copy.deepcopy(RECORDED)) == []
    here = describe_environment(seeds={"random": 1})
    assert compare_environments(json.loads(json.dumps(here)), here) == []


@pytest.mark.parametrize(
    ("current", "difference"),
    [
        (
            changed("interpreter", {"implementation": "CPython", "version": "3.12.0"}),
            Difference("python", "CPython 3.11.7", "CPython 3.12.0"),
        ),
        (
            changed("platform", {**RECORDED["platform"], "machine": "aarch64"}),
            Difference("platform.machine", "x86_64", "aarch64"),
        ),
        (
            changed("packages", {"list": ["a==1.0", "b==2.1", "c==1 @ file:///c"]}),
            Difference("packages.b", "2.0", "2.1"),
        ),
        (
            changed("packages", {"list": ["a==1.0", "c==1 @ file:///c"]}),
            Difference("packages.b", "2.0", None),
        ),
        (
            changed("packages", {"list": [*RECORDED["packages"]["list"], "d==1"]}),
            Difference("packages.d", None, "1"),
        ),
        (
            changed("packages", {"list": ["a==1.0", "b==2.0", "c==1"]}),
            Difference("packages.c", "1 @ local folder", "1"),
        ),
        (
            changed("packages", {"list": ["a==1.0", "a==2.0", "b==2.0", "c==1 @ file:///c"]}),
            Difference("packages.a", "1.0", "1.0, 2.0"),
        ),
        (changed("packages", {"digest": "xxh3_128:1"}), Difference("packages", "xxh3_128:0", "xxh3_128:1")),
        (changed("cpu", {"model": "EPYC", "count": 4}), Difference("cpu.model", "Xeon", "EPYC")),
        (changed("gpu", []), Difference("gpu", "2 x V100, driver 535", None)),
        (changed("threads", {}), Difference("threads.OMP_NUM_THREADS", "4", None)),
        (changed("variables", {"TZ": "CET"}), Difference("variables.TZ", "UTC", "CET")),
        (changed("seeds", {"random": 2}), Difference("seeds.random", 1, 2)),
    ],
    ids=lambda value: value.what if isinstance(value, Difference) else "",
)
def test_compare_what_matters_is_listed(current: dict[str, Any], difference: Difference) -> None:
    assert compare_environments(RECORDED, current) == [difference]


@pytest.mark.parametrize(
    "current",
    [
        changed("interpreter", {**RECORDED["interpreter"], "build": "b"}),
        changed("platform", {**RECORDED["platform"], "release": "6.2"}),
        changed("platform", {"system": "Linux"}),
        changed("packages", {"list": ["a==1.0", "b==2.0", "c==1 @ file:///elsewhere/c"]}),
        changed("cpu", {"model": "Xeon", "count": 64}),
        changed("memory", 5),
        changed("container", None),
        changed("variables", {"TZ": "UTC", "SLURM_JOB_ID": "2"}),
        {key: value for key, value in RECORDED.items() if key != "seeds"},
        {},
    ],
)
def test_compare_what_does_not_matter_is_not_listed(current: dict[str, Any]) -> None:
    assert compare_environments(RECORDED, current) == []
    assert compare_environments(current, RECORDED) == []


def test_compare_differences_come_in_one_order() -> None:
    current = changed("cpu", {"model": "EPYC"}) | {"packages": {"list": ["z==1", "a==1.0"]}, "threads": {}}
    names = [difference.what for difference in compare_environments(RECORDED, current)]
    assert names == ["packages.b", "packages.c", "packages.z", "cpu.model", "threads.OMP_NUM_THREADS"]


ANYTHING = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def test_compare_foreign_record_with_a_broken_list_goes_by_the_digest() -> None:
    recorded = {"packages": {"list": 5, "digest": "xxh3_128:0"}}
    assert compare_environments(recorded, recorded) == []


@given(st.dictionaries(st.sampled_from(sorted(RECORDED)), ANYTHING))
def test_compare_foreign_record_of_any_shape_does_not_fail(recorded: dict[str, Any]) -> None:
    compare_environments(recorded, RECORDED)
    compare_environments(RECORDED, recorded)
    assert compare_environments(recorded, recorded) == []
