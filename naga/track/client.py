"""MLflow itself: imported when it is used, and its failures told in one line."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from naga.errors import NotFoundError, RefusedError, UnreachableError
from naga.lock.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["explained", "import_mlflow", "patience", "store_name"]

_PATIENCE: Final = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
"""MLflow's own settings make somebody wait for four minutes before they hear that a server is down."""


def import_mlflow() -> Any:
    """Import MLflow.

    Returns
    -------
    module

    Raises
    ------
    NotFoundError
        It is not installed; the hint says what to install.
    """
    try:
        import mlflow
    except ModuleNotFoundError as error:
        hint = "pip install 'naga-ipython[mlflow]'"
        raise NotFoundError(f"MLflow cannot be imported: there is no module {error.name!r}", hint=hint) from error
    return mlflow


@contextmanager
def patience() -> Iterator[None]:
    """Have MLflow give up on a server that is down within seconds, where nobody asked it to wait for longer."""
    missing = [name for name in _PATIENCE if name not in os.environ]
    os.environ.update({name: _PATIENCE[name] for name in missing})
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what MLflow raises when its store cannot be used into an error of naga.

    Raises
    ------
    RefusedError
        MLflow refuses the kind of store.
    UnreachableError
        The server or the database does not answer, or does not take what it is given.
    """
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        text = " ".join(str(error).split())
        if "MLFLOW_ALLOW_FILE_STORE" in text:
            hint = "set MLFLOW_TRACKING_URI=sqlite:///mlflow.db, or the address of a server"
            raise RefusedError(f"MLflow refuses to track in folders: {store_name()}", hint=hint) from error
        hint = "is it running? MLFLOW_TRACKING_URI says where it is looked for; the receipt is as it was"
        message = f"MLflow at {store_name()} cannot be used: {Redactor().text(text)}"
        raise UnreachableError(message, hint=hint) from error


def store_name() -> str:
    """Return where MLflow tracks, without a password.

    Returns
    -------
    str
    """
    return Redactor().text(str(import_mlflow().get_tracking_uri()))
