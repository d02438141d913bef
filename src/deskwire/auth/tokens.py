"""The two tokens: what they carry, and how they are judged.

Signed JSON Web Tokens (RFC 7519, RFC 8725). Besides the registered claims one carries the login
it belongs to and its two ends a second time on CLOCK_BOOTTIME (`auth/lifetime.py`). Judged in this
order: the signature; the claims, each required, no other allowed; the audience and the desk; the
login; and only then the time, so "expired" is only ever said of a token that was good.
"""

import math
import secrets
from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from deskwire.auth.lifetime import until
from deskwire.auth.login import Login
from deskwire.auth.signature import Signature
from deskwire.model.access import Grant, LoginId
from deskwire.model.instant import Instant
from deskwire.model.problems import TokenExpired, TokenRefused
from deskwire.model.units import Seconds

ISSUER = "deskwire"
LOGIN = "deskwire:login"
WEBSOCKET = "deskwire:websocket"
LEEWAY = Seconds(5.0)
"""How far ahead a token may have been issued."""

WholeSeconds = Annotated[int, Meta(ge=0, le=2**53)]
Milliseconds = Annotated[int, Meta(ge=0, le=2**53)]


class Claims(Struct, frozen=True, forbid_unknown_fields=True):
    """What a token says."""

    iss: str
    aud: str
    sub: str
    """The person's name."""
    sid: str
    """The login."""
    desk: str
    jti: str
    """The token itself; no two are the same."""
    iat: WholeSeconds
    exp: WholeSeconds
    boot: str
    """The boot that the next two belong to."""
    bia: Milliseconds
    """When it was issued, on CLOCK_BOOTTIME."""
    bex: Milliseconds
    """When it expires, on CLOCK_BOOTTIME."""


_decode_claims = msgspec.json.Decoder(Claims).decode


class Tokens:
    """Mints tokens and verifies them."""

    def __init__(
        self,
        key: bytes,
        *,
        desk: str,
        boot_id: str,
        login_lifetime: Seconds,
        websocket_lifetime: Seconds,
        alive: Callable[[LoginId], Login | None],
    ) -> None:
        """Sign with `key`, 32 bytes; `alive` gives a login that has not been ended."""
        self._signature = Signature(key)
        self._desk = desk
        self._boot = boot_id
        self._login_lifetime = login_lifetime
        self._websocket_lifetime = websocket_lifetime
        self._alive = alive
        self._offsets: set[int] = set()
        """How far the clocks of this process's own tokens are apart; another each time the wall
        clock is set."""

    def login_token(self, login: Login, now: Instant) -> tuple[str, Seconds]:
        """Mint a login token; returns it and when it expires, by the wall clock."""
        claims = self._claims(login, LOGIN, self._login_lifetime, now)
        return self._signature.sign(msgspec.json.encode(claims)), Seconds(float(claims.exp))

    def websocket_token(self, login: Login, now: Instant) -> str:
        """Mint a websocket token."""
        claims = self._claims(login, WEBSOCKET, self._websocket_lifetime, now)
        return self._signature.sign(msgspec.json.encode(claims))

    def verify_login(self, token: str, now: Instant) -> LoginId:
        """Return the login that a login token is of.

        Raises `TokenRefused`, also when it has expired.
        """
        claims, login = self._genuine(token, LOGIN, self._desk)
        try:
            self._left(claims, now)
        except TokenExpired:
            raise TokenRefused("this login token has expired") from None
        return login.id

    def verify_websocket(self, token: str, desk: str, now: Instant) -> Grant:
        """Return what a websocket token allows at `desk`, and until when.

        Raises `TokenRefused`, or `TokenExpired` if nothing but its time is against it.
        """
        claims, login = self._genuine(token, WEBSOCKET, desk)
        return Grant(
            user=login.user,
            login=login.id,
            token=claims.jti,
            scopes=login.scopes,
            deadline=Seconds(now.boot + self._left(claims, now)),
        )

    def _claims(self, login: Login, audience: str, lifetime: Seconds, now: Instant) -> Claims:
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
        self._offsets.add(offset(claims))
        return claims

    def _genuine(self, token: str, audience: str, desk: str) -> tuple[Claims, Login]:
        """Return the claims and the login of a token that is good, time left aside."""
        payload = self._signature.verified(token)
        try:
            claims = _decode_claims(payload)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise TokenRefused("this token is for something else") from None
        if claims.iss != ISSUER or claims.aud != audience:
            raise TokenRefused("this token is for something else")
        if not claims.desk == desk == self._desk:
            raise TokenRefused("this token is for another desk")
        login = self._alive(LoginId(claims.sid))
        if login is None or login.user != claims.sub:
            raise TokenRefused("the login of this token has ended")
        return claims, login

    def _left(self, claims: Claims, now: Instant) -> Seconds:
        """Return how long the token still lasts, always more than nothing.

        Of the tokens this process minted it knows that a difference is the wall clock's having been
        set; any other is held to what it says by that clock too. Raises `TokenExpired`;
        `TokenRefused` for times that none of ours has.
        """
        issued = Instant(wall=Seconds(claims.iat), boot=Seconds(claims.bia / 1000))
        expires = Instant(wall=Seconds(claims.exp), boot=Seconds(claims.bex / 1000))
        age = -until(issued, claims.boot, now=now, this_boot=self._boot)
        left = until(expires, claims.boot, now=now, this_boot=self._boot)
        own = offset(claims) in self._offsets
        if age < -LEEWAY or not (own or claims.iat <= now.wall + LEEWAY):
            raise TokenRefused("this token is of a time to come")
        span = claims.exp - claims.iat
        if left <= 0 or age >= span or not (own or claims.exp > now.wall):
            raise TokenExpired("this token has expired")
        if not 0 <= span - (claims.bex - claims.bia) / 1000 < 1:
            raise TokenRefused("this token's two clocks do not agree")
        return left


def offset(claims: Claims) -> int:
    """Return by how many seconds the wall clock was ahead of CLOCK_BOOTTIME at its making."""
    return round(claims.iat - claims.bia / 1000)
