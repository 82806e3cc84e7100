"""What every test gets: a cache, a git config and an environment that are no person's."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.front_end import FrontEnd, build_front_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.pages import Reader

# A machine that is busy with other tests makes single examples slow, which says nothing about the code.
settings.register_profile("naga", deadline=None)
settings.load_profile("naga")

GIT_CONFIG = """\
[user]
    name = test
    email = test@example.org
[init]
    defaultBranch = main
[core]
    excludesFile = /dev/null
    attributesFile = /dev/null
[gc]
    auto = 0
"""

CACHES = itertools.count()

# A shell gives the jobs of its background no Ctrl-C, and whatever they start inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of what outlives one test, with the git config in it."""
    folder = tmp_path_factory.mktemp("session")
    (folder / "gitconfig").write_text(GIT_CONFIG, encoding="utf-8")
    return folder


@pytest.fixture(scope="session", autouse=True)
def isolated_key(session_folder: Path) -> Iterator[None]:
    """Have the key of post-mortems made anew, in a place that is no person's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(session_folder / "data"))
        yield


@pytest.fixture(autouse=True)
def isolated_environment(session_folder: Path) -> Iterator[None]:
    """Take away what shell and home folder would bring in, and give each test a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("NAGA_", "GIT_", "FLEXLOCK_DEBUG")) and name != "NAGA_TEST_FULL":
                patch.delenv(name)
        # The folder is not made: on a first run it is not there either.
        patch.setenv("NAGA_CACHE_DIR", str(session_folder / f"cache-{next(CACHES)}"))
        patch.setenv("GIT_CONFIG_GLOBAL", str(session_folder / "gitconfig"))
        patch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
        yield


@pytest.fixture(scope="session")
def front_end() -> FrontEnd:
    """Return the built front end; skip, or fail where CI=true, when there is no node."""
    return build_front_end()


@pytest.fixture
def git() -> Callable[..., str]:
    """Return a function that runs git in a folder and returns what it printed, stripped at the end."""

    def run(folder: Path, *arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.rstrip("\n")

    return run


@pytest.fixture
def repository(tmp_path: Path, git: Callable[..., str]) -> Path:
    """Return a git repository with one commit of the file ``process.py``."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "process.py").write_text("print('hello')\n", encoding="utf-8")
    git(folder, "add", "process.py")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


@pytest.fixture
def reader(tmp_path: Path, git: Callable[..., str]) -> Iterator[Reader]:
    """Return somebody who does what a page shows, in a fresh repository of the name ``project``."""
    # Few tests need a kernel, and its client takes long to import.
    from tests.pages import Reader

    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "--quiet")
    reader = Reader(folder)
    reader.ignore("results/", "__pycache__/")
    yield reader
    reader.close()


@pytest.fixture
def hostile_path(tmp_path: Path) -> Path:
    """Return a folder whose name breaks whatever is quoted or split carelessly."""
    folder = tmp_path / "-a b'c\"d\ne\tf ü ☃ $HOME;#*[x]{y}%20\\&"
    folder.mkdir()
    return folder
