"""The page's login: the login token in a cookie that no script can read.

    POST /v1/page/login ──▶ Set-Cookie ──▶ every later request of the page bears it

It is HttpOnly, so a script that should not be there cannot carry it off; SameSite=Strict, so no
other site's page sends it; and under TLS it has the `__Host-` prefix, so no neighbour of this host
can plant one. A site includes its other ports: what the browser says in Sec-Fetch-Site closes that
gap. Two desks behind one name keep apart by their cookies' names.

Sources: RFC 6265bis sections 4.1.2 and 4.1.3; W3C Fetch Metadata.
"""

from http.cookies import CookieError, SimpleCookie

from aiohttp import web

from deskwire.model.problems import TokenRefused
from deskwire.model.units import Seconds

_OURS = frozenset({"same-origin", "none"})
_FLAGS = "Path=/; HttpOnly; SameSite=Strict"


class LoginCookie:
    """Writes and reads it."""

    def __init__(self, *, desk: str, secure: bool) -> None:
        prefix = "__Host-" if secure else ""
        self.name = f"{prefix}deskwire-{desk[:8]}"
        self._flags = f"{_FLAGS}; Secure" if secure else _FLAGS

    def read(self, request: web.BaseRequest) -> str:
        """Return the login token a page's request bears; raises `TokenRefused`."""
        if request.headers.get("Sec-Fetch-Site", "none") not in _OURS:
            raise TokenRefused("only this desk's own page is known by its cookie")
        try:
            cookies = SimpleCookie("; ".join(request.headers.getall("Cookie", [])))
        except CookieError:
            cookies = SimpleCookie()
        morsel = cookies.get(self.name)
        if morsel is None or not morsel.value:
            raise TokenRefused("a Bearer token is needed")
        return morsel.value

    def keep(self, token: str, lifetime: Seconds) -> web.Response:
        """Answer 204 and have the browser keep the token for `lifetime`."""
        return self._answer(f"{self.name}={token}; Max-Age={int(lifetime)}; {self._flags}")

    def forget(self) -> web.Response:
        """Answer 204 and have the browser forget it."""
        return self._answer(f"{self.name}=; Max-Age=0; {self._flags}")

    def _answer(self, cookie: str) -> web.Response:
        return web.Response(status=204, headers={"Set-Cookie": cookie})
