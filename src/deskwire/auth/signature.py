"""Signing and checking: JSON Web Signature (RFC 7515) with HS256 alone; the one door to PyJWT.

The header is compared as bytes with the one we write, before anything of a stranger's token is
parsed: another algorithm, `none`, `kid`, `jwk`, `crit` and what comes next reach no parser.
"""

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
        self._key = key
        self._jws = jwt.PyJWS(algorithms=[ALGORITHM])
        self._header = self.sign(b"{}").split(".")[0] + "."

    def sign(self, payload: bytes) -> str:
        """Return the payload signed, in compact form."""
        return self._jws.encode(payload, self._key, algorithm=ALGORITHM)

    def verified(self, token: str) -> bytes:
        """Return the payload of what `sign` gave; raises `TokenRefused` for anything else."""
        if len(token) > MOST or not token.startswith(self._header) or not COMPACT.fullmatch(token):
            raise TokenRefused("this is not a token of this desk")
        try:
            payload: bytes = self._jws.decode(token, self._key, algorithms=[ALGORITHM])
        except jwt.PyJWTError:
            raise TokenRefused("this is not a token of this desk") from None
        return payload
