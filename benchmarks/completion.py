"""How long a kernel takes to complete the line of `%naga_run`, beside IPython's own completion of `%run`.

usage: python benchmarks/completion.py [--quick]

Both are asked for as a front end does, by messages, and take turns in one kernel, so that a busy machine slows both.
The first answer of each is told apart from the others, whose median is shown.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_client.manager import start_new_kernel

if TYPE_CHECKING:
    from jupyter_client.blocking import BlockingKernelClient

AIM_MILLISECONDS = 200
KEYS = 300
NODES = 1000
LINES = {
    "%run fi": "IPython: files",
    "%naga_run fi": "files",
    "%naga_run fit.py -o ": f"{KEYS} keys",
    "%naga_run fit.py -o mode=": "values",
    "%naga_run fit.py --config base.yml --experiment ": f"{NODES:,} experiments",
    "%naga_run fit.py -o key_1=": "nothing to offer",
}


def write_project(folder: Path) -> None:
    keys = "".join(f"    key_{number}: int = {number}\n" for number in range(KEYS))
    head = "from enum import Enum\nfrom naga import clicfg\nclass Mode(Enum):\n    FAST = 1\nclass Config:\n"
    tail = "    mode = Mode.FAST\n@clicfg(config_class=Config)\ndef main(cfg): ...\nmain()\n"
    (folder / "fit.py").write_text(head + keys + tail)
    (folder / "base.yml").write_text("".join(f"node_{number}:\n  key_1: 2\n" for number in range(NODES)))


def ask(client: BlockingKernelClient, line: str) -> tuple[float, int]:
    """Return how many milliseconds the kernel took, and how much it offered."""
    begin = time.perf_counter()
    reply = client.complete(line, len(line), reply=True, timeout=60)
    return (time.perf_counter() - begin) * 1e3, len(reply["content"]["matches"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    rounds = 5 if parser.parse_args().quick else 30
    with tempfile.TemporaryDirectory() as name:
        write_project(Path(name))
        manager, client = start_new_kernel(cwd=name)
        try:
            client.execute_interactive("%load_ext naga", timeout=60)
            first = {line: ask(client, line) for line in LINES}
            later = [{line: ask(client, line)[0] for line in LINES} for _ in range(rounds)]
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    print(f"{'what':<22}{'offered':>9}{'first ms':>10}{'later ms':>10}{'ratio':>8}{'aim ms':>8}")
    medians = {line: statistics.median(each[line] for each in later) for line in LINES}
    for line, what in LINES.items():
        ratio = medians[line] / medians["%run fi"]
        times = f"{first[line][0]:>10.1f}{medians[line]:>10.1f}{ratio:>8.1f}{AIM_MILLISECONDS:>8}"
        print(f"{what:<22}{first[line][1]:>9}{times}")


if __name__ == "__main__":
    main()
