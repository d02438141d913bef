"""Registry of the open sockets: their limits, and the token and login of each.

A new socket is unauthenticated. Above the limit of those, one of the client that has the most of
them is closed, so an owner with a slow network gets in during a flood. After `auth`, the sockets
are limited per user and in total. A token has one socket, and the newest one wins: a
phone that lost its network reconnects before the server notices that the old connection is dead.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from deskwire.model.access import Grant, LoginId
from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import CloseCode
from deskwire.server.eviction import EvictionQueue
from deskwire.server.websocket.connection import CLOSE_TIMEOUT


class SocketLimits(Struct, frozen=True):
    """Maximum numbers of open sockets."""

    total: int
    """Authenticated sockets of all users."""
    per_user: int
    """Authenticated sockets of one user."""
    unauthenticated: int


class Socket(Protocol):
    """An open socket, as far as the registry knows it."""

    def close(self, code: CloseCode, reason: str) -> None:
        """Close with a close frame, within a bound."""

    def abort(self) -> None:
        """Close at once."""


class SessionRegistry:
    """Every open socket."""

    def __init__(
        self, limits: SocketLimits, is_known: Callable[[str], bool] = lambda _: False
    ) -> None:
        """`is_known` returns whether a user has logged in from an address before."""
        self.limits = limits
        self._unauthenticated: EvictionQueue[Socket] = EvictionQueue(is_known)
        self._grants: dict[Socket, Grant] = {}
        self._all: set[Socket] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._all)

    def reconfigure(self, limits: SocketLimits) -> None:
        """Apply other limits to new sockets; open sockets stay."""
        self.limits = limits

    def add(self, socket: Socket, address: str = "") -> None:
        """Add a new, unauthenticated socket of the client at `address`."""
        self._all.add(socket)
        self._empty.clear()
        self._unauthenticated.add(socket, address)
        if self._closed:
            socket.close(CloseCode.GOING_AWAY, "going away")
        elif len(self._unauthenticated) > self.limits.unauthenticated:
            self._unauthenticated.evict().abort()

    def authenticate(self, socket: Socket, grant: Grant) -> bool:
        """Register a socket's grant; return False if a limit is reached."""
        self._unauthenticated.discard(socket)
        for older, held in list(self._grants.items()):
            if held.token == grant.token:
                del self._grants[older]
                older.close(CloseCode.AUTH_FAILED, "replaced by a newer connection")
        of_user = sum(held.user == grant.user for held in self._grants.values())
        if len(self._grants) >= self.limits.total or of_user >= self.limits.per_user:
            return False
        self._grants[socket] = grant
        return True

    def remove(self, socket: Socket) -> None:
        """Remove a closed socket."""
        self._all.discard(socket)
        self._unauthenticated.discard(socket)
        self._grants.pop(socket, None)
        if not self._all:
            self._empty.set()

    def authenticated(self) -> list[tuple[Socket, Grant]]:
        """Return the authenticated sockets and their grants."""
        return list(self._grants.items())

    def close_logins(self, ended: frozenset[LoginId]) -> None:
        """Close every socket that belongs to one of these logins."""
        for socket, grant in list(self._grants.items()):
            if grant.login in ended:
                self._grants.pop(socket, None)
                socket.close(CloseCode.AUTH_FAILED, "login ended")

    async def close_all(self) -> None:
        """Close every socket, and each new one, because the daemon stops. Bounded."""
        self._closed = True
        for socket in list(self._all):
            socket.close(CloseCode.GOING_AWAY, "going away")
        try:
            async with asyncio.timeout(Seconds(CLOSE_TIMEOUT + 0.2)):
                await self._empty.wait()
        except TimeoutError:
            for socket in list(self._all):
                socket.abort()
