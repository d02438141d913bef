"""The whole HTTP surface on one page.

What is served and what `/v1/openapi.json` says of it are made from this one table, so they cannot
differ.
"""

from aiohttp import web
from msgspec import Struct

from deskwire.model.problems import (
    Malformed,
    StateUnavailable,
    Throttled,
    TokenExpired,
    TokenRefused,
    WrongCredentials,
)
from deskwire.server.http.art import Find, art_answer
from deskwire.server.http.login_service import (
    Credentials,
    LoginService,
    LoginTokenAnswer,
    WebsocketTokenAnswer,
)
from deskwire.server.http.pages import Pages
from deskwire.server.http.problems import (
    ForeignOrigin,
    NotAWebSocket,
    NotFound,
    TooLarge,
    TooSlow,
    WrongMediaType,
)
from deskwire.server.http.route import AuthRequirement, Request, Route
from deskwire.server.websocket.endpoint import WebSocketEndpoint


class HealthData(Struct, frozen=True):
    """Whether the daemon answers."""

    status: str


class HealthAnswer(Struct, frozen=True, tag_field="object", tag="health"):
    """The answer to a probe."""

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
    door: LoginService,
    monitor: WebSocketEndpoint,
    find_art: Find,
    art_is_public: bool,
    pages: Pages,
) -> tuple[Route, ...]:
    """The table."""

    async def log_in(asked: Request) -> LoginTokenAnswer:
        return await door.log_in(asked.request, asked.address)

    async def log_out(asked: Request) -> None:
        await door.log_out(asked.request)

    async def websocket(asked: Request) -> WebsocketTokenAnswer:
        return door.websocket_token(asked.request, asked.host, by_tls=asked.by_tls)

    async def upgrade(asked: Request) -> web.StreamResponse:
        return await monitor.open(asked.request, asked.segment, asked.address)

    async def art(asked: Request) -> web.Response:
        if not art_is_public:
            door.may_see_art(asked.request)
        return art_answer(asked.request, asked.segment, find_art)

    async def health(_: Request) -> HealthAnswer:
        return HealthAnswer(HealthData("ok"))

    return (
        Route(
            method="POST",
            path="/v1/login",
            handle=log_in,
            summary="Exchange a name and a password for a login token",
            takes=Credentials,
            gives=LoginTokenAnswer,
            refusals=LOG_IN_REFUSALS,
        ),
        Route(
            method="POST",
            path="/v1/logout",
            handle=log_out,
            summary="End this login, and every token and socket it gave",
            bears=AuthRequirement.LOGIN,
            status=204,
            refusals=(TokenRefused, StateUnavailable),
        ),
        Route(
            method="GET",
            path="/v1/websocket",
            handle=websocket,
            summary="Get a websocket token and the address to connect to",
            bears=AuthRequirement.LOGIN,
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
            summary="Fetch the album art a player names",
            bears=AuthRequirement.NOTHING if art_is_public else AuthRequirement.EITHER,
            gives="image/*",
            refusals=(NotFound,) if art_is_public else (TokenRefused, TokenExpired, NotFound),
        ),
        Route(
            method="GET",
            path="/healthz",
            handle=health,
            summary="Whether the daemon answers",
            gives=HealthAnswer,
        ),
        *_page_routes(door, pages),
    )


def _page_routes(door: LoginService, pages: Pages) -> tuple[Route, ...]:
    async def log_in_page(asked: Request) -> web.Response:
        return await door.log_in_page(asked.request, asked.address)

    async def log_out_page(asked: Request) -> web.Response:
        return await door.log_out_page(asked.request)

    async def page(asked: Request) -> web.Response:
        return pages.answer(asked.request)

    async def page_file(asked: Request) -> web.Response:
        return pages.answer(asked.request, asked.segment)

    return (
        Route(
            method="POST",
            path="/v1/page/login",
            handle=log_in_page,
            summary="Log the page in: the login token is kept in its cookie",
            takes=Credentials,
            status=204,
            refusals=LOG_IN_REFUSALS,
        ),
        Route(
            method="POST",
            path="/v1/page/logout",
            handle=log_out_page,
            summary="End the page's login and clear its cookie",
            bears=AuthRequirement.LOGIN,
            status=204,
            refusals=(TokenRefused, StateUnavailable),
        ),
        Route(
            method="GET",
            path="/",
            handle=page,
            summary="The web page",
            gives="text/html",
            refusals=(NotFound,),
        ),
        Route(
            method="GET",
            path="/page/{file}",
            handle=page_file,
            summary="What the web page is made of",
            gives="*/*",
            refusals=(NotFound,),
        ),
    )
