"""A run between the call of its main and its end."""

from __future__ import annotations

import os
import re
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from naga.lock.receipt import RECEIPT_NAME, ErrorEntry
from naga.postmortem.debug import is_debugging
from naga.postmortem.frames import chosen_frame
from naga.run.current import note_ended

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from naga.lock.digest import PathDigest
    from naga.lock.lineage import Prev
    from naga.lock.receipt import Receipt
    from naga.lock.recording import Recording
    from naga.lock.shared import Shared

__all__ = ["ActiveRun", "error_entry", "is_clean_exit"]

T = TypeVar("T")


class ActiveRun:
    """A run that records itself when it is given a place for its receipt.

    Parameters
    ----------
    config : mapping
        Plain values.
    caller : mapping
        As for `naga.lock.recording.Recording`.
    loaded_before : collection of str
        Modules that do not count as imported by the run.
    seeds : mapping, optional
        Library -> seed of those that were seeded for the run.
    shared : Shared, optional
        What other runs of this process have worked out already.
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
        self._config = config
        self._caller = caller
        self._loaded_before = loaded_before
        self._seeds = seeds
        self._shared = shared
        self._recording: Recording | None = None
        self._declared: dict[str, dict[str, Path]] = {}
        self._lock = threading.RLock()
        self.receipt_path: Path | None = None
        self.receipt: Receipt | None = None

    def start(self) -> None:
        """Write the receipt of a run whose config has a ``save_dir``.

        Raises
        ------
        ConfigError
            The place for the outputs holds the code itself.
        OSError
            The receipt cannot be written.
        """
        place = self._config.get("save_dir")
        if isinstance(place, str) and place:
            recording = self._make_recording()
            recording.start(Path(place) / RECEIPT_NAME)
            self._note(recording)

    def declare(
        self,
        *,
        config: Mapping[str, Any] | None = None,
        repos: Mapping[str, Path] | None = None,
        data: Mapping[str, PathDigest] | None = None,
        prevs: Mapping[str, Prev] | None = None,
        path: Path | None = None,
    ) -> Receipt:
        """Add to the receipt what the run says about itself; it is written if it was not yet.

        Parameters
        ----------
        config, repos, data, prevs, path
            As for `naga.lock.recording.Recording.declare`. A name that stands for another path already gets a number.

        Returns
        -------
        Receipt
            The record as it stands.

        Notes
        -----
        The threads of a run may declare at the same time.
        """
        with self._lock:
            recording = self._recording or self._make_recording()
            recording.declare(
                config=config,
                repos=self._named_apart("repos", repos, lambda folder: folder),
                data=self._named_apart("data", data, lambda entry: entry.path),
                prevs=self._named_apart("prevs", prevs, lambda prev: prev.path),
                path=path,
            )
            self._note(recording)
            return recording.receipt

    def _named_apart(
        self, kind: str, declared: Mapping[str, T] | None, path_of: Callable[[T], Path]
    ) -> dict[str, T] | None:
        known = self._declared.setdefault(kind, {})
        named: dict[str, T] = {}
        for stem, value in (declared or {}).items():
            path = path_of(value).absolute()
            numbered = (old for old in known if re.fullmatch(rf"{re.escape(old)}(_\d+)?", stem))
            name, number = next((old for old in numbered if known[old] == path), stem), 2
            while known.setdefault(name, path) != path:
                name, number = f"{stem}_{number}", number + 1
            named[name] = value
        return named or None

    def finish(self, opened: Collection[str] = (), *, strict: bool = False) -> Receipt | None:
        """Complete the receipt of a main that returned.

        Parameters
        ----------
        opened, strict
            As for `naga.lock.recording.Recording.finish`.

        Returns
        -------
        Receipt or None
            None when the run has no receipt.
        """
        if self._recording is not None:
            self.receipt = self._recording.finish(opened, strict=strict)
            self._note_ended(self.receipt)
        return self.receipt

    def fail(self, error: ErrorEntry, opened: Collection[str] = ()) -> Receipt | None:
        """Complete the receipt of a main that raised.

        Parameters
        ----------
        error : ErrorEntry
        opened : collection of str
            As for `finish`.

        Returns
        -------
        Receipt or None
            None when the run has no receipt.
        """
        if self._recording is not None:
            self.receipt = self._recording.fail(error, opened)
            self._note_ended(self.receipt)
        return self.receipt

    def save_frames(self, error: BaseException) -> None:
        """Save the frames of a failure beside the receipt, if the environment asks for it.

        Parameters
        ----------
        error : BaseException
            What the main raised, as it is being handled.
        """
        if self._recording is None or self._recording.path is None or not is_debugging():
            return
        from naga.postmortem.kept import interactive_namespace
        from naga.postmortem.saved import save_of_run

        folder = self._recording.path.parent
        try:
            save_of_run(error, folder, self._recording.receipt.id)
            line = f"its locals are in a file: %naga_postmortem {os.path.relpath(folder)}"
        except OSError as problem:
            line = f"its locals could not be saved: {problem}"
        if interactive_namespace() is None:
            print(f"naga: the run failed - {line}", file=sys.stderr)  # noqa: T201 - the line for the person

    def _make_recording(self) -> Recording:
        from naga.lock.recording import Recording

        return Recording(
            self._config,
            self._caller,
            loaded_before=self._loaded_before,
            seeds=self._seeds,
            shared=self._shared,
        )

    def _note_ended(self, receipt: Receipt) -> None:
        if self.receipt_path is not None:
            note_ended(self.receipt_path, receipt)

    def _note(self, recording: Recording) -> None:
        self._recording = recording
        self.receipt_path, self.receipt = recording.path, recording.receipt


def error_entry(error: BaseException) -> ErrorEntry:
    """Say what was raised and where in the person's own code.

    Parameters
    ----------
    error : BaseException
        With its traceback.

    Returns
    -------
    ErrorEntry
    """
    name = type(error).__qualname__
    if type(error).__module__ not in ("builtins", "__main__"):
        name = f"{type(error).__module__}.{name}"
    frame = chosen_frame(error)
    file, line = (frame.file, frame.line) if frame else (None, None)
    return ErrorEntry(type=name, message=_message(error), file=file, line=line)


def is_clean_exit(error: BaseException | None) -> bool:
    """Tell whether a main that was left by an exception has finished all the same, as with ``sys.exit(0)``.

    Parameters
    ----------
    error : BaseException or None

    Returns
    -------
    bool
    """
    return isinstance(error, SystemExit) and (error.code is None or error.code == 0)


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as second:  # noqa: BLE001 - a broken __str__ of the person's error must not hide that error
        return f"<no message: its __str__ raised {type(second).__name__}>"
