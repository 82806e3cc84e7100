"""Whether a run and everything before it is still there as its receipt says; nothing is fetched from anywhere."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Literal

from naga.errors import GitError, NagaError, NotFoundError
from naga.lock.compare import changed_files
from naga.lock.describe import stage_name
from naga.lock.digest import hash_bytes
from naga.lock.environment import compare_environments
from naga.lock.inputs import KEPT
from naga.lock.project import portable_path
from naga.lock.receipt import receipt_digest
from naga.lock.recipe import recipe_digest
from naga.lock.snapshot import has_snapshot
from naga.lock.staleness import root_of_ancestor
from naga.lock.world import World, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from naga.lock.environment import Difference
    from naga.lock.receipt import DataEntry, Receipt, RepositoryEntry

__all__ = ["CodeCheck", "DataCheck", "RunCheck", "Verification", "lineage_problems", "verify_receipt"]


@dataclass(frozen=True, slots=True)
class CodeCheck:
    """Whether the exact code of a run is still in its repository.

    Attributes
    ----------
    name : str
        Of the repository.
    state : {"available", "gone", "unknown", "not recorded"}
        ``unknown`` when git cannot be asked, ``not recorded`` when the run had no repository. Cells of a notebook are
        available when they lie beside the receipt as they did.
    snapshot : str or None
        The commit.
    detail : str
        Why it is gone or was not recorded.
    """

    name: str
    state: Literal["available", "gone", "unknown", "not recorded"]
    snapshot: str | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DataCheck:
    """Whether an input or output of a run is still what it was.

    Attributes
    ----------
    name : str
        As the receipt has it.
    path : str
        As the receipt has it.
    state : {"intact", "modified", "missing"}
        ``missing`` also when it cannot be read.
    was, now : str or None
        Digests; `now` is None when it is missing.
    files : tuple of str
        Which files of a tree differ, where the manifests of both are in the cache.
    detail : str
        Why it cannot be read.
    """

    name: str
    path: str
    state: Literal["intact", "modified", "missing"]
    was: str
    now: str | None
    files: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RunCheck:
    """What is left of one run.

    Attributes
    ----------
    id, stage, status : str
        Of the run; only what is ``finished`` may be relied on.
    path : str or None
        Where its receipt lies, as the receipts of later runs have it; None when none of them says.
    code, data, outputs : tuple
        The checks, in the order of the receipt.
    environment : tuple of Difference
        How the environment of this process differs from that of the run.
    problems : tuple of str
        What is wrong with the receipt itself or with what others say of it.
    """

    id: str
    stage: str
    status: str
    path: str | None
    code: tuple[CodeCheck, ...]
    data: tuple[DataCheck, ...]
    outputs: tuple[DataCheck, ...]
    environment: tuple[Difference, ...]
    problems: tuple[str, ...]

    @property
    def state(self) -> str:
        """In a word: ``intact``, ``inconsistent``, the status of a run that did not finish, or its worst part."""
        if self.problems:
            return "inconsistent"
        if self.status != "finished":
            return self.status
        states = {check.state for check in (*self.data, *self.outputs)} | {check.state for check in self.code}
        return next((state for state in ("missing", "gone", "unknown", "modified") if state in states), "intact")

    @property
    def is_intact(self) -> bool:
        """Whether it finished, and its code, inputs and outputs are there as they were."""
        kept = all(check.state == "intact" for check in (*self.data, *self.outputs))
        return (
            self.status == "finished"
            and kept
            and all(check.state in ("available", "not recorded") for check in self.code)
        )


@dataclass(frozen=True, slots=True)
class Verification:
    """What is left of a run and of its whole lineage.

    Attributes
    ----------
    path : Path
        The receipt.
    runs : tuple of RunCheck
        The run itself, and then its ancestors, the latest first.
    """

    path: Path
    runs: tuple[RunCheck, ...]

    @property
    def is_consistent(self) -> bool:
        """Whether the receipts say the same of each other."""
        return not any(run.problems for run in self.runs)

    @property
    def is_intact(self) -> bool:
        """Whether everything is there as it was; the environment does not count."""
        return self.is_consistent and all(run.is_intact for run in self.runs)

    @property
    def is_same_environment(self) -> bool:
        """Whether this process has the environment of all the runs."""
        return not any(run.environment for run in self.runs)

    def to_mapping(self) -> dict[str, Any]:
        """Return the verification as plain values.

        Returns
        -------
        dict
            ``path``, ``intact``, ``consistent``, ``same_environment`` and ``runs`` (list of mappings).
        """
        return {
            "path": str(self.path),
            "intact": self.is_intact,
            "consistent": self.is_consistent,
            "same_environment": self.is_same_environment,
            "runs": [{**asdict(run), "intact": run.is_intact} for run in self.runs],
        }


def verify_receipt(
    path: Path,
    receipt: Receipt,
    environment: Mapping[str, Any],
    *,
    progress: bool = True,
    world: World | None = None,
) -> Verification:
    """Check a run and all of its ancestors.

    Parameters
    ----------
    path : Path
        The file of the receipt, absolute.
    receipt : Receipt
        Its content, with its lineage.
    environment : mapping
        What `naga.lock.environment.describe_environment` says of this process.
    progress : bool, optional
        Whether to show a bar for what takes longer than a second to read.
    world : World, optional
        Through which to look at everything.

    Returns
    -------
    Verification
    """
    return _Verifier(path, receipt, environment, world or World(progress=progress)).verify()


def lineage_problems(receipt: Receipt) -> dict[str, list[str]]:
    """Find where the receipts in a lineage contradict each other.

    Parameters
    ----------
    receipt : Receipt
        With its lineage.

    Returns
    -------
    dict
        Identifier of a run -> what is wrong, in words; empty when each receipt is the one that its successors name,
        none is missing and none is there that nobody names.

    Notes
    -----
    A receipt is named by its digest in the receipts of its successors, so nothing in a lineage can be changed without
    a trace but the last receipt itself, which nothing names yet. xxHash keeps out accidents, not forgers.
    """
    problems: dict[str, list[str]] = {}
    digests = {identifier: receipt_digest(found) for identifier, found in receipt.lineage.items()}
    named: set[str] = set()
    for holder in (receipt, *receipt.lineage.values()):
        for name, entry in holder.prevs.items():
            named.add(entry.id)
            digest = digests.get(entry.id)
            if digest is None:
                problems.setdefault(holder.id, []).append(f"its prev {name} ({entry.id}) is not in the lineage")
            elif digest != entry.digest:
                text = (
                    f"it is not the receipt that {stage_name(holder)} read: its digest is {digest}, not {entry.digest}"
                )
                problems.setdefault(entry.id, []).append(text)
    for identifier in digests.keys() - named:
        problems.setdefault(identifier, []).append("no run in the lineage names it")
    return problems


class _Verifier:
    """One verification while it is made."""

    def __init__(self, path: Path, receipt: Receipt, environment: Mapping[str, Any], world: World) -> None:
        self._path = path
        self._receipt = receipt
        self._environment = environment
        self._world = world
        self._root = world.root_of(str(path), receipt)
        self._problems = lineage_problems(receipt)
        self._packages = _package_lists([environment, *(found.environment for found in self._runs())])
        self._snapshots: dict[tuple[str, str], CodeCheck] = {}

    def verify(self) -> Verification:
        places = dict(self._places())
        return Verification(self._path, tuple(self._check(run, places.get(run.id)) for run in self._runs()))

    def _runs(self) -> list[Receipt]:
        ancestors = sorted(self._receipt.lineage.values(), key=lambda run: (run.started, run.id), reverse=True)
        return [self._receipt, *ancestors]

    def _places(self) -> Iterator[tuple[str, tuple[str, str]]]:
        """Yield where the receipt of each run lies: as the receipts have it, and on this machine."""
        for holder in self._runs():
            root = self._root_of(holder)
            for entry in holder.prevs.values():
                yield entry.id, (entry.path, place_of(entry.path, root))
        yield self._receipt.id, (portable_path(self._path, Path(self._root)), str(self._path))

    def _root_of(self, run: Receipt) -> str:
        return self._root if run is self._receipt else root_of_ancestor(run, self._receipt, self._root)

    def _check(self, run: Receipt, place: tuple[str, str] | None) -> RunCheck:
        root = self._root_of(run)
        environment = self._with_packages(run.environment)
        problems = [*self._problems.get(run.id, ()), *self._receipt_problems(run, place), *_package_problems(run)]
        if run.recipe is not None and recipe_digest(replace(run, lineage=self._receipt.lineage)) != run.recipe:
            problems.append("its recipe is not that of its config, code, data and prevs")
        return RunCheck(
            id=run.id,
            stage=stage_name(run),
            status=run.status,
            path=place[0] if place else None,
            code=tuple(self._check_code(run, name, entry, root) for name, entry in run.repos.items()),
            data=tuple(self._check_data(name, entry, root) for name, entry in run.data.items()),
            outputs=tuple(self._check_data(name, entry, root, is_output=True) for name, entry in run.outputs.items()),
            environment=tuple(compare_environments(environment, self._with_packages(self._environment))),
            problems=tuple(problems),
        )

    def _receipt_problems(self, run: Receipt, place: tuple[str, str] | None) -> Iterator[str]:
        """Say whether the receipt of an ancestor was changed on the disk; that it is gone is no contradiction."""
        if place is None or run is self._receipt:
            return
        lying = self._world.receipt(place[1])
        if lying is None or isinstance(lying, NagaError) or lying.id != run.id:
            return
        if receipt_digest(lying) != receipt_digest(run):
            yield f"the receipt of this run at {place[1]} does not say the same any more"

    def _with_packages(self, environment: Mapping[str, Any]) -> Mapping[str, Any]:
        """Put the list of packages back, which a lineage keeps only once."""
        packages = environment.get("packages")
        if not isinstance(packages, dict) or packages.get("digest") not in self._packages:
            return environment
        return {**environment, "packages": {**packages, "list": self._packages[packages["digest"]]}}

    def _check_code(self, run: Receipt, name: str, entry: RepositoryEntry, root: str) -> CodeCheck:
        if entry.snapshot is None and PurePath(entry.path).name == KEPT:
            return self._check_kept(run, name, entry, root)
        if entry.snapshot is None:
            return CodeCheck(name, "not recorded", None, entry.problem or "the run had no repository")
        question = place_of(entry.path, root), entry.snapshot
        if question not in self._snapshots:
            self._snapshots[question] = _find_snapshot(name, *question)
        return self._snapshots[question]

    def _check_kept(self, run: Receipt, name: str, entry: RepositoryEntry, root: str) -> CodeCheck:
        """Check code that lies beside the receipt, as the cells of a notebook do."""
        files = (run.used.get("files") or {}).get(name) or {}
        for path, digest in files.items():
            found = self._world.look(place_of(f"{entry.path}/{path}", root)).digest
            if found != digest:
                return CodeCheck(name, "gone", None, f"{entry.path}/{path} {'changed' if found else 'is missing'}")
        return CodeCheck(name, "available", None)

    def _check_data(self, name: str, entry: DataEntry, root: str, *, is_output: bool = False) -> DataCheck:
        sight = self._world.look_at(entry, root, is_output=is_output)
        if sight.digest == entry.digest:
            return DataCheck(name, entry.path, "intact", entry.digest, sight.digest)
        is_missing = sight.digest is None and not sight.is_changing
        state: Literal["modified", "missing"] = "missing" if is_missing else "modified"
        files = changed_files(entry.digest, sight.digest)
        return DataCheck(name, entry.path, state, entry.digest, sight.digest, files, sight.problem or "")


def _find_snapshot(name: str, root: str, commit: str) -> CodeCheck:
    try:
        if has_snapshot(Path(root), commit):
            return CodeCheck(name, "available", commit)
        return CodeCheck(name, "gone", commit, f"{root} does not hold the commit")
    except NotFoundError as error:
        return CodeCheck(name, "unknown" if error.key == "git" else "gone", commit, str(error))
    except GitError as error:
        return CodeCheck(name, "unknown", commit, error.one_line())


def _package_lists(environments: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Collect the lists of packages by their digests."""
    lists: dict[str, list[str]] = {}
    for environment in environments:
        packages = environment.get("packages")
        if isinstance(packages, dict) and isinstance(packages.get("list"), list):
            lists.setdefault(str(packages.get("digest")), packages["list"])
    return lists


def _package_problems(run: Receipt) -> Iterator[str]:
    """Check what the digest of a receipt leaves out: the list of packages has a digest of its own."""
    for digest, packages in _package_lists([run.environment]).items():
        if hash_bytes("\n".join(map(str, packages)).encode("utf-8", "backslashreplace")) != digest:
            yield "its list of packages is not the one that its digest names"
