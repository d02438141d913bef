"""Signing and checking: JSON Web Signature (RFC 7515) with HS256 alone; the one door to PyJWT.

A token is good if it is what we would have written: its first two parts are sealed again, and the
whole is compared. So nothing of a stranger's token is parsed, and another algorithm, `none`, `kid`,
`jwk`, `crit` and what comes next mean nothing here. PyJWT does the sealing; its own `decode` looks
at each character of a header that is ours to the byte, and at the key again each time, which takes
it eight times as long.
"""

import base64
import hmac
import math
import re
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, cast

import msgspec
from msgspec import Meta, Struct

from deskwire.auth.logins import Login
from deskwire.model.access import Grant, LoginId
from deskwire.model.instant import Instant, time_until
from deskwire.model.problems import TokenExpired, TokenRefused
from deskwire.model.units import Seconds


@contextmanager
def as_if_not_installed(package: str) -> Iterator[None]:
    """Make importing `package` fail, as it does where it is not installed.

    For the whole process while it lasts, so only around an import at a program's start.
    """
    modules = cast("dict[str, object]", sys.modules)
    kept = {package: modules[package]} if package in modules else {}
    modules[package] = None  # what the import system itself calls "not there"
    try:
        yield
    finally:
        del modules[package]
        modules.update(kept)


# PyJWT takes `cryptography` for the other algorithms if it finds it. A daemon that only does HMAC
# would carry it for nothing: 8.7 MiB resident (0.3 instead of 8.8 on top of aiohttp). PyJWT
# supports going without.
with as_if_not_installed("cryptography"):
    import jwt

ALGORITHM = "HS256"
HEADER = b'{"alg":"HS256","typ":"JWT"}'
KEY_BYTES = 32
"""RFC 7518 section 3.2: no key shorter than the hash."""
MOST = 4096
"""Characters of the longest token that is looked at; ours have about 500."""
COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}", re.ASCII)


class Signature:
    """Signs with one key, and tells what was signed with it."""

    def __init__(self, key: bytes) -> None:
        if len(key) < KEY_BYTES:
            raise ValueError(f"a signing key has at least {KEY_BYTES} bytes")
        self._algorithm = jwt.get_algorithm_by_name(ALGORITHM)
        self._key = self._algorithm.prepare_key(key)
        self._header = base64url(HEADER) + "."

    def sign(self, payload: bytes) -> str:
        """Return the payload signed, in compact form."""
        return self._sealed(self._header + base64url(payload))

    def verified(self, token: str) -> bytes:
        """Return the payload of what `sign` gave; raises `TokenRefused` for anything else."""
        if len(token) > MOST or not token.startswith(self._header) or not COMPACT.fullmatch(token):
            raise TokenRefused("this is not a token of this desk")
        signed = token.rpartition(".")[0]
        if not hmac.compare_digest(self._sealed(signed), token):
            raise TokenRefused("this is not a token of this desk")
        return from_base64url(signed.removeprefix(self._header))

    def _sealed(self, signed: str) -> str:
        return f"{signed}.{base64url(self._algorithm.sign(signed.encode(), self._key))}"


def base64url(raw: bytes) -> str:
    """Write bytes as RFC 7515 section 2 has them: the alphabet of URLs, and no padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Read them."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


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
        age = -time_until(issued, claims.boot, now=now, this_boot=self._boot)
        left = time_until(expires, claims.boot, now=now, this_boot=self._boot)
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
