"""Pages from elsewhere that may ask: what a browser wants to hear before it lets them read.

Fetch Standard, "HTTP-CORS protocol". Only the origins that a setting names are answered so, each by
its own name; nothing is reflected, and no credentials are allowed: a token travels as a Bearer.
"""

from aiohttp import web

PREFLIGHT_KEPT = 600
"""Seconds that a browser need not ask again."""


def is_preflight(request: web.BaseRequest) -> bool:
    """Tell whether a browser asks on a page's behalf what the page may ask."""
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def preflight() -> web.Response:
    """Answer that: what the contract has, no more."""
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": "Authorization, Content-Type, If-None-Match",
            "Access-Control-Max-Age": str(PREFLIGHT_KEPT),
        },
    )


def allow_cross_origin_read(response: web.StreamResponse, origin: str) -> None:
    """Let a page of this origin read the answer, a refusal too."""
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = "ETag, Retry-After"
    response.headers["Vary"] = "Origin"
