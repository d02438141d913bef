"""HTTP errors: the status of each problem, and the response that carries it.

Clients see only a problem's own code and message, never a traceback or a library's error text.
"""

from collections.abc import Mapping

import msgspec
from aiohttp import web
from msgspec import Struct

from deskwire.model import problems
from deskwire.model.problems import Problem, Refused, Throttled


class NotFound(Refused):
    """The path or the file does not exist."""

    code = "not_found"


class MethodNotAllowed(Refused):
    """The path does not support the method."""

    code = "method_not_allowed"

    def __init__(self, method: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"{method} is not allowed on this path; use {' or '.join(allowed)}")
        self.allowed = allowed


class TooLarge(Refused):
    """The body exceeds the limit."""

    code = "too_large"


class WrongMediaType(Refused):
    """The body is not declared as JSON."""

    code = "unsupported_media_type"


class TooSlow(Refused):
    """The request did not arrive completely within the time limit."""

    code = "request_timeout"


class ForeignOrigin(Refused):
    """The request comes from a page of another origin."""

    code = "forbidden_origin"


class Misdirected(Refused):
    """The Host is not a name of this desk."""

    code = "misdirected_request"


class NotAWebSocket(Refused):
    """The path accepts only WebSocket handshakes."""

    code = "upgrade_required"


class BadRequest(Refused):
    """The request is not valid HTTP."""

    code = "bad_request"


class UnknownMethod(Refused):
    """The method is unknown on every path."""

    code = "not_implemented"

    def __init__(self) -> None:
        super().__init__("unknown HTTP method; use GET, HEAD or POST")


class InternalError(Problem):
    """The server has a bug."""

    code = "internal_error"

    def __init__(self) -> None:
        super().__init__("internal error; the daemon's log has the details")


STATUS: Mapping[type[Problem], int] = {
    BadRequest: 400,
    problems.Malformed: 400,
    problems.WrongCredentials: 401,
    problems.TokenRefused: 401,
    problems.TokenExpired: 401,
    problems.OutOfScope: 403,
    ForeignOrigin: 403,
    NotFound: 404,
    problems.UnknownCommand: 404,
    problems.UnknownTopic: 404,
    problems.UnknownPlayer: 404,
    MethodNotAllowed: 405,
    TooSlow: 408,
    problems.NotSupported: 409,
    problems.TrackChanged: 409,
    TooLarge: 413,
    WrongMediaType: 415,
    Misdirected: 421,
    NotAWebSocket: 426,
    Throttled: 429,
    InternalError: 500,
    UnknownMethod: 501,
    problems.PlayerError: 502,
    problems.StateUnavailable: 503,
    problems.DeviceUnavailable: 503,
    problems.PlayerTimeout: 504,
}


class ErrorData(Struct, frozen=True):
    """Code and message of a problem."""

    code: str
    message: str


class ErrorAnswer(Struct, frozen=True, tag_field="object", tag="error"):
    """Body of every HTTP error."""

    data: ErrorData


def encode_problem(problem: Problem) -> bytes:
    """Return the problem as JSON."""
    return msgspec.json.encode(ErrorAnswer(ErrorData(problem.code, problem.message)))


def error_response(problem: Problem) -> web.Response:
    """Return the problem as a response."""
    response = web.Response(
        body=encode_problem(problem),
        status=next((STATUS[kind] for kind in type(problem).__mro__ if kind in STATUS), 500),
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
