"""HTTP routes: the table of all paths, and the router that finds the entry for a request.

The server and `/v1/openapi.json` both use this table, so the document always matches the server. A
`{name}` in a path matches one segment, which the handler receives.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum, auto

from aiohttp import web
from msgspec import Struct

from deskwire.model.problems import (
    Malformed,
    Problem,
    StateUnavailable,
    Throttled,
    TokenExpired,
    TokenRefused,
    WrongCredentials,
)
from deskwire.server.http.content import FindArt, Pages, art_response
from deskwire.server.http.login_service import (
    Credentials,
    LoginService,
    LoginTokenAnswer,
    WebsocketTokenAnswer,
)
from deskwire.server.http.problems import (
    ForeignOrigin,
    MethodNotAllowed,
    NotAWebSocket,
    NotFound,
    TooLarge,
    TooSlow,
    WrongMediaType,
)
from deskwire.server.websocket.endpoint import WebSocketEndpoint


class Request(Struct, frozen=True):
    """A request that the policy has admitted."""

    raw: web.BaseRequest
    host: str
    address: str
    """The client's address."""
    segment: str = ""
    """Value of the `{name}` in the route's path."""
    client_tls: bool | None = None
    """Whether the client uses TLS to a trusted proxy; `None` without such a proxy."""


class AuthRequirement(Enum):
    """Credentials that a route requires."""

    NONE = auto()
    LOGIN = auto()
    """A login token, as a Bearer token or in the page's cookie."""
    ANY_TOKEN = auto()
    """A login token or a WebSocket token."""


Handler = Callable[[Request], Awaitable[Struct | web.StreamResponse | None]]
"""Returns a JSON body, a response, or `None` for a 204."""


class Route(Struct, frozen=True, kw_only=True):
    """One method of one path."""

    method: str
    path: str
    handle: Handler
    summary: str
    auth: AuthRequirement = AuthRequirement.NONE
    takes: type[Struct] | None = None
    gives: type[Struct] | str | None = None
    """A JSON body, a media type, or nothing."""
    status: int = 200
    refusals: tuple[type[Problem], ...] = ()


class Router:
    """Finds the route of a request."""

    def __init__(self, routes: Sequence[Route]) -> None:
        by_path: dict[str, dict[str, Route]] = {}
        for route in routes:
            by_path.setdefault(route.path, {})[route.method] = route
        self._paths = [
            (re.compile(re.sub(r"\\{\w+\\}", "([^/]+)", re.escape(path))), methods)
            for path, methods in by_path.items()
        ]

    def find(self, method: str, path: str) -> tuple[Route, str]:
        """Return the route and its segment; raises `NotFound` or `MethodNotAllowed`."""
        for pattern, methods in self._paths:
            match = pattern.fullmatch(path)
            if match is None:
                continue
            route = methods.get("GET" if method == "HEAD" else method)
            if route is None or (method == "HEAD" and route.status == 101):
                with_head = {*methods, "HEAD"} if "GET" in methods else set(methods)
                raise MethodNotAllowed(method, tuple(sorted(with_head)))
            return route, match[1] if match.groups() else ""
        raise NotFound("no such path; GET /v1/openapi.json lists all paths")


class HealthData(Struct, frozen=True):
    """State of the daemon."""

    status: str


class HealthAnswer(Struct, frozen=True, tag_field="object", tag="health"):
    """Body of the health check."""

    data: HealthData


LOG_IN_REFUSALS = (
    Malformed,
    WrongCredentials,
    TooSlow,
    TooLarge,
    WrongMediaType,
    Throttled,
    StateUnavailable,
)


def routes(
    *,
    login_service: LoginService,
    endpoint: WebSocketEndpoint,
    find_art: FindArt,
    art_is_public: bool,
    pages: Pages,
) -> tuple[Route, ...]:
    """Return the table. The name of each handler is its OpenAPI `operationId`."""

    async def log_in(request: Request) -> LoginTokenAnswer:
        return await login_service.log_in(request.raw, request.address)

    async def log_out(request: Request) -> None:
        await login_service.log_out(request.raw)

    async def websocket(request: Request) -> WebsocketTokenAnswer:
        return login_service.websocket_token(
            request.raw, request.host, client_tls=request.client_tls
        )

    async def upgrade(request: Request) -> web.StreamResponse:
        return endpoint.open(request.raw, request.segment, request.address)

    async def art(request: Request) -> web.Response:
        if not art_is_public:
            login_service.check_any_token(request.raw)
        return art_response(request.raw, request.segment, find_art)

    async def health(_: Request) -> HealthAnswer:
        return HealthAnswer(HealthData("ok"))

    return (
        Route(
            method="POST",
            path="/v1/login",
            handle=log_in,
            summary="Exchange a user name and a password for a login token",
            takes=Credentials,
            gives=LoginTokenAnswer,
            refusals=LOG_IN_REFUSALS,
        ),
        Route(
            method="POST",
            path="/v1/logout",
            handle=log_out,
            summary="End this login, its WebSocket tokens and its WebSockets",
            auth=AuthRequirement.LOGIN,
            status=204,
            refusals=(TokenRefused, StateUnavailable),
        ),
        Route(
            method="GET",
            path="/v1/websocket",
            handle=websocket,
            summary="Get a WebSocket token and the address to connect to",
            auth=AuthRequirement.LOGIN,
            gives=WebsocketTokenAnswer,
            refusals=(TokenRefused,),
        ),
        Route(
            method="GET",
            path="/v1/monitor/{desk}/ws",
            handle=upgrade,
            summary="Open the WebSocket; the first message authenticates it",
            status=101,
            refusals=(ForeignOrigin, NotAWebSocket),
        ),
        Route(
            method="GET",
            path="/v1/img/tmp/{key}",
            handle=art,
            summary="Get the album art of a player",
            auth=AuthRequirement.NONE if art_is_public else AuthRequirement.ANY_TOKEN,
            gives="image/*",
            refusals=(NotFound,) if art_is_public else (TokenRefused, TokenExpired, NotFound),
        ),
        Route(
            method="GET",
            path="/healthz",
            handle=health,
            summary="Check that the daemon answers",
            gives=HealthAnswer,
        ),
        *_page_routes(login_service, pages),
    )


def _page_routes(login_service: LoginService, pages: Pages) -> tuple[Route, ...]:
    async def log_in_page(request: Request) -> web.Response:
        return await login_service.log_in_page(request.raw, request.address)

    async def log_out_page(request: Request) -> web.Response:
        return await login_service.log_out_page(request.raw)

    async def page(request: Request) -> web.Response:
        return pages.response(request.raw)

    async def page_file(request: Request) -> web.Response:
        return pages.response(request.raw, request.segment)

    return (
        Route(
            method="POST",
            path="/v1/page/login",
            handle=log_in_page,
            summary="Log in the web page; the login token is set as a cookie",
            takes=Credentials,
            status=204,
            refusals=LOG_IN_REFUSALS,
        ),
        Route(
            method="POST",
            path="/v1/page/logout",
            handle=log_out_page,
            summary="End the web page's login and clear its cookie",
            auth=AuthRequirement.LOGIN,
            status=204,
            refusals=(TokenRefused, StateUnavailable),
        ),
        Route(
            method="GET",
            path="/",
            handle=page,
            summary="Get the web page",
            gives="text/html",
            refusals=(NotFound,),
        ),
        Route(
            method="GET",
            path="/page/{file}",
            handle=page_file,
            summary="Get a file of the web page",
            gives="*/*",
            refusals=(NotFound,),
        ),
    )
