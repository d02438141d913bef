"""Listening port: the socket that systemd passes on, the error when it is taken, the address."""

import errno
import socket
from collections.abc import Mapping

from deskwire.daemon.config.load import is_loopback
from deskwire.daemon.config.settings import Server
from deskwire.daemon.systemd import inherited_sockets
from deskwire.model.problems import Unavailable
from deskwire.server.net.certificates import outward_address


class PortTaken(Unavailable):
    """The address and port cannot be used."""

    code = "port_taken"


def inherited_socket(server: Server, environ: Mapping[str, str]) -> socket.socket | None:
    """Return the socket that systemd passes on, or `None`.

    Raises `PortTaken` if the socket does not fit. Whether `server.tls` may be off depends on the
    address of this socket, not on `server.host`.
    """
    sockets = inherited_sockets(environ)
    if not sockets:
        return None
    if reason := unsuitable(server, sockets):
        for each in sockets:
            each.close()
        raise PortTaken(f"systemd passes on {reason}")
    return sockets[0]


def unsuitable(server: Server, sockets: list[socket.socket]) -> str:
    """Return why the server cannot use these sockets, or an empty string."""
    first = sockets[0]
    if len(sockets) > 1:
        return f"{len(sockets)} sockets, expected one"
    if first.family not in {socket.AF_INET, socket.AF_INET6} or first.type != socket.SOCK_STREAM:
        return "a socket that is not TCP"
    host = str(first.getsockname()[0])
    if not server.tls and not server.behind_proxy and not is_loopback(host):
        return f"a socket on {host}, but server.tls is off"
    return ""


def describe_failure(host: str, port: int, problem: OSError) -> str:
    """Return why the server cannot listen, and the option to change."""
    is_port = problem.errno in (errno.EADDRINUSE, errno.EACCES)
    advice = (
        "choose another port with --port"
        if is_port
        else "choose an address of this machine with --host"
    )
    return f"cannot listen on {host} port {port}: {problem.strerror or problem}; {advice}"


def server_url(server: Server, host: str, port: int) -> str:
    """Return the URL to open; for a wildcard address, that of the address others see."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = outward_address() or "127.0.0.1"
    if ":" in host:
        host = f"[{host}]"
    return f"{'https' if server.tls else 'http'}://{host}:{port}"
