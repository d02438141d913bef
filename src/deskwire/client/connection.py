"""One socket: the pure session inside, aiohttp around it; the other door to aiohttp.

    opened ──▶ run: what comes goes to the session, what it wants is done ──▶ close code

Each socket has a pool of its own, so that leaving it frees everything at once: the last word is
said within a bound, and a peer that reads nothing any more is dropped without one.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from ssl import SSLContext
from typing import Protocol, Self

import aiohttp

from deskwire.client.credentials import Ticket
from deskwire.client.http import Socket, open_pool, told
from deskwire.client.liveness import Liveness, Look
from deskwire.client.problems import NotConnected
from deskwire.client.timeouts import Pace
from deskwire.client.trust import Trust
from deskwire.model.commands import Command
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
from deskwire.protocol.base.messages import ErrorMessage
from deskwire.protocol.close_codes import CloseCode

NO_STATUS = 1005
"""A close frame without a code, RFC 6455 section 7.1.5."""
LOOKS_EVERY = 1.0
LARGEST_MESSAGE = 4 * 1024 * 1024


class Hear(Protocol):
    """Who is told what a connection hears."""

    def heard_stats(self, connection: "Connection", text: str, snapshot: Snapshot) -> None:
        """Take a reading; `text` is the whole message."""

    def heard_refusal(self, connection: "Connection", refusal: ErrorMessage) -> None:
        """Take a refusal."""


class Connection:
    """One open socket, read by a task of its own until it is closed."""

    def __init__(
        self,
        ticket: Ticket,
        pool: aiohttp.ClientSession,
        ws: "_Droppable",
        *,
        hear: Hear,
        clock: Callable[[], Instant],
        pace: Pace,
    ) -> None:
        now = clock().boot
        self._pool = pool
        self._ws = ws
        self._hear = hear
        self._clock = clock
        self._pace = pace
        self._session = ClientSession(ticket.token)
        self._liveness = Liveness(pace, now)
        self.ends = None if ticket.lasts is None else Seconds(now + ticket.lasts)
        """When the session ends by its token's own word, CLOCK_BOOTTIME."""
        self.unsettled: set[asyncio.Future[None]] = set()
        """Commands sent here that are neither seen nor refused, nor given up."""
        self.silent = False
        """Whether it was dropped because nothing came any more."""
        self.live = asyncio.Event()
        """The first `stats` came."""
        self.expiring = asyncio.Event()
        """The desk said that the session ends soon."""
        self._leaving: asyncio.Task[None] | None = None
        self.closed = asyncio.create_task(self._run(), name="deskwire connection")
        """Done when the socket is; its result is the close code."""

    @classmethod
    async def open(
        cls,
        ticket: Ticket,
        *,
        trust: Trust,
        context: SSLContext | None,
        hear: Hear,
        clock: Callable[[], Instant],
        pace: Pace,
    ) -> Self:
        """Open a socket and authenticate; raises `Unreachable` and the like."""
        pool = open_pool(trust, context, pace.opening, _Droppable)
        try:
            with told(ticket.socket.partition("/v1/")[0]):
                async with asyncio.timeout(pace.opening):
                    ws = await pool.ws_connect(
                        ticket.socket,
                        autoping=False,
                        max_msg_size=LARGEST_MESSAGE,
                        timeout=aiohttp.ClientWSTimeout(ws_close=pace.farewell),
                    )
        except BaseException:
            await pool.close()
            raise
        assert isinstance(ws, _Droppable)
        return cls(ticket, pool, ws, hear=hear, clock=clock, pace=pace)

    async def command(self, command: Command, settled: asyncio.Future[None]) -> None:
        """Send a command, `settled` when it is; raises `NotConnected` when it cannot be sent."""
        if self.closed.done() or self._ws.closed:
            raise NotConnected("the connection is closed")
        self.unsettled.add(settled)
        settled.add_done_callback(self.unsettled.discard)
        await self._transmit(self._session.command(command))

    async def leave(self) -> None:
        """Close with 1000 and be gone; bounded. Whoever else leaves it waits for the same end."""
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._leave(), name="deskwire farewell")
        await asyncio.wait([self._leaving])

    async def _leave(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * self._pace.farewell):
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
            self._liveness.heard(self._clock().boot)
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
                    self._hear.heard_stats(self, text, snapshot)
                    self.live.set()
                case RenewSession():
                    self.expiring.set()
                case ReportError(refusal):
                    self._hear.heard_refusal(self, refusal)

    async def _transmit(self, effects: list[ClientEffect]) -> None:
        for effect in effects:
            if isinstance(effect, SendText):
                try:
                    await self._ws.send_str(effect.text)
                except (aiohttp.ClientError, OSError):
                    raise NotConnected("the connection was lost") from None

    async def _watch_silence(self) -> None:
        every = min(LOOKS_EVERY, self._pace.answer / 2)
        while True:
            await asyncio.sleep(every)
            match self._liveness.look(self._clock().boot):
                case Look.ASK:
                    with suppress(aiohttp.ClientError, OSError):
                        await self._ws.ping()
                case Look.DEAD:
                    self.silent = True
                    self._ws.drop()
                    return


class _Droppable(Socket):
    """aiohttp's socket, with the way out it lacks: its close waits for a peer that is gone."""

    def drop(self) -> None:
        """End it without a word: what waits to be written is lost, and a reader wakes up."""
        connection = self._response.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
