"""Saving a failure: a pickle for each variable where that is possible, a description where it is not."""

from __future__ import annotations

import contextlib
import io
import os
import platform
import secrets
import sys
from datetime import UTC, datetime
from types import FunctionType
from typing import TYPE_CHECKING, Any

from naga.lock.times import utc_text
from naga.postmortem.describe import describe_value
from naga.postmortem.document import SUFFIX, Header, SavedFailure, SavedFrame, SavedVariable, write_document
from naga.postmortem.failure import capture_failure
from naga.postmortem.views import type_name

if TYPE_CHECKING:
    from pathlib import Path

    from naga.lock.redact import Redactor
    from naga.postmortem.failure import Failure
    from naga.postmortem.frames import Frame

__all__ = ["FOLDER", "LIMIT_NAME", "save_failure", "save_of_run", "save_of_worker"]

FOLDER = ".naga"
"""The folder beside a receipt that holds the post-mortem."""

LIMIT_NAME = "NAGA_DEBUG_LIMIT"
"""The environment variable that says how many MiB the pickle of one variable may have."""

_LIMIT = 64
_VARIABLES_IN_ALL = 8
_KEPT_OF_WORKERS = 20


def save_of_run(error: BaseException, save_dir: Path, run: str) -> Path:
    """Save the failure of a run beside its receipt, in place of that of an earlier run.

    Parameters
    ----------
    error : BaseException
        As it is being handled.
    save_dir : Path
        The folder of the receipt.
    run : str
        The id of the run.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OSError
        It cannot be written.
    """
    folder = save_dir / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    ignored = folder / ".gitignore"
    if not ignored.exists():
        # Snapshots of the code take in whatever git does not ignore.
        ignored.write_text("*\n", encoding="utf-8")
    for old in folder.glob(f"*{SUFFIX}"):
        old.unlink(missing_ok=True)
    path = folder / f"{run}{SUFFIX}"
    save_failure(capture_failure(error), path, run)
    return path


def save_of_worker(failure: Failure) -> str:
    """Save the failure of a worker process in the person's cache folder, which holds the last few of them.

    Parameters
    ----------
    failure : Failure

    Returns
    -------
    str
        The line that says where it is, or why it could not be saved.
    """
    from naga.lock.cache_place import cache_folder

    chosen = failure.frames[failure.chosen] if failure.chosen is not None else None
    where = f"naga: {chosen.place() if chosen else failure.type} in process {os.getpid()}"
    folder = cache_folder() / "postmortem"
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}{SUFFIX}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        save_failure(failure, path)
        for old in sorted(folder.glob(f"*{SUFFIX}"))[:-_KEPT_OF_WORKERS]:
            old.unlink(missing_ok=True)
    except OSError as error:
        return f"{where} - its locals could not be saved: {error}"
    return f"{where} - its locals are in a file: %naga_postmortem {path}"


def save_failure(failure: Failure, path: Path, run: str = "") -> None:
    """Write a post-mortem.

    Parameters
    ----------
    failure : Failure
    path : Path
        Its folder exists. The file is readable by its owner only.
    run : str
        The id of the run, if it has one.

    Raises
    ------
    OSError
        It cannot be written.
    """
    writer = _Writer()
    saved = writer.failure(failure)
    body = writer.body.getvalue()
    header = Header(
        run=run,
        written=utc_text(),
        host=platform.node(),
        python=platform.python_version(),
        process=os.getpid(),
        path=tuple(dict.fromkeys(os.path.abspath(folder) for folder in sys.path[:1])),  # noqa: PTH100 - links stay
        failure=saved,
        size=len(body),
    )
    write_document(path, header, body)


class _Writer:
    """Decides for each variable what is written of it."""

    def __init__(self) -> None:
        from naga.lock.redact import Redactor

        self.body = io.BytesIO()
        self._redactor: Redactor = Redactor.from_environment(os.environ)
        self._limit = _read_limit()
        # A value that many frames hold is written once. All of them live as long as the failure does.
        self._known: dict[int, tuple[int, int, str]] = {}

    def failure(self, failure: Failure) -> SavedFailure:
        return SavedFailure(
            type=failure.type,
            frames=tuple(map(self._frame, failure.frames)),
            cause=self.failure(failure.cause) if failure.cause else None,
            leaves=tuple(map(self.failure, failure.leaves)),
        )

    def _frame(self, frame: Frame) -> SavedFrame:
        variables = [self._variable(name, value, frame.user) for name, value in frame.locals.items()]
        return SavedFrame(
            name=frame.name,
            file=frame.file,
            line=frame.line,
            user=frame.user,
            chosen=frame.chosen,
            variables=tuple(variables),
        )

    def _variable(self, name: str, value: Any, is_user: bool) -> SavedVariable:
        from naga.lock.redact import REDACTED, is_secret_name

        if is_secret_name(name):
            return SavedVariable(name=name, type=type_name(value), description=REDACTED, problem="a secret by its name")
        description = describe_value(value, self._redactor)
        if not is_user:
            problem = "a variable of a library"
            return SavedVariable(name=name, type=type_name(value), description=description, problem=problem)
        if id(value) not in self._known:
            self._known[id(value)] = self._pickle(value)
        start, length, problem = self._known[id(value)]
        return SavedVariable(
            name=name, type=type_name(value), description=description, start=start, length=length, problem=problem
        )

    def _pickle(self, value: Any) -> tuple[int, int, str]:
        """Append the pickle of a value to the body; return where it is, or why there is none."""
        import cloudpickle

        if type(value) is os._Environ or (type(value) is str and self._redactor.text(value) != value):
            return 0, 0, "it holds a secret"
        if (type(value) is FunctionType or issubclass(type(value), type)) and _module_of(value) == "__main__":
            # It would be written with all that it refers to, such as the defaults of a config.
            return 0, 0, "code of the script"
        start = self.body.tell()
        room = min(self._limit, _VARIABLES_IN_ALL * self._limit - start)
        try:
            cloudpickle.dump(_without_secrets(value, self._redactor), _Limited(self.body, room), protocol=5)
        except _TooLargeError:
            problem = f"its pickle would be larger than {self._limit >> 20} MiB"
        except Exception as error:  # noqa: BLE001 - a value that cannot be pickled costs only itself
            problem = f"it cannot be pickled: {type(error).__name__}"
        else:
            return start, self.body.tell() - start, ""
        self.body.seek(start)
        self.body.truncate()
        return 0, 0, problem


def _module_of(value: Any) -> object:
    if isinstance(value, FunctionType):
        return value.__module__
    return type.__getattribute__(value, "__dict__").get("__module__")


class _TooLargeError(Exception):
    pass


class _Limited:
    """A file that takes so many bytes and no more."""

    def __init__(self, file: io.BytesIO, room: int) -> None:
        self._file, self._room = file, room

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self._room -= size
        if self._room < 0:
            raise _TooLargeError
        self._file.write(data)
        return size


def _without_secrets(value: Any, redactor: Redactor) -> Any:
    """Return a value as it may be written: a mapping without what its secret names hold, anything else as it is."""
    if type(value) is dict:
        return redactor.value(value) if _holds_secret(value) else value
    omegaconf = sys.modules.get("omegaconf")
    if omegaconf is not None and type(value) is omegaconf.DictConfig:
        plain = omegaconf.OmegaConf.to_container(value, resolve=False)
        if _holds_secret(plain):
            return omegaconf.OmegaConf.create(redactor.value(plain))
    return value


def _holds_secret(value: Any) -> bool:
    from naga.lock.redact import is_secret_name

    if type(value) is dict:
        return any((type(key) is str and is_secret_name(key)) or _holds_secret(item) for key, item in value.items())
    return (type(value) is list or type(value) is tuple) and any(map(_holds_secret, value))


def _read_limit() -> int:
    """Return the most bytes of one pickle."""
    with contextlib.suppress(ValueError):
        return int(os.environ.get(LIMIT_NAME, _LIMIT)) << 20
    return _LIMIT << 20
