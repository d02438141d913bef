"""Looking into a token without trusting it, and making wrong ones of a right one.

Source: RFC 7515 and RFC 7519; RFC 8725 for what has gone wrong elsewhere.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from deskwire.conformance.verdicts import Broken, short


class Inside(NamedTuple):
    """What a token says."""

    header: dict[str, Any]
    claims: dict[str, Any]

    @property
    def lifetime(self) -> float:
        """Seconds from its making to its end; raises `Broken` if it does not say."""
        begin, end = self.claims.get("iat"), self.claims.get("exp")
        if not isinstance(begin, int | float) or not isinstance(end, int | float):
            raise Broken(f"iat {short(begin)}, exp {short(end)}")
        return float(end - begin)


def look_inside(token: str) -> Inside:
    """Read a token; raises `Broken` if it is no JWT."""
    parts = token.split(".")
    if len(parts) != 3:
        raise Broken(f"not three parts with points between: {short(token)}")
    found = []
    for part in parts[:2]:
        try:
            found.append(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))
        except ValueError:
            raise Broken(f"a part that is no JSON: {short(token)}") from None
    if not all(isinstance(each, dict) for each in found):
        raise Broken(f"a part that is no object: {short(token)}")
    return Inside(*found)


def forged(token: str) -> Iterator[tuple[str, str]]:
    """Make tokens that nobody may believe, each with its name."""
    header, claims = look_inside(token)
    head, body, signature = token.split(".")
    later = packed({**claims, "exp": int(time.time()) + 10**6})
    for name in ("none", "None", "NONE"):
        yield f"alg {name}", f"{packed({**header, 'alg': name})}.{body}."
    yield "no signature", f"{head}.{body}."
    yield "another's signature", f"{head}.{body}.{signature[::-1]}"
    yield "a later end", f"{head}.{later}.{signature}"
    for key in (b"", b"secret", b"\0" * 32):
        digest = hmac.new(key, f"{head}.{body}".encode(), hashlib.sha256).digest()
        yield f"signed with {key[:6]!r}", f"{head}.{body}.{encoded(digest)}"
    yield "a kid of /dev/null", f"{packed({**header, 'kid': '/dev/null'})}.{body}.{signature}"
    yield "nothing of a token", "x" * 40
    yield "nothing", ""


def packed(value: dict[str, Any]) -> str:
    """Write one part."""
    return encoded(json.dumps(value, separators=(",", ":")).encode())


def encoded(raw: bytes) -> str:
    """Write bytes as base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
