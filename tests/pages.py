"""Pages that are true: what they show is run, block by block, and must come out as printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.kernels import Answer, Kernel
from tests.programs import run_python

ROOT = Path(__file__).resolve().parents[1]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"# (\S+\.(?:py|ya?ml|toml))\n+(.*)", re.DOTALL)
PROMPT = re.compile(r"^\$ (.*)\n", re.MULTILINE)
CELL = re.compile(r"^In \[(\d+)\]: (.*\n(?:   +\.\.\.: ?.*\n)*)", re.MULTILINE)

# What differs from run to run, or with the version of a library, and says nothing about naga.
VOLATILE = [
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID"),
    (r"\b\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
    (r"\bxxh3_128:[0-9a-f]{32}\b", "DIGEST"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{10}\b", "SHORT"),
    (r"\b\d+\.\d\d s\b", "SECONDS"),
    (r"\b\d+(\.\d)? (B|KiB)\b", "SIZE"),
]


def normalized(text: str) -> str:
    """Return a text without what is volatile, and without spaces at the ends of lines."""
    for pattern, name in VOLATILE:
        text = re.sub(pattern, name, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines() if line.strip())


def fits(shown: str, actual: str) -> bool:
    """Tell whether an output is the one that a page shows; ``...`` in the page stands for anything."""
    pattern = re.escape(normalized(shown)).replace(r"\.\.\.", ".*")
    return re.fullmatch(pattern, normalized(actual), re.DOTALL) is not None


def spoken(number: str, answer: Answer) -> str:
    """Return what IPython prints after a cell."""
    errors = ["\n".join(error["traceback"]) for error in answer.errors]
    values = [str(data["text/plain"]) for data in answer.results]
    results = [f"Out[{number}]:{chr(10) if chr(10) in value else ' '}{value}" for value in values]
    return "\n".join([answer.stdout, answer.stderr, *errors, *results])


@dataclass
class Reader:
    """Somebody who does what a page shows, from its first line to its last."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    kernel: Kernel | None = None
    differences: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root = self.folder

    def read(self, page: str) -> list[str]:
        """Do everything that a page shows, and return what came out differently."""
        for block in FENCE.finditer(page):
            kind, text = block.groups()
            line = page.count("\n", 0, block.start()) + 1
            before = len(self.differences)
            getattr(self, f"_{kind}", self._unknown)(text)
            self.differences[before:] = [f"line {line}: {difference}" for difference in self.differences[before:]]
        return self.differences

    def check(self, page: str) -> None:
        """Fail with all that came out differently than a page of the repository shows it."""
        differences = self.read((ROOT / page).read_text(encoding="utf-8"))
        if differences:
            pytest.fail("\n".join([f"{page} is not true any more", *differences]), pytrace=False)

    def ignore(self, *names: str) -> None:
        """Let git ignore further files, and commit everything else."""
        with (self.root / ".gitignore").open("a", encoding="utf-8") as file:
            file.writelines(f"{name}\n" for name in names)
        self.commit()

    def commit(self) -> None:
        """Commit everything that is there."""
        for command in (["add", "--all"], ["commit", "--quiet", "--message", "before the page"]):
            subprocess.run(["git", *command], cwd=self.root, check=True)

    def close(self) -> None:
        """End the kernel, if the page needed one."""
        if self.kernel is not None:
            self.kernel.stop()

    def _python(self, text: str) -> None:
        if text.startswith(">>> "):
            example = self.root.parent / "example.txt"
            example.write_text(text, encoding="utf-8")
            self._expect("", run_python(self.folder, "-m", "doctest", str(example)).stdout)
        else:
            self._yaml(text)

    def _yaml(self, text: str) -> None:
        """Lay down a file; one that is in the repository already must be as it is shown."""
        named = NAMED.fullmatch(text)
        if named is None:
            self.differences.append(f"a file begins with its name as a comment, this one with {text[:20]!r}")
            return
        name, content = named.groups()
        path = self.root / name
        if self._is_tracked(name):
            self._expect(content, path.read_text(encoding="utf-8"))
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    _toml = _yaml

    def _console(self, text: str) -> None:
        _, *parts = PROMPT.split(text)
        for command, shown in zip(parts[::2], parts[1::2], strict=True):
            if command.startswith("cd "):
                self.folder = (self.folder / command.removeprefix("cd ")).resolve(strict=True)
            else:
                self._expect(shown, self._shell(command))

    def _ipython(self, text: str) -> None:
        self.kernel = self.kernel or Kernel(self.folder)
        _, *parts = CELL.split(text)
        for number, cell, shown in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            code = re.sub(r"^   +\.\.\.: ?", "", cell, flags=re.MULTILINE)
            self._expect(shown, spoken(number, self.kernel.run(code)))

    def _sh(self, text: str) -> None:
        """Check what the suite cannot do to itself: the scripts are there, and so are the extras."""
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
        for line in text.splitlines():
            command = line.partition("#")[0].strip()
            script = re.fullmatch(r"\./(scripts/\w+)", command)
            package = re.fullmatch(r"pip install (?:naga-ipython|'naga-ipython\[(\w+)\]')", command)
            if script and not os.access(ROOT / script[1], os.X_OK):
                self.differences.append(f"no such script: {command}")
            elif package and package[1] and package[1] not in extras:
                self.differences.append(f"no such extra: {package[1]}")
            elif command and not script and not package:
                self.differences.append(f"a command that nobody runs: {command}")

    def _unknown(self, text: str) -> None:
        self.differences.append(f"a block of no known language: {text[:20]!r}")

    def _is_tracked(self, name: str) -> bool:
        command = ["git", "ls-files", "--error-unmatch", name]
        return subprocess.run(command, cwd=self.root, capture_output=True).returncode == 0

    def _shell(self, command: str) -> str:
        path = f"{Path(sys.executable).parent}{os.pathsep}{self.environ.get('PATH', os.environ['PATH'])}"
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env={**os.environ, **self.environ, "PATH": path, "COLUMNS": "80"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        return done.stdout

    def _expect(self, shown: str, actual: str) -> None:
        if not fits(shown, actual):
            self.differences.append(f"the page shows\n{shown}\nand what comes is\n{actual}")
