"""Subscription to chosen topics, over a `deskwire.v1` socket of its own.

    new token ──▶ open, subscribe ──▶ readings … ──closed or expiring──▶ `reconnect` decides

The first readings of a socket are complete, so a new socket misses nothing.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import Any

import aiohttp
import msgspec

from deskwire.client.connection import LARGEST_MESSAGE
from deskwire.client.credentials import SocketToken
from deskwire.client.http import translated_errors
from deskwire.client.problems import NotConnected, Unreachable, problem_of
from deskwire.client.reconnect import ConnectWith, GiveUp, Reconnect, Retry
from deskwire.client.timeouts import Timeouts
from deskwire.model.instant import Instant
from deskwire.model.problems import Problem, UnknownTopic
from deskwire.model.readings import Snapshot
from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import CloseCode
from deskwire.protocol.extended.codec import SUBPROTOCOL, to_wire

Readings = dict[str, Any]
NewToken = Callable[[ConnectWith], Awaitable[SocketToken]]


class BaseProtocolOnly(Exception):
    """The desk does not speak `deskwire.v1`."""


class Subscription:
    """Topics and interval that a program wants."""

    def __init__(
        self,
        topics: Sequence[str],
        interval: float,
        *,
        new_pool: Callable[[], aiohttp.ClientSession],
        timeouts: Timeouts,
    ) -> None:
        self._wanted = {"topics": list(topics), "interval": interval}
        self._new_pool = new_pool
        self._timeouts = timeouts
        self._code = int(CloseCode.ABNORMAL)
        """Close code of the last socket."""

    async def follow(
        self, new_token: NewToken, reconnect: Reconnect, clock: Callable[[], Instant]
    ) -> AsyncGenerator[Readings, None]:
        """Yield complete readings after each change, until the desk closes with 1000.

        Raises the `Problem` that ended it, and `BaseProtocolOnly`.
        """
        token: SocketToken | None = None
        decision: Retry | GiveUp = Retry(Seconds(0), ConnectWith.NEW)
        while isinstance(decision, Retry):
            await asyncio.sleep(decision.after)
            try:
                if token is None or decision.connect_with is not ConnectWith.SAME:
                    token = await new_token(decision.connect_with)
                async with aclosing(self._listen(token)) as listening:
                    async for readings in listening:
                        reconnect.live(clock().boot)
                        yield readings
            except NotConnected:
                raise
            except Problem as problem:
                decision = reconnect.failed(problem, decision.connect_with, clock().boot)
            else:
                decision = reconnect.closed(self._code, clock().boot)
        if decision.problem is not None:
            raise decision.problem

    async def _listen(self, token: SocketToken) -> AsyncGenerator[Readings, None]:
        """Yield the readings of one socket until it is closed or expires."""
        async with AsyncExitStack() as stack:
            socket = await self._open(token, stack)
            await _send(socket, {"event": "auth", "args": [token.token]})
            await _send(socket, {"event": "subscribe", "args": [self._wanted]})
            readings: Readings = {}
            while (text := await self._receive(socket, first=not readings)) is not None:
                match _parse(text):
                    case {"event": "readings", "args": [dict(changed)]}:
                        readings |= changed
                        yield dict(readings)
                    case {"event": "error", "args": [{"code": str(code), "message": str(text)}]}:
                        raise problem_of(code, text)
                    case {"event": "session expiring"}:
                        self._code = CloseCode.TOKEN_EXPIRED
                        return
            self._code = socket.close_code or CloseCode.ABNORMAL

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse, *, first: bool) -> str | None:
        """Return the next message, `None` at the end; the first readings come within a bound."""
        try:
            message = await socket.receive(self._timeouts.opening if first else None)
        except TimeoutError:
            raise Unreachable("the desk accepts the subscription but sends no readings") from None
        return str(message.data) if message.type is aiohttp.WSMsgType.TEXT else None

    async def _open(
        self, token: SocketToken, stack: AsyncExitStack
    ) -> aiohttp.ClientWebSocketResponse:
        """Open a socket, which the stack closes."""
        pool = await stack.enter_async_context(self._new_pool())
        with translated_errors(token.socket.partition("/v1/")[0]):
            async with asyncio.timeout(self._timeouts.opening):
                socket = await pool.ws_connect(
                    token.socket,
                    protocols=[SUBPROTOCOL],
                    heartbeat=self._timeouts.silence,
                    max_msg_size=LARGEST_MESSAGE,
                    timeout=aiohttp.ClientWSTimeout(ws_close=self._timeouts.closing),
                )
        stack.push_async_callback(socket.close)
        if socket.protocol != SUBPROTOCOL:
            raise BaseProtocolOnly
        return socket


def readings_of(snapshot: Snapshot, topics: Sequence[str], wall: Seconds) -> Readings:
    """Return the readings in a snapshot, for a desk that speaks the base protocol only.

    Raises `UnknownTopic`.
    """
    for topic in topics:
        if topic not in Snapshot.__struct_fields__:
            raise UnknownTopic(f"unknown topic: {topic[:64]}")
    chosen = {topic: getattr(snapshot, topic) for topic in topics}
    now = Seconds(asyncio.get_running_loop().time())
    readings: Readings = msgspec.to_builtins(to_wire(chosen, now, wall))
    return readings


def _parse(text: str) -> Any:
    """Return a message, or `None` for one that is not JSON: a newer server may send more."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


async def _send(socket: aiohttp.ClientWebSocketResponse, message: dict[str, Any]) -> None:
    try:
        await socket.send_str(json.dumps(message))
    except (aiohttp.ClientError, OSError):
        raise Unreachable("the connection was lost") from None
