"""Checks of the certificate and of the port.

The program that uses the port is asked for `/healthz`, which identifies a running deskwire.
"""

import errno
import http.client
import socket
import ssl
import time
from contextlib import closing

import msgspec
from cryptography import x509

from deskwire.daemon.config.load import is_loopback
from deskwire.daemon.config.settings import Server
from deskwire.daemon.doctor.health import CheckFailed, Condition
from deskwire.model.problems import StateUnavailable
from deskwire.private_files import GROUP_AND_OTHERS
from deskwire.server.net.certificates import fingerprint, server_context

HEALTH_TIMEOUT = 1.0
"""Seconds for the program on the port to answer."""

LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
"""Address to connect to if the server listens on all addresses."""


def certificate(server: Server) -> str:
    """Check the certificate and its key: present, matching, valid, private."""
    if not server.tls:
        if not is_loopback(server.host):
            why = f"server.tls is off, so passwords cross the network of {server.host} in the clear"
            remedy = 'set server.host = "127.0.0.1" and let the proxy connect to it'
            raise CheckFailed(Condition.UNSAFE, why, remedy)
        raise CheckFailed(Condition.DISABLED, "server.tls is off")
    path = server.certificate or server.state_dir / "tls/certificate.pem"
    key = server.key or server.state_dir / "tls/key.pem"
    own = server.certificate is None
    try:
        if own and not path.exists():
            why = f"{path} does not exist; the first start creates it"
            raise CheckFailed(Condition.ABSENT, why)
        server_context(path, key)
        first = x509.load_pem_x509_certificate(path.read_bytes())
        begin, end = first.not_valid_before_utc.timestamp(), first.not_valid_after_utc.timestamp()
        found = f"{path}, valid until {local_day(end)}, SHA-256 {fingerprint(path)}"
        open_to_others = key.stat().st_mode & GROUP_AND_OTHERS
    except StateUnavailable as problem:
        raise CheckFailed(Condition.UNAVAILABLE, problem.message) from None
    except OSError as problem:
        raise CheckFailed(Condition.UNAVAILABLE, f"{path}: {problem.strerror}") from None
    if open_to_others:
        why = f"other users can read the key {key}"
        raise CheckFailed(Condition.UNSAFE, why, f"chmod 600 {key}", found=found)
    if begin > time.time():
        why = f"the certificate is valid from {local_day(begin)}, which is in the future"
        raise CheckFailed(Condition.UNAVAILABLE, why, "set the clock", found=found)
    if end < time.time():
        why = f"the certificate expired on {local_day(end)}"
        remedy = "restart deskwire" if own else "renew the certificate"
        raise CheckFailed(Condition.UNAVAILABLE, why, remedy, found=found)
    return found


def local_day(moment: float) -> str:
    """Return the local date of a moment."""
    return time.strftime("%Y-%m-%d", time.localtime(moment))


def port(server: Server) -> str:
    """Check that the port is free, or that a running deskwire uses it."""
    address = f"{server.host} port {server.port}"
    remedy = "choose another port with server.port"
    try:
        try_bind(server.host, server.port)
    except OSError as problem:
        if problem.errno != errno.EADDRINUSE:
            why = f"{address}: {problem.strerror or problem}"
            raise CheckFailed(Condition.UNAVAILABLE, why, remedy) from None
        if not is_deskwire(server):
            why = f"{address}: another program uses it"
            raise CheckFailed(Condition.UNAVAILABLE, why, remedy) from None
        return f"{address}: a running deskwire uses it"
    return f"{address}: free"


def try_bind(host: str, number: int) -> None:
    """Bind each address of the host and release it; raises `OSError`."""
    flags = socket.AI_PASSIVE
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host, number, type=socket.SOCK_STREAM, flags=flags
    ):
        with closing(socket.socket(family, kind, protocol)) as bound:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)


def is_deskwire(server: Server) -> bool:
    """Return whether the program on the port is a deskwire."""
    host = LOOPBACK_OF.get(server.host, server.host)
    connection = http.client.HTTPConnection(host, server.port, timeout=HEALTH_TIMEOUT)
    if server.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # nothing secret is sent
        connection = http.client.HTTPSConnection(
            host, server.port, timeout=HEALTH_TIMEOUT, context=context
        )
    try:
        with closing(connection):
            connection.request("GET", "/healthz")
            answer = msgspec.json.decode(connection.getresponse().read(1000))
    except (OSError, http.client.HTTPException, msgspec.DecodeError):
        return False
    return isinstance(answer, dict) and answer.get("object") == "health"
