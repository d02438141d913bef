"""Pictures from the web, from public addresses only.

A player's word must not make the desk ask its own network for anything. So the name is resolved
here, every address it has must be a public one, and the connection goes to an address that was
looked at, not to the name (which may resolve to another one a moment later). Each redirection is
looked at the same way. Blocks, within a deadline, and belongs in a thread: the standard library's
client does, so that nothing is imported for a thing that is off by default.

Source: RFC 9110; IANA's registries of special-purpose addresses, as `ipaddress` knows them.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

from deskwire.art.art_url import parse_remote
from deskwire.art.picture import CHUNK, LARGEST, NotAPicture
from deskwire.model.units import Seconds

WITHIN = Seconds(5.0)
MOST_REDIRECTIONS = 3
REDIRECTIONS = frozenset({301, 302, 303, 307, 308})
HEADERS = {"Accept": "image/*", "User-Agent": "deskwire", "Connection": "close"}


def fetch(url: str) -> bytes:
    """Return the bytes behind `url`; raises `OSError` or `NotAPicture`."""
    deadline = time.monotonic() + WITHIN
    for _ in range(1 + MOST_REDIRECTIONS):
        try:
            content, url = get(url, deadline)
        except (http.client.HTTPException, ValueError) as problem:
            raise NotAPicture(f"not to be had: {problem}") from None
        if content is not None:
            return content
    raise NotAPicture("it is elsewhere, again and again")


def get(url: str, deadline: float) -> tuple[bytes | None, str]:
    """Ask once; return the bytes, or `None` and where they are instead."""
    if parse_remote(url) is None:
        raise NotAPicture("not an address on the web")
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    host = parts.hostname or ""
    with closing(http.client.HTTPConnection(host, port)) as connection:
        sock = connection.sock = connect(host, port, deadline)
        with cut_off(sock, deadline):
            if secure:
                context = ssl.create_default_context()
                connection.sock = context.wrap_socket(sock, server_hostname=host)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", target, headers={**HEADERS, "Host": parts.netloc})
            answer = connection.getresponse()
            if answer.status in REDIRECTIONS:
                return None, urljoin(url, answer.headers.get("Location", ""))
            if answer.status != HTTPStatus.OK:
                raise NotAPicture(f"answered {answer.status}")
            content = read_all(answer)
            left(deadline)
            return content, url


def connect(host: str, port: int, deadline: float) -> socket.socket:
    """Connect to a public address of `host`; raises `OSError` or `NotAPicture`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(address[0]) for *_, address in found]
    if not all(is_public(address) for address in addresses):
        raise NotAPicture("its address is not a public one")
    return socket.create_connection((addresses[0], port), timeout=left(deadline))


@contextmanager
def cut_off(sock: socket.socket, deadline: float) -> Iterator[None]:
    """End the connection at the deadline.

    A timeout of the socket's would begin anew with each byte of an answer that trickles in.
    """

    def end() -> None:
        with suppress(OSError):
            ending.shutdown(socket.SHUT_RDWR)

    with sock.dup() as ending:
        timer = threading.Timer(left(deadline), end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def read_all(answer: http.client.HTTPResponse) -> bytes:
    """Read the whole body, no more than a picture may have."""
    content = bytearray()
    while len(content) <= LARGEST:
        chunk = answer.read1(CHUNK)
        if not chunk and answer.length:
            raise NotAPicture("it ends too early")
        if not chunk:
            return bytes(content)
        content += chunk
    raise NotAPicture("it is too large")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, also the one inside an IPv6 address."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def left(deadline: float) -> float:
    """Return the seconds until the deadline; raises `TimeoutError` when there are none."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("it takes too long")
    return seconds
