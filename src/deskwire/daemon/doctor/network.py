"""How the doors are: the certificate and its key, and the port.

Who holds the port is asked for `/healthz`, which tells a running deskwire from anybody else.
"""

import errno
import http.client
import socket
import ssl
import time
from contextlib import closing
from pathlib import Path

import msgspec
from cryptography import x509

from deskwire.daemon.config.load import is_loopback
from deskwire.daemon.config.settings import Server
from deskwire.daemon.doctor.health import CheckFailed, Condition
from deskwire.model.problems import StateUnavailable
from deskwire.private_files import OTHERS
from deskwire.server.net.certificates import fingerprint, server_context

PATIENCE = 1.0
"""Seconds for whoever holds the port to say who it is."""


EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
"""Where to ask what listens on every address."""


def certificate(server: Server) -> str:
    """Look at the certificate and its key: there, fitting, valid, secret."""
    if not server.tls:
        if not is_loopback(server.host):
            why = f"server.tls is off, and others can reach {server.host}: they can read passwords"
            raise CheckFailed(
                Condition.UNSAFE, why, 'let the proxy come by server.host = "127.0.0.1"'
            )
        raise CheckFailed(Condition.DISABLED, "server.tls is off")
    path = server.certificate or server.state_dir / "tls/certificate.pem"
    key = server.key or server.state_dir / "tls/key.pem"
    own = server.certificate is None
    try:
        if own and not path.exists():
            raise CheckFailed(Condition.ABSENT, f"{path} is not there; the first start makes it")
        server_context(path, key)
        end = ends(path)
        found = f"{path}, until {day(end)}, SHA-256 {fingerprint(path)}"
        open_to_others = key.stat().st_mode & OTHERS
    except StateUnavailable as problem:
        raise CheckFailed(Condition.UNAVAILABLE, problem.message) from None
    except OSError as problem:
        raise CheckFailed(Condition.UNAVAILABLE, f"{path}: {problem.strerror}") from None
    if open_to_others:
        why = f"others may read the key {key}"
        raise CheckFailed(Condition.UNSAFE, why, f"chmod 600 {key}", found=found)
    begin = begins(path)
    if begin > time.time():
        why = f"it begins on {day(begin)}, which is not yet"
        raise CheckFailed(Condition.UNAVAILABLE, why, "set the clock", found=found)
    if end < time.time():
        remedy = "start deskwire anew" if own else "renew it"
        raise CheckFailed(Condition.UNAVAILABLE, f"it ended on {day(end)}", remedy, found=found)
    return found


def ends(certificate: Path) -> float:
    """Return when the first certificate of a PEM file ends, by the wall clock."""
    first = x509.load_pem_x509_certificate(certificate.read_bytes())
    return first.not_valid_after_utc.timestamp()


def begins(certificate: Path) -> float:
    """Return when the first certificate of a PEM file begins, by the wall clock."""
    first = x509.load_pem_x509_certificate(certificate.read_bytes())
    return first.not_valid_before_utc.timestamp()


def day(moment: float) -> str:
    """Return the day of a moment, here."""
    return time.strftime("%Y-%m-%d", time.localtime(moment))


def port(server: Server) -> str:
    """Look whether the address can be had, or a running deskwire has it."""
    at = f"{server.host} port {server.port}"
    remedy = "choose another with server.port"
    try:
        take(server.host, server.port)
    except OSError as problem:
        if problem.errno != errno.EADDRINUSE:
            why = f"{at}: {problem.strerror or problem}"
            raise CheckFailed(Condition.UNAVAILABLE, why, remedy) from None
        if not is_deskwire(server):
            why = f"{at}: another program has it"
            raise CheckFailed(Condition.UNAVAILABLE, why, remedy) from None
        return f"{at}: a running deskwire has it"
    return f"{at}: free"


def take(host: str, number: int) -> None:
    """Take the address and let it go again; raises `OSError` if it cannot be had."""
    flags = socket.AI_PASSIVE
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host, number, type=socket.SOCK_STREAM, flags=flags
    ):
        with closing(socket.socket(family, kind, protocol)) as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(address)


def is_deskwire(server: Server) -> bool:
    """Ask whoever has the port whether it is a deskwire."""
    host = EVERYWHERE.get(server.host, server.host)
    connection = http.client.HTTPConnection(host, server.port, timeout=PATIENCE)
    if server.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # who it is is all that is asked, nothing is told
        connection = http.client.HTTPSConnection(
            host, server.port, timeout=PATIENCE, context=context
        )
    try:
        with closing(connection):
            connection.request("GET", "/healthz")
            answer = msgspec.json.decode(connection.getresponse().read(1000))
    except (OSError, http.client.HTTPException, msgspec.DecodeError):
        return False
    return isinstance(answer, dict) and answer.get("object") == "health"
