"""Who logs in, and what a log-in gives: the login token, and tickets for sockets.

A token is opaque to a client, with one exception made for people: how long its session lasts is
read from it when it is a JWT (RFC 7519, `exp` and `iat`), to show the time that is left.
Nothing is decided by that.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct

from deskwire.model.problems import Problem, WrongCredentials
from deskwire.model.units import Seconds

Ask = Callable[[Problem | None], Awaitable[str | None]]
"""Asks a person for the password; told why when the last was wrong. `None` gives up."""

ASKED_AT_MOST = 3


class Login(Struct, frozen=True):
    """A login token and the span it is good for, wall clock seconds since 1970."""

    token: str
    since: Seconds
    until: Seconds

    def is_due(self, now: Seconds) -> bool:
        """Tell whether it is time for a new one: a tenth of its span is left."""
        return now >= self.until - (self.until - self.since) / 10

    def __repr__(self) -> str:
        return f"Login(token=…, until={self.until:.0f})"


class Ticket(Struct, frozen=True):
    """A websocket token and the address it opens."""

    token: str
    socket: str

    @property
    def lasts(self) -> Seconds | None:
        """How long its session lasts, `None` where the token does not say."""
        return lifetime(self.token)

    def __repr__(self) -> str:
        return f"Ticket(token=…, socket={self.socket!r})"


class Credentials:
    """A name, and a password that is known or asked for."""

    def __init__(self, username: str, password: str | Ask) -> None:
        self.username = username
        self._password = password

    @property
    def known(self) -> bool:
        """Whether the password is known, so that nobody has to be asked."""
        return isinstance(self._password, str)

    @property
    def tries(self) -> int:
        """How many passwords may be tried in one go."""
        return 1 if self.known else ASKED_AT_MOST

    async def password(self, why: Problem | None) -> str:
        """Return the password; raises `WrongCredentials` when a person gives up."""
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
    """Return how long a token lives by its own word, `None` where it does not say."""
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
