"""One socket's life: a session that decides, a connection that is written to, a clock.

    upgrade ─▶ wait for auth ─▶ seated: frames out, commands in ─▶ last words ─▶ gone

Any path /v1/monitor/<anything>/ws is accepted, so that a browser gets to see the close code.
"""

import asyncio
import logging
from collections.abc import Callable

from aiohttp import web
from msgspec import Struct

from deskwire.core.command_router import CommandRouter
from deskwire.model.access import Grant, LoginId, Scope
from deskwire.model.commands import Command
from deskwire.model.instant import Clock, Instant
from deskwire.model.problems import Problem, UnknownPlayer
from deskwire.model.units import Seconds
from deskwire.protocol.base.codec import encode
from deskwire.protocol.base.messages import ServerMessage
from deskwire.protocol.base.server_session import (
    Admit,
    Close,
    Effect,
    Perform,
    Send,
    ServerSession,
    error_message,
)
from deskwire.protocol.close_codes import CloseCode
from deskwire.protocol.websocket.parser import Binary, Text
from deskwire.protocol.websocket.serializer import text_frame
from deskwire.server.rate_limited_logger import RateLimitedLogger
from deskwire.server.websocket.broadcaster import Broadcaster
from deskwire.server.websocket.connection import Connection
from deskwire.server.websocket.deadlines import Deadlines
from deskwire.server.websocket.session_registry import SessionRegistry
from deskwire.server.websocket.upgrade import upgrade

VerifyFor = Callable[[str, str, Instant], Grant]
"""Turn (token, desk in the path, now) into a grant; raises `TokenExpired` or another `Refused`."""

LARGEST_MESSAGE = 16 * 1024

log = logging.getLogger("deskwire.socket")


class Watcher(Struct, frozen=True):
    """Somebody who is watching."""

    login: LoginId
    address: str
    since: Seconds
    """Wall clock."""


class WebSocketEndpoint:
    """Answers upgrades, and lives each socket's life."""

    def __init__(
        self,
        *,
        verify: VerifyFor,
        router: CommandRouter,
        broadcaster: Broadcaster,
        sockets: SessionRegistry,
        deadlines: Deadlines,
        clock: Clock,
        auth_timeout: Seconds,
        warning: Seconds,
        literal_names: bool,
    ) -> None:
        self.verify = verify
        self.router = router
        self.broadcaster = broadcaster
        self.sockets = sockets
        self.deadlines = deadlines
        self.clock = clock
        self.auth_timeout = auth_timeout
        self.warning = warning
        self.literal_names = literal_names
        self.strangers = RateLimitedLogger(log, logging.INFO)

    def watching(self) -> list[Watcher]:
        """Return who is watching now."""
        return [
            Watcher(grant.login, life.address, life.opened.wall)
            for life, grant in self.sockets.authenticated()
            if isinstance(life, SocketSession)
        ]

    async def open(self, request: web.BaseRequest, desk: str, address: str) -> web.StreamResponse:
        """Upgrade."""
        return upgrade(
            request,
            lambda connection: SocketSession(self, connection, desk, address),
            largest=LARGEST_MESSAGE,
        )


class SocketSession:
    """One socket."""

    def __init__(
        self, monitor: WebSocketEndpoint, connection: Connection, desk: str, address: str
    ) -> None:
        self._endpoint = monitor
        self._connection = connection
        self.address = address
        self.opened = monitor.clock()
        self._session = ServerSession(
            self.opened,
            verify=lambda token, now: monitor.verify(token, desk, now),
            auth_timeout=monitor.auth_timeout,
            warning=monitor.warning,
        )
        self._commands: set[asyncio.Task[None]] = set()
        self._performed = 0
        monitor.sockets.add(self)
        self._remind()

    def hear(self, message: Text | Binary) -> None:
        """Do what the session makes of it."""
        if isinstance(message, Text):
            self._obey(self._session.receive(message.text, self._endpoint.clock()))
        else:
            self.close(CloseCode.UNSUPPORTED, "text only")

    def close(self, code: CloseCode, reason: str) -> None:
        """Close it, within a bound."""
        self._obey(self._session.end(code, reason))

    def abort(self) -> None:
        """Be rid of it at once."""
        self._connection.abort()

    def leave(self) -> None:
        """Stream to it no more, and remind it of nothing."""
        self._endpoint.broadcaster.leave(self._connection)
        self._endpoint.deadlines.drop(self._tick)

    def over(self) -> None:
        """The socket is gone: leave every list."""
        self._session.end(CloseCode.ABNORMAL, "")
        self.leave()
        self._endpoint.sockets.remove(self)
        for task in self._commands:
            task.cancel()
        self._log()

    def _obey(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Admit(grant):
                    self._admit(grant)
                case Perform(command, grant):
                    task = asyncio.create_task(self._perform(command, grant))
                    self._commands.add(task)
                    task.add_done_callback(self._commands.discard)
                case Send(message):
                    self._say(message)
                case Close(code, reason):
                    self.leave()
                    self._connection.close(code, reason)
        self._remind()

    def _admit(self, grant: Grant) -> None:
        if not self._endpoint.sockets.authenticate(self, grant):
            self.close(CloseCode.TRY_LATER, "too many sockets")
        elif Scope.MONITOR in grant.scopes:
            self._endpoint.broadcaster.join(self._connection)
        else:
            self._endpoint.broadcaster.accompany(self._connection)

    async def _perform(self, command: Command, grant: Grant) -> None:
        self._performed += 1
        try:
            await self._endpoint.router.perform(command, grant)
        except Problem as problem:
            self._say(error_message(problem))
            if isinstance(problem, UnknownPlayer):
                self._endpoint.broadcaster.refresh(self._connection)

    def _say(self, message: ServerMessage) -> None:
        literal = self._endpoint.literal_names
        self._connection.send(text_frame(encode(message, Seconds(0), literal_names=literal)))

    def _remind(self) -> None:
        deadline = self._session.deadline
        if deadline is None:
            self._endpoint.deadlines.drop(self._tick)
        else:
            self._endpoint.deadlines.set(self._tick, deadline)

    def _tick(self, now: Instant) -> None:
        self._obey(self._session.tick(now))

    def _log(self) -> None:
        grant = self._session.grant
        code, reason = self._connection.last_word or (CloseCode.ABNORMAL, "lost")
        lasted = self._endpoint.clock().boot - self.opened.boot
        close = f"close={code:d}{f' ({reason})' if reason else ''}"
        if grant is None:
            self._endpoint.strangers.write(
                f"socket ended  from={self.address} lasted={lasted:.1f}s {close}"
            )
            return
        log.info(
            "session ended  user=%s from=%s lasted=%.1fs skipped=%d commands=%d %s",
            grant.user,
            self.address,
            lasted,
            self._connection.skipped,
            self._performed,
            close,
        )
