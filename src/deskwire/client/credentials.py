"""Credentials, login tokens and WebSocket tokens.

A token is opaque to a client, with one exception: if it is a JWT (RFC 7519), the client reads the
length of its session from `exp` and `iat`, only to show the remaining time.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct

from deskwire.model.problems import Problem, WrongCredentials
from deskwire.model.units import Seconds

AskPassword = Callable[[Problem | None], Awaitable[str | None]]
"""Asks a user for the password. The argument says why the last one was wrong; `None` gives up."""

MAX_PASSWORD_PROMPTS = 3


class Login(Struct, frozen=True):
    """A login token and its validity, in wall clock seconds since 1970."""

    token: str
    since: Seconds
    until: Seconds

    def is_due(self, now: Seconds) -> bool:
        """Return whether less than a tenth of the validity is left."""
        return now >= self.until - (self.until - self.since) / 10

    def __repr__(self) -> str:
        return f"Login(token=…, until={self.until:.0f})"


class SocketToken(Struct, frozen=True):
    """A WebSocket token and the address of its socket."""

    token: str
    socket: str

    @property
    def lasts(self) -> Seconds | None:
        """Length of the session in seconds, `None` if the token does not say."""
        return lifetime(self.token)

    def __repr__(self) -> str:
        return f"SocketToken(token=…, socket={self.socket!r})"


class Credentials:
    """A user name, and a password or a function that asks for it."""

    def __init__(self, username: str, password: str | AskPassword) -> None:
        self.username = username
        self._password = password

    @property
    def known(self) -> bool:
        """Whether the password is known without a prompt."""
        return isinstance(self._password, str)

    @property
    def tries(self) -> int:
        """Number of passwords that may be tried."""
        return 1 if self.known else MAX_PASSWORD_PROMPTS

    async def password(self, why: Problem | None) -> str:
        """Return the password; raises `WrongCredentials` if the user gives up."""
        if isinstance(self._password, str):
            return self._password
        given = await self._password(why)
        if given is None:
            raise why or WrongCredentials("no password was given")
        return given

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, …)"


class _Claims(Struct):
    iat: float
    exp: float


_decode_claims = msgspec.json.Decoder(_Claims).decode


def lifetime(token: str) -> Seconds | None:
    """Return the lifetime of a token in seconds, `None` if it is not a JWT with `iat` and `exp`."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        body = base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), altchars=b"-_")
        claims = _decode_claims(body)
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        return None
    span = claims.exp - claims.iat
    return Seconds(span) if 0 < span < float("inf") else None
