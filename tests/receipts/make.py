"""Make the example receipts of the present format: real runs with fixed identifiers and a made-up environment.

usage: python -m tests.receipts.make FOLDER

What is in `tests/receipts/v1` stays as it is for ever. A new format gets a folder of its own.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import naga
from naga.lock.digest import hash_bytes

PACKAGES = ["naga-ipython==0.1.0", "numpy==2.1.0", "own-tools==1.0 @ git+https://example.org/tools.git@0123abc"]
ENVIRONMENT: dict[str, Any] = {
    "interpreter": {"implementation": "CPython", "version": "3.11.7", "build": "(main)", "bits": 64},
    "platform": {"system": "Linux", "release": "6.1.0", "machine": "x86_64", "libc": "glibc 2.36"},
    "packages": {"digest": hash_bytes("\n".join(PACKAGES).encode()), "list": PACKAGES},
    "cpu": {"model": "Example CPU", "count": 8},
    "memory": 16 * 2**30,
    "gpu": [],
    "threads": {"OMP_NUM_THREADS": "4"},
    "variables": {"LANG": "C.UTF-8"},
}

PREPARE = """\
from pathlib import Path
from naga import clicfg

class Config:
    rows = 3
    title = 'Wetter: Tübingen\\u2028"raw"'
    save_dir = 'results/prepare'

@clicfg(config_class=Config)
def main(cfg):
    folder = Path(cfg.save_dir)
    (folder / 'tables' / 'empty').mkdir(parents=True)
    (folder / 'tables' / 'a.csv').write_text('1,2\\n' * cfg.rows)

if __name__ == '__main__':
    main()
"""

FIT = """\
from pathlib import Path
from naga import clicfg, runlock
from helper import mean

class Config:
    rate = 1e-05
    missing = float('nan')
    password = 'correct horse battery'
    divisor = 1
    save_dir = 'results/fit'

@clicfg(config_class=Config)
def main(cfg):
    runlock(config=cfg, data={'table': 'results/prepare/tables/a.csv', 'raw': 'data'}, prevs=['results/prepare'])
    (Path(cfg.save_dir) / 'model.txt').write_text(str(mean([1, 2]) / cfg.divisor))

if __name__ == '__main__':
    main()
"""

EVALUATE = """\
from naga import clicfg, runlock

@clicfg(config_class={'save_dir': 'results/evaluate', 'levels': [0.5, None, True, '1e5', {'a': -1}]})
def main(cfg):
    runlock(config=cfg, prevs={'fit': 'results/fit', 'prepare': 'results/prepare'}, data=['results/fit/model.txt'])

if __name__ == '__main__':
    main()
"""

MINIMAL = """\
from naga import clicfg

@clicfg(config_class={'save_dir': 'results/minimal'})
def main(cfg): ...

if __name__ == '__main__':
    main()
"""


def make(folder: Path) -> None:
    """Run the stages in a new project, and copy their receipts to a folder."""
    identifiers = (f"01890a5d-ac96-774b-bcce-{number:012x}" for number in itertools.count(1))
    made_up = mock.patch.multiple(
        "naga.lock.recording", new_run_id=lambda: next(identifiers), describe_environment=lambda: ENVIRONMENT
    )
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name, made_up:
        project = Path(name) / "project"
        project.mkdir()
        os.chdir(project)
        run_stages(project)
        for example, stage in {"minimal": "minimal", "full": "evaluate", "failed": "failed"}.items():
            shutil.copy(f"results/{stage}/run.lock", folder / f"{example}.lock")


def run_stages(project: Path) -> None:
    (project / "minimal.py").write_text(MINIMAL)
    naga.run_script("minimal.py")
    (project / "data" / "empty").mkdir(parents=True)
    files = {"prepare.py": PREPARE, "fit.py": FIT, "evaluate.py": EVALUATE, "helper.py": "", "data/raw.csv": "1,2\n"}
    for file, text in files.items():
        (project / file).write_text(text)
    commit(project)
    (project / "helper.py").write_text("def mean(values):\n    return sum(values) / len(values)\n")
    for script in ("prepare.py", "fit.py", "evaluate.py"):
        naga.run_script(script)
    with contextlib.suppress(ZeroDivisionError):
        naga.run_script("fit.py", ["-o", "divisor=0", "save_dir=results/failed"])


def commit(project: Path) -> None:
    (project / ".gitignore").write_text("results/\n__pycache__/\n")
    for command in ("init --quiet", "add --all", "-c user.name=x -c user.email=x commit --quiet --message first"):
        subprocess.run(["git", *command.split()], cwd=project, check=True)


if __name__ == "__main__":
    make(Path(sys.argv[1]).absolute())
