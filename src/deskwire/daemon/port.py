"""The port: which one, whether systemd holds it for us, and how a person writes it down."""

import errno
import socket
from collections.abc import Mapping

from deskwire.daemon.config.load import is_loopback
from deskwire.daemon.config.settings import Server
from deskwire.daemon.systemd import inherited_sockets
from deskwire.model.problems import Unavailable
from deskwire.server.net.certificates import outward_address


class PortTaken(Unavailable):
    """The address or port cannot be had."""

    code = "port_taken"


def inherited(server: Server, environ: Mapping[str, str]) -> socket.socket | None:
    """Return the socket systemd hands over; `None` where it hands over none.

    Raises `PortTaken` for one that cannot be served on; what `server.tls` may be is judged by
    where it really listens.
    """
    found = inherited_sockets(environ)
    if not found:
        return None
    if why := unfit(server, found):
        for each in found:
            each.close()
        raise PortTaken(f"systemd hands over {why}")
    return found[0]


def unfit(server: Server, found: list[socket.socket]) -> str:
    """Say why these sockets cannot be served on, or nothing."""
    first = found[0]
    if len(found) > 1:
        return f"{len(found)} sockets; one is expected"
    if first.family not in {socket.AF_INET, socket.AF_INET6} or first.type != socket.SOCK_STREAM:
        return "a socket that is not TCP"
    host = str(first.getsockname()[0])
    if not server.tls and not server.behind_proxy and not is_loopback(host):
        return f"a socket on {host}, and server.tls is off"
    return ""


def why_taken(host: str, port: int, problem: OSError) -> str:
    """Say why nobody can listen there, and which word to change."""
    of_the_port = problem.errno in (errno.EADDRINUSE, errno.EACCES)
    option = "--port picks another" if of_the_port else "--host takes an address of this machine"
    why = problem.strerror or str(problem)
    return f"{host} port {port}: {why}; {option}"


def address(server: Server, host: str, port: int) -> str:
    """Where connections are accepted; for every address of this machine, the one others see."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = outward_address() or "127.0.0.1"
    if ":" in host:
        host = f"[{host}]"
    return f"{'https' if server.tls else 'http'}://{host}:{port}"
