"""Whose certificate is believed: the system's authorities, one file's, or one certificate itself.

A desk at home signs its own certificate, so a person compares the SHA-256 fingerprint once (the
daemon prints it when it starts) and pins it; from then on no authority and no name matters, only
that certificate. A pinned one is checked before the first byte of a request leaves.
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
    """The authorities this system trusts."""


class CaFile(Struct, frozen=True):
    """The authorities in this PEM file, and no other."""

    path: Path


class Pinned(Struct, frozen=True):
    """This certificate, and no other; `ValueError` when it is no SHA-256 fingerprint."""

    sha256: str
    """64 hexadecimal digits; colons, blanks and capitals are fine when it is made."""

    def __post_init__(self) -> None:
        plain = re.sub(r"[\s:]", "", self.sha256).lower().removeprefix("sha256")
        if not _HEX.fullmatch(plain):
            raise ValueError("a fingerprint is a SHA-256: 64 hexadecimal digits")
        force_setattr(self, "sha256", plain)


Trust = SystemTrust | CaFile | Pinned


def shown(fingerprint: str) -> str:
    """Write a fingerprint as the daemon prints it: `AB:CD:…`."""
    return fingerprint.upper() if ":" in fingerprint else ":".join(_pairs(fingerprint.upper()))


def context_of(trust: Trust) -> ssl.SSLContext | None:
    """Return the context that asks these authorities; `None` for the usual or a pinned one.

    Reads files: not for the event loop. Raises `UntrustedCertificate` when there is no such file.
    """
    if not isinstance(trust, CaFile):
        return None
    try:
        return ssl.create_default_context(cafile=trust.path)
    except ssl.SSLError:
        raise UntrustedCertificate(f"{trust.path}: no certificate in it") from None
    except OSError as problem:
        why = problem.strerror or "it cannot be read"
        raise UntrustedCertificate(f"{trust.path}: {why}") from None


async def look_at_certificate(address: str, *, within: Seconds = LOOK_TIMEOUT) -> str:
    """Return the fingerprint of the certificate a desk shows; nothing is believed or said.

    Raises `Unreachable` or `NotADesk`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    certificate = await _shake_hands(address, context, within)
    return hashlib.sha256(certificate).hexdigest()


async def is_vouched_for(address: str, *, within: Seconds = LOOK_TIMEOUT) -> bool:
    """Tell whether this system's authorities vouch for a desk's certificate; nothing is said.

    Raises `Unreachable` or `NotADesk`.
    """
    context = await asyncio.to_thread(ssl.create_default_context)
    try:
        await _shake_hands(address, context, within)
    except ssl.SSLCertVerificationError:
        return False
    return True


async def _shake_hands(address: str, context: ssl.SSLContext, within: Seconds) -> bytes:
    """Return the certificate of whoever answers."""
    host, port = host_and_port(address)
    try:
        async with asyncio.timeout(within):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except ssl.SSLCertVerificationError:
        raise
    except TimeoutError:
        raise Unreachable(f"{address}: no answer in time") from None
    except ssl.SSLError:
        raise NotADesk(f"{address}: what answers does not speak TLS as a desk does") from None
    except OSError as problem:
        raise Unreachable(f"{address}: {why_unreachable(problem)}") from None
    peer: ssl.SSLObject = writer.get_extra_info("ssl_object")
    certificate = peer.getpeercert(binary_form=True) or b""
    writer.transport.abort()
    return certificate


def _pairs(digits: str) -> list[str]:
    return [digits[at : at + 2] for at in range(0, len(digits), 2)]
