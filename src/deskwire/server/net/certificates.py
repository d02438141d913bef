"""TLS certificates: the desk's own one, its fingerprint, and the server's TLS context.

No public authority signs a certificate for a desk in a home network. So a desk signs its own, P-256
for every name and address of the host, valid for a year, the maximum in Mozilla's profile. The user
compares its SHA-256 fingerprint once.
"""

import datetime as dt
import hashlib
import re
import socket
import ssl
import stat
import subprocess
import sys
import time
from pathlib import Path

from deskwire.model.problems import StateUnavailable

RENEWAL_DAYS = 65
"""Days before its end from which the desk's own certificate is renewed."""
MAX_DAYS_EXPIRED = 3650
"""Days after its end from which the clock is more likely wrong than the certificate old."""
DAY = 86_400
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secret, AEAD only. TLS 1.3 has no other ciphers."""
_VALIDITY = re.compile(rb"\x30\x1e\x17\x0d\d{12}Z\x17\x0d(\d{12}Z)")
"""Beginning and end of a certificate, RFC 5280 section 4.1.2.5; UTCTime holds until 2049."""
CURVE = "prime256v1"
"""For the key exchange; every client supports it.

`ssl` accepts one curve or none, and OpenSSL's default list has curves outside Mozilla's profile.
"""


def own_certificate(folder: Path) -> tuple[Path, Path]:
    """Return the desk's own certificate and key, made or renewed if necessary.

    Users have compared the certificate, so only its own end date makes the desk replace it. The
    file's time and a wrong clock do not.

    Raises `StateUnavailable` if they can neither be read nor written.
    """
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    try:
        fresh = key.exists() and not _is_due_for_renewal(certificate)
    except FileNotFoundError:
        fresh = False
    except OSError as problem:
        raise StateUnavailable(f"{certificate}: {problem.strerror}") from None
    if not fresh:
        _run_self_signed(folder)
    return certificate, key


def _is_due_for_renewal(certificate: Path) -> bool:
    """Return whether the desk's own certificate is near its end; raises `OSError`."""
    _require_regular_file(certificate)
    try:
        dates = _VALIDITY.search(_first_certificate(certificate))
    except ValueError:
        dates = None
    if dates is None:  # loading the file reports its damage
        return False
    end = dt.datetime.strptime(f"{dates[1].decode()}+0000", "%y%m%d%H%M%SZ%z").timestamp()
    return end - RENEWAL_DAYS * DAY <= time.time() < end + MAX_DAYS_EXPIRED * DAY


def _run_self_signed(folder: Path) -> None:
    """Make the certificate in a child process, whose libraries would cost the daemon 3 MiB."""
    command = [sys.executable, "-m", "deskwire.server.net.self_signed", str(folder)]
    done = subprocess.run(  # noqa: S603 - our own module, our own arguments
        [*command, *names_of_this_host()], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["the process failed"])[-1]
        raise StateUnavailable(f"{folder}: cannot write the certificate: {reason}")


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return the server's TLS context: version 1.2 and later, AEAD only.

    Raises `StateUnavailable` with the files' names if they cannot be read or do not match.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.set_ecdh_curve(CURVE)
    context.options |= ssl.OP_NO_RENEGOTIATION
    _load(context, certificate, key)
    return context


def reload_certificate(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Load the files again, for new connections.

    Raises `StateUnavailable` and leaves the context unchanged if they are invalid.
    """
    server_context(certificate, key)  # a mismatched pair would leave the context half changed
    _load(context, certificate, key)


def fingerprint(certificate: Path) -> str:
    """Return the SHA-256 of the first certificate in a PEM file, as `AB:CD:…`."""
    return hashlib.sha256(_first_certificate(certificate)).digest().hex(":").upper()


def _first_certificate(path: Path) -> bytes:
    """Return the first certificate in a PEM file, in DER; raises `OSError` and `ValueError`."""
    text = path.read_text(encoding="ascii", errors="replace")
    end = "-----END CERTIFICATE-----"
    first = text[text.index("-----BEGIN CERTIFICATE-----") : text.index(end) + len(end)]
    return ssl.PEM_cert_to_DER_cert(first)


def names_of_this_host() -> list[str]:
    """Return every name and address that clients may use for this host."""
    names = ["localhost", *host_names(), "127.0.0.1", "::1"]
    address = outward_address()
    return [*dict.fromkeys([*names, address] if address else names)]


def host_names() -> tuple[str, str, str]:
    """Return the present names of this host; another program may change them at any time."""
    own = socket.gethostname()
    first = own.partition(".")[0]
    return own, first, f"{first}.local"


def outward_address() -> str | None:
    """Return the address that other hosts of the network see; sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return None


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        _require_regular_file(certificate)
        _require_regular_file(key)
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as problem:
        why = problem.reason or "not a certificate and its key"
        raise StateUnavailable(f"{certificate} and {key}: {why}") from None
    except OSError as problem:
        raise StateUnavailable(f"{certificate} and {key}: {problem.strerror}") from None


def _require_regular_file(path: Path) -> None:
    """Raise `StateUnavailable` for a special file; opening a FIFO would block."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise StateUnavailable(f"{path} is not a regular file; move it away")
