"""Certificate policies: system authorities, a CA file, or one pinned certificate.

A desk usually has a self-signed certificate. The user compares its SHA-256 fingerprint once with
the one that the daemon prints, and pins it. From then on only that certificate is accepted,
whatever its authority and names. A pinned certificate is checked before the first byte of a request
is sent.
"""

import asyncio
import hashlib
import re
import ssl
from pathlib import Path

from msgspec import Struct
from msgspec.structs import force_setattr

from deskwire.client.address import host_and_port
from deskwire.client.problems import (
    NotADesk,
    Unreachable,
    UntrustedCertificate,
    why_unreachable,
)
from deskwire.model.units import Seconds

LOOK_TIMEOUT = Seconds(10)

_HEX = re.compile(r"[0-9a-f]{64}")


class SystemTrust(Struct, frozen=True):
    """The authorities that this system trusts."""


class CaFile(Struct, frozen=True):
    """Only the authorities in this PEM file."""

    path: Path


class Pinned(Struct, frozen=True):
    """Only this certificate; raises `ValueError` for a malformed SHA-256 fingerprint."""

    sha256: str
    """64 hexadecimal digits; colons, blanks and capitals are accepted and removed."""

    def __post_init__(self) -> None:
        plain = re.sub(r"[\s:]", "", self.sha256).lower().removeprefix("sha256")
        if not _HEX.fullmatch(plain):
            raise ValueError("a fingerprint is a SHA-256: 64 hexadecimal digits")
        force_setattr(self, "sha256", plain)


Trust = SystemTrust | CaFile | Pinned


def format_fingerprint(fingerprint: str) -> str:
    """Format a fingerprint as the daemon prints it: `AB:CD:…`."""
    return bytes.fromhex(fingerprint.replace(":", "")).hex(":").upper()


def make_context(trust: Trust) -> ssl.SSLContext | None:
    """Return the TLS context for a CA file; `None` for other policies.

    Reads files, so call it in a thread. Raises `UntrustedCertificate` if the file cannot be used.
    """
    if not isinstance(trust, CaFile):
        return None
    try:
        return ssl.create_default_context(cafile=trust.path)
    except ssl.SSLError:
        raise UntrustedCertificate(f"{trust.path}: the file contains no certificate") from None
    except OSError as problem:
        why = problem.strerror or "it cannot be read"
        raise UntrustedCertificate(f"{trust.path}: {why}") from None


async def read_certificate(address: str, *, within: Seconds = LOOK_TIMEOUT) -> str:
    """Return the fingerprint of the server's certificate, without trusting it or sending a request.

    Raises `Unreachable` or `NotADesk`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    certificate = await _read_certificate(address, context, within)
    return hashlib.sha256(certificate).hexdigest()


async def is_trusted_by_system(address: str, *, within: Seconds = LOOK_TIMEOUT) -> bool:
    """Return whether this system trusts the server's certificate; sends no request.

    Raises `Unreachable` or `NotADesk`.
    """
    context = await asyncio.to_thread(ssl.create_default_context)
    try:
        await _read_certificate(address, context, within)
    except ssl.SSLCertVerificationError:
        return False
    return True


async def _read_certificate(address: str, context: ssl.SSLContext, within: Seconds) -> bytes:
    """Return the certificate of the server."""
    host, port = host_and_port(address)
    try:
        async with asyncio.timeout(within):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except ssl.SSLCertVerificationError:
        raise
    except TimeoutError:
        raise Unreachable(f"{address}: no answer within the timeout") from None
    except ssl.SSLError:
        raise NotADesk(
            f"{address}: the server at this address does not use TLS as a desk does"
        ) from None
    except OSError as problem:
        raise Unreachable(f"{address}: {why_unreachable(problem)}") from None
    peer: ssl.SSLObject = writer.get_extra_info("ssl_object")
    certificate = peer.getpeercert(binary_form=True) or b""
    writer.transport.abort()
    return certificate
