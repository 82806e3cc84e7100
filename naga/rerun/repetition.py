"""One repetition of a recorded run: its places are prepared, it is executed, and its receipt is found."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.errors import IntegrityError, NagaError, RefusedError
from naga.lock.cache_place import cache_folder
from naga.lock.digest import hash_file
from naga.lock.project import resolve_path
from naga.lock.receipt import RECEIPT_NAME, read_receipt
from naga.rerun.checkout import check_out
from naga.rerun.command import config_text, find_command, import_root, restore_config
from naga.rerun.provision import Provision

if TYPE_CHECKING:
    from naga.lock.receipt import Receipt
    from naga.rerun.command import Command
    from naga.rerun.mirror import Mirror

__all__ = ["Outcome", "Repetition", "repository_top"]

_REPLAY = Path(__file__).with_name("replay.py")
_HASH_SEED = re.compile("random|[0-9]{1,10}")
_GRACE = 10.0
"""Seconds that an interrupted run has to end by itself."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a repeated run ended.

    Attributes
    ----------
    receipt : Receipt or None
        What it recorded.
    code : int
        The exit code of the process; the negative number of a signal.
    """

    receipt: Receipt | None
    code: int


class Repetition:
    """A recorded run that is repeated in a mirror.

    Parameters
    ----------
    receipt : Receipt
        Of the recorded run.
    path : Path
        Where the receipt lies.
    home : Path
        The root of the project.
    mirror : Mirror
        An empty one.
    save_dir : Path, optional
        Where the outputs are to go instead of the mirror; absolute.

    Attributes
    ----------
    root : Path
        The place of the project's root in the mirror.
    words : tuple of str
        The command as a person would type it.
    unset : tuple of str
        Keys of the config that cannot be set.
    from_snapshot : dict
        Path relative to the ``save_dir`` -> digest of what the snapshot holds there. It is cleared away, so that what
        lies there in the end comes from the run.
    """

    def __init__(self, receipt: Receipt, path: Path, home: Path, mirror: Mirror, save_dir: Path | None = None) -> None:
        self._receipt = receipt
        self._path = path
        self._home = home
        self._mirror = mirror
        self._new_save_dir = save_dir
        self._cwd = resolve_path(str(receipt.caller.get("cwd") or "."), home)
        self._save_dir = _recorded_save_dir(receipt, self._cwd)
        self._tops = {repository_top(receipt, entry.path, home): entry for entry in receipt.repos.values()}
        self._provision = Provision(receipt, home, mirror)
        self.root = mirror.place(home)
        self.words: tuple[str, ...] = ()
        self.unset: tuple[str, ...] = ()
        self.from_snapshot: dict[str, str] = {}

    def prepare(self) -> None:
        """Put code, inputs and config into place.

        Raises
        ------
        NotFoundError, IntegrityError
            An input is gone, or it is not what was recorded.
        RefusedError
            The receipt does not hold what is needed to start the run.
        GitError, IncompleteError
            Something could not be written.
        """
        for top in sorted(self._tops, key=lambda path: len(path.parts)):
            check_out(top, self._tops[top], self._mirror.make_folder(top))
        self._clear_outputs()
        self._mirror.make_folder(self._cwd)
        self._provision.put_all()
        self._write_job()

    def execute(self, log: Path | None) -> Outcome:
        """Run it.

        Parameters
        ----------
        log : Path or None
            The file for what it prints; None leaves that to the terminal.

        Returns
        -------
        Outcome

        Raises
        ------
        KeyboardInterrupt, SystemExit
            This process was interrupted or told to end; the run has ended too.
        """
        command = [sys.executable, "-P", str(_REPLAY), str(self._mirror.base / "job.json")]
        place = self._mirror.place(self._cwd)
        environ = {**os.environ, "PWD": str(place), **self._hash_seed()}
        with ExitStack() as files:
            output = None if log is None else files.enter_context(log.open("wb"))
            sys.stdout.flush()
            # A session of its own, so that an interrupt comes through us and exactly once.
            process = subprocess.Popen(
                command,
                cwd=place,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=[self._mirror.descriptor],
            )
            code = _wait(process)
        return Outcome(self._found_receipt(), code)

    def relocate(self, text: str) -> str:
        """Return where a path of the config leads in the repetition.

        Parameters
        ----------
        text : str
            Any value.

        Returns
        -------
        str
            Changed when it is a path in the ``save_dir`` of a run that goes elsewhere, or an absolute path in the
            project.
        """
        path = Path(os.path.normpath(self._cwd / text)) if text else self._cwd
        is_input = any(path.is_relative_to(known) for known in self._provision.paths())
        for old, new in self._moves(with_outputs=not is_input):
            if text == old or text.startswith(f"{old}/"):
                return new + text[len(old) :]
        return text

    def check(self, receipt: Receipt) -> None:
        """Make sure that the repeated run had the recorded code and the recorded inputs.

        Parameters
        ----------
        receipt : Receipt
            What it recorded.

        Raises
        ------
        IntegrityError
            It had not, so that a comparison would say nothing.
        """
        for stray in self._strays():
            top = next(top for top in self._tops if stray.is_relative_to(top.resolve()))
            place = self._mirror.place(top) / stray.relative_to(top.resolve())
            if not place.is_file() or hash_file(place) != hash_file(stray):
                message = f"the rerun imported {stray} from the working tree, and the snapshot does not hold it so"
                raise IntegrityError(message, hint="rerun it where that is not installed", path=stray)
        self._provision.check_links()
        for name, entry in self._receipt.data.items():
            found = receipt.data.get(name)
            is_linked = self._provision.links and entry.kind == "tree"
            if found is not None and found.digest != entry.digest and not is_linked:
                raise IntegrityError(f"the rerun read another {name} than was recorded: {found.path}", key=name)
        for name, prev in self._receipt.prevs.items():
            again = receipt.prevs.get(name)
            if again is not None and again.digest != prev.digest:
                raise IntegrityError(f"the rerun read another run of {name} than was recorded: {again.path}", key=name)

    def _hash_seed(self) -> dict[str, str]:
        """Return the seed of the hashes of strings, which Python takes from the environment when it starts."""
        variables = self._receipt.environment.get("variables")
        seed = str(variables.get("PYTHONHASHSEED")) if isinstance(variables, dict) else ""
        return {"PYTHONHASHSEED": seed} if _HASH_SEED.fullmatch(seed) else {}

    def _clear_outputs(self) -> None:
        if self._save_dir is not None:
            # Folders first: a link on the way could lead to the outputs of the person.
            place = self._mirror.make_folder(self._save_dir.parent) / self._save_dir.name
            if place.is_symlink() or place.is_file():
                place.unlink()
            elif place.is_dir():
                files = (file for file in place.rglob("*") if file.is_file())
                self.from_snapshot = {file.relative_to(place).as_posix(): hash_file(file) for file in files}
                shutil.rmtree(place)
            self._mirror.make_folder(self._save_dir)
        for path in self._places_of_receipt():
            (self._mirror.make_folder(path.parent) / path.name).unlink(missing_ok=True)

    def _places_of_receipt(self) -> list[Path]:
        folders = [self._cwd] if self._save_dir is None else [self._save_dir, self._cwd]
        return [self._path, *(folder / RECEIPT_NAME for folder in folders)]

    def _found_receipt(self) -> Receipt | None:
        places = [self._mirror.place(path) for path in self._places_of_receipt()]
        if self._new_save_dir is not None:
            places = [self._new_save_dir / RECEIPT_NAME]
        main = [self._receipt.caller.get(key) for key in ("file", "function")]
        for place in places:
            try:
                found = read_receipt(place)
            except NagaError:
                continue
            is_old = found.id in {self._receipt.id, *self._receipt.lineage}
            if not is_old and [found.caller.get(key) for key in ("file", "function")] == main:
                return found
        return None

    def _moves(self, *, with_outputs: bool) -> list[tuple[str, str]]:
        """Return pairs of the beginning of a path and what takes its place, the longest first."""
        new_root = str(self._mirror.place(self._home))
        moves = {str(self._receipt.caller.get("root") or self._home): new_root, str(self._home): new_root}
        text = str(self._receipt.config.get("save_dir") or "").rstrip("/")
        if with_outputs and self._save_dir is not None:
            place = self._mirror.place(self._save_dir)
            new = str(self._new_save_dir or place)
            moves[str(self._save_dir)] = new
            if self._new_save_dir or Path(os.path.normpath(self._mirror.place(self._cwd) / text)) != place:
                moves[text] = new
        return sorted(moves.items(), key=lambda move: len(move[0]), reverse=True)

    def _write_job(self) -> None:
        file = str(self._receipt.caller["file"])
        script = self._mirror.place(resolve_path(file, self._home))
        if not script.is_file():
            raise RefusedError(f"no snapshot of the run holds {file}, which it ran", key=file)
        package, folder = _package_of(script)
        command = find_command(self._receipt, script.read_bytes(), package)
        job: dict[str, Any] = {"kind": command.kind, "module": command.module, "function": command.function}
        argv = list(command.argv)
        if command.kind != "plain":
            config = restore_config(self._receipt, self.relocate)
            self.unset, job["config"] = config.unset, config.values
        if command.kind == "script":
            argv = ["--config", str(self._mirror.base / "config.yml")]
            (self._mirror.base / "config.yml").write_text(config_text(config.values), encoding="utf-8")
        if command.kind != "call":
            job["kind"] = "module" if command.module else "script"
        start = self._import_folder(command) if command.kind == "call" else folder if command.module else script.parent
        job |= {
            "file": str(script),
            "argv": argv,
            "folders": [str(path) for path in dict.fromkeys([start, *self._package_folders()])],
            "trees": {str(top): str(self._mirror.place(top)) for top in self._tops},
            "protected": [str(path) for path in self._protected()],
            "writable": [str(path) for path in self._writable()],
            "strays": str(self._mirror.base / "strays.json"),
        }
        (self._mirror.base / "job.json").write_text(json.dumps(job), encoding="utf-8")
        self.words = _words(command)

    def _import_folder(self, command: Command) -> Path:
        folder = import_root(command.file, str(command.module))
        if folder is None:
            message = f"{command.file} cannot be imported as {command.module}, the name that the receipt gives it"
            raise RefusedError(message, hint="run it as a script", key=str(command.module))
        return self.root / folder

    def _package_folders(self) -> list[Path]:
        """Return the folders that hold the packages that the run used, which may have been installed from there."""
        folders: set[Path] = set()
        files = self._receipt.used.get("files")
        for name, used in files.items() if isinstance(files, dict) else ():
            if name in self._receipt.repos and isinstance(used, dict):
                top = repository_top(self._receipt, self._receipt.repos[name].path, self._home)
                packages = (_package_of(self._mirror.place(top / file)) for file in used)
                folders |= {folder for package, folder in packages if package}
        return sorted(folders)

    def _protected(self) -> list[Path]:
        outputs = [] if self._save_dir is None else [self._save_dir]
        return [self._home, *self._tops, self._path.parent, *outputs, *self._provision.paths()]

    def _writable(self) -> list[Path]:
        new = [] if self._new_save_dir is None else [self._new_save_dir]
        return [self._mirror.base, cache_folder(), Path(sys.prefix), *new]

    def _strays(self) -> list[Path]:
        with suppress(FileNotFoundError):
            return [Path(text) for text in json.loads((self._mirror.base / "strays.json").read_bytes())]
        return []


def repository_top(receipt: Receipt, path: str, home: Path) -> Path:
    """Return where a repository of a receipt lies now.

    Parameters
    ----------
    receipt : Receipt
    path : str
        As the receipt has it: absolute when the repository is not below the root of the project.
    home : Path
        The root of the project; it may have moved since.

    Returns
    -------
    Path
        Absolute.
    """
    recorded = str(receipt.caller.get("root") or home)
    if os.path.isabs(path) and Path(recorded).is_relative_to(path):  # noqa: PTH117 - a text of the receipt
        path = os.path.relpath(path, recorded)
    return Path(os.path.normpath(home / path))


def _recorded_save_dir(receipt: Receipt, cwd: Path) -> Path | None:
    text = receipt.config.get("save_dir")
    return Path(os.path.normpath(cwd / text)) if isinstance(text, str) and text else None


def _package_of(file: Path) -> tuple[str, Path]:
    """Return the dotted name of the package that a file is in, and the folder that the package is imported from."""
    folder, names = file.parent, []
    while (folder / "__init__.py").is_file():
        names.append(folder.name)
        folder = folder.parent
    return ".".join(reversed(names)), folder


def _words(command: Command) -> tuple[str, ...]:
    if command.kind == "call":
        return ("python", "-c", f"import {command.module}; {command.module}.{command.function}(CONFIG)")
    script = ("-m", command.module) if command.module else (command.file,)
    return ("python", *script, *(command.argv if command.kind == "plain" else ("--config", "CONFIG")))


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for a run; when that is interrupted, interrupt the run. None of its processes is left behind."""
    try:
        return process.wait()
    except BaseException:
        _signal(process, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        raise
    finally:
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # macOS says that it is not permitted when all that is left has ended.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
