"""HTTP application: admits a request, routes it, and turns every outcome into a response.

    Host and Origin ─▶ CORS preflight ─▶ route ─▶ handler ─▶ response, or a problem's response

Every web page that a browser opens can send requests to a daemon in the home network. So a request
with an unknown Host (DNS rebinding) or with a foreign Origin (another page) is refused first. An IP
address as Host is accepted, because it cannot be rebound. The Fetch Standard, "HTTP-CORS protocol",
defines how pages of the allowed origins read responses. No credentials are allowed there.
"""

import ipaddress
import logging
import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import urlsplit

import msgspec
from aiohttp import web
from msgspec import Struct

from deskwire.model.problems import Problem
from deskwire.server.http.openapi import describe
from deskwire.server.http.problems import (
    BadRequest,
    ForeignOrigin,
    InternalError,
    Misdirected,
    UnknownMethod,
    error_response,
)
from deskwire.server.http.routes import Request, Route, Router, RouteTable
from deskwire.server.http.server import WRONG_VERSION, add_common_headers
from deskwire.server.net.certificates import host_names

PREFLIGHT_MAX_AGE = 600
"""Seconds for which a browser may cache a preflight response."""
PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-None-Match",
    "Access-Control-Max-Age": str(PREFLIGHT_MAX_AGE),
}
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?")

log = logging.getLogger("deskwire.http")


class RequestPolicy(Struct, frozen=True):
    """Host names, origins and proxies that this desk accepts."""

    hosts: frozenset[str]
    """Names from the settings. The names of this machine may change, so `check` looks them up."""
    origins: frozenset[str]
    proxies: tuple[IPv4Network | IPv6Network, ...]

    @classmethod
    def create(
        cls,
        *,
        allowed_hosts: Iterable[str] = (),
        allowed_origins: Iterable[str] = (),
        public_url: str = "",
        trusted_proxies: Iterable[str] = (),
    ) -> "RequestPolicy":
        """Return the policy for these settings."""
        hosts = {"localhost", *(host.lower() for host in allowed_hosts)}
        origins = {origin.lower().rstrip("/") for origin in allowed_origins}
        if public_url:
            parts = urlsplit(public_url)
            hosts.add((parts.hostname or "").lower())
            origins.add(f"{parts.scheme}://{parts.netloc}".lower())
        proxies = tuple(ipaddress.ip_network(proxy, strict=False) for proxy in trusted_proxies)
        return cls(frozenset(hosts), frozenset(origins), proxies)

    def check(self, request: web.BaseRequest) -> str:
        """Return the Host of a request; raises `BadRequest`, `Misdirected`, `ForeignOrigin`."""
        host = self._host(request)
        origins = request.headers.getall("Origin", [])
        if origins:
            self._check_origin(origins, host)
        return host

    def allowed_origin(self, request: web.BaseRequest) -> str | None:
        """Return the request's Origin if it is one of the allowed foreign ones."""
        origin = request.headers.get("Origin", "")
        return origin if origin.lower() in self.origins else None

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

    def _check_origin(self, origins: list[str], host: str) -> None:
        origin = origins[0].lower()
        same = origin in (f"https://{host.lower()}", f"http://{host.lower()}")
        if len(origins) > 1 or not (same or origin in self.origins):
            raise ForeignOrigin(
                f"origin not allowed: {origin[:100]}; add it to server.allowed_origins"
            )

    def _trusts(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self.proxies)


class HttpApp:
    """Answers requests."""

    def __init__(self, routes: Sequence[Route], policy: RequestPolicy, *, cookie: str) -> None:
        """`cookie` is the name of the page's cookie, for the OpenAPI document."""
        table = RouteTable(routes)

        @table.route("GET", "/v1/openapi.json", gives="application/json")
        async def openapi(_: Request) -> web.Response:
            """Get this document."""
            return web.Response(body=self._description, content_type="application/json")

        self._routes = table
        self._router = Router(table)
        self.reconfigure(policy, cookie=cookie)

    def reconfigure(self, policy: RequestPolicy, *, cookie: str) -> None:
        """Use another policy from the next request on."""
        self._policy = policy
        self._description = msgspec.json.encode(describe(self._routes, cookie=cookie))

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; raises nothing except cancellation."""
        try:
            response = await self._handle(request)
        except Problem as problem:
            response = error_response(problem)
        except Exception:
            log.exception("%s %s: unhandled exception", request.method, request.path[:200])
            response = error_response(InternalError())
        if not response.prepared:
            if origin := self._policy.allowed_origin(request):
                response.headers["Access-Control-Allow-Origin"] = origin
                response.headers["Access-Control-Expose-Headers"] = "ETag, Retry-After"
                response.headers["Vary"] = "Origin"
            add_common_headers(response)
        return response

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        policy = self._policy
        if request.method == "CONNECT":  # its target is not a path
            raise UnknownMethod
        if WRONG_VERSION in request:
            raise BadRequest("unsupported HTTP version; use version 1.1")
        try:
            host = policy.check(request)
        except (BadRequest, Misdirected) as problem:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                raise ForeignOrigin(problem.message) from None
            raise
        preflight = "Access-Control-Request-Method" in request.headers
        if request.method == "OPTIONS" and preflight and policy.allowed_origin(request):
            return web.Response(status=204, headers=PREFLIGHT_HEADERS)
        route, segment = self._router.find(request.method, request.path)
        address, client_tls = policy.client_address(request), policy.client_uses_tls(request)
        result = await route.handle(Request(request, host, address, segment, client_tls))
        if result is None:
            return web.Response(status=route.status)
        if isinstance(result, Struct):
            return web.Response(body=msgspec.json.encode(result), content_type="application/json")
        return result


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an IP address; a dual-stack socket reports IPv4 mapped into IPv6."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return (address.version == 6 and address.ipv4_mapped) or address
