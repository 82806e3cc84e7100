"""What README.md, docs/howto.md and docs/debugging.md show is run, block by block, and must come out as printed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kernels import Answer, Kernel
from tests.programs import run_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[1]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"# (\S+\.(?:py|yml|toml))\n+(.*)", re.DOTALL)
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
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env={**os.environ, "PATH": path, "COLUMNS": "80"},
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


@pytest.fixture
def reader(tmp_path: Path, git: Callable[..., str]) -> Iterator[Reader]:
    """Return a reader in a fresh repository of the name ``project``."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / ".gitignore").write_text("results/\n__pycache__/\n", encoding="utf-8")
    git(folder, "init", "--quiet")
    reader = Reader(folder)
    commit_all(folder, git)
    yield reader
    reader.close()


def commit_all(folder: Path, git: Callable[..., str]) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first")


def check(reader: Reader, page: Path) -> None:
    differences = reader.read(page.read_text(encoding="utf-8"))
    if differences:
        pytest.fail("\n".join([f"{page.relative_to(ROOT)} is not true any more", *differences]), pytrace=False)


@pytest.mark.slow
def test_readme_shows_what_comes_out(reader: Reader, git: Callable[..., str]) -> None:
    ignored = shutil.ignore_patterns("results", "data", "__pycache__", ".ipynb_checkpoints")
    shutil.copytree(ROOT / "notebooks", reader.root / "notebooks", ignore=ignored)
    commit_all(reader.root, git)
    check(reader, ROOT / "README.md")


@pytest.mark.slow
def test_page_about_failures_shows_what_comes_out(reader: Reader) -> None:
    check(reader, ROOT / "docs" / "debugging.md")


@pytest.mark.slow
def test_howto_shows_what_comes_out(reader: Reader) -> None:
    check(reader, ROOT / "docs" / "howto.md")


@pytest.mark.parametrize(
    "block",
    [
        "```console\n$ echo a\na\n$ printf 'b\\nc\\n'\nb\n...\n```",
        "```console\n$ echo 'after 0.12 s'\nafter 3.45 s\n```",
        '```console\n$ mkdir -p x\n$ cd x\n$ basename "$PWD"\nx\n```',
        "```python\n# a/b.py\nx = 1\n```\n```console\n$ cat a/b.py\nx = 1\n```",
        "```python\n>>> 1 + 1\n2\n```",
        "```ipython\nIn [1]: x = 1\n   ...: x + 1\nOut[1]: 2\n\nIn [2]: print(x)\n1\n```",
        "```sh\n./scripts/test  # all of it\npip install 'naga-ipython[lab]'\n```",
    ],
)
def test_block_that_is_true_is_let_through(block: str, reader: Reader) -> None:
    assert reader.read(block) == []


@pytest.mark.parametrize(
    "block",
    [
        "```console\n$ echo a\nb\n```",
        "```console\n$ echo a\n```",
        "```console\n$ true\na\n```",
        "```console\n$ echo 'after 0.12 s'\nafter 3 s\n```",
        "```python\nx = 1\n```",
        "```python\n>>> 1 + 1\n3\n```",
        "```ipython\nIn [1]: 1 + 1\nOut[1]: 3\n```",
        "```ipython\nIn [1]: 1 / 0\n```",
        "```yaml\n# .gitignore.yml\n```\n```text\nanything\n```",
        "```sh\n./scripts/nothing\n```",
        "```sh\npip install 'naga-ipython[nothing]'\n```",
        "```sh\nrm -rf x\n```",
    ],
)
def test_block_that_is_not_true_is_reported(block: str, reader: Reader) -> None:
    (difference,) = reader.read(f"# Page\n\n{block}\n")
    assert re.match(r"line \d+: ", difference)


def test_file_that_differs_from_the_repository_is_reported(reader: Reader, git: Callable[..., str]) -> None:
    (reader.root / "a.py").write_text("x = 1\n", encoding="utf-8")
    commit_all(reader.root, git)
    assert reader.read("```python\n# a.py\nx = 1\n```") == []
    assert len(reader.read("```python\n# a.py\nx = 2\n```")) == 1
