"""Log-in service: log in, log out and get a WebSocket token, with a Bearer token or a cookie.

The web page's login token is in a cookie, set by `POST /v1/page/login`. The cookie is HttpOnly, so
no script can read it. It is SameSite=Strict, so the pages of other sites do not send it. If the
client uses TLS, its name starts with `__Host-`, so no other host of the same domain can set it. All
ports of a host are one site. `Sec-Fetch-Site` tells a request of a page on another port apart, but
a server on another port receives the cookie, too. The cookie's name is made from the signing key,
so two servers behind one host name do not replace each other's.

Sources: RFC 6265bis sections 4.1.2 and 4.1.3; W3C Fetch Metadata.
"""

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from aiohttp import web
from msgspec import Struct

from deskwire.auth import access_tokens
from deskwire.auth.logins import Login, Logins
from deskwire.auth.passwords import BoundedQueue
from deskwire.auth.throttle import Known, LoginThrottle
from deskwire.auth.tokens import Tokens
from deskwire.auth.users import User, Users, is_name
from deskwire.model.instant import Clock
from deskwire.model.problems import Malformed, Refused, TokenRefused
from deskwire.model.units import Seconds
from deskwire.server.http.request_policy import Request, read_json_body
from deskwire.server.rate_limited_logger import RateLimitedLogger

COOKIE_FLAGS = "Path=/; HttpOnly; SameSite=Strict"
_OWN_PAGE = frozenset({"same-origin", "none"})
"""Values of `Sec-Fetch-Site` for the desk's own page and for an address typed by the user."""
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/=-]+) *")

log = logging.getLogger("deskwire.login")


class Credentials(Struct, frozen=True):
    """User name and password of a log-in."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(…)"


class LoginTokenData(Struct, frozen=True):
    """A login token and its expiry, RFC 3339 in UTC."""

    token: str
    expires_at: str


class LoginTokenAnswer(Struct, frozen=True, tag_field="object", tag="login_token"):
    """Body of the response to a log-in."""

    data: LoginTokenData


class WebsocketTokenData(Struct, frozen=True):
    """A WebSocket token and the address to connect to."""

    token: str
    socket: str


class WebsocketTokenAnswer(Struct, frozen=True, tag_field="object", tag="websocket_token"):
    """Body of the response with a WebSocket token."""

    data: WebsocketTokenData


_decode_credentials = msgspec.json.Decoder(Credentials).decode


class DeskAddress(Struct, frozen=True):
    """Address at which clients reach the desk."""

    desk: str
    """The desk's id."""
    tls: bool
    public_url: str = ""
    """Address behind a reverse proxy; empty if clients connect directly."""

    def is_secure(self, client_tls: bool | None) -> bool:
        """Return whether a client reaches the desk over TLS.

        `client_tls` is the trusted proxy's word, if there is a proxy that says so.
        """
        if client_tls is None:
            return self.tls or self.public_url.startswith("https:")
        return client_tls

    def websocket_url(self, host: str, *, client_tls: bool | None) -> str:
        """Return the WebSocket address for a client that sent this Host."""
        scheme = "wss" if (self.tls if client_tls is None else client_tls) else "ws"
        public = self.public_url.rstrip("/").replace("http", "ws", 1)
        return f"{public or f'{scheme}://{host}'}/v1/monitor/{self.desk}/ws"


class LoginCookie:
    """The web page's cookie, for clients with or without TLS."""

    def __init__(self, instance: str, *, secure: bool) -> None:
        self.name = f"{'__Host-' if secure else ''}deskwire-{instance}"
        self._flags = f"{COOKIE_FLAGS}; Secure" if secure else COOKIE_FLAGS

    def read(self, request: web.BaseRequest) -> str:
        """Return the login token in a request's cookie; raises `TokenRefused`."""
        if request.headers.get("Sec-Fetch-Site", "none") not in _OWN_PAGE:
            raise TokenRefused("the cookie is accepted only from the desk's own page")
        token = _last_cookie("; ".join(request.headers.getall("Cookie", [])), self.name)
        if not token:
            raise TokenRefused("no token; send it as Authorization: Bearer TOKEN")
        return token

    def set(self, token: str, lifetime: Seconds) -> web.Response:
        """Return a 204 that sets the cookie for `lifetime`."""
        return self._response(f"{self.name}={token}; Max-Age={int(lifetime)}; {self._flags}")

    def clear(self) -> web.Response:
        """Return a 204 that deletes the cookie."""
        return self._response(f"{self.name}=; Max-Age=0; {self._flags}")

    def _response(self, cookie: str) -> web.Response:
        return web.Response(status=204, headers={"Set-Cookie": cookie})


class LoginService:
    """Logs users in and out, and issues WebSocket tokens."""

    def __init__(
        self,
        *,
        users: Users,
        logins: Logins,
        tokens: Tokens,
        clock: Clock,
        address: DeskAddress,
        instance: str,
        on_websocket_token: Callable[[], None],
    ) -> None:
        """`instance` names this server among those of the host, and is a part of the cookie's name.

        `on_websocket_token` is called when a client is about to connect.
        """
        self._users = users
        self._logins = logins
        self._tokens = tokens
        self._throttle = LoginThrottle()
        # a user who has logged in from this address before does not wait behind strangers
        self._queues = {known: BoundedQueue() for known in Known}
        self._clock = clock
        self._on_websocket_token = on_websocket_token
        self._refusals = RateLimitedLogger(log, logging.WARNING)
        self.cookies = {secure: LoginCookie(instance, secure=secure) for secure in (False, True)}
        self.reconfigure(address)

    def reconfigure(self, address: DeskAddress) -> None:
        """Use another address from the next request on."""
        self._address = address

    @property
    def cookie_name(self) -> str:
        """Name of the cookie for a client that no proxy describes."""
        return self.cookies[self._address.is_secure(None)].name

    def flush_log(self) -> None:
        """Write the summary of suppressed log lines."""
        self._refusals.flush()

    async def log_in(self, request: Request) -> LoginTokenAnswer:
        """Exchange a user name and a password for a login token."""
        token, expires = await self._begin(request)
        expires_at = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return LoginTokenAnswer(LoginTokenData(token, expires_at))

    async def log_in_page(self, request: Request) -> web.Response:
        """Log in and set the token as a cookie."""
        token, expires = await self._begin(request)
        return self._cookie(request).set(token, Seconds(expires - self._clock().wall))

    async def log_out(self, request: Request) -> None:
        """End the request's login; it is on disk when this returns."""
        await self._logins.end(self.login(request).id)

    async def log_out_page(self, request: Request) -> web.Response:
        """Log out and clear the cookie."""
        await self.log_out(request)
        return self._cookie(request).clear()

    def websocket_token(self, request: Request) -> WebsocketTokenAnswer:
        """Issue a WebSocket token, with the address to use it at."""
        token = self._tokens.websocket_token(self.login(request), self._clock())
        self._on_websocket_token()
        socket = self._address.websocket_url(request.host, client_tls=request.client_tls)
        return WebsocketTokenAnswer(WebsocketTokenData(token, socket))

    def login(self, request: Request) -> Login:
        """Return the login of the request's token; raises `TokenRefused`."""
        return self._login(self._token(request))

    def _login(self, token: str) -> Login:
        now = self._clock()
        named = access_tokens.login_of(token)
        login = self._logins.get(named or self._tokens.verify_login(token, now), now)
        if login is None or (named and not access_tokens.is_token_of(login, token)):
            raise TokenRefused("the login has ended; log in again")
        return login

    def check_any_token(self, request: Request) -> None:
        """Accept a login, access or WebSocket token; raises `TokenRefused` or `TokenExpired`."""
        token = self._token(request)
        try:
            self._login(token)
        except TokenRefused:
            self._tokens.verify_websocket(token, self._address.desk, self._clock())

    async def _begin(self, request: Request) -> tuple[str, float]:
        credentials = await _read_credentials(request.raw)
        address = request.address
        try:
            user = await self._verify(credentials, address)
        except Refused as problem:
            name = credentials.username if is_name(credentials.username) else "-"
            self._refusals.write(f"login refused  user={name} from={address} why={problem.code}")
            raise
        agent = request.raw.headers.get("User-Agent", "")
        login = await self._logins.begin(user, address=address, agent=agent, now=self._clock())
        return self._tokens.login_token(login, self._clock())

    async def _verify(self, credentials: Credentials, address: str) -> User:
        name = credentials.username
        known = self._logins.known(name, address)
        async with self._queues[known].turn():
            self._throttle.check(name, address, known, self._clock())
            user = await self._users.verify(name, credentials.password)
            self._throttle.succeeded(name, address, known, self._clock())
        return user

    def _token(self, request: Request) -> str:
        """Return the Bearer token, or the cookie's if there is no Authorization header."""
        if "Authorization" in request.raw.headers:
            return bearer_token(request.raw)
        return self._cookie(request).read(request.raw)

    def _cookie(self, request: Request) -> LoginCookie:
        return self.cookies[self._address.is_secure(request.client_tls)]


def _last_cookie(header: str, name: str) -> str:
    """Return the last value of a cookie, or an empty string.

    Other services of the host set cookies that `http.cookies` cannot read, so no library parses the
    header. Browsers send cookies of longer paths first; the one for `/` is the last.
    """
    pairs = (pair.partition("=") for pair in header.split(";"))
    values = [value.strip(" \t") for key, _, value in pairs if key.strip(" \t") == name]
    return values[-1] if values else ""


def bearer_token(request: web.BaseRequest) -> str:
    """Return the request's Bearer token, never from the URL; raises `TokenRefused`."""
    values = request.headers.getall("Authorization", [])
    match = _BEARER.fullmatch(values[0]) if len(values) == 1 else None
    if match is None:
        raise TokenRefused("invalid Authorization header; send Authorization: Bearer TOKEN")
    return match[1]


async def _read_credentials(request: web.BaseRequest) -> Credentials:
    try:
        return _decode_credentials(await read_json_body(request))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise Malformed(
            "invalid request body; send a JSON object with the strings username and password"
        ) from None
