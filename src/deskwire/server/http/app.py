"""HTTP application: admits a request, routes it, and turns every outcome into a response.

    Host and Origin ─▶ CORS preflight ─▶ route ─▶ handler ─▶ response, or a problem's response

The Fetch Standard, "HTTP-CORS protocol", defines how pages of the allowed origins read responses.
No credentials are allowed there.
"""

import logging
from collections.abc import Sequence

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
from deskwire.server.http.request_policy import Request, RequestPolicy
from deskwire.server.http.routes import Route, Router, RouteTable
from deskwire.server.http.server import WRONG_VERSION, HttpProtocol, add_common_headers

PREFLIGHT_MAX_AGE = 600
"""Seconds for which a browser may cache a preflight response."""
PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-None-Match",
    "Access-Control-Max-Age": str(PREFLIGHT_MAX_AGE),
}
log = logging.getLogger("deskwire.http")


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
        address, client_tls = policy.client_address(request), policy.client_uses_tls(request)
        if isinstance(request.protocol, HttpProtocol):
            request.protocol.identify(address)
        preflight = "Access-Control-Request-Method" in request.headers
        if request.method == "OPTIONS" and preflight and policy.allowed_origin(request):
            return web.Response(status=204, headers=PREFLIGHT_HEADERS)
        route, segment = self._router.find(request.method, request.path)
        result = await route.handle(Request(request, host, address, segment, client_tls))
        if result is None:
            return web.Response(status=route.status)
        if isinstance(result, Struct):
            return web.Response(body=msgspec.json.encode(result), content_type="application/json")
        return result
