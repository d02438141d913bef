"""HTTP routes: the table of all paths, and the router that finds the entry for a request.

The server and `/v1/openapi.json` both use this table, so the document always matches the server. A
`{name}` in a path matches one segment, which the handler receives.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum, auto
from types import MappingProxyType
from typing import Any

from aiohttp import web
from msgspec import Struct

from deskwire.model.problems import (
    DeviceUnavailable,
    Malformed,
    NotSupported,
    OutOfScope,
    PlayerError,
    PlayerTimeout,
    Problem,
    StateUnavailable,
    Throttled,
    TokenExpired,
    TokenRefused,
    TrackChanged,
    UnknownCommand,
    UnknownPlayer,
    UnknownTopic,
    WrongCredentials,
)
from deskwire.server.http.content import FindArt, Pages, art_response
from deskwire.server.http.desk_api import CommandsAnswer, DeskApi, ReadingsAnswer, ResultAnswer
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
from deskwire.server.http.request_policy import Request
from deskwire.server.websocket.endpoint import WebSocketEndpoint


class AuthRequirement(Enum):
    """Credentials that a route requires."""

    NONE = auto()
    LOGIN = auto()
    """A login token, as a Bearer token or in the page's cookie."""
    ANY_TOKEN = auto()
    """A login token or a WebSocket token."""


Handler = Callable[[Request], Awaitable[Struct | web.StreamResponse | None]]
"""Returns a JSON body, a response, or `None` for a 204."""


class Route(Struct, frozen=True):
    """One method of one path."""

    method: str
    path: str
    handle: Handler
    """Its name is the OpenAPI `operationId` if the route has no `name`."""
    summary: str
    name: str = ""
    auth: AuthRequirement = AuthRequirement.NONE
    takes: Any = None
    """Type of the JSON body, or a type for each value of the segment in the path."""
    query: Mapping[str, str] = MappingProxyType({})
    """Optional parameters of the query, with their meanings."""
    gives: type[Struct] | str | None = None
    """A JSON body, a media type, or nothing."""
    status: int = 200
    refusals: tuple[type[Problem], ...] = ()


class RouteTable(list[Route]):
    """List of routes to which a decorator adds handlers."""

    def route(self, method: str, path: str, **declared: Any) -> Callable[[Handler], Handler]:
        """Return a decorator for a handler; the first line of its docstring is the summary."""

        def add(handle: Handler) -> Handler:
            summary = (handle.__doc__ or "").partition("\n")[0].rstrip(".")
            self.append(Route(method, path, handle, summary, **declared))
            return handle

        return add


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
COMMAND_REFUSALS = (
    Malformed,
    TokenRefused,
    OutOfScope,
    UnknownCommand,
    UnknownPlayer,
    TooSlow,
    NotSupported,
    TrackChanged,
    TooLarge,
    WrongMediaType,
    Throttled,
    PlayerError,
    DeviceUnavailable,
    PlayerTimeout,
)
LOG_OUT_REFUSALS = (TokenRefused, StateUnavailable)


def routes(
    *,
    login_service: LoginService,
    endpoint: WebSocketEndpoint,
    desk_api: DeskApi,
    find_art: FindArt,
    art_is_public: bool,
    pages: Pages,
) -> RouteTable:
    """Return the table of all routes except the OpenAPI document's."""
    table = RouteTable()
    art_auth = AuthRequirement.NONE if art_is_public else AuthRequirement.ANY_TOKEN
    art_refusals = (NotFound,) if art_is_public else (TokenRefused, TokenExpired, NotFound)

    @table.route(
        "POST", "/v1/login", takes=Credentials, gives=LoginTokenAnswer, refusals=LOG_IN_REFUSALS
    )
    async def log_in(request: Request) -> LoginTokenAnswer:
        """Exchange a user name and a password for a login token."""
        return await login_service.log_in(request)

    @table.route(
        "POST", "/v1/logout", auth=AuthRequirement.LOGIN, status=204, refusals=LOG_OUT_REFUSALS
    )
    async def log_out(request: Request) -> None:
        """End this login, its WebSocket tokens and its WebSockets."""
        await login_service.log_out(request)

    @table.route(
        "GET",
        "/v1/websocket",
        auth=AuthRequirement.LOGIN,
        gives=WebsocketTokenAnswer,
        refusals=(TokenRefused,),
    )
    async def websocket(request: Request) -> WebsocketTokenAnswer:
        """Get a WebSocket token and the address to connect to."""
        return login_service.websocket_token(request)

    @table.route(
        "GET", "/v1/monitor/{desk}/ws", status=101, refusals=(ForeignOrigin, NotAWebSocket)
    )
    async def upgrade(request: Request) -> web.StreamResponse:
        """Open the WebSocket; the first message authenticates it."""
        return await endpoint.open(request.raw, request.segment, request.address)

    @table.route("GET", "/v1/img/tmp/{key}", auth=art_auth, gives="image/*", refusals=art_refusals)
    async def art(request: Request) -> web.Response:
        """Get the album art of a player."""
        if not art_is_public:
            login_service.check_any_token(request)
        return art_response(request.raw, request.segment, find_art)

    @table.route("GET", "/healthz", gives=HealthAnswer)
    async def health(_: Request) -> HealthAnswer:
        """Check that the daemon answers."""
        return HealthAnswer(HealthData("ok"))

    _add_desk_routes(table, desk_api)
    _add_page_routes(table, login_service, pages)
    return table


def _add_desk_routes(table: RouteTable, desk_api: DeskApi) -> None:
    @table.route(
        "GET",
        "/v1/desk",
        auth=AuthRequirement.LOGIN,
        gives=ReadingsAnswer,
        query={"topics": "Names of topics, separated by commas; all topics without it"},
        refusals=(TokenRefused, OutOfScope, UnknownTopic),
    )
    async def desk(request: Request) -> ReadingsAnswer:
        """Get the present readings by topic."""
        return await desk_api.readings(request)

    @table.route(
        "GET",
        "/v1/commands",
        auth=AuthRequirement.LOGIN,
        gives=CommandsAnswer,
        refusals=(TokenRefused,),
    )
    async def commands(request: Request) -> CommandsAnswer:
        """Get the commands that this login may send, with the JSON Schema of their arguments."""
        return await desk_api.commands(request)

    @table.route(
        "POST",
        "/v1/commands/{name}",
        auth=AuthRequirement.LOGIN,
        takes=desk_api.commands_by_name,
        gives=ResultAnswer,
        refusals=COMMAND_REFUSALS,
    )
    async def perform(request: Request) -> ResultAnswer:
        """Carry out a command; the body has its arguments."""
        return await desk_api.perform(request)


def _add_page_routes(table: RouteTable, login_service: LoginService, pages: Pages) -> None:
    @table.route("POST", "/v1/page/login", takes=Credentials, status=204, refusals=LOG_IN_REFUSALS)
    async def log_in_page(request: Request) -> web.Response:
        """Log in the web page; the login token is set as a cookie."""
        return await login_service.log_in_page(request)

    @table.route(
        "POST", "/v1/page/logout", auth=AuthRequirement.LOGIN, status=204, refusals=LOG_OUT_REFUSALS
    )
    async def log_out_page(request: Request) -> web.Response:
        """End the web page's login and clear its cookie."""
        return await login_service.log_out_page(request)

    @table.route("GET", "/", gives="text/html", refusals=(NotFound,))
    async def page(request: Request) -> web.Response:
        """Get the web page."""
        return pages.response(request.raw)

    @table.route("GET", "/page/{file}", gives="*/*", refusals=(NotFound,))
    async def page_file(request: Request) -> web.Response:
        """Get a file of the web page."""
        return pages.response(request.raw, request.segment)
