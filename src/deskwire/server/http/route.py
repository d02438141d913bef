"""What a route is, and how the one that a request means is found.

A `{name}` in a path takes one segment and hands it to the handler.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum

from aiohttp import web
from msgspec import Struct

from deskwire.model.problems import Problem
from deskwire.server.http.problems import MethodNotAllowed, NotFound


class Request(Struct, frozen=True):
    """A request that got this far: its Host is ours, its Origin may ask."""

    request: web.BaseRequest
    host: str
    address: str
    """The peer's."""
    segment: str = ""
    """What stands for the path's `{name}`."""
    by_tls: bool | None = None
    """Whether the peer spoke TLS to a proxy, where one says it."""


class AuthRequirement(Enum):
    """What a request has to bear."""

    NOTHING = "nothing"
    LOGIN = "loginToken"
    """Or the page's cookie, which holds one."""
    EITHER = "anyToken"


Handle = Callable[[Request], Awaitable[Struct | web.StreamResponse | None]]
"""Answers with a JSON body, with a response of its own, or with nothing (204)."""


class Route(Struct, frozen=True, kw_only=True):
    """One thing that can be asked for."""

    method: str
    path: str
    handle: Handle
    summary: str
    bears: AuthRequirement = AuthRequirement.NOTHING
    takes: type[Struct] | None = None
    gives: type[Struct] | str | None = None
    """A JSON body, a media type, or nothing."""
    status: int = 200
    refusals: tuple[type[Problem], ...] = ()


class Router:
    """Finds the route of a request."""

    def __init__(self, table: Sequence[Route]) -> None:
        self._paths: list[tuple[re.Pattern[str], dict[str, Route]]] = []
        by_path: dict[str, dict[str, Route]] = {}
        for route in table:
            by_path.setdefault(route.path, {})[route.method] = route
        for path, methods in by_path.items():
            pattern = re.sub(r"\\{\w+\\}", "([^/]+)", re.escape(path))
            self._paths.append((re.compile(pattern), methods))

    def find(self, method: str, path: str) -> tuple[Route, str]:
        """Return the route and its segment; raises `NotFound` or `MethodNotAllowed`."""
        for pattern, methods in self._paths:
            match = pattern.fullmatch(path)
            if match is None:
                continue
            route = methods.get("GET" if method == "HEAD" else method)
            if route is None or (method == "HEAD" and route.status == 101):
                raise MethodNotAllowed(_allowed(methods))
            return route, match[1] if match.groups() else ""
        raise NotFound("nothing is here")


def _allowed(methods: dict[str, Route]) -> tuple[str, ...]:
    with_head = {*methods, "HEAD"} if "GET" in methods else set(methods)
    return tuple(sorted(with_head))
