"""Downloads of pictures from public web addresses.

A player must not be able to make the daemon send requests into the local network. The host name is
resolved here, every address must be public, and the connection uses a checked address and not the
name, which may resolve differently a moment later. Redirects are checked in the same way. The code
blocks until a deadline and runs in a thread. It uses the standard library's client, so that a
feature that is off by default needs no further import.

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
    """Return the content at `url`; raises `OSError` or `NotAPicture`."""
    deadline = time.monotonic() + WITHIN
    for _ in range(1 + MOST_REDIRECTIONS):
        try:
            content, url = get(url, deadline)
        except (http.client.HTTPException, ValueError) as problem:
            raise NotAPicture(f"download failed: {problem}") from None
        if content is not None:
            return content
    raise NotAPicture("too many redirects")


def get(url: str, deadline: float) -> tuple[bytes | None, str]:
    """Send one request; return the content, or `None` and the address of the redirect."""
    if parse_remote(url) is None:
        raise NotAPicture("not a web address")
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    host = parts.hostname or ""
    with closing(http.client.HTTPConnection(host, port)) as connection:
        sock = connection.sock = connect(host, port, deadline)
        with shut_down_at(sock, deadline):
            if secure:
                context = ssl.create_default_context()
                connection.sock = context.wrap_socket(sock, server_hostname=host)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", target, headers={**HEADERS, "Host": parts.netloc})
            answer = connection.getresponse()
            if answer.status in REDIRECTIONS:
                return None, urljoin(url, answer.headers.get("Location", ""))
            if answer.status != HTTPStatus.OK:
                raise NotAPicture(f"the server answered with status {answer.status}")
            content = read_all(answer)
            remaining(deadline)
            return content, url


def connect(host: str, port: int, deadline: float) -> socket.socket:
    """Connect to a public address of `host`; raises `OSError` or `NotAPicture`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(address[0]) for *_, address in found]
    if not all(is_public(address) for address in addresses):
        raise NotAPicture("the host has an address that is not public")
    return socket.create_connection((addresses[0], port), timeout=remaining(deadline))


@contextmanager
def shut_down_at(sock: socket.socket, deadline: float) -> Iterator[None]:
    """Shut the connection down at the deadline.

    A socket timeout would restart with each byte of a slow response.
    """

    def end() -> None:
        with suppress(OSError):
            ending.shutdown(socket.SHUT_RDWR)

    with sock.dup() as ending:
        timer = threading.Timer(remaining(deadline), end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def read_all(answer: http.client.HTTPResponse) -> bytes:
    """Read the whole body, at most the largest size of a picture."""
    content = bytearray()
    while len(content) <= LARGEST:
        chunk = answer.read1(CHUNK)
        if not chunk and answer.length:
            raise NotAPicture("the response ended too early")
        if not chunk:
            return bytes(content)
        content += chunk
    raise NotAPicture("it is too large")


def is_public(address: str) -> bool:
    """Return whether an IP address is public, including an IPv4 address inside an IPv6 address."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def remaining(deadline: float) -> float:
    """Return the seconds until the deadline; raises `TimeoutError` after it."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the download took too long")
    return seconds
