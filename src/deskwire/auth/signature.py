"""Signing and checking: JSON Web Signature (RFC 7515) with HS256 alone; the one door to PyJWT.

A token is good if it is what we would have written: its first two parts are sealed again, and the
whole is compared. So nothing of a stranger's token is parsed, and another algorithm, `none`, `kid`,
`jwk`, `crit` and what comes next mean nothing here. PyJWT does the sealing; its own `decode` looks
at each character of a header that is ours to the byte, and at the key again each time, which takes
it eight times as long.
"""

import base64
import hmac
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from deskwire.model.problems import TokenRefused


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
