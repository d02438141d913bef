"""WebSocket endpoint: one session for each socket, of the base protocol or of a subprotocol.

    upgrade ─▶ wait for auth ─▶ authenticated: snapshots out, commands in ─▶ close frame ─▶ closed

The session (`protocol/base/server_session.py`) decides, and `SocketSession` carries out its
effects. The endpoint accepts any path /v1/monitor/<anything>/ws, because a browser can read a close
code but not the status of a failed handshake.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType

from aiohttp import web
from msgspec import Struct

from deskwire.core.command_router import CommandRouter
from deskwire.model.access import ConnectedClient, Grant, Scope
from deskwire.model.instant import Clock, Instant
from deskwire.model.problems import Problem, UnknownPlayer
from deskwire.model.units import Seconds
from deskwire.protocol.base.codec import ServerMessage, encode_server_message
from deskwire.protocol.base.server_session import (
    Admit,
    Close,
    Effect,
    Perform,
    Send,
    ServerSession,
    SessionPolicy,
    Subscribe,
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
from deskwire.server.websocket.websocket_protocol import offered_subprotocols, upgrade

VerifyToken = Callable[[str, str, Instant], Grant]
"""From (token, desk in the path, now) to a grant; raises `TokenExpired` or another `Refused`."""

MAX_MESSAGE = 16 * 1024

log = logging.getLogger("deskwire.socket")


class WebSocketEndpoint:
    """Answers handshakes and owns what all sessions share."""

    def __init__(
        self,
        *,
        verify: VerifyToken,
        router: CommandRouter,
        broadcaster: Broadcaster,
        registry: SessionRegistry,
        clock: Clock,
        policy: SessionPolicy,
        subprotocols: "Mapping[str, OpenSocket]" = MappingProxyType({}),
    ) -> None:
        """`subprotocols` opens the sockets of clients that offer one of them."""
        self._subprotocols = subprotocols
        self.verify = verify
        self.router = router
        self.broadcaster = broadcaster
        self.registry = registry
        self.clock = clock
        self.policy = policy
        self.deadlines = Deadlines(clock)
        self.unauthenticated_log = RateLimitedLogger(log, logging.INFO)

    def reconfigure(self, policy: SessionPolicy) -> None:
        """Use another policy for new sessions, and its event names for all."""
        self.policy = policy

    def flush_log(self) -> None:
        """Write the summary of suppressed log lines."""
        self.unauthenticated_log.flush()

    def clients(self) -> list[ConnectedClient]:
        """Return the authenticated clients."""
        return [
            ConnectedClient(grant.login, session.address, session.opened.wall)
            for session, grant in self.registry.authenticated()
            if isinstance(session, SocketSession)
        ]

    async def open(self, request: web.BaseRequest, desk: str, address: str) -> web.StreamResponse:
        """Answer a handshake and start a session; raises `NotAWebSocket`."""
        offered = offered_subprotocols(request)
        chosen = next((each for each in offered if each in self._subprotocols), None)
        if chosen is not None:
            await self.router.refresh()  # the first message lists the commands
        open_socket = SocketSession if chosen is None else self._subprotocols[chosen]
        return upgrade(
            request,
            lambda connection: open_socket(self, connection, desk, address),
            max_message=MAX_MESSAGE,
            subprotocol=chosen,
        )


class SocketSession:
    """One socket: feeds its session and carries out the effects."""

    def __init__(
        self, endpoint: WebSocketEndpoint, connection: Connection, desk: str, address: str
    ) -> None:
        self._endpoint = endpoint
        self._connection = connection
        self.address = address
        self.opened = endpoint.clock()
        self._session = self._new_session(desk)
        self._tasks: set[asyncio.Task[None]] = set()
        self._commands = 0
        endpoint.registry.add(self, address)
        self._set_deadline()

    def message_received(self, message: Text | Binary) -> None:
        """Hand a message to the session."""
        if isinstance(message, Text):
            self._apply(self._session.receive(message.text, self._endpoint.clock()))
        else:
            self.close(CloseCode.UNSUPPORTED, "text only")

    def close(self, code: CloseCode, reason: str) -> None:
        """Close with a close frame, within a bound."""
        self._apply(self._session.end(code, reason))

    def abort(self) -> None:
        """Close at once."""
        self._connection.abort()

    def input_ended(self) -> None:
        """Send no further snapshot, and remove the deadline."""
        self._endpoint.broadcaster.leave(self._connection)
        self._endpoint.deadlines.remove(self._tick)

    def connection_lost(self) -> None:
        """Leave the registry and cancel the running commands."""
        self._session.end(CloseCode.ABNORMAL, "")
        self.input_ended()
        self._endpoint.registry.remove(self)
        for task in self._tasks:
            task.cancel()
        self._log_end()

    def _apply(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Admit(grant):
                    self._admit(grant)
                case Perform():
                    task = asyncio.create_task(self._perform(effect))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
                case Subscribe():
                    self._subscribe(effect)
                case Send(message):
                    self._send(message)
                case Close(code, reason):
                    self.input_ended()
                    self._connection.close(code, reason)
        self._set_deadline()

    def _admit(self, grant: Grant) -> None:
        if not self._endpoint.registry.authenticate(self, grant):
            self.close(CloseCode.TRY_LATER, "too many sockets")
        else:
            self._start(grant)

    def _new_session(self, desk: str) -> ServerSession:
        """Return the session that decides; `desk` is the id in the request's path."""
        endpoint = self._endpoint
        return ServerSession(
            self.opened,
            verify=lambda token, now: endpoint.verify(token, desk, now),
            policy=endpoint.policy,
        )

    def _start(self, grant: Grant) -> None:
        """Stream to the client, which is authenticated."""
        if Scope.MONITOR in grant.scopes:
            self._endpoint.broadcaster.join(self._connection)
        else:
            self._endpoint.broadcaster.accompany(self._connection)

    def _subscribe(self, wanted: Subscribe) -> None:
        raise NotImplementedError("the base protocol has no subscriptions")

    async def _perform(self, effect: Perform) -> None:
        self._commands += 1
        try:
            await self._endpoint.router.perform(effect.command, effect.grant)
        except Problem as problem:
            self._send(error_message(problem))
            if isinstance(problem, UnknownPlayer):
                self._endpoint.broadcaster.refresh(self._connection)

    def _send(self, message: Struct) -> None:
        self._connection.send(self._encode(message))

    def _encode(self, message: Struct) -> bytes:
        assert isinstance(message, ServerMessage)
        literal = self._endpoint.policy.literal_names
        return text_frame(encode_server_message(message, Seconds(0), literal_names=literal))

    def _set_deadline(self) -> None:
        deadline = self._session.deadline
        if deadline is None:
            self._endpoint.deadlines.remove(self._tick)
        else:
            self._endpoint.deadlines.set(self._tick, deadline)

    def _tick(self, now: Instant) -> None:
        self._apply(self._session.tick(now))

    def _log_end(self) -> None:
        grant = self._session.grant
        code, reason = self._connection.close_sent or (CloseCode.ABNORMAL, "lost")
        lasted = self._endpoint.clock().boot - self.opened.boot
        origin = f"from={self.address} lasted={lasted:.1f}s"
        close = f"close={code:d}{f' ({reason})' if reason else ''}"
        if grant is None:
            self._endpoint.unauthenticated_log.write(f"socket ended  {origin} {close}")
        else:
            counts = f"skipped={self._connection.skipped} commands={self._commands}"
            log.info("session ended  user=%s %s %s %s", grant.user, origin, counts, close)


OpenSocket = Callable[[WebSocketEndpoint, Connection, str, str], SocketSession]
"""From the endpoint, a connection, the desk in the path and the client's address to a session."""
