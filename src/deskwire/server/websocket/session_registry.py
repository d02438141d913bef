"""The open sockets: how many may be, which token and login each came in by, and ending them.

A socket waits (not yet authenticated; the one that waited longest makes room) and then is seated:
one a token (the newest wins: a phone that lost its network comes back before the old socket is
known to be dead), a bounded number a user and in all.
"""

import asyncio
from collections import Counter
from typing import Protocol

from deskwire.model.access import Grant, LoginId
from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import CloseCode
from deskwire.server.websocket.connection import CLOSE_TIMEOUT


class Socket(Protocol):
    """One open socket, as something that can be ended."""

    def close(self, code: CloseCode, reason: str) -> None:
        """Close it, within a bound."""

    def abort(self) -> None:
        """Be rid of it at once."""


class SessionRegistry:
    """Every open socket."""

    def __init__(self, *, most: int, most_a_user: int, most_waiting: int) -> None:
        self.most = most
        self.most_a_user = most_a_user
        self.most_waiting = most_waiting
        self._waiting: dict[Socket, None] = {}
        self._authenticated: dict[Socket, Grant] = {}
        self._by_token: dict[str, Socket] = {}
        self._by_user: Counter[str] = Counter()
        self._all: set[Socket] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._all)

    def add(self, socket: Socket) -> None:
        """A socket is open; nothing is known of it."""
        self._all.add(socket)
        self._empty.clear()
        self._waiting[socket] = None
        if self._closed:
            socket.close(CloseCode.GOING_AWAY, "going away")
        elif len(self._waiting) > self.most_waiting:
            longest = next(iter(self._waiting))
            del self._waiting[longest]
            longest.abort()

    def authenticate(self, socket: Socket, grant: Grant) -> bool:
        """It is who it says; returns whether there is room for it."""
        self._waiting.pop(socket, None)
        older = self._by_token.get(grant.token)
        if older is not None:
            self._forget(older)
            older.close(CloseCode.AUTH_FAILED, "replaced by a newer connection")
        if len(self._authenticated) >= self.most or self._by_user[grant.user] >= self.most_a_user:
            return False
        self._authenticated[socket] = grant
        self._by_user[grant.user] += 1
        self._by_token[grant.token] = socket
        return True

    def remove(self, socket: Socket) -> None:
        """It is closed."""
        self._all.discard(socket)
        self._waiting.pop(socket, None)
        self._forget(socket)
        if not self._all:
            self._empty.set()

    def authenticated(self) -> list[tuple[Socket, Grant]]:
        """Return those that are authenticated, and by what."""
        return list(self._authenticated.items())

    def close_logins(self, ended: frozenset[LoginId]) -> None:
        """Close every socket that came in by one of these logins."""
        for socket, grant in list(self._authenticated.items()):
            if grant.login in ended:
                self._forget(socket)
                socket.close(CloseCode.AUTH_FAILED, "login ended")

    async def close_all(self) -> None:
        """Close every socket, and each that still comes: the daemon stops. Bounded."""
        self._closed = True
        for socket in list(self._all):
            socket.close(CloseCode.GOING_AWAY, "going away")
        try:
            async with asyncio.timeout(Seconds(CLOSE_TIMEOUT + 0.2)):
                await self._empty.wait()
        except TimeoutError:
            for socket in list(self._all):
                socket.abort()

    def _forget(self, socket: Socket) -> None:
        grant = self._authenticated.pop(socket, None)
        if grant is None:
            return
        self._by_user[grant.user] -= 1
        if not self._by_user[grant.user]:
            del self._by_user[grant.user]
        if self._by_token.get(grant.token) is socket:
            del self._by_token[grant.token]
