"""One WebSocket connection: a `ClientSession` driven by aiohttp.

    opened ──▶ received messages go to the session, its effects are carried out ──▶ close code

Each socket has its own connection pool, so that closing it frees everything. The close is bounded:
a server that does not read is dropped.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from ssl import SSLContext
from typing import Protocol, Self

import aiohttp

from deskwire.client.credentials import SocketToken
from deskwire.client.http import Socket, open_pool, translated_errors
from deskwire.client.problems import NotConnected
from deskwire.client.timeouts import Liveness, LivenessCheck, Timeouts
from deskwire.client.trust import Trust
from deskwire.model.commands import PlayerCommand
from deskwire.model.instant import Instant
from deskwire.model.readings import Snapshot
from deskwire.model.units import Seconds
from deskwire.protocol.base.client_session import (
    ClientEffect,
    ClientSession,
    RenewSession,
    ReportError,
    SendText,
    UpdateSnapshot,
)
from deskwire.protocol.base.codec import ErrorMessage
from deskwire.protocol.close_codes import CloseCode

NO_STATUS = 1005
"""A close frame without a code, RFC 6455 section 7.1.5."""
CHECK_INTERVAL = 1.0
LARGEST_MESSAGE = 4 * 1024 * 1024


class ConnectionEvents(Protocol):
    """Receiver of a connection's events."""

    def on_stats(self, connection: "Connection", text: str, snapshot: Snapshot) -> None:
        """Receive a snapshot; `text` is the whole message."""

    def on_refusal(self, refusal: ErrorMessage) -> None:
        """Receive an error event."""


class Connection:
    """One open socket; a separate task reads it until it is closed."""

    def __init__(
        self,
        socket_token: SocketToken,
        pool: aiohttp.ClientSession,
        ws: "_Droppable",
        *,
        events: ConnectionEvents,
        clock: Callable[[], Instant],
        timeouts: Timeouts,
    ) -> None:
        now = clock().boot
        self._pool = pool
        self._ws = ws
        self._events = events
        self._clock = clock
        self._timeouts = timeouts
        self._session = ClientSession(socket_token.token)
        self._liveness = Liveness(timeouts, now)
        self.ends = None if socket_token.lasts is None else Seconds(now + socket_token.lasts)
        """End of the session according to its token, CLOCK_BOOTTIME."""
        self.unanswered: set[asyncio.Future[None]] = set()
        """Commands sent on this socket that have no result yet."""
        self.silent = False
        """Whether the client dropped it because of silence."""
        self.live = asyncio.Event()
        """Set by the first `stats`."""
        self.expiring = asyncio.Event()
        """Set by `session expiring`."""
        self._leaving: asyncio.Task[None] | None = None
        self.closed = asyncio.create_task(self._run(), name="deskwire connection")
        """Task that ends with the socket; its result is the close code."""

    @classmethod
    async def open(
        cls,
        socket_token: SocketToken,
        *,
        trust: Trust,
        context: SSLContext | None,
        events: ConnectionEvents,
        clock: Callable[[], Instant],
        timeouts: Timeouts,
    ) -> Self:
        """Open a socket and authenticate; raises `Unreachable` and the like."""
        pool = open_pool(trust, context, timeouts.opening, _Droppable)
        try:
            with translated_errors(socket_token.socket.partition("/v1/")[0]):
                async with asyncio.timeout(timeouts.opening):
                    ws = await pool.ws_connect(
                        socket_token.socket,
                        autoping=False,
                        max_msg_size=LARGEST_MESSAGE,
                        timeout=aiohttp.ClientWSTimeout(ws_close=timeouts.closing),
                    )
        except BaseException:
            await pool.close()
            raise
        assert isinstance(ws, _Droppable)
        return cls(socket_token, pool, ws, events=events, clock=clock, timeouts=timeouts)

    async def command(self, command: PlayerCommand, answered: asyncio.Future[None]) -> None:
        """Send a command, which is pending until `answered` is done; raises `NotConnected`."""
        if self.closed.done() or self._ws.closed:
            raise NotConnected("the connection is closed")
        self.unanswered.add(answered)
        answered.add_done_callback(self.unanswered.discard)
        await self._transmit(self._session.command(command))

    async def leave(self) -> None:
        """Close with 1000, within a bound. Concurrent callers wait for the same close."""
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._leave(), name="deskwire farewell")
        await asyncio.wait([self._leaving])

    async def _leave(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * self._timeouts.closing):
                await self._ws.close(code=CloseCode.NORMAL)
        if self._ws.close_code == CloseCode.ABNORMAL:
            self._ws.drop()
        self.closed.cancel()
        await asyncio.wait([self.closed])
        await self._pool.close()

    async def _run(self) -> int:
        watch = asyncio.create_task(self._watch_silence(), name="deskwire silence")
        try:
            with suppress(NotConnected):
                await self._transmit(self._session.open())
            return await self._listen()
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch

    async def _listen(self) -> int:
        while True:
            message = await self._ws.receive()
            self._liveness.received(self._clock().boot)
            if message.type is aiohttp.WSMsgType.TEXT:
                text: str = message.data
                now = Seconds(asyncio.get_running_loop().time())
                self._obey(self._session.receive(text, now), text)
            elif message.type is aiohttp.WSMsgType.PING:
                with suppress(aiohttp.ClientError, OSError):
                    await self._ws.pong(message.data)
            elif message.type is aiohttp.WSMsgType.CLOSE:
                return int(message.data or NO_STATUS)
            elif message.type not in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.PONG):
                return CloseCode.ABNORMAL

    def _obey(self, effects: list[ClientEffect], text: str) -> None:
        for effect in effects:
            match effect:
                case UpdateSnapshot(snapshot):
                    self._events.on_stats(self, text, snapshot)
                    self.live.set()
                case RenewSession():
                    self.expiring.set()
                case ReportError(refusal):
                    self._events.on_refusal(refusal)

    async def _transmit(self, effects: list[ClientEffect]) -> None:
        for effect in effects:
            if isinstance(effect, SendText):
                try:
                    await self._ws.send_str(effect.text)
                except (aiohttp.ClientError, OSError):
                    raise NotConnected("the connection was lost") from None

    async def _watch_silence(self) -> None:
        every = min(CHECK_INTERVAL, self._timeouts.pong / 2)
        while True:
            await asyncio.sleep(every)
            match self._liveness.check(self._clock().boot):
                case LivenessCheck.ASK:
                    with suppress(aiohttp.ClientError, OSError):
                        await self._ws.ping()
                case LivenessCheck.DEAD:
                    self.silent = True
                    self._ws.drop()
                    return


class _Droppable(Socket):
    """aiohttp's WebSocket with an immediate abort, because its close waits for an absent peer."""

    def drop(self) -> None:
        """Abort the transport: unsent data is lost and the reader ends."""
        connection = self._response.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
