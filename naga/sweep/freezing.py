"""Freezing the code of a sweep: a checkout of its snapshot that jobs run from, whatever is edited meanwhile.

Checkouts lie in ``.naga/frozen`` at the root of the project, a folder for each snapshot. A file beside each one names
the sweeps that run from it, in a folder of the same name that ends with ``.users``. When the last of them lets go of
it, the checkout is removed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from naga.config.files import read_config_file
from naga.errors import IncompleteError, IntegrityError, RefusedError
from naga.lock.atomic import folder_lock, write_atomically
from naga.lock.digest import hash_bytes, hash_file
from naga.lock.frozen import FrozenCode
from naga.lock.project import find_project
from naga.lock.redact import Redactor
from naga.lock.repositories import describe_repository
from naga.lock.snapshot import find_root
from naga.rerun.checkout import changed_in_checkout, check_out
from naga.sweep.plan import state_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from naga.lock.receipt import RepositoryEntry

__all__ = ["config_texts", "freeze", "list_users", "release"]

_UNFROZEN = "commit it to a git repository, or set freeze: false to run from the folder as it is"


def freeze(
    script: Path, user: str, content: Any, *, entry: RepositoryEntry | None = None, outputs: Iterable[Path] = ()
) -> FrozenCode:
    """Check out what a script's repository holds now, unless a checkout of that is there already.

    Parameters
    ----------
    script : Path
        The script.
    user : str
        The identifier of the sweep that will run from it.
    content : object
        What the sweep wants to be known by while it holds the checkout; plain values.
    entry : RepositoryEntry, optional
        The state of the repository, when it was kept already.
    outputs : iterable of Path
        Folders and files of outputs, which are no code.

    Returns
    -------
    FrozenCode

    Raises
    ------
    RefusedError
        The script is in no repository, or its state cannot be kept.
    IntegrityError
        A checkout is not what the snapshot holds: it was changed.
    IncompleteError
        It cannot be written.
    """
    root = find_root(script.absolute())
    if root is None:
        raise RefusedError(f"{script} cannot be frozen: it is in no git repository", hint=_UNFROZEN, path=script)
    project = find_project(root)
    entry = entry or describe_repository(root, project, outputs)
    if entry.snapshot is None:
        raise RefusedError(f"{script} cannot be frozen: {entry.problem}", hint=_UNFROZEN, path=script)
    further = dict(_ignored_code(root, entry))
    name = entry.snapshot if not further else f"{entry.snapshot}-{_digest(further)}"
    try:
        (project / ".naga").mkdir(exist_ok=True)
        folder = state_folder(project) / "frozen"
        folder.mkdir(exist_ok=True)
        with folder_lock(folder):
            checkout = folder / name
            if not checkout.is_dir():
                _make(root, entry, further, checkout)
            _check(checkout, entry)
            users = folder / f"{name}.users"
            users.mkdir(exist_ok=True)
            write_atomically(users / user, json.dumps(content).encode())
    except OSError as error:
        message = f"cannot check {root} out: {error.strerror} ({error.filename})"
        raise IncompleteError(message, hint="make room, or set freeze: false", path=root) from error
    return FrozenCode(str(root), str(checkout), asdict(entry))


def config_texts(files: Iterable[str]) -> dict[str, str]:
    """Read the config files that jobs are to see as they are now.

    Parameters
    ----------
    files : iterable of str
        Absolute paths.

    Returns
    -------
    dict
        Path -> content. One that holds secrets is left out: they must not stand in a further file.

    Raises
    ------
    NotFoundError, ConfigFileError
        A file cannot be read any more.
    """
    texts = {}
    for file in files:
        redactor = Redactor.from_environment(os.environ)
        content: Any = OmegaConf.to_container(read_config_file(Path(file)), resolve=False)
        text = Path(file).read_text(encoding="utf-8")
        if redactor.value(content) == content and redactor.text(text) == text:
            texts[file] = text
    return texts


def release(code: FrozenCode, user: str) -> None:
    """Let go of a checkout, and remove it when nobody else runs from it.

    Parameters
    ----------
    code : FrozenCode
    user : str
        As for `freeze`; one that has let go already changes nothing.
    """
    checkout = Path(code.checkout)
    users = checkout.with_name(f"{checkout.name}.users")
    if not users.is_dir():
        return
    with folder_lock(checkout.parent):
        (users / user).unlink(missing_ok=True)
        if users.is_dir() and not any(users.iterdir()):
            # The users go last, so that what is interrupted here is finished by whoever lets go next.
            shutil.rmtree(checkout, ignore_errors=True)
            users.rmdir()


def list_users(project: Path) -> Iterator[tuple[Path, str, Any]]:
    """List who runs from the checkouts of a project.

    Parameters
    ----------
    project : Path
        The root of the project.

    Yields
    ------
    tuple
        The checkout, the user, and what it wants to be known by.
    """
    for file in sorted((project / ".naga" / "frozen").glob("*.users/*")):
        yield file.parent.with_suffix(""), file.name, json.loads(file.read_bytes())


def _make(root: Path, entry: RepositoryEntry, further: dict[str, str], checkout: Path) -> None:
    """Make a checkout beside its place, so that one that was interrupted is never taken for a whole one."""
    making = Path(tempfile.mkdtemp(prefix=f".{checkout.name[:12]}-", dir=checkout.parent))
    try:
        making.chmod(0o777 & ~_umask())
        check_out(root, entry, making)
        for path, digest in further.items():
            _copy(root / path, making / path, digest)
        making.rename(checkout)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise


def _copy(source: Path, place: Path, digest: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, place)
    if hash_file(place) != digest:
        raise IntegrityError(f"{source} changed while it was frozen", hint="submit again", path=source)


def _check(checkout: Path, entry: RepositoryEntry) -> None:
    changed = changed_in_checkout(checkout, str(entry.snapshot))
    if changed:
        message = f"{checkout / changed[0]} is not what the snapshot holds: it was changed"
        hint = f"when no sweep runs from it, remove {checkout} and submit again"
        raise IntegrityError(message, hint=hint, path=checkout / changed[0])


def _ignored_code(root: Path, entry: RepositoryEntry) -> Iterator[tuple[str, str]]:
    """Yield what this process has imported from the repository though no snapshot holds it, such as a version file."""
    from naga.lock.git import run

    listing = run(root, "ls-tree", "-r", "-z", "--name-only", str(entry.snapshot))
    known = {os.fsdecode(path) for path in listing.split(b"\0")}
    top = f"{root}/"
    for module in list(sys.modules.values()):
        file = getattr(module, "__dict__", {}).get("__file__")
        if not isinstance(file, str) or not file.startswith(top) or _is_installed(file):
            continue
        relative = file[len(top) :]
        if relative not in known and os.path.isfile(file):  # noqa: PTH113 - of many files
            yield relative, hash_file(Path(file))


def _is_installed(file: str) -> bool:
    prefixes = tuple(f"{prefix}/" for prefix in {sys.prefix, sys.base_prefix})
    return file.startswith(prefixes) or any(part in file for part in ("/site-packages/", "/dist-packages/", "/.naga/"))


def _digest(files: dict[str, str]) -> str:
    return hash_bytes(json.dumps(sorted(files.items())).encode()).partition(":")[2][:16]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
