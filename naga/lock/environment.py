"""The environment of a run: interpreter, platform, packages, hardware and the variables that matter."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from naga.lock.cores import available_cores
from naga.lock.digest import hash_bytes
from naga.lock.packages import installed_packages
from naga.lock.redact import Redactor

__all__ = ["Difference", "compare_environments", "describe_environment", "describe_gpus"]

THREAD_VARIABLES = (
    "BLIS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OMP_THREAD_LIMIT",
    "OPENBLAS_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
# These can change what a run computes.
RESULT_VARIABLES = (
    "CUBLAS_WORKSPACE_CONFIG",
    "JAX_ENABLE_X64",
    "LANG",
    "LC_ALL",
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_NUMERIC",
    "LC_TIME",
    "MKL_CBWR",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_DYNAMIC",
    "OMP_SCHEDULE",
    "OPENBLAS_CORETYPE",
    "PYTHONHASHSEED",
    "PYTHONOPTIMIZE",
    "PYTHONUTF8",
    "TF_CUDNN_DETERMINISTIC",
    "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TZ",
    "XLA_FLAGS",
)
# These tell where a run took place.
PLACE_VARIABLES = (
    "CONDA_DEFAULT_ENV",
    "CONDA_PREFIX",
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "SLURM_ARRAY_JOB_ID",
    "SLURM_ARRAY_TASK_ID",
    "SLURM_CLUSTER_NAME",
    "SLURM_CPUS_PER_TASK",
    "SLURM_JOB_ID",
    "SLURM_JOB_NODELIST",
    "SLURM_JOB_PARTITION",
    "SLURM_NTASKS",
    "SLURM_PROCID",
    "VIRTUAL_ENV",
)

_IMPLEMENTATIONS = {"cpython": "CPython", "pypy": "PyPy"}
_SMI_SECONDS = 5.0
_CPUINFO_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which two environments differ.

    Parameters
    ----------
    what : str
        Such as ``python``, ``packages.numpy`` or ``variables.TZ``.
    recorded, current : object
        Plain values; None where the thing is absent.
    """

    what: str
    recorded: object
    current: object


def describe_environment(
    *, seeds: Mapping[str, int] | None = None, environ: Mapping[str, str] = os.environ
) -> dict[str, Any]:
    """Describe where and with what the present process computes.

    Parameters
    ----------
    seeds : mapping of str to int, optional
        Library -> seed, as `naga.lock.seeds.set_seeds` returns them.
    environ : mapping of str to str, optional
        The environment variables.

    Returns
    -------
    dict
        Plain values under ``interpreter`` (implementation, version, build, bits), ``platform`` (system,
        release, machine, libc), ``packages`` (digest, list), ``cpu`` (model, and as count the logical
        processors that this process may use), ``memory`` (bytes), ``gpu`` (list), ``threads`` and ``variables``
        (those set, sorted), ``seeds`` when given, and ``container`` when there is a sign of one. Secrets are
        redacted.
    """
    redactor = Redactor.from_environment(environ)
    packages = installed_packages(redactor=redactor)
    described: dict[str, Any] = {
        "interpreter": _describe_interpreter(),
        "platform": _describe_platform(),
        "packages": {"digest": hash_bytes("\n".join(packages).encode()), "list": packages},
        "cpu": {"model": _cpu_model(), "count": available_cores()},
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpu": describe_gpus(),
        "threads": redactor.value(_chosen(environ, THREAD_VARIABLES)),
        "variables": redactor.value(_chosen(environ, (*RESULT_VARIABLES, *PLACE_VARIABLES))),
    }
    if seeds is not None:
        described["seeds"] = dict(sorted(seeds.items()))
    if container := _container(environ):
        described["container"] = container
    return described


def describe_gpus(
    nvidia: Path = Path("/proc/driver/nvidia"), drm: Path = Path("/sys/class/drm")
) -> list[dict[str, Any]]:
    """Describe the graphics processors of this machine.

    Nothing is started where the kernel has no NVIDIA driver. Where it has one, ``nvidia-smi`` is asked once
    in the life of the process, for 5 seconds at most; when it fails, the GPUs lack their memory.

    Parameters
    ----------
    nvidia : Path, optional
        The folder of the NVIDIA driver.
    drm : Path, optional
        The folder of the kernel's graphics devices, for AMD.

    Returns
    -------
    list of dict
        ``name``, ``memory`` in bytes or None, ``driver`` (version); empty when there are none.

    Notes
    -----
    Sources: *NVIDIA driver README, The /proc Interface*; *Linux kernel, amdgpu: mem_info_vram_total*.
    """
    return [dict(gpu) for gpu in _find_gpus(nvidia, drm)]


def compare_environments(recorded: Mapping[str, Any], current: Mapping[str, Any]) -> list[Difference]:
    """List what may make two environments compute different results.

    Parameters
    ----------
    recorded, current : mapping
        What `describe_environment` returned; they may also come from receipts of any origin and age. What one
        of them does not have at all, such as ``seeds``, is not compared.

    Returns
    -------
    list of Difference
        In this order: ``python`` (implementation and version), ``platform.libc``, ``platform.machine``,
        ``platform.system``, ``packages.*`` by name, ``cpu.model``, ``gpu``, ``threads.*``, ``variables.*``
        (those that can change a result) and ``seeds.*``. Not compared: the kernel's release, the build of the
        interpreter, memory, the number of processors, the container, the folder that a package was installed
        from, and variables that only tell the place.
    """
    differences = []
    for section in (name for name in _READERS if name in recorded and name in current):
        before, now = _comparable(section, recorded[section], current[section])
        differences += [
            Difference(what, before.get(what), now.get(what))
            for what in sorted({*before, *now})
            if before.get(what) != now.get(what)
        ]
    return differences


def _comparable(section: str, recorded: Any, current: Any) -> tuple[dict[str, object], dict[str, object]]:
    if section in _FIXED_SECTIONS and isinstance(recorded, Mapping) and isinstance(current, Mapping):
        common = recorded.keys() & current.keys()
        recorded, current = ({key: side[key] for key in common} for side in (recorded, current))
    read = _READERS[section]
    return read(recorded), read(current)


def _read_python(section: Any) -> dict[str, object]:
    values = [section[key] for key in ("implementation", "version") if key in _mapping(section)]
    return {"python": " ".join(map(str, values))}


def _read_platform(section: Any) -> dict[str, object]:
    return {f"platform.{key}": value for key, value in _mapping(section).items() if key != "release"}


def _read_packages(section: Any) -> dict[str, object]:
    section = _mapping(section)
    if not isinstance(section.get("list"), list):
        return {"packages": section.get("digest")}
    versions: dict[str, object] = {}
    for line in section["list"]:
        name, _, version = str(line).partition("==")
        version = re.sub(" @ file:[^#]*", " @ local folder", version)
        name = f"packages.{name}"
        versions[name] = f"{versions[name]}, {version}" if name in versions else version
    return versions


def _read_cpu(section: Any) -> dict[str, object]:
    return {"cpu.model": _mapping(section).get("model")}


def _read_gpu(section: Any) -> dict[str, object]:
    gpus = [_mapping(gpu) for gpu in section] if isinstance(section, list) else []
    counts = Counter(f"{gpu.get('name')}, driver {gpu.get('driver')}" for gpu in gpus)
    return {"gpu": "; ".join(f"{count} x {gpu}" for gpu, count in sorted(counts.items())) or None}


def _read_threads(section: Any) -> dict[str, object]:
    return {f"threads.{key}": value for key, value in _mapping(section).items()}


def _read_variables(section: Any) -> dict[str, object]:
    section = _mapping(section)
    return {f"variables.{key}": section[key] for key in RESULT_VARIABLES if key in section}


def _read_seeds(section: Any) -> dict[str, object]:
    return {f"seeds.{key}": value for key, value in _mapping(section).items()}


_READERS = {
    "interpreter": _read_python,
    "platform": _read_platform,
    "packages": _read_packages,
    "cpu": _read_cpu,
    "gpu": _read_gpu,
    "threads": _read_threads,
    "variables": _read_variables,
    "seeds": _read_seeds,
}
# In these, a missing key was not recorded; in the others it was not set.
_FIXED_SECTIONS = frozenset(["interpreter", "platform", "packages", "cpu"])


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _chosen(environ: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: environ[name] for name in sorted(names) if name in environ}


def _describe_interpreter() -> dict[str, Any]:
    return {
        "implementation": _IMPLEMENTATIONS.get(sys.implementation.name, sys.implementation.name),
        "version": sys.version.split()[0],
        "build": " ".join(sys.version.split()[1:]),
        "bits": sys.maxsize.bit_length() + 1,
    }


def _describe_platform() -> dict[str, str]:
    uname = os.uname()
    return {
        "system": uname.sysname,
        "release": uname.release,
        "machine": uname.machine,
        "libc": _libc(),
    }


def _libc() -> str:
    with suppress(ValueError, OSError):
        if version := os.confstr("CS_GNU_LIBC_VERSION"):
            return version
    return "musl" if "musl" in getattr(sys.implementation, "_multiarch", "") else ""


@cache
def _cpu_model() -> str:
    with suppress(FileNotFoundError), Path("/proc/cpuinfo").open("rb", buffering=0) as file:
        # The kernel takes milliseconds to write the whole file for a hundred processors.
        if model := re.search(rb"model name\s*: (.+)", file.read(_CPUINFO_BYTES)):
            return model[1].decode(errors="replace")
    return os.uname().machine


def _container(environ: Mapping[str, str]) -> str | None:
    if "APPTAINER_CONTAINER" in environ or "SINGULARITY_CONTAINER" in environ:
        return "apptainer"
    if "KUBERNETES_SERVICE_HOST" in environ:
        return "kubernetes"
    signs = {"docker": Path("/.dockerenv"), "podman": Path("/run/.containerenv")}
    return next((name for name, file in signs.items() if file.exists()), None)


@cache
def _find_gpus(nvidia: Path, drm: Path) -> tuple[dict[str, Any], ...]:
    gpus = (_ask_nvidia_smi() or _read_nvidia(nvidia)) if nvidia.exists() else []
    return (*gpus, *_read_amd(drm))


def _ask_nvidia_smi() -> list[dict[str, Any]]:
    import subprocess

    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits"]
    try:
        process = subprocess.Popen(query, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        return []
    try:
        answer, _ = process.communicate(timeout=_SMI_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        # A process that hangs in a broken driver cannot be killed, so nothing waits for its end for long.
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        answer = ""
    finally:
        process.stdout.close()  # type: ignore[union-attr]
    return [_parse_smi(line) for line in answer.splitlines() if line.count(",") >= 2 and not process.returncode]


def _parse_smi(line: str) -> dict[str, Any]:
    name, mebibytes, driver = (value.strip() for value in line.rsplit(",", 2))
    memory = int(mebibytes) * 2**20 if mebibytes.isdecimal() else None
    return {"name": name, "memory": memory, "driver": driver}


def _read_nvidia(folder: Path) -> list[dict[str, Any]]:
    version = re.search(r"Kernel Module.*?\s(\d+\.[\d.]+)", _read(folder / "version"))
    return [
        {"name": model[1].strip(), "memory": None, "driver": version[1] if version else None}
        for file in sorted(folder.glob("gpus/*/information"))
        if (model := re.search("Model:(.+)", _read(file)))
    ]


def _read_amd(folder: Path) -> list[dict[str, Any]]:
    return [
        {
            "name": _read(card / "product_name") or f"AMD {_read(card / 'device')}",
            "memory": int(memory) if (memory := _read(card / "mem_info_vram_total")).isdecimal() else None,
            "driver": _read(card / "driver/module/version") or "amdgpu",
        }
        for card in sorted(folder.glob("card*/device"))
        if _read(card / "vendor") == "0x1002"
    ]


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return ""
