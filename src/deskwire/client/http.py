"""HTTP requests of the client: log in, log out, WebSocket token, readings, command, picture.

This module and `connection` are the only users of aiohttp in the client. It translates aiohttp's
errors and error responses into problems. It follows no redirect and stores no cookie, because a
desk uses neither.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from ssl import SSLContext
from typing import Any, Literal, TypeVar

import aiohttp
import msgspec
from msgspec import Struct

from deskwire import __version__
from deskwire.client.address import socket_fits
from deskwire.client.credentials import Login, SocketToken
from deskwire.client.problems import (
    MAX_MESSAGE,
    CertificateChanged,
    NotADesk,
    Unreachable,
    UntrustedCertificate,
    is_known,
    problem_of,
    why_unreachable,
)
from deskwire.client.trust import Pinned, Trust, format_fingerprint
from deskwire.model.instant import read_clock
from deskwire.model.problems import Problem, TokenRefused, UnknownCommand, WrongCredentials
from deskwire.model.readings import ArtKey
from deskwire.model.text import printable
from deskwire.model.units import Seconds
from deskwire.protocol.base.stats import art_url

LARGEST_ANSWER = 64 * 1024
LARGEST_PICTURE = 16 * 1024 * 1024
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+", re.ASCII)
"""RFC 6750 section 2.1, `b64token`."""
_COMMAND_NAME = re.compile(r"[a-z0-9.-]+", re.ASCII)
IDLE = 2.0
"""Time that an idle connection stays open for the next request, in seconds."""

Socket = aiohttp.ClientWebSocketResponse[Literal[True]]
T = TypeVar("T")


class Art(Struct, frozen=True):
    """A cover picture."""

    content: bytes
    media_type: str
    """`image/jpeg`, `image/png`, …"""


class _LoginToken(Struct):
    token: str
    expires_at: str


class _LoginAnswer(Struct, tag_field="object", tag="login_token"):
    data: _LoginToken


class _WebsocketToken(Struct):
    token: str
    socket: str


class _SocketTokenAnswer(Struct, tag_field="object", tag="websocket_token"):
    data: _WebsocketToken


class _ReadingsAnswer(Struct, tag_field="object", tag="readings"):
    data: dict[str, Any]


class _ErrorWords(Struct):
    code: str
    message: str


class _ErrorAnswer(Struct, tag_field="object", tag="error"):
    data: _ErrorWords


def open_pool(
    trust: Trust,
    context: SSLContext | None,
    within: Seconds,
    socket_class: type[Socket] = aiohttp.ClientWebSocketResponse,
) -> aiohttp.ClientSession:
    """Return a connection pool with this certificate policy."""
    ssl: bool | SSLContext | aiohttp.Fingerprint = context if context is not None else True
    if isinstance(trust, Pinned):
        ssl = aiohttp.Fingerprint(bytes.fromhex(trust.sha256))
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=ssl, keepalive_timeout=IDLE),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=within),
        ws_response_class=socket_class,
        headers={"User-Agent": f"deskwire/{__version__}"},
    )


@contextmanager
def translated_errors(address: str) -> Iterator[None]:
    """Translate aiohttp's errors into problems."""
    try:
        yield
    except aiohttp.ServerFingerprintMismatch as problem:
        pinned, seen = (
            format_fingerprint(problem.expected.hex()),
            format_fingerprint(problem.got.hex()),
        )
        raise CertificateChanged(address, pinned=pinned, seen=seen) from None
    except aiohttp.ClientConnectorCertificateError as problem:
        why = getattr(problem.certificate_error, "verify_message", "") or "it is not trusted"
        raise UntrustedCertificate(f"{address}: the certificate: {why}") from None
    except aiohttp.ClientSSLError:
        raise NotADesk(
            f"{address}: the server at this address does not use TLS as a desk does"
        ) from None
    except aiohttp.ClientResponseError as problem:
        raise NotADesk(f"{address}: HTTP {problem.status}, {problem.message}") from None
    except (aiohttp.InvalidURL, aiohttp.ClientPayloadError):
        raise NotADesk(f"{address}: malformed response") from None
    except TimeoutError:
        raise Unreachable(f"{address}: no answer within the timeout") from None
    except OSError as problem:
        raise Unreachable(f"{address}: {why_unreachable(problem)}") from None
    except aiohttp.ClientError:
        raise Unreachable(f"{address}: the connection was lost") from None


class Http:
    """HTTP client for one desk; use it in one event loop and call `leave` at the end."""

    def __init__(
        self, address: str, trust: Trust, context: SSLContext | None, within: Seconds
    ) -> None:
        self._address = address
        self._pool = open_pool(trust, context, within)

    async def log_in(self, username: str, password: str) -> Login:
        """Exchange a name and a password for a login token; raises `WrongCredentials` and more."""
        since = read_clock().wall
        credentials = {"username": username, "password": password}
        try:
            body = await self._ask("POST", "/v1/login", json=credentials)
        except TokenRefused as problem:
            raise WrongCredentials(problem.message) from None
        answer = self._read(_LoginAnswer, body).data
        if _TOKEN.fullmatch(answer.token) is None:
            raise NotADesk(f"{self._address}: the login token has characters that no token has")
        try:
            until = datetime.fromisoformat(answer.expires_at)
        except ValueError:
            raise NotADesk(f"{self._address}: expires_at is not an RFC 3339 time") from None
        return Login(answer.token, since, Seconds(until.timestamp()))

    async def log_out(self, login: Login) -> None:
        """End a login; an ended login is not an error."""
        try:
            await self._ask("POST", "/v1/logout", headers=_bearer(login))
        except TokenRefused:
            return

    async def socket_token(self, login: Login) -> SocketToken:
        """Get a new WebSocket token; raises `TokenRefused` if the login has ended."""
        body = await self._ask("GET", "/v1/websocket", headers=_bearer(login))
        answer = self._read(_SocketTokenAnswer, body).data
        if not socket_fits(self._address, answer.socket):
            raise NotADesk(f"{self._address}: the address of the socket is not a wss:// address")
        return SocketToken(answer.token, answer.socket)

    async def readings(self, topics: Sequence[str], login: Login) -> dict[str, Any]:
        """Get the readings of these topics, of all topics if there are none."""
        query = {"topics": ",".join(topics)}
        body = await self._ask("GET", "/v1/desk", headers=_bearer(login), params=query)
        return self._read(_ReadingsAnswer, body).data

    async def perform(self, name: str, arguments: Mapping[str, Any], login: Login) -> None:
        """Have a command carried out; raises the desk's error."""
        if _COMMAND_NAME.fullmatch(name) is None:
            raise UnknownCommand("unknown command")
        body = dict(arguments)
        await self._ask("POST", f"/v1/commands/{name}", headers=_bearer(login), json=body)

    async def art(self, key: ArtKey, login: Login) -> Art | None:
        """Get a picture; `None` if the desk no longer has it."""
        url = self._address + art_url(key)
        with translated_errors(self._address):
            async with self._pool.get(
                url, headers=_bearer(login), allow_redirects=False
            ) as response:
                if response.status == 404:
                    return None
                if response.status != 200:
                    raise self._problem(response, await _bounded(response, LARGEST_ANSWER))
                content = await _bounded(response, LARGEST_PICTURE)
                return Art(content, response.content_type)

    async def leave(self) -> None:
        """Close every connection."""
        await self._pool.close()
        await asyncio.sleep(0)

    async def _ask(self, method: str, path: str, **more: Any) -> bytes:
        with translated_errors(self._address):
            async with self._pool.request(
                method, self._address + path, allow_redirects=False, **more
            ) as response:
                body = await _bounded(response, LARGEST_ANSWER)
                if response.status not in (200, 204):
                    raise self._problem(response, body)
                return body

    def _problem(self, response: aiohttp.ClientResponse, body: bytes) -> Problem:
        try:
            words = msgspec.json.decode(body, type=_ErrorAnswer).data
        except (msgspec.DecodeError, UnicodeError):
            return NotADesk(f"{self._address}: HTTP {response.status}, not a response of a desk")
        if response.status == 401 and words.code not in (WrongCredentials.code, "token_expired"):
            return TokenRefused(words.message)
        if response.status in (401, 429) or is_known(words.code):
            return problem_of(words.code, words.message, _retry_after(response.headers))
        said = printable(words.message[:MAX_MESSAGE])
        return NotADesk(f"{self._address}: HTTP {response.status}: {said}")

    def _read(self, kind: type[T], body: bytes) -> T:
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeError):
            raise NotADesk(f"{self._address}: not a response of a desk") from None


def _bearer(login: Login) -> dict[str, str]:
    return {"Authorization": f"Bearer {login.token}"}


def _retry_after(headers: Mapping[str, str]) -> Seconds:
    text = headers.get("Retry-After", "")
    return Seconds(min(int(text), 3600)) if text.isascii() and text.isdigit() else Seconds(1)


async def _bounded(response: aiohttp.ClientResponse, most: int) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_chunked(1 << 16):
        body += piece
        if len(body) > most:
            raise NotADesk("the response is too long")
    return bytes(body)
