"""The addresses below ``naga/api``: they carry questions and answers, and know nothing of runs."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import anyio
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

import naga

if TYPE_CHECKING:
    from naga_ipython.server.reception import Reception

__all__ = ["handlers"]

_JOBS = ("verify",)
"""Operations that take long: they are started by a POST, and asked after."""
_LARGEST_BODY = 64 * 2**10
_STATUSES = {
    "UsageError": HTTPStatus.BAD_REQUEST,
    "NotFoundError": HTTPStatus.NOT_FOUND,
    "AmbiguousError": HTTPStatus.NOT_FOUND,
    "RefusedError": HTTPStatus.FORBIDDEN,
    "ReceiptFormatError": HTTPStatus.UNPROCESSABLE_ENTITY,
    "IntegrityError": HTTPStatus.UNPROCESSABLE_ENTITY,
}
_threads = anyio.CapacityLimiter(16)


class _Handler(APIHandler):
    """What all addresses have in common: JSON that nobody may take for anything else."""

    auth_resource = "naga"

    @property
    def reception(self) -> Reception:
        reception: Reception = self.settings["naga_reception"]
        return reception

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")

    def send(self, found: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
        """Answer, with the status that fits an error."""
        if "error" in found:
            status = _STATUSES.get(found["error"]["type"], HTTPStatus.INTERNAL_SERVER_ERROR)
        self.set_status(status)
        self.finish(json.dumps(found, allow_nan=False))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None))[1]
        is_told = isinstance(error, web.HTTPError)
        message = (is_told and error.log_message) or HTTPStatus(status_code).phrase
        described = {
            "type": "InternalError" if status_code >= 500 else "RefusedError",
            "message": message,
            "hint": None,
        }
        self.finish(json.dumps({"error": described}))


class QuestionHandler(_Handler):
    """Answers a question; asking changes nothing."""

    @web.authenticated
    @authorized
    async def get(self, op: str) -> None:
        """Answer by the arguments in the query."""
        words = {name: values[-1].decode("utf-8", "replace") for name, values in self.request.query_arguments.items()}
        # Jupyter's own: the login, and what keeps a browser from taking an old answer.
        for name in ("token", "_", "_xsrf"):
            words.pop(name, None)
        root = words.pop("root", "")
        found = await anyio.to_thread.run_sync(
            self.reception.answer, op, root, words, abandon_on_cancel=True, limiter=_threads
        )
        self.send(found)


class StartHandler(_Handler):
    """Starts what takes long."""

    @web.authenticated
    @authorized
    async def post(self, op: str) -> None:
        """Start a job with the arguments in the body."""
        if len(self.request.body) > _LARGEST_BODY:
            raise web.HTTPError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the arguments are too long")
        try:
            args = json.loads(self.request.body or b"{}")
        except (ValueError, RecursionError):
            args = None
        root = args.pop("root", "") if isinstance(args, dict) else None
        if not isinstance(root, str):
            raise web.HTTPError(HTTPStatus.BAD_REQUEST, "the body is not a mapping of arguments in JSON")
        found = await anyio.to_thread.run_sync(
            self.reception.start, op, root, args, abandon_on_cancel=True, limiter=_threads
        )
        self.send(found, HTTPStatus.ACCEPTED)


class JobHandler(_Handler):
    """Tells how far a job is."""

    @web.authenticated
    @authorized
    def get(self, identifier: str) -> None:
        """Describe the job."""
        job = self.reception.jobs.find(identifier)
        if job is None:
            raise web.HTTPError(HTTPStatus.NOT_FOUND, "there is no such job")
        self.send({"job": job.describe()})


class CancelHandler(_Handler):
    """Stops a job."""

    @web.authenticated
    @authorized
    def post(self, identifier: str) -> None:
        """Ask the job to stop."""
        job = self.reception.jobs.find(identifier)
        if job is None:
            raise web.HTTPError(HTTPStatus.NOT_FOUND, "there is no such job")
        job.cancel()
        self.send({"job": job.describe()}, HTTPStatus.ACCEPTED)


def handlers() -> list[tuple[str, type[_Handler]]]:
    """Return which address is answered by what.

    Returns
    -------
    list of tuple
        Patterns below the base URL, and handlers.
    """
    questions, jobs = "|".join(naga.OPERATIONS), "|".join(_JOBS)
    return [
        (rf"/naga/api/({jobs})", StartHandler),
        (rf"/naga/api/({questions})", QuestionHandler),
        (r"/naga/api/jobs/([\w-]+)", JobHandler),
        (r"/naga/api/jobs/([\w-]+)/cancel", CancelHandler),
    ]
