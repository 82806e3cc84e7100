"""Completion in real shells, and where it is installed."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naga.config.shell_code import SHELLS, completion_script
from naga.config.shell_words import quoted_for, split_line
from tests.programs import naga, run_python

SCRIPT = """\
from enum import Enum
from pathlib import Path
from typing import Literal
from naga import clicfg
Path('the script ran').touch()
class Color(Enum):
    RED = 1
    BLUE = 2
class Config:
    param = 1
    color = Color.RED
    mode: Literal['a b', 'c'] = 'c'
    place = Path('x')
@clicfg(config_class=Config)
def main(cfg): ...
if __name__ == '__main__':
    main()
"""

needs = {shell: pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed") for shell in SHELLS}

BASH = """\
source {completion}
COMP_LINE=$1 COMP_POINT=${{#1}}
COMP_WORDS=($1) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
compopt() {{ echo "compopt $*"; }}
_naga_script
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "process.py").write_text(SCRIPT)
    (tmp_path / "my script.py").write_text(SCRIPT)
    (tmp_path / "tools").mkdir()
    for name in ("fit.py", "__main__.py"):
        (tmp_path / "tools" / name).write_text(SCRIPT)
    (tmp_path / "other.py").write_text("print('no main of naga')\n")
    (tmp_path / "conf file.yml").write_text("small: {param: 2}\n")
    for shell in SHELLS:
        (tmp_path / f"completion.{shell}").write_text(completion_script(shell))
    return tmp_path


def bash(folder: Path, line: str) -> list[str]:
    """Return what bash would put behind a line."""
    text = BASH.format(completion="completion.bash")
    command = ["bash", "--norc", "-c", text, "bash", line]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    assert not (folder / "the script ran").exists()
    return [one for one in done.stdout.splitlines() if one]


@needs["bash"]
def test_module_of_the_folder_is_not_taken_for_one_of_the_same_name(folder: Path) -> None:
    (folder / "ast.py").write_text("from pathlib import Path\nPath('the script ran').touch()\n")
    assert bash(folder, "python process.py --exp") == ["--experiment"]


@needs["bash"]
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("python process.py -o par", ["compopt -o nospace", "param="]),
        ("python process.py -o color=", ["RED", "BLUE"]),
        ("python process.py -o color=R", ["RED"]),
        ("python process.py -o mode=a", ["a\\ b"]),
        ('python process.py -o "mode=a', ["mode=a b"]),
        ("python -X dev -u process.py --exp", ["--experiment"]),
        ("FOO=1; python3 process.py --print", ["--print_config"]),
        ("python 'my script.py' --print", ["--print_config"]),
        ("python process.py --config c", ["conf\\ file.yml"]),
        ("python process.py --config 'conf file.yml' --experiment ", ["small"]),
        ("python other.py --", []),
        ("python missing.py --", []),
        ("python -m process -o par", ["compopt -o nospace", "param="]),
        ("python3 -u -m tools.fit --exp", ["--experiment"]),
        ("python -m tools -o color=R", ["RED"]),
        ("python -m tools.missing --", []),
        ("python -m pro", []),
        ("python -c process.py --", []),
        ("./process.py -o color=R", ["RED"]),
        ("FOO=1 ./tools/fit.py --exp", ["--experiment"]),
        ("FOO=1 BAR= python process.py --exp", ["--experiment"]),
        ("'./my script.py' -o par", ["compopt -o nospace", "param="]),
        ("process.py -o color=R", []),
        ("./other.py --", []),
        ("python ", []),
        ("python pro", []),
    ],
)
def test_line_in_bash_is_completed(folder: Path, line: str, expected: list[str]) -> None:
    assert bash(folder, line) == expected


@needs["fish"]
def test_line_in_fish_is_completed(folder: Path, tmp_path: Path) -> None:
    def fish(line: str) -> list[str]:
        command = ["fish", "--no-config", "-c", "source completion.fish; complete -C $argv[1]", line]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60)
        return done.stdout.splitlines()

    assert fish("python process.py -o par") == ["param="]
    assert fish("python process.py -o color=") == ["color=RED", "color=BLUE"]
    assert fish("python process.py --config 'conf file.yml' --experiment ") == ["small"]
    assert "process.py" in fish("python pro")
    (folder / "process.py").chmod(0o755)
    assert fish("./process.py -o color=R") == ["color=RED"]
    assert fish("naga linea") == ["lineage"]
    assert not (folder / "the script ran").exists()


def install(
    folder: Path, *arguments: str, shell: str = "/bin/bash", **environ: str
) -> subprocess.CompletedProcess[str]:
    empty = {"XDG_DATA_HOME": "", "XDG_CONFIG_HOME": "", "ZDOTDIR": ""}
    return run_python(folder, "process.py", *arguments, **{**empty, "HOME": str(folder), "SHELL": shell, **environ})


def typed(shell: list[str], folder: Path, setup: str, keys: str, wanted: str) -> None:
    """Type into a shell on a terminal of its own, until something is to be read there."""
    import pty

    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        environ = {**os.environ, "TERM": "dumb", "HOME": str(folder), "PS1": "$ ", "PYTHONDONTWRITEBYTECODE": "1"}
        os.execvpe(shell[0], shell, environ)
    shown = ""
    try:
        # The terminal shows the marker only once the shell runs, since the word is put together there.
        os.write(terminal, f"{setup}; python() {{ echo \"<$*>\"; }}; echo rea''dy\n".encode())
        for text, keys_then in (("\nready", keys), (wanted, "")):
            deadline = time.monotonic() + 60
            while text not in shown.replace("\r", ""):
                assert time.monotonic() < deadline, shown
                if select.select([terminal], [], [], 1)[0]:
                    shown += os.read(terminal, 65536).decode(errors="replace")
            os.write(terminal, keys_then.encode())
    finally:
        os.kill(process, 9)
        os.waitpid(process, 0)
        os.close(terminal)


@pytest.mark.parametrize(
    ("shell", "setup"),
    [
        pytest.param(["bash", "--norc", "-i"], "source completion.bash", marks=needs["bash"]),
        pytest.param(
            ["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -D; source completion.zsh", marks=needs["zsh"]
        ),
    ],
)
def test_tab_in_a_terminal_completes_key_and_value(folder: Path, shell: list[str], setup: str) -> None:
    typed(shell, folder, setup, "python process.py -o col\tBL\t\n", "\n<process.py -o color=BLUE>")
    assert not (folder / "the script ran").exists()


@needs["bash"]
def test_word_that_naga_cannot_complete_is_left_to_bash(folder: Path) -> None:
    typed(["bash", "--norc", "-i"], folder, "source completion.bash", "python oth\t\n", "\n<other.py>")


@needs["bash"]
@pytest.mark.parametrize("option", ["--install_completion", "--install-completion"])
def test_installed_completion_is_sourced_by_the_next_shell(folder: Path, option: str) -> None:
    (folder / ".bashrc").write_text("export MINE=1")

    done = install(folder, option)

    assert (done.returncode, done.stderr) == (0, "")
    assert str(folder / ".local/share/naga/completion.bash") in done.stdout
    assert str(folder / ".bashrc") in done.stdout
    command = ["bash", "--rcfile", str(folder / ".bashrc"), "-i", "-c", "complete -p python; echo $MINE"]
    shown = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    assert "_naga_script python" in shown.stdout
    assert shown.stdout.splitlines()[-1] == "1"


FIT = """\
from naga import clicfg
class Config:
    save_dir = 'results/fit'
@clicfg(config_class=Config)
def main(cfg): ...
if __name__ == '__main__':
    main()
"""


@pytest.mark.parametrize(
    ("shell", "startup"),
    [
        pytest.param("bash", ".bashrc", marks=needs["bash"]),
        pytest.param("zsh", ".zshrc", marks=needs["zsh"]),
    ],
)
def test_tab_in_a_new_shell_completes_once_it_is_installed(folder: Path, shell: str, startup: str) -> None:
    (folder / "process.py").chmod(0o755)
    (folder / "other.py").chmod(0o755)
    (folder / "fit.py").write_text(FIT)
    assert run_python(folder, "fit.py").returncode == 0
    assert naga(folder, "completion", shell, HOME=str(folder), XDG_DATA_HOME="", ZDOTDIR="").returncode == 0
    assert "completion" in (folder / startup).read_text()

    lines = {
        "python process.py -o col\tBL\t": "python process.py -o color=BLUE",
        "./process.py -o col\tBL\t": "./process.py -o color=BLUE",
        "process.py -o col\tR\t": "process.py -o color=RED",
        "./other.py conf\t": "./other.py conf file.yml",
        "naga linea\tres\t": "naga lineage results/fit",
        "naga tas\t--wat\t": "naga tasks --watch",
        "naga ls kil\t--ro\ttoo\t": "naga ls killed --root tools/",
        "ls conf\t": "ls conf file.yml",
    }
    for keys, line in lines.items():
        # Control-A goes to the front of the line.
        typed([shell, "-i"], folder, "PATH=$PWD:$PATH", f"{keys}\x01echo \n", f"\n{line}")
    assert not (folder / "the script ran").exists()


@needs["bash"]
def test_what_bash_does_for_other_commands_stays_as_it_was(folder: Path) -> None:
    (folder / ".bashrc").write_text("_mine() { COMPREPLY=(mine); }\ncomplete -F _mine -D\n")
    naga(folder, "completion", "bash", HOME=str(folder), XDG_DATA_HOME="")
    twice = "source .bashrc"
    typed(["bash", "-i"], folder, twice, "unknown-command m\t\x01echo \n", "\nunknown-command mine")
    typed(["bash", "-i"], folder, twice, "./process.py -o col\tBL\t\x01echo \n", "\n./process.py -o color=BLUE")


def test_completion_that_is_installed_twice_stands_there_once(folder: Path) -> None:
    (folder / "real.bashrc").write_text("first\n")
    (folder / "real.bashrc").chmod(0o640)
    (folder / ".bashrc").symlink_to("real.bashrc")
    install(folder, "--install_completion", "bash")
    once = (folder / ".bashrc").read_text()
    (folder / ".bashrc").write_text(once + "last\n")

    install(folder, "--install_completion", "bash", XDG_DATA_HOME=str(folder / "data"))

    text = (folder / ".bashrc").read_text()
    assert text.startswith("first\n# >>> naga")
    assert text.endswith("<<<\nlast\n")
    assert text.count("source ") == 1
    assert str(folder / "data/naga/completion.bash") in text
    assert (folder / ".bashrc").is_symlink()
    assert (folder / "real.bashrc").stat().st_mode & 0o777 == 0o640


def test_completion_of_other_shells_goes_where_they_look(folder: Path) -> None:
    assert install(folder, "--install_completion", "fish").returncode == 0
    assert (folder / ".config/fish/conf.d/naga.fish").read_text() == completion_script("fish")
    assert install(folder, "--install_completion", "zsh", ZDOTDIR=str(folder)).returncode == 0
    assert "completion.zsh" in (folder / ".zshrc").read_text()


def test_installing_dry_shows_the_text_and_writes_nothing(folder: Path) -> None:
    before = sorted(path.name for path in folder.iterdir() if path.name != "__pycache__")
    done = install(folder, "--install_completion", "--dry_run")
    assert "would write" in done.stdout
    assert "_naga_script()" in done.stdout
    assert sys.executable in done.stdout
    after = {path.name for path in folder.iterdir()} - {"__pycache__", "the script ran"}
    assert sorted(after) == before


@pytest.mark.parametrize(
    ("arguments", "shell", "says"),
    [
        (["--install_completion"], "/usr/bin/tcsh", "'tcsh'"),
        (["--install_completion"], "", "SHELL does not say"),
        (["--install_completion", "csh"], "/bin/bash", "'csh'"),
    ],
)
def test_shell_that_cannot_be_taught_is_a_usage_error(
    folder: Path, arguments: list[str], shell: str, says: str
) -> None:
    done = install(folder, *arguments, shell=shell)
    assert done.returncode == 2
    assert says in done.stderr
    assert "bash|zsh|fish" in done.stderr


def test_startup_file_that_cannot_be_written_is_named(folder: Path) -> None:
    (folder / ".bashrc").mkdir()
    done = install(folder, "--install_completion", "bash")
    assert done.returncode == 2
    assert ".bashrc" in done.stderr


@given(st.lists(st.text(st.sampled_from("ab '\"\\=:$;&|é*"), min_size=1), min_size=1))
def test_words_of_any_text_come_back_from_their_quoted_form(words: list[str]) -> None:
    line = " ".join(quoted_for(word, split_line(""), "") for word in words)
    typed_line = split_line(f"{line} ")
    assert (typed_line.words, typed_line.incomplete, typed_line.quote) == (words, "", "")
    assert split_line(line).incomplete == words[-1]
