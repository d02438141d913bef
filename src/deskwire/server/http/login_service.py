"""Logging in and out, and the socket's token: the contract's first two steps."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from aiohttp import HttpVersion11, web
from msgspec import Struct

from deskwire.auth.logins import Login, Logins
from deskwire.auth.passwords import BoundedQueue
from deskwire.auth.throttle import LoginThrottle
from deskwire.auth.tokens import Tokens
from deskwire.auth.users import User, Users, is_name
from deskwire.model.instant import Clock
from deskwire.model.problems import Malformed, Refused, TokenRefused
from deskwire.model.units import Seconds
from deskwire.server.http.cookie import LoginCookie
from deskwire.server.http.http_protocol import LARGEST_BODY
from deskwire.server.http.problems import TooLarge, TooSlow, WrongMediaType
from deskwire.server.http.request_policy import bearer
from deskwire.server.rate_limited_logger import RateLimitedLogger

BODY_TIMEOUT = Seconds(10)

log = logging.getLogger("deskwire.login")


class Credentials(Struct, frozen=True):
    """What a person logs in with."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(…)"


class LoginTokenData(Struct, frozen=True):
    """A login token and when it ends, RFC 3339 in UTC."""

    token: str
    expires_at: str


class LoginTokenAnswer(Struct, frozen=True, tag_field="object", tag="login_token"):
    """The answer to a log-in."""

    data: LoginTokenData


class WebsocketTokenData(Struct, frozen=True):
    """A websocket token and the address it opens."""

    token: str
    socket: str


class WebsocketTokenAnswer(Struct, frozen=True, tag_field="object", tag="websocket_token"):
    """The answer that leads to the socket."""

    data: WebsocketTokenData


_decode_credentials = msgspec.json.Decoder(Credentials).decode


class LoginService:
    """Lets people in and out."""

    def __init__(
        self,
        *,
        users: Users,
        logins: Logins,
        tokens: Tokens,
        throttle: LoginThrottle,
        clock: Clock,
        desk: str,
        public_url: str,
        tls: bool,
        expect: Callable[[], None],
    ) -> None:
        """`expect` is told that somebody is about to watch."""
        self._users = users
        self._logins = logins
        self._tokens = tokens
        self._throttle = throttle
        # who was here before does not queue behind strangers
        self._turns = {True: BoundedQueue(), False: BoundedQueue()}
        self._clock = clock
        self._desk = desk
        self._expect = expect
        self.refused = RateLimitedLogger(log, logging.WARNING)
        self._tls = tls
        self.be_reached_at(public_url)

    def be_reached_at(self, public_url: str) -> None:
        """Name this address, empty for whichever one came in by, and keep cookies for it."""
        self._public_url = public_url
        secure = self._tls or public_url.startswith("https:")
        self.cookie = LoginCookie(desk=self._desk, secure=secure)

    async def log_in(self, request: web.BaseRequest, address: str) -> LoginTokenAnswer:
        """Exchange a name and a password for a login token."""
        token, expires = await self._begin(request, address)
        expires_at = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return LoginTokenAnswer(LoginTokenData(token, expires_at))

    async def log_in_page(self, request: web.BaseRequest, address: str) -> web.Response:
        """The same for the page: the token goes into its cookie, out of every script's reach."""
        token, expires = await self._begin(request, address)
        return self.cookie.keep(token, Seconds(expires - self._clock().wall))

    async def log_out(self, request: web.BaseRequest) -> None:
        """End the login the token is of, on disk before it is answered."""
        await self._logins.end(self.login(request).id)

    async def log_out_page(self, request: web.BaseRequest) -> web.Response:
        """The same for the page, whose cookie goes with it."""
        await self.log_out(request)
        return self.cookie.forget()

    async def _begin(self, request: web.BaseRequest, address: str) -> tuple[str, float]:
        credentials = await _credentials(request)
        try:
            user = await self._verified(credentials, address)
        except Refused as problem:
            name = credentials.username if is_name(credentials.username) else "-"
            self.refused.write(f"login refused  user={name} from={address} why={problem.code}")
            raise
        agent = request.headers.get("User-Agent", "")
        login = await self._logins.begin(user, address=address, agent=agent, now=self._clock())
        return self._tokens.login_token(login, self._clock())

    async def _verified(self, credentials: Credentials, address: str) -> User:
        name = credentials.username
        known = self._logins.known(name, address)
        async with self._turns[known].turn():
            self._throttle.check(name, address, known, self._clock())
            user = await self._users.verify(name, credentials.password)
            self._throttle.succeeded(name, address, known, self._clock())
        return user

    def websocket_token(
        self, request: web.BaseRequest, host: str, *, by_tls: bool | None = None
    ) -> WebsocketTokenAnswer:
        """Mint a new websocket token and say where it is to be taken.

        `by_tls` is what a proxy says of the peer's way to it; `None`, there is none.
        """
        token = self._tokens.websocket_token(self.login(request), self._clock())
        self._expect()
        public = self._public_url.rstrip("/").replace("http", "ws", 1)
        scheme = "wss" if (self._tls if by_tls is None else by_tls) else "ws"
        base = public or f"{scheme}://{host}"
        return WebsocketTokenAnswer(WebsocketTokenData(token, f"{base}/v1/monitor/{self._desk}/ws"))

    def login(self, request: web.BaseRequest) -> Login:
        """The living login whose token a request bears; raises `TokenRefused`."""
        now = self._clock()
        login = self._logins.get(self._tokens.verify_login(self._token(request), now), now)
        if login is None:
            raise TokenRefused("this login has ended")
        return login

    def may_see_art(self, request: web.BaseRequest) -> None:
        """Pass a login token or a websocket token; raises `TokenRefused` or `TokenExpired`."""
        now = self._clock()
        token = self._token(request)
        try:
            self._tokens.verify_login(token, now)
        except TokenRefused:
            self._tokens.verify_websocket(token, self._desk, now)

    def _token(self, request: web.BaseRequest) -> str:
        """The Bearer token, or the page's cookie where no Authorization is given."""
        if "Authorization" in request.headers:
            return bearer(request)
        return self.cookie.read(request)


async def _credentials(request: web.BaseRequest) -> Credentials:
    coding = request.headers.get("Content-Encoding", "identity").lower()
    if request.content_type != "application/json" or coding != "identity":
        raise WrongMediaType("a log-in is application/json, as it is")
    if (request.content_length or 0) > LARGEST_BODY:
        raise TooLarge("a log-in is small")
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            await _go_on(request)
            body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise TooLarge("a log-in is small") from None
    except TimeoutError:
        raise TooSlow("the log-in was not finished in time") from None
    except (ConnectionError, web.RequestPayloadError):  # nobody is left to hear of it
        raise Malformed("the log-in was cut off") from None
    try:
        return _decode_credentials(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise Malformed("a log-in is a JSON object with username and password") from None


async def _go_on(request: web.BaseRequest) -> None:
    """Tell a client that asked first to send the body, RFC 9110 section 10.1.1."""
    expects = request.headers.get("Expect", "").lower() == "100-continue"
    if expects and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
