"""The errors that naga raises.

::

    NagaError                    exit code
    ├── UsageError                2   the command line cannot be understood
    ├── ConfigError              78   a config cannot be used
    │   ├── UnknownKeyError           a key that the config does not have
    │   ├── WrongTypeError            a value that does not fit the type of its key
    │   ├── MissingValueError         a key without a value (???)
    │   └── ConfigFileError           a config file that cannot be parsed
    ├── NotFoundError            66   a file, folder, receipt or name that is not there
    │   └── AmbiguousError            a name that fits more than one thing
    ├── IntegrityError           65   content that is not what it should be
    │   ├── ReceiptFormatError        a receipt that cannot be read or breaks a limit
    │   └── ChangedWhileReadError     a file that changed while it was being read
    ├── ConflictError            73   something is there already; nothing was overwritten
    │   └── LeaseLostError            a task that another worker took over
    ├── UnreachableError         69   a remote that does not answer
    ├── IncompleteError          75   work that stopped early; the same command resumes it
    ├── RefusedError             77   something that wants an explicit flag
    ├── GitError                 65   git answered with an error
    ├── CancelledError          130   work that somebody stopped
    └── ScriptExitError              a script that ended itself with an exit code other than 0

``str(error)`` is one line for the person. What to do next is in ``error.hint``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = [
    "AmbiguousError",
    "CancelledError",
    "ChangedWhileReadError",
    "ConfigError",
    "ConfigFileError",
    "ConflictError",
    "GitError",
    "IncompleteError",
    "IntegrityError",
    "LeaseLostError",
    "MissingValueError",
    "NagaError",
    "NotFoundError",
    "ReceiptFormatError",
    "RefusedError",
    "ScriptExitError",
    "UnknownKeyError",
    "UnreachableError",
    "UsageError",
    "WrongTypeError",
    "nearest",
]


class NagaError(Exception):
    """The base of all errors that naga raises on purpose.

    Parameters
    ----------
    message : str
        One line that names the path or the key.
    hint : str, optional
        One line that says what to do next.
    path : Path, optional
        The file or folder in question.
    key : str, optional
        The config key or the name in question.

    Attributes
    ----------
    exit_code : int
        What a command that ends with this error returns to the shell.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self, message: str, *, hint: str | None = None, path: Path | None = None, key: str | None = None
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.path = path
        self.key = key

    def one_line(self) -> str:
        """Return message and hint as the single line that a person is shown.

        Returns
        -------
        str
            Without line breaks; those of the message become spaces.
        """
        message = " ".join(str(self).split())
        return f"{message} ({self.hint})" if self.hint else message


class UsageError(NagaError):
    """The command line cannot be understood."""

    exit_code = 2


class ConfigError(NagaError):
    """A config cannot be used."""

    exit_code = 78


class UnknownKeyError(ConfigError):
    """A key that the config does not have."""


class WrongTypeError(ConfigError):
    """A value that does not fit the type of its key."""


class MissingValueError(ConfigError):
    """A key that was left without a value (``???``)."""


class ConfigFileError(ConfigError):
    """A config file that cannot be parsed."""


class NotFoundError(NagaError):
    """A file, a folder, a receipt or a name that is not there."""

    exit_code = 66


class AmbiguousError(NotFoundError):
    """A name that fits more than one thing."""


class IntegrityError(NagaError):
    """Content that is not what it should be."""

    exit_code = 65


class ReceiptFormatError(IntegrityError):
    """A receipt that cannot be read, or that breaks one of the limits for untrusted documents."""


class ChangedWhileReadError(IntegrityError):
    """A file that changed while it was being read, so that no digest of it is true."""


class ConflictError(NagaError):
    """Something else is there already; nothing was overwritten."""

    exit_code = 73


class LeaseLostError(ConflictError):
    """A task was taken over by another worker while this one was paused; nothing of it may be written."""


class UnreachableError(NagaError):
    """A remote that does not answer."""

    exit_code = 69


class IncompleteError(NagaError):
    """Work that stopped early; running the same command again resumes it."""

    exit_code = 75


class RefusedError(NagaError):
    """Something that is only done when an explicit flag asks for it."""

    exit_code = 77


class GitError(NagaError):
    """The git program answered with an error."""

    exit_code = 65


class CancelledError(NagaError):
    """Work that somebody stopped before it was done."""

    exit_code = 130


class ScriptExitError(NagaError):
    """A script ended itself with an exit code other than 0.

    Parameters
    ----------
    message : str
        One line that names the script.
    code : int
        The exit code; 1 where the script gave a message instead.
    hint, path, key
        As for `NagaError`.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int = 1,
        hint: str | None = None,
        path: Path | None = None,
        key: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, path=path, key=key)
        self.code = code


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Find the candidate that a person most likely meant.

    Parameters
    ----------
    name : str
        What was written.
    candidates : iterable of str
        What would have been valid.

    Returns
    -------
    str or None
        The closest candidate, or None when none is close.

    Examples
    --------
    >>> nearest("parm", ["param", "save_dir"])
    'param'
    >>> nearest("zzz", ["param", "save_dir"]) is None
    True
    """
    # Most runs have no error.
    from difflib import get_close_matches

    matches = get_close_matches(name, list(candidates), n=1, cutoff=0.5)
    return matches[0] if matches else None
