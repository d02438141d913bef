"""A problem as an HTTP answer: one table from problem to status, one shape of body.

Nothing but a problem's own code and message reaches a peer: no stack trace, no library's words.
"""

from collections.abc import Mapping

import msgspec
from aiohttp import web
from msgspec import Struct

from deskwire.model import problems
from deskwire.model.problems import Problem, Refused, Throttled


class NotFound(Refused):
    """Nothing is here."""

    code = "not_found"


class MethodNotAllowed(Refused):
    """Something is here, but not for this method."""

    code = "method_not_allowed"

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__("this method is not for this path")
        self.allowed = allowed


class TooLarge(Refused):
    """The body is larger than any right one."""

    code = "too_large"


class WrongMediaType(Refused):
    """The body is not JSON by its own word."""

    code = "unsupported_media_type"


class TooSlow(Refused):
    """The request was not finished in time."""

    code = "request_timeout"


class ForeignOrigin(Refused):
    """A page of another origin asks."""

    code = "forbidden_origin"


class Misdirected(Refused):
    """The Host is none of ours."""

    code = "misdirected_request"


class NotAWebSocket(Refused):
    """Only a WebSocket can be opened here."""

    code = "upgrade_required"


class BadRequest(Refused):
    """Not HTTP as we read it."""

    code = "bad_request"


class UnknownMethod(Refused):
    """No method we know anywhere."""

    code = "not_implemented"

    def __init__(self) -> None:
        super().__init__("there is no such method here")


class InternalError(Problem):
    """A bug of ours."""

    code = "internal_error"


STATUS: Mapping[type[Problem], int] = {
    BadRequest: 400,
    problems.Malformed: 400,
    problems.WrongCredentials: 401,
    problems.TokenRefused: 401,
    problems.TokenExpired: 401,
    problems.OutOfScope: 403,
    ForeignOrigin: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    TooSlow: 408,
    TooLarge: 413,
    WrongMediaType: 415,
    Misdirected: 421,
    NotAWebSocket: 426,
    Throttled: 429,
    InternalError: 500,
    UnknownMethod: 501,
    problems.StateUnavailable: 503,
}


class ErrorData(Struct, frozen=True):
    """What went wrong."""

    code: str
    message: str


class ErrorAnswer(Struct, frozen=True, tag_field="object", tag="error"):
    """The body of every HTTP error."""

    data: ErrorData


def body_of(problem: Problem) -> bytes:
    """Say it in JSON."""
    return msgspec.json.encode(ErrorAnswer(ErrorData(problem.code, problem.message)))


def answer(problem: Problem) -> web.Response:
    """Say it in HTTP."""
    response = web.Response(
        body=body_of(problem),
        status=STATUS.get(type(problem), 500),
        content_type="application/json",
    )
    if response.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(problem, Throttled):
        response.headers["Retry-After"] = str(max(1, round(problem.retry_after)))
    if isinstance(problem, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(problem.allowed)
    if isinstance(problem, NotAWebSocket):
        response.headers["Upgrade"] = "websocket"
        response.headers["Connection"] = "Upgrade"
        response.headers["Sec-WebSocket-Version"] = "13"  # RFC 6455 section 4.4
    return response
