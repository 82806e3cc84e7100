"""A project with a pipeline of three stages, run by real scripts; and receipts of runs that never ran."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.lock.digest import hash_path
from naga.lock.identifier import new_run_id
from naga.lock.lineage import Prev, collect_lineage
from naga.lock.outputs import hash_outputs
from naga.lock.project import portable_path
from naga.lock.receipt import DataEntry, Receipt, write_receipt
from naga.lock.recipe import recipe_digest
from tests.programs import run_python

if TYPE_CHECKING:
    from collections.abc import Sequence

    from naga.lock.digest import PathDigest

FILES = {
    ".gitignore": "results/\n",
    "README.md": "A project.\n",
    "data/raw.csv": "1,2,3\n",
    "scaling.py": "def scaled(number):\n    return 2 * number\n",
    "unused.py": "value = 1\n",
    "prepare.py": """\
from pathlib import Path
from naga import clicfg, runlock
from scaling import scaled

class Config:
    raw = "data/raw.csv"
    save_dir = "results/prepare"

@clicfg(config_class=Config)
def main(cfg):
    runlock(config=cfg, data=[cfg.raw])
    numbers = Path(cfg.raw).read_text().split(",")
    (Path(cfg.save_dir) / "features.csv").write_text(",".join(str(scaled(int(number))) for number in numbers))
    parts = Path(cfg.save_dir) / "parts"
    parts.mkdir(exist_ok=True)
    for place, number in enumerate(numbers):
        (parts / f"{place}.txt").write_text(number)

if __name__ == "__main__":
    main()
""",
    "fit.py": """\
from pathlib import Path
from naga import clicfg, runlock

class Config:
    lr = 0.1
    features = "results/prepare/features.csv"
    save_dir = "results/fit-1"

@clicfg(config_class=Config)
def main(cfg):
    runlock(config=cfg, data=[cfg.features], prevs=[Path(cfg.features).parent])
    if cfg.lr > 1:
        raise ValueError("it does not converge")
    (Path(cfg.save_dir) / "model.txt").write_text(f"{cfg.lr} {Path(cfg.features).read_text()}")

if __name__ == "__main__":
    main()
""",
    "evaluate.py": """\
from pathlib import Path
from naga import clicfg, runlock

class Config:
    models = ("results/fit-1", "results/fit-2", "results/fit-3")
    save_dir = "results/evaluate"

@clicfg(config_class=Config)
def main(cfg):
    runlock(config=cfg, prevs=list(cfg.models))
    text = "".join(Path(model, "model.txt").read_text() for model in cfg.models)
    (Path(cfg.save_dir) / "metrics.txt").write_text(str(len(text)))

if __name__ == "__main__":
    main()
""",
}
RATES = {"fit-1": 0.1, "fit-2": 0.2, "fit-3": 0.3}


def build_pipeline(folder: Path) -> Path:
    """Make a repository, and run prepare, three times fit, and evaluate in it."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "first"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    run_stage(folder, "prepare")
    for name in RATES:
        run_fit(folder, name)
    run_stage(folder, "evaluate")
    return folder


def run_stage(folder: Path, stage: str, *arguments: str, code: int = 0) -> None:
    """Run the script of a stage, as a person does."""
    # Without -B, a module that was edited within a second to the same size would be taken from its .pyc.
    answer = run_python(folder, "-B", f"{stage}.py", *arguments)
    assert answer.returncode == code, answer.stderr


def run_fit(folder: Path, name: str, lr: float | None = None, code: int = 0) -> None:
    """Run a fit into the folder of one of the three."""
    run_stage(folder, "fit", "-o", f"lr={RATES[name] if lr is None else lr}", f"save_dir=results/{name}", code=code)


def copy_pipeline(folder: Path, place: Path) -> Path:
    """Copy a whole project, the times of its files too."""
    shutil.copytree(folder, place, symlinks=True)
    return place


def make_run(
    root: Path, stage: str, name: str, *, prevs: Sequence[Prev] = (), data: Sequence[Path] = (), **changes: Any
) -> Prev:
    """Leave an output and a receipt in a folder of ``results``, as a run of the stage would."""
    save_dir = root / "results" / name
    save_dir.mkdir(parents=True)
    for path, text in {"out.txt": changes.pop("text", name), **changes.pop("files", {})}.items():
        (save_dir / path).parent.mkdir(exist_ok=True)
        (save_dir / path).write_text(text)
    receipt = Receipt(
        id=changes.pop("id", new_run_id()),
        status="finished",
        started=changes.pop("started", "2026-11-21T04:48:24.881Z"),
        finished="2026-11-21T04:48:25.881Z",
        duration=1.0,
        caller={"file": f"{stage}.py", "function": "main", "argv": [], "cwd": ".", "root": str(root)},
        config={"save_dir": f"results/{name}", **changes.pop("config", {})},
        data={path.name: describe_data(hash_path(path), root) for path in data},
        outputs={key: describe_data(value, root) for key, value in hash_outputs(save_dir, None)[0].items()},
        prevs={
            f"{prev.path.parent.name}_{number}": prev.entry(portable_path(prev.path, root))
            for number, prev in enumerate(prevs)
        },
        lineage=collect_lineage((prev.receipt for prev in prevs), changes.get("environment", {})),
    )
    receipt = replace(receipt, **changes)
    receipt = replace(receipt, recipe=recipe_digest(receipt))
    write_receipt(save_dir / "run.lock", receipt)
    return Prev(save_dir / "run.lock", receipt)


def describe_data(digest: PathDigest, root: Path) -> DataEntry:
    """Write a digest down as a receipt does."""
    path = portable_path(digest.path, root)
    return DataEntry(
        path=path,
        digest=digest.digest,
        size=digest.size,
        kind=digest.kind,
        files=digest.files,
        include=digest.include,
        exclude=digest.exclude,
    )
