"""Reading untrusted tokens, and forging invalid ones from a valid one.

Source: RFC 7515 and RFC 7519; RFC 8725 for what has gone wrong elsewhere.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from deskwire.conformance.outcome import Broken, short


class DecodedToken(NamedTuple):
    """Header and claims of a token."""

    header: dict[str, Any]
    claims: dict[str, Any]

    @property
    def lifetime(self) -> float:
        """Seconds from `iat` to `exp`; raises `Broken` if either is missing."""
        begin, end = self.claims.get("iat"), self.claims.get("exp")
        if not isinstance(begin, int | float) or not isinstance(end, int | float):
            raise Broken(f"iat {short(begin)}, exp {short(end)}")
        return float(end - begin)


def decode_token(token: str) -> DecodedToken:
    """Read a token; raises `Broken` if it is no JWT."""
    parts = token.split(".")
    if len(parts) != 3:
        raise Broken(f"not three parts separated by points: {short(token)}")
    found = []
    for part in parts[:2]:
        try:
            found.append(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))
        except ValueError:
            raise Broken(f"a part that is not JSON: {short(token)}") from None
    if not all(isinstance(each, dict) for each in found):
        raise Broken(f"a part that is not an object: {short(token)}")
    return DecodedToken(*found)


def forged_tokens(token: str) -> Iterator[tuple[str, str]]:
    """Yield tokens that a server must refuse, each with a name."""
    header, claims = decode_token(token)
    head, body, signature = token.split(".")
    later = encode_part({**claims, "exp": int(time.time()) + 10**6})
    for name in ("none", "None", "NONE"):
        yield f"alg {name}", f"{encode_part({**header, 'alg': name})}.{body}."
    yield "no signature", f"{head}.{body}."
    yield "another's signature", f"{head}.{body}.{signature[::-1]}"
    yield "a later end", f"{head}.{later}.{signature}"
    for key in (b"", b"secret", b"\0" * 32):
        digest = hmac.new(key, f"{head}.{body}".encode(), hashlib.sha256).digest()
        yield f"signed with {key[:6]!r}", f"{head}.{body}.{base64url(digest)}"
    yield "a kid of /dev/null", f"{encode_part({**header, 'kid': '/dev/null'})}.{body}.{signature}"
    yield "nothing of a token", "x" * 40
    yield "nothing", ""


def encode_part(value: dict[str, Any]) -> str:
    """Encode one part of a token."""
    return base64url(json.dumps(value, separators=(",", ":")).encode())


def base64url(raw: bytes) -> str:
    """Encode bytes as base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
