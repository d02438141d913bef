"""Requests: which ones the server admits, by Host, Origin and proxies, and their JSON bodies.

Every web page that a browser opens can send requests to a daemon in the home network. So a request
with an unknown Host (DNS rebinding) or with a foreign Origin (another page) is refused. An IP
address as Host is accepted, because it cannot be rebound. An Origin is foreign if its scheme, host
or port (RFC 6454 section 5) differs from those under which the client sees the desk.
"""

import asyncio
import ipaddress
import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple
from urllib.parse import urlsplit

from aiohttp import HttpVersion11, web
from msgspec import Struct

from deskwire.model.problems import Malformed
from deskwire.model.units import Seconds
from deskwire.server.http.problems import (
    BadRequest,
    ForeignOrigin,
    Misdirected,
    TooLarge,
    TooSlow,
    WrongMediaType,
)
from deskwire.server.http.server import MAX_BODY
from deskwire.server.net.certificates import host_names

BODY_TIMEOUT = Seconds(10)
_HOST_PATTERN = r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?"
_HOST = re.compile(_HOST_PATTERN)
_ORIGIN = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://" + _HOST_PATTERN)
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Request(Struct, frozen=True):
    """A request that the policy has admitted."""

    raw: web.BaseRequest
    host: str
    address: str
    """The client's address."""
    segment: str = ""
    """Value of the `{name}` in the route's path."""
    client_tls: bool | None = None
    """Whether the client uses TLS to a trusted proxy; `None` without such a proxy."""


class Origin(NamedTuple):
    """Scheme, host and port of a web page; two pages with equal ones have the same origin."""

    scheme: str
    host: str
    port: int


class RequestPolicy(Struct, frozen=True):
    """Host names, origins and proxies that this desk accepts."""

    tls: bool
    """Whether clients and proxies connect over TLS."""
    hosts: frozenset[str]
    """Names from the settings. The names of this machine may change, so `check` looks them up."""
    origins: frozenset[Origin]
    proxies: tuple[IPv4Network | IPv6Network, ...]

    @classmethod
    def create(
        cls,
        *,
        tls: bool = True,
        allowed_hosts: Iterable[str] = (),
        allowed_origins: Iterable[str] = (),
        public_url: str = "",
        trusted_proxies: Iterable[str] = (),
    ) -> "RequestPolicy":
        """Return the policy for these settings."""
        hosts = {"localhost", *(host.lower() for host in allowed_hosts)}
        pages = list(allowed_origins)
        if public_url:
            parts = urlsplit(public_url)
            hosts.add((parts.hostname or "").lower())
            pages.append(f"{parts.scheme}://{parts.netloc}")
        origins = frozenset(filter(None, map(parse_origin, pages)))
        proxies = tuple(ipaddress.ip_network(proxy, strict=False) for proxy in trusted_proxies)
        return cls(tls, frozenset(hosts), origins, proxies)

    def check(self, request: web.BaseRequest) -> str:
        """Return the Host of a request; raises `BadRequest`, `Misdirected`, `ForeignOrigin`."""
        host = self._host(request)
        origins = request.headers.getall("Origin", [])
        if origins:
            self._check_origin(origins, host, self._schemes(request))
        return host

    def allowed_origin(self, request: web.BaseRequest) -> str | None:
        """Return the request's Origin if it is one of the allowed foreign ones."""
        origin = request.headers.get("Origin", "")
        return origin if parse_origin(origin) in self.origins else None

    def client_address(self, request: web.BaseRequest) -> str:
        """Return the client's address; only a trusted proxy may name another one."""
        address = _parse_address(request.remote or "")
        # a proxy may add a header of its own to those that the client sent
        forwarded = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
        while self._trusts(address) and forwarded:
            hop = _parse_address(forwarded.pop().strip())
            if hop is None:
                break
            address = hop
        return str(address or "")

    def client_uses_tls(self, request: web.BaseRequest) -> bool | None:
        """Return whether the client uses TLS to a trusted proxy; `None` if no proxy says so."""
        if not self._trusts(_parse_address(request.remote or "")):
            return None
        last = ",".join(request.headers.getall("X-Forwarded-Proto", [])).rpartition(",")[2]
        return {"https": True, "wss": True, "http": False, "ws": False}.get(last.strip().lower())

    def _host(self, request: web.BaseRequest) -> str:
        hosts = request.headers.getall("Host", [])
        match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None or not request.raw_path.startswith("/"):
            raise BadRequest("send one valid Host header, and a path that starts with /")
        name = match["name"].lower().rstrip(".")
        known = name in self.hosts or f"{name}:{match['port']}" in self.hosts
        known = known or name in map(str.lower, host_names())
        if not known and _parse_address(name.strip("[]")) is None:
            raise Misdirected(f"unknown host {name}; add it to server.allowed_hosts")
        return hosts[0]

    def _schemes(self, request: web.BaseRequest) -> tuple[str, ...]:
        """Return the schemes under which the client may see the desk."""
        uses_tls = self.client_uses_tls(request)
        if uses_tls is None:
            if self._trusts(_parse_address(request.remote or "")):
                return ("https", "http")
            uses_tls = self.tls
        return ("https",) if uses_tls else ("http",)

    def _check_origin(self, origins: list[str], host: str, schemes: Iterable[str]) -> None:
        origin = parse_origin(origins[0])
        own = {parse_origin(f"{scheme}://{host}") for scheme in schemes}
        if len(origins) > 1 or origin is None or origin not in own | self.origins:
            raise ForeignOrigin(
                f"origin not allowed: {origins[0][:100]}; add it to server.allowed_origins"
            )

    def _trusts(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self.proxies)


def parse_origin(text: str) -> Origin | None:
    """Return the origin of a web page; `None` for `null` and other text.

    The default port of the scheme may be left out: `https://desk` is `https://desk:443`.
    """
    match = _ORIGIN.fullmatch(text.lower())
    if match is None:
        return None
    host, port = match["name"].rstrip("."), match["port"]
    return Origin(match["scheme"], host, int(port or _DEFAULT_PORTS.get(match["scheme"], 0)))


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an IP address; a dual-stack socket reports IPv4 mapped into IPv6."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return (address.version == 6 and address.ipv4_mapped) or address


async def read_json_body(request: web.BaseRequest) -> bytes:
    """Return the body of a request, which must be declared as JSON and is not decoded.

    Raises `WrongMediaType`, `TooLarge`, `TooSlow` and `Malformed`.
    """
    coding = request.headers.get("Content-Encoding", "identity").lower()
    if request.content_type != "application/json" or coding != "identity":
        raise WrongMediaType("send the body as application/json, without Content-Encoding")
    too_large = f"the limit is {MAX_BODY // 1024} KiB"
    if (length := request.content_length or 0) > MAX_BODY:
        raise TooLarge(f"request body too large: {length} bytes, {too_large}")
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            await _send_continue(request)
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise TooLarge(f"request body too large: {too_large}") from None
    except TimeoutError:
        raise TooSlow(f"request body incomplete after {BODY_TIMEOUT:g} s") from None
    except (ConnectionError, web.RequestPayloadError):
        raise Malformed("request body incomplete: the client disconnected") from None


async def _send_continue(request: web.BaseRequest) -> None:
    """Answer `Expect: 100-continue`, RFC 9110 section 10.1.1."""
    expects = request.headers.get("Expect", "").lower() == "100-continue"
    if expects and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
