"""Certificate policy: system authorities, one pinned certificate, or any certificate."""

import hashlib
import hmac
import re
import ssl
from functools import cached_property

import aiohttp

from deskwire.conformance.outcome import Broken


class Trust:
    """Policy for the server's certificate."""

    def __init__(self, *, fingerprint: bytes | None = None, insecure: bool = False) -> None:
        """With a fingerprint (SHA-256 of the certificate) only that certificate is accepted."""
        self._fingerprint = fingerprint
        self._any = insecure or fingerprint is not None
        self.for_requests: bool | aiohttp.Fingerprint = not insecure
        if fingerprint is not None:
            self.for_requests = aiohttp.Fingerprint(fingerprint)

    @cached_property
    def for_sockets(self) -> ssl.SSLContext:
        """TLS context for raw connections; call `check` after the handshake."""
        if not self._any:
            return ssl.create_default_context()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def check(self, connection: ssl.SSLObject) -> None:
        """Raise `Broken` unless the certificate is the pinned one."""
        if self._fingerprint is None:
            return
        shown = hashlib.sha256(connection.getpeercert(binary_form=True) or b"").digest()
        if not hmac.compare_digest(shown, self._fingerprint):
            raise Broken(f"another certificate: SHA-256 {shown.hex(':').upper()}")


def parse_fingerprint(text: str) -> bytes:
    """Parse a SHA-256 with or without colons; raises `ValueError`."""
    digits = text.replace(":", "")
    if not re.fullmatch(r"[0-9A-Fa-f]{64}", digits):
        raise ValueError(f"expected the 64 hexadecimal digits of a SHA-256, found {text!r}")
    return bytes.fromhex(digits)
