"""Login tokens and WebSocket tokens: signed JSON Web Tokens (RFC 7519, RFC 8725).

PyJWT verifies them with one algorithm, HS256. A token is checked in this order: its form and its
signature; the claims, all of which are required and no other is allowed; the desk; the login; and
the time. So only a token that is valid otherwise is reported as expired.

Two checks are stricter than PyJWT. The form must be exactly what `jwt.encode` produces, so a header
with `kid`, `jwk` or `crit` is refused, and no second spelling of a token exists. The time is
checked here on two clocks, because the wall clock can be set: each token carries its start and end
a second time on CLOCK_BOOTTIME.
"""

import math
import re
import secrets
from collections.abc import Callable
from typing import Annotated

import jwt
import msgspec
from msgspec import Meta, Struct

from deskwire.auth.logins import Login
from deskwire.model.access import Grant, LoginId
from deskwire.model.instant import Instant, time_until
from deskwire.model.problems import TokenExpired, TokenRefused
from deskwire.model.units import Seconds

ALGORITHM = "HS256"
HEADER = {"alg": ALGORITHM, "typ": "JWT"}
MIN_KEY_BYTES = 32
"""RFC 7518 section 3.2: a key must not be shorter than the hash."""
MAX_TOKEN_LENGTH = 4096
"""Characters; a longer token is not parsed. A token of this desk has about 500."""
TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", re.ASCII)
"""Compact form with a signature of 256 bits; the last two bits of its last character are unused
and must be 0."""

ISSUER = "deskwire"
LOGIN = "deskwire:login"
WEBSOCKET = "deskwire:websocket"
LEEWAY = Seconds(5.0)
"""Maximum time by which the start of a token may be in the future."""

WholeSeconds = Annotated[int, Meta(ge=0, le=2**53)]
Milliseconds = Annotated[int, Meta(ge=0, le=2**53)]


class Claims(Struct, frozen=True, forbid_unknown_fields=True):
    """Content of a token."""

    iss: str
    aud: str
    sub: str
    """Name of the user."""
    sid: str
    """ID of the login."""
    desk: str
    jti: str
    """ID of the token; no two tokens have the same."""
    iat: WholeSeconds
    exp: WholeSeconds
    boot: str
    """ID of the boot that `bia` and `bex` belong to."""
    bia: Milliseconds
    """Start on CLOCK_BOOTTIME."""
    bex: Milliseconds
    """End on CLOCK_BOOTTIME."""


class Tokens:
    """Issues and verifies the tokens of one desk."""

    def __init__(
        self,
        key: bytes,
        *,
        desk: str,
        boot_id: str,
        login_lifetime: Seconds,
        websocket_lifetime: Seconds,
        find_login: Callable[[LoginId], Login | None],
    ) -> None:
        """Sign with `key`; `find_login` returns a login that has not ended."""
        if len(key) < MIN_KEY_BYTES:
            raise ValueError(f"the signing key must have at least {MIN_KEY_BYTES} bytes")
        self._key = key
        self._desk = desk
        self._boot = boot_id
        self._login_lifetime = login_lifetime
        self._websocket_lifetime = websocket_lifetime
        self._find_login = find_login
        self._offsets: set[int] = set()
        """Differences between the two clocks in the tokens that this process has issued; a new
        one each time the wall clock is set."""

    def login_token(self, login: Login, now: Instant) -> tuple[str, Seconds]:
        """Return a login token, and the wall clock time at which it expires."""
        claims = self._new_claims(login, LOGIN, self._login_lifetime, now)
        return self.sign(claims), Seconds(float(claims.exp))

    def websocket_token(self, login: Login, now: Instant) -> str:
        """Return a WebSocket token."""
        return self.sign(self._new_claims(login, WEBSOCKET, self._websocket_lifetime, now))

    def verify_login(self, token: str, now: Instant) -> LoginId:
        """Return the login of a login token; raises `TokenRefused`, also if it has expired."""
        claims, login = self._verify(token, LOGIN, self._desk)
        try:
            self._remaining(claims, now)
        except TokenExpired:
            raise TokenRefused("the login token has expired") from None
        return login.id

    def verify_websocket(self, token: str, desk: str, now: Instant) -> Grant:
        """Return the grant of a WebSocket token for `desk`.

        Raises `TokenRefused`, or `TokenExpired` if only the time is wrong.
        """
        claims, login = self._verify(token, WEBSOCKET, desk)
        return Grant(
            user=login.user,
            login=login.id,
            token=claims.jti,
            scopes=login.scopes,
            deadline=Seconds(now.boot + self._remaining(claims, now)),
        )

    def sign(self, claims: Claims) -> str:
        """Return the signed token."""
        return jwt.encode(msgspec.to_builtins(claims), self._key, algorithm=ALGORITHM)

    def decode(self, token: str, audience: str) -> Claims:
        """Return the claims of a token that this desk has signed; the time is not checked.

        Raises `TokenRefused`.
        """
        if len(token) > MAX_TOKEN_LENGTH or TOKEN.fullmatch(token) is None:
            raise TokenRefused("the token is malformed")
        try:
            decoded = jwt.decode_complete(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=audience,
                issuer=ISSUER,
                options={
                    "require": list(Claims.__struct_fields__),
                    "strict_aud": True,
                    "verify_exp": False,  # see _remaining()
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            claims = msgspec.convert(decoded["payload"], Claims)
        except (jwt.DecodeError, RecursionError):
            raise TokenRefused("the token is not signed by this desk") from None
        except (jwt.InvalidTokenError, msgspec.ValidationError):
            raise TokenRefused("the token is for another purpose") from None
        if decoded["header"] != HEADER:
            raise TokenRefused("the token is malformed")
        return claims

    def _new_claims(self, login: Login, audience: str, lifetime: Seconds, now: Instant) -> Claims:
        wall, boot = int(now.wall), int(now.boot * 1000)
        claims = Claims(
            iss=ISSUER,
            aud=audience,
            sub=login.user,
            sid=login.id,
            desk=self._desk,
            jti=secrets.token_urlsafe(16),
            iat=wall,
            exp=wall + math.ceil(lifetime),
            boot=self._boot,
            bia=boot,
            bex=boot + math.ceil(lifetime * 1000),
        )
        self._offsets.add(clock_offset(claims))
        return claims

    def _verify(self, token: str, audience: str, desk: str) -> tuple[Claims, Login]:
        """Return the claims and the login of a token; only its time is not checked."""
        claims = self.decode(token, audience)
        if not claims.desk == desk == self._desk:
            raise TokenRefused("the token is for another desk")
        login = self._find_login(LoginId(claims.sid))
        if login is None or login.user != claims.sub:
            raise TokenRefused("the login of this token has ended")
        return claims, login

    def _remaining(self, claims: Claims, now: Instant) -> Seconds:
        """Return the time until the token expires, always more than 0.

        If this process has issued the token, a difference between the clocks means that the wall
        clock has been set, and it is ignored. Any other token must be valid on the wall clock, too.
        Raises `TokenExpired`, and `TokenRefused` for times that no token of this desk has.
        """
        issued = Instant(wall=Seconds(claims.iat), boot=Seconds(claims.bia / 1000))
        expires = Instant(wall=Seconds(claims.exp), boot=Seconds(claims.bex / 1000))
        age = -time_until(issued, claims.boot, now=now, this_boot=self._boot)
        remaining = time_until(expires, claims.boot, now=now, this_boot=self._boot)
        own = clock_offset(claims) in self._offsets
        if age < -LEEWAY or not (own or claims.iat <= now.wall + LEEWAY):
            raise TokenRefused("the token starts in the future")
        lifetime = claims.exp - claims.iat
        if remaining <= 0 or age >= lifetime or not (own or claims.exp > now.wall):
            raise TokenExpired("the token has expired")
        if not 0 <= lifetime - (claims.bex - claims.bia) / 1000 < 1:
            raise TokenRefused("the lifetimes on the two clocks differ")
        return remaining


def clock_offset(claims: Claims) -> int:
    """Return the seconds by which the wall clock was ahead of CLOCK_BOOTTIME at its start."""
    return round(claims.iat - claims.bia / 1000)
