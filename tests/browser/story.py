"""A pipeline on real weather, run by real scripts, and what befalls it: one project for each misfortune."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from vega_datasets import local_data

from tests.pipelines import copy_pipeline, make_run, run_stage

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]

# The sources of the weather in notebooks/, but with the raw file inside the project, and an evaluation of three fits.
CHANGES = {
    "prepare.py": {
        "from vega_datasets import local_data\n": "",
        "    horizon = 1": '    raw = "data/seattle weather.csv"\n    horizon = 1',
        "    station_file = Path(local_data.seattle_weather.filepath)\n": "    station_file = Path(cfg.raw)\n",
    },
    "evaluate.py": {
        "[Path(cfg.model).parent, Path(cfg.features).parent]": "sorted(Path('results').glob('fit-*'))",
        "results/fit/": "results/fit-1/",
    },
}
FITS: Mapping[str, tuple[str, ...]] = {
    "fit-1": (),
    "fit-2": ("first_year=2013",),
    "fit-3": ("leave_out=[wind_0,wind_1,wind_2]",),
}
CELLS = ["import naga", 'chosen = naga.lineage(".")\nchosen', "chosen.selected"]
SWEPT = 130
BREAKS = "<img src=x onerror=\"window.broken='img'\">"
HOSTILE = {
    "markup": BREAKS,
    "script": "</script><script>window.broken='script'</script>",
    "link": "javascript:window.broken='link'",
    "direction": "exe.\u202egpj.\u202c",
    "terminal": "\x1b[31mred\x1b[0m\x1b]0;title\x07",
}
HOSTILE_SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="80" height="40" onload="window.broken='svg'">
<script>window.broken='svg'</script><rect width="80" height="40" fill="teal"/></svg>
"""


@dataclass(frozen=True)
class Story:
    """The folders of the projects, by what befell them.

    Attributes
    ----------
    fresh, raw_changed, upstream_gone, dirty, corrupt, hostile, swept : str
        Names below the folder that Jupyter serves.
    """

    fresh: str = "fresh"
    raw_changed: str = "räw chänged"
    upstream_gone: str = "upstream gone"
    dirty: str = "dirty"
    corrupt: str = "corrupt"
    hostile: str = "hostile"
    swept: str = "swept"


def build_weather(folder: Path) -> Path:
    """Make a repository of the weather, and run prepare, three times fit, and evaluate in it."""
    shutil.copytree(ROOT / "notebooks" / "weather", folder, ignore=shutil.ignore_patterns("results", "__pycache__"))
    for name, changes in CHANGES.items():
        text = (folder / name).read_text(encoding="utf-8")
        for old, new in changes.items():
            assert old in text, f"{name} does not hold {old!r}"
            text = text.replace(old, new)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / ".gitignore").write_text("data/\nresults/\n__pycache__/\n", encoding="utf-8")
    (folder / "data").mkdir()
    shutil.copy(local_data.seattle_weather.filepath, folder / "data" / "seattle weather.csv")
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "first"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    run_stage(folder, "prepare")
    for name, arguments in FITS.items():
        run_stage(folder, "fit", "-o", f"save_dir=results/{name}", *arguments)
    run_stage(folder, "evaluate")
    return folder


def tell(root: Path) -> Story:
    """Lay out all the projects below a folder."""
    story = Story()
    fresh = build_weather(root / story.fresh)
    for name in (story.raw_changed, story.upstream_gone, story.dirty, story.corrupt):
        copy_pipeline(fresh, root / name)
    with (root / story.raw_changed / "data" / "seattle weather.csv").open("a", encoding="utf-8") as file:
        file.write("2016/01/01,0.0,7.0,1.0,3.0,sun\n")
    shutil.rmtree(root / story.upstream_gone / "results" / "prepare")
    make_dirty(root / story.dirty)
    receipt = root / story.corrupt / "results" / "fit-2" / "run.lock"
    receipt.write_bytes(receipt.read_bytes()[:200] + b"\x00{{{")
    make_hostile(root / story.hostile)
    make_swept(root / story.swept)
    write_notebook(fresh)
    return story


def make_dirty(project: Path) -> None:
    """Edit what all fits import, and repeat one of them without committing."""
    with (project / "regression.py").open("a", encoding="utf-8") as file:
        file.write("\n\ndef unused():\n    return 1\n")
    run_stage(project, "fit", "-o", "save_dir=results/fit-2", *FITS["fit-2"])


def make_hostile(project: Path) -> None:
    """Leave receipts of which every text attacks whoever shows it."""
    project.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    for name, text in HOSTILE.items():
        first = make_run(project, text, f"{name}-1", config={text: text, "lr": 0.1}, files={"picture.svg": HOSTILE_SVG})
        make_run(project, text, f"{name}-2", prevs=[first], config={"deep": {text: [text]}}, status="failed")


def make_swept(project: Path) -> None:
    """Leave a run before 130 alike fits, an evaluation of three of them, and a report of that."""
    project.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    prepare = make_run(project, "prepare", "prepare")
    rates = [{"lr": number / 1000} for number in range(1, SWEPT + 1)]
    fits = [make_run(project, "fit", f"lr-{rate['lr']:.3f}", prevs=[prepare], config=rate) for rate in rates]
    best = make_run(project, "evaluate", "evaluate", prevs=fits[:3])
    make_run(project, "report", "report", prevs=[best])


def write_notebook(project: Path) -> None:
    """Write a notebook that shows the runs of its folder, and reads which one was chosen."""
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    document.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(document, project / "runs.ipynb")
