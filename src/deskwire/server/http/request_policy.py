"""Who asks, by which name, from which page: what a request says of itself before it is believed.

A daemon on a home network is asked by every page a browser there opens. So a Host that is none of
ours (DNS rebinding) and an Origin that is not the Host (another page) are refused before anything
else. An IP literal cannot be rebound and passes.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from aiohttp.web import BaseRequest

from deskwire.model.problems import TokenRefused
from deskwire.server.http.problems import BadRequest, ForeignOrigin, Misdirected

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?")
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/=-]+) *")


class RequestPolicy:
    """The names this desk answers to, and the pages that may ask."""

    def __init__(
        self,
        *,
        allowed_hosts: Iterable[str],
        allowed_origins: Iterable[str],
        public_url: str,
        trusted_proxies: Iterable[str],
    ) -> None:
        own = socket.gethostname().lower()
        first = own.partition(".")[0]
        self._hosts = {"localhost", own, first, f"{first}.local"}
        self._hosts.update(host.lower() for host in allowed_hosts)
        self._origins = {origin.lower().rstrip("/") for origin in allowed_origins}
        if public_url:
            parts = urlsplit(public_url)
            self._hosts.add((parts.hostname or "").lower())
            self._origins.add(f"{parts.scheme}://{parts.netloc}".lower())
        self._proxies = [ipaddress.ip_network(proxy, strict=False) for proxy in trusted_proxies]

    def check(self, request: BaseRequest) -> str:
        """Return the Host a request is for; raises `BadRequest`, `Misdirected`, `ForeignOrigin`."""
        host = self._host(request)
        origins = request.headers.getall("Origin", [])
        if origins:
            self._check_origin(origins, host)
        return host

    def page(self, request: BaseRequest) -> str | None:
        """The Origin of a page from elsewhere that may ask; `None` for any other request."""
        origin = request.headers.get("Origin", "")
        return origin if origin.lower() in self._origins else None

    def address(self, request: BaseRequest) -> str:
        """The peer's address: a trusted proxy may name another, nobody else."""
        peer = _plain(request.remote or "")
        if self._trusts(peer):
            # a proxy may add a line of its own to those the peer sent
            for hop in reversed(",".join(request.headers.getall("X-Forwarded-For", [])).split(",")):
                candidate = _plain(hop.strip())
                if not _is_address(candidate):
                    break
                peer = candidate
                if not self._trusts(candidate):
                    break
        return peer

    def came_by_tls(self, request: BaseRequest) -> bool | None:
        """Whether the peer spoke TLS to a trusted proxy; `None` where no such proxy says it."""
        if not (self._proxies and self._trusts(_plain(request.remote or ""))):
            return None
        last = ",".join(request.headers.getall("X-Forwarded-Proto", [])).rpartition(",")[2]
        return {"https": True, "wss": True, "http": False, "ws": False}.get(last.strip().lower())

    def _host(self, request: BaseRequest) -> str:
        hosts = request.headers.getall("Host", [])
        match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None or not request.raw_path.startswith("/"):
            raise BadRequest("one Host, and a path")
        name = match["name"].lower().rstrip(".")
        known = name in self._hosts or f"{name}:{match['port']}" in self._hosts
        if not known and not _is_address(name.strip("[]")):
            raise Misdirected("this desk has no such name; server.allowed_hosts can add it")
        return hosts[0]

    def _check_origin(self, origins: list[str], host: str) -> None:
        origin = origins[0].lower()
        same = origin in (f"https://{host.lower()}", f"http://{host.lower()}")
        if len(origins) > 1 or not (same or origin in self._origins):
            raise ForeignOrigin("a page of another origin may not ask")

    def _trusts(self, address: str) -> bool:
        if not self._proxies or not _is_address(address):
            return False
        parsed = ipaddress.ip_address(address)
        return any(parsed in network for network in self._proxies)


def bearer(request: BaseRequest) -> str:
    """The one Bearer token of a request; raises `TokenRefused`. Never read from the URL."""
    values = request.headers.getall("Authorization", [])
    match = _BEARER.fullmatch(values[0]) if len(values) == 1 else None
    if match is None:
        raise TokenRefused("a Bearer token is needed")
    return match[1]


def _plain(address: str) -> str:
    """Return IPv4 mapped into IPv6, which a socket for both has, as IPv4."""
    lowered = address.lower()
    mapped = lowered.removeprefix("::ffff:")
    return mapped if mapped != lowered and "." in mapped and _is_address(mapped) else address


def _is_address(text: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET, text)  # most are, and `ipaddress` takes its time
    except (OSError, ValueError):
        try:
            ipaddress.ip_address(text)
        except ValueError:
            return False
    return True
