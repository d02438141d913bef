"""TLS: the certificate a desk makes for itself, its fingerprint, and the context that uses it.

A desk on a home network has no name a public authority would sign, so it signs its own: P-256, for
every name and address it has. A person compares the SHA-256 fingerprint once.
Making one needs `cryptography`, a large import; `self_signed` does it in a process of its own, so
the daemon never carries it.
"""

import hashlib
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

from deskwire.model.problems import StateUnavailable

RENEW_AFTER_DAYS = 300
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secret, AEAD only. TLS 1.3 knows nothing else."""
CURVE = "prime256v1"
"""The one for key exchange: every client has it. `ssl` can name one or leave OpenSSL's own list,
which has curves that Mozilla's profile leaves out."""


def own_certificate(folder: Path) -> tuple[Path, Path]:
    """Return the desk's own certificate and key, made or renewed if need be.

    Raises `StateUnavailable` when they can be neither read nor made.
    """
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    try:
        age = time.time() - certificate.stat().st_mtime
        fresh = key.exists() and 0 <= age < RENEW_AFTER_DAYS * 86400
    except FileNotFoundError:
        fresh = False
    except OSError as problem:
        raise StateUnavailable(f"{certificate}: {problem.strerror}") from None
    if not fresh:
        _make_apart(folder)
    return certificate, key


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return the TLS context of the doors: 1.2 and later, AEAD only.

    Raises `StateUnavailable` with the file's name when they cannot be read or do not fit.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.set_ecdh_curve(CURVE)
    context.options |= ssl.OP_NO_RENEGOTIATION
    _load(context, certificate, key)
    return context


def take_anew(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Have new connections use what is in the files now; those that are open stay as they are.

    Raises `StateUnavailable`, and then the context is as it was.
    """
    server_context(certificate, key)  # a pair that does not fit would leave half of it behind
    _load(context, certificate, key)


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as problem:
        why = problem.reason or "not a certificate and its key"
        raise StateUnavailable(f"{certificate} and {key}: {why}") from None
    except OSError as problem:
        raise StateUnavailable(f"{certificate} and {key}: {problem.strerror}") from None


def fingerprint(certificate: Path) -> str:
    """Return the SHA-256 of the first certificate in a PEM file, as `AB:CD:…`."""
    text = certificate.read_text(encoding="ascii", errors="replace")
    end = "-----END CERTIFICATE-----"
    first = text[text.index("-----BEGIN CERTIFICATE-----") : text.index(end) + len(end)]
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).digest().hex(":").upper()


def names_of_this_host() -> list[str]:
    """Every name and address this desk may be reached by."""
    own = socket.gethostname()
    first = own.partition(".")[0]
    names = ["localhost", own, first, f"{first}.local", "127.0.0.1", "::1"]
    address = outward_address()
    return [*dict.fromkeys([*names, address] if address else names)]


def outward_address() -> str | None:
    """The address other machines of this network see; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return None


def _make_apart(folder: Path) -> None:
    command = [sys.executable, "-m", "deskwire.server.net.self_signed", str(folder)]
    made = subprocess.run(  # noqa: S603 - our own module, our own arguments
        [*command, *names_of_this_host()], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        last = (made.stderr.strip().splitlines() or ["no word"])[-1]
        raise StateUnavailable(f"{folder}: no certificate could be made: {last}")
