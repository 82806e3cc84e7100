"""The receipt of one run while it is being made: started, enriched, and completed."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.errors import ConfigError, NagaError
from naga.lock.digest import hash_path
from naga.lock.environment import describe_environment
from naga.lock.frozen import home_of
from naga.lock.identifier import new_run_id
from naga.lock.lineage import collect_lineage
from naga.lock.outputs import hash_outputs
from naga.lock.project import absolute_path, find_project, portable_path
from naga.lock.reads import undeclared_reads
from naga.lock.receipt import (
    RECEIPT_NAME,
    DataEntry,
    ErrorEntry,
    Receipt,
    RepositoryEntry,
    remove_receipt,
    write_receipt,
)
from naga.lock.recipe import recipe_digest
from naga.lock.redact import Redactor
from naga.lock.repositories import describe_repository, named_roots
from naga.lock.settings import read_settings
from naga.lock.shared import Shared
from naga.lock.snapshot import find_root
from naga.lock.times import utc_text
from naga.lock.used import used_files

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from naga.lock.digest import PathDigest
    from naga.lock.lineage import Prev

__all__ = ["Recording"]

_LONGEST_MESSAGE = 10_000
"""Characters of the text of an exception; some hold whole tables."""


class Recording:
    """The record of a run, from its start to its end.

    Parameters
    ----------
    config : mapping
        Plain values; redacted here.
    caller : mapping
        ``module``, ``function``, ``file`` (absolute path or None), ``argv``, and perhaps ``set`` and ``notebook``.
    loaded_before : collection of str
        Names of the modules that were imported before the run began, in a process that runs several.
    seeds : mapping, optional
        Library -> seed, as `naga.lock.seeds.set_seeds` returns them; looked at again when the run ends.
    shared : Shared, optional
        What other runs of this process have worked out already; added to.

    Attributes
    ----------
    receipt : Receipt
        The record as it stands.
    path : Path or None
        The file of the receipt, None while nothing is written.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        caller: Mapping[str, Any],
        *,
        loaded_before: Collection[str] = (),
        seeds: Mapping[str, int] | None = None,
        shared: Shared | None = None,
    ) -> None:
        self._clock = time.monotonic()
        self._script = Path(caller["file"]) if caller.get("file") else None
        self._loaded_before = loaded_before
        self._seeds = seeds
        self._folder = Path.cwd()
        self._root = find_project(self._script.parent if self._script else Path.cwd())
        self._settings = read_settings(self._root)
        self._redactor = Redactor.from_environment(os.environ, self._settings.readable).learn(config)
        self._roots: dict[str, Path] = {}
        self._shared = shared or Shared()
        self._further: dict[str, RepositoryEntry] = {}
        self._further_code: dict[str, dict[str, str]] = {}
        self._inputs: dict[str, PathDigest] = {}
        self._prevs: dict[str, Prev] = {}
        self.path: Path | None = None
        self.save_dir: Path | None = None
        self.receipt = Receipt(id=new_run_id(), status="started", started=utc_text())
        self._set_caller(caller)
        self._set_config(config)

    def start(self, path: Path, *, repos: Mapping[str, Path] | None = None) -> None:
        """Write the receipt for the first time, before the work begins.

        Parameters
        ----------
        path : Path
            The file of the receipt. A receipt of an earlier run there is replaced.
        repos : mapping, optional
            Name -> folder of the repositories whose state is recorded besides that of the one that holds the script.

        Raises
        ------
        OSError
            The receipt cannot be written.
        """
        self.path = absolute_path(path)
        self._set_repositories(self._roots or self._default_repositories())
        self._set_repositories(repos or {})
        self._set_environment()
        self._write(overwrite=True)

    def declare(
        self,
        *,
        config: Mapping[str, Any] | None = None,
        repos: Mapping[str, Path] | None = None,
        data: Mapping[str, PathDigest] | None = None,
        prevs: Mapping[str, Prev] | None = None,
        path: Path | None = None,
    ) -> None:
        """Add what the run says about itself, and write the receipt again.

        Parameters
        ----------
        config : mapping, optional
            Plain values; take the place of those from before.
        repos, data, prevs : mapping, optional
            Name -> folder, digest, receipt; added to those from before.
        path : Path, optional
            Where the receipt is to lie from now on.

        Raises
        ------
        ConflictError
            Another run took the place of the receipt in the meantime.
        OSError
            The receipt cannot be written.
        """
        if config is not None:
            self._redactor = self._redactor.learn(config)
            self._set_config(config)
        if repos and self.path is not None:
            self._set_repositories(repos)
        # The run may go to another folder before its inputs are looked at again.
        self._inputs.update({name: replace(entry, path=entry.path.absolute()) for name, entry in (data or {}).items()})
        self._prevs.update(prevs or {})
        self._set_environment()
        self._set_inputs()
        if self.path is None or (path is not None and not _is_same(absolute_path(path), self.path)):
            self._move(path, repos)
        else:
            self._write()

    def add_code(self, name: str, folder: Path, digests: Mapping[str, str], problem: str) -> None:
        """Add code that lies in no repository, before the run starts.

        Parameters
        ----------
        name : str
            What stands for a repository in the receipt.
        folder : Path
            Where the files lie.
        digests : mapping
            Path relative to `folder` -> digest.
        problem : str
            Why there is no snapshot of it.
        """
        self._further_code[name] = dict(digests)
        self._further[name] = RepositoryEntry(path=portable_path(folder, self._root), problem=problem)

    def redacted(self, text: str) -> str:
        """Return a text without the secrets that the run knows.

        Parameters
        ----------
        text : str

        Returns
        -------
        str
        """
        return self._redactor.text(text)

    def finish(self, opened: Collection[str] = (), *, strict: bool = False) -> Receipt:
        """Complete the receipt of a run whose main returned.

        Parameters
        ----------
        opened : collection of str
            What `naga.lock.reads.watched_reads` collected.
        strict : bool
            A file that was read without being declared makes the run failed.

        Returns
        -------
        Receipt
            Finished; or failed, when an input changed while the run was going, or for the sake of `strict`.

        Raises
        ------
        ConflictError
            Another run took the place of the receipt in the meantime.
        OSError
            The receipt cannot be written.
        """
        self._set_undeclared(opened)
        changed = next((name for name, entry in self._inputs.items() if not _is_intact(entry)), None)
        if changed is not None:
            message = f"the input {changed} ({self._inputs[changed].path}) changed while the run was going"
            return self._complete("failed", ErrorEntry(type="InputChanged", message=message))
        undeclared = self.receipt.used["undeclared"]
        if strict and undeclared:
            message = f"read but not declared: {', '.join(undeclared)}"
            return self._complete("failed", ErrorEntry(type="UndeclaredReads", message=message))
        return self._complete("finished", None)

    def fail(self, error: ErrorEntry, opened: Collection[str] = ()) -> Receipt:
        """Complete the receipt of a run whose main raised.

        Parameters
        ----------
        error : ErrorEntry
            What was raised, and where in the person's own code.
        opened : collection of str
            As for `finish`.

        Returns
        -------
        Receipt

        Raises
        ------
        ConflictError, OSError
            As for `finish`.
        """
        file = portable_path(error.file, self._root) if error.file and Path(error.file).is_absolute() else error.file
        redacted = replace(error, message=_shortened(self._redactor.text(error.message)), file=file)
        self._set_undeclared(opened)
        return self._complete("failed", redacted)

    def _complete(self, status: Any, error: ErrorEntry | None) -> Receipt:
        problems = [problem for problem in (self._set_code(), self._set_outputs()) if problem is not None]
        if problems and error is None:
            message = self._redactor.text(problems[0].one_line())
            status, error = "failed", ErrorEntry(type="IncompleteRecord", message=message)
        seeds = {"seeds": dict(sorted(self._seeds.items()))} if self._seeds else {}
        self.receipt = replace(
            self.receipt,
            status=status,
            error=error,
            finished=utc_text(),
            duration=round(time.monotonic() - self._clock, 3),
            environment={**self.receipt.environment, **seeds},
        )
        self.receipt = replace(self.receipt, recipe=recipe_digest(self.receipt))
        self._write()
        return self.receipt

    def _set_code(self) -> NagaError | None:
        problem = None
        try:
            # By root, since names may still change; and a file edited while the run goes on must not count as what ran.
            roots = {str(root): root for root in self._roots.values()}
            if not self._shared.has_code_of(roots):
                known, more = self._shared.code, self._settings.code_files(self._root)
                self._shared.add_code(lambda: used_files(roots, self._script, self._loaded_before, known, more))
        except NagaError as error:
            problem = error
        files = {name: self._shared.code.get(str(root), {}) for name, root in self._roots.items()}
        self.receipt = replace(self.receipt, used={**self.receipt.used, "files": {**files, **self._further_code}})
        return problem

    def _set_outputs(self) -> NagaError | None:
        found, problem = hash_outputs(self.save_dir, self.path) if self.save_dir else ({}, None)
        outputs = {name: self._data_entry(entry) for name, entry in found.items()}
        self.receipt = replace(self.receipt, outputs=outputs)
        return problem

    def _set_environment(self) -> None:
        if not self.receipt.environment:
            self._shared.environment.update(self._shared.environment or describe_environment())
            self.receipt = replace(self.receipt, environment=dict(self._shared.environment))

    def _set_undeclared(self, opened: Collection[str]) -> None:
        declared: list[Path] = []
        for prev in self._prevs.values():
            declared += [prev.path, prev.path.parent]
        declared += [path for path in (self.save_dir, self.path) if path is not None]
        undeclared = undeclared_reads(opened, self._folder, self._root, declared, self._inputs.values())
        self.receipt = replace(self.receipt, used={**self.receipt.used, "undeclared": undeclared})

    def _set_caller(self, caller: Mapping[str, Any]) -> None:
        content = {
            "module": caller.get("module"),
            "function": caller.get("function"),
            "file": portable_path(self._script, self._root) if self._script else None,
            "argv": self._redactor.argv(list(caller.get("argv") or ())),
            "cwd": portable_path(Path.cwd(), self._root),
            "root": str(self._root),
        }
        further = {name: caller[name] for name in ("set", "notebook") if caller.get(name)}
        notebook = further.get("notebook", {})
        if Path(notebook.get("path") or "").is_absolute():
            further["notebook"] = {**notebook, "path": portable_path(notebook["path"], self._root)}
        self.receipt = replace(self.receipt, caller={**content, **further})

    def _set_config(self, config: Mapping[str, Any]) -> None:
        # The command line may hold a secret that only the config says is one.
        caller = {**self.receipt.caller, "argv": self._redactor.argv(self.receipt.caller["argv"])}
        self.receipt = replace(self.receipt, caller=caller, config=self._redactor.value(dict(config)))
        place = config.get("save_dir")
        self.save_dir = absolute_path(self._folder / place) if isinstance(place, str) and place else None
        inside = Path(home_of(str(self._script or self._root))).resolve()
        if self.save_dir is not None and inside.is_relative_to(self.save_dir.resolve()):
            hint = "give the run a folder of its own, such as results/NAME"
            message = f"save_dir {place!r} holds the code itself, so its outputs cannot be told apart"
            raise ConfigError(message, hint=hint, path=self.save_dir, key="save_dir")

    def _default_repositories(self) -> dict[str, Path]:
        folder = self._script.parent if self._script else Path.cwd()
        root = find_root(folder) or self._root
        return {root.name or "project": root}

    def _set_repositories(self, repos: Mapping[str, Path]) -> None:
        self._roots = named_roots(self._roots, repos)
        outputs = [path for path in (self.save_dir, self.path) if path is not None]
        for root in self._roots.values():
            if root not in self._shared.repositories:
                entry = describe_repository(root, self._root, outputs)
                redacted = self._redactor.text(entry.problem or "") or None
                self._shared.repositories[root] = replace(entry, problem=redacted)
        entries = {name: self._shared.repositories[root] for name, root in self._roots.items()}
        self.receipt = replace(self.receipt, repos={**entries, **self._further})
        if problem := self._set_code():
            raise problem

    def _set_inputs(self) -> None:
        prevs = {name: prev.entry(portable_path(prev.path, self._root)) for name, prev in self._prevs.items()}
        lineage = collect_lineage((prev.receipt for prev in self._prevs.values()), self.receipt.environment)
        data = {name: self._data_entry(entry) for name, entry in self._inputs.items()}
        self.receipt = replace(self.receipt, data=data, prevs=prevs, lineage=lineage)

    def _data_entry(self, entry: PathDigest) -> DataEntry:
        return DataEntry(
            path=portable_path(entry.path, self._root),
            digest=entry.digest,
            size=entry.size,
            kind=entry.kind,
            files=entry.files,
            include=entry.include,
            exclude=entry.exclude,
        )

    def _move(self, path: Path | None, repos: Mapping[str, Path] | None) -> None:
        """Give the receipt the place that the run asks for; the one from the start of the run goes away."""
        old = self.path
        if path is None:
            path = (self.save_dir or Path.cwd()) / RECEIPT_NAME
        self.start(path, repos=repos)
        if old is not None:
            remove_receipt(old, self.receipt)

    def _write(self, *, overwrite: bool = False) -> None:
        assert self.path is not None
        self._shared.guard()
        write_receipt(self.path, self.receipt, overwrite=overwrite)


def _is_intact(entry: PathDigest) -> bool:
    try:
        now = hash_path(entry.path, entry.include, entry.exclude, progress=False)
    except NagaError:
        return False
    return now.digest == entry.digest


def _is_same(one: Path, other: Path) -> bool:
    """Tell whether two paths name the same file in the same folder, through whatever links."""
    if not (one.parent.is_dir() and other.parent.is_dir()):
        return one == other
    return one.name == other.name and one.parent.samefile(other.parent)


def _shortened(message: str) -> str:
    more = len(message) - _LONGEST_MESSAGE
    return message if more <= 0 else f"{message[:_LONGEST_MESSAGE]} ... ({more} more characters)"
