"""Installing the lowest IPython and ipykernel that naga supports into a folder of their own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What the lowest versions import and the ones of today do not.
BESIDE = ("backcall", "decorator", "nest-asyncio", "pickleshare")


def lowest_versions() -> dict[str, str]:
    """Return the lower bounds of IPython and ipykernel in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = " ".join([*project["dependencies"], *project["optional-dependencies"]["lab"]])
    return dict(re.findall(r"\b(ipython|ipykernel)>=([\d.]+)", bounds))


def install_lowest(folder: Path) -> str | None:
    """Install the lowest versions into a folder that is not there yet, and return why that is not possible.

    Several processes may do so at once.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        # IPython's frames are told from a person's own by the name of this folder.
        target = Path(place) / "new" / "site-packages"
        wanted = [f"{name}=={version}" for name, version in lowest_versions().items()]
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target)]
        done = subprocess.run([*command, *wanted, *BESIDE], capture_output=True, text=True, check=False)
        if done.returncode:
            return f"pip cannot install {' and '.join(wanted)}: {done.stderr.strip().splitlines()[-1]}"
        try:
            target.parent.rename(folder)
        except OSError:
            shutil.rmtree(target.parent)  # another process was quicker
    return None
