"""The settings of sweeps on Slurm: what is taken, and what is refused before anything is submitted."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from naga.errors import ConfigError, ConfigFileError, NagaError, NotFoundError, UnknownKeyError, WrongTypeError
from naga.sweep.slurm_settings import SlurmSettings, read_slurm_settings

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = """\
# what a worker gets
timeout_min: 30
mem_gb: 1.5
cpus_per_task: 2
gpus_per_node: 0
slurm_partition: normal
slurm_setup: [module load gcc, ulimit -c 0]
slurm_array_parallelism: 7
slurm_exclusive: true
slurm_additional_parameters: {reservation: ours}
slurm_srun_args: [-v]
tasks_per_job: 4
max_retries: 2
wait: false
freeze: false
"""


def read(folder: Path, text: str) -> SlurmSettings:
    (folder / "slurm.yaml").write_text(text, encoding="utf-8")
    return read_slurm_settings(folder / "slurm.yaml")


def test_settings_of_every_kind_are_taken(tmp_path: Path) -> None:
    settings = read(tmp_path, WHOLE)
    assert settings.parameters == {
        "timeout_min": 30,
        "mem_gb": 1.5,
        "cpus_per_task": 2,
        "gpus_per_node": 0,
        "slurm_partition": "normal",
        "slurm_setup": ["module load gcc", "ulimit -c 0"],
        "slurm_exclusive": True,
        "slurm_additional_parameters": {"reservation": "ours"},
        "slurm_srun_args": ["-v"],
        "slurm_signal_delay_s": 90,
    }
    assert (settings.array_parallelism, settings.tasks_per_job, settings.max_retries) == (7, 4, 2)
    assert (settings.limit_min, settings.signal_delay_s, settings.wait, settings.freeze) == (30, 90, False, False)


def test_settings_that_are_empty_are_the_defaults(tmp_path: Path) -> None:
    settings = read(tmp_path, "")
    assert settings == SlurmSettings(parameters={"timeout_min": 5, "slurm_signal_delay_s": 30})
    assert (settings.wait, settings.freeze, settings.tasks_per_job, settings.max_retries) == (True, True, None, 3)


def test_settings_with_interpolations_are_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCOUNT_OF_TEST", "biology")
    assert read(tmp_path, "slurm_account: ${oc.env:ACCOUNT_OF_TEST}").parameters["slurm_account"] == "biology"


@pytest.mark.parametrize(("limit", "delay"), [(3, 18), (4, 24), (10, 60), (15, 90), (600, 90)])
def test_signal_comes_long_before_the_limit_and_not_at_the_start(tmp_path: Path, limit: int, delay: int) -> None:
    assert read(tmp_path, f"timeout_min: {limit}").signal_delay_s == delay


@pytest.mark.parametrize(
    ("text", "error", "line", "said"),
    [
        ("timeout_min: 5\nmem_bg: 4", UnknownKeyError, 2, "did you mean mem_gb?"),
        ("\n\npartition: normal", UnknownKeyError, 3, "did you mean slurm_partition?"),
        ("slurm_partitoin: normal", UnknownKeyError, 1, "did you mean slurm_partition?"),
        ("# memory\nmem_gb: 4GB", WrongTypeError, 2, "'4GB'"),
        ("slurm_setup: module load gcc", WrongTypeError, 1, "array"),
        ("slurm_setup: [1]", WrongTypeError, 1, "str"),
        ("wait: 1", WrongTypeError, 1, "bool"),
        ("cpus_per_task: 0", WrongTypeError, 1, ">= 1"),
        ("mem_gb: 0", WrongTypeError, 1, "> 0"),
        ("max_retries: -1", WrongTypeError, 1, ">= 0"),
        ("tasks_per_job: 0", WrongTypeError, 1, ">= 1"),
        ("slurm_array_parallelism: 0", WrongTypeError, 1, ">= 1"),
        ("nodes: 2", ConfigError, 1, "slurm_array_parallelism"),
        ("slurm_time: 30", ConfigError, 1, "timeout_min"),
        ("slurm_use_srun: false", ConfigError, 1, "srun"),
        ("slurm_max_num_timeout: 1", ConfigError, 1, "max_retries"),
        ("timeout_min: 1", ConfigError, 1, "leaves no time"),
        # What submitit would ask for by itself.
        ("timeout_min: 3\nslurm_signal_delay_s: 90", ConfigError, 2, "leaves no time"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_with_their_line(
    tmp_path: Path, text: str, error: type[NagaError], line: int, said: str
) -> None:
    with pytest.raises(error) as caught:
        read(tmp_path, text)
    assert f"slurm.yaml:{line}" in str(caught.value)
    assert said in caught.value.one_line()
    assert caught.value.exit_code == 78


def test_settings_that_are_no_mapping_or_no_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match="mapping"):
        read(tmp_path, "- timeout_min")
    with pytest.raises(ConfigError, match="NOT_SET_ANYWHERE"):
        read(tmp_path, "slurm_account: ${oc.env:NOT_SET_ANYWHERE}")
    with pytest.raises(NotFoundError, match=r"no config file .*slurm\.yml") as caught:
        read_slurm_settings(tmp_path / "slurm.yml")
    assert "slurm.yaml" in str(caught.value.hint)


def test_settings_without_submitit_say_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "slurm.yaml").write_text("timeout_min: 5\n", encoding="utf-8")
    code = """
import sys
from pathlib import Path
sys.modules["submitit"] = None
from naga.errors import NotFoundError
from naga.sweep.slurm_settings import read_slurm_settings
try:
    read_slurm_settings(Path("slurm.yaml"))
except NotFoundError as error:
    print(error.one_line())
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    hint = "pip install 'naga-ipython[slurm]'"
    assert done.stdout == f"sweeps on Slurm need submitit, which is not installed ({hint})\n", done.stderr
