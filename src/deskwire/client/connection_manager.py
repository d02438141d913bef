"""Connection manager: opens, renews and reopens the connection to a desk.

    open ──▶ follow ──expiring──▶ open the next, wait for its first stats, close the old with 1000
     ▲        │   ▲                                    │
     └─ wait ─┘   └────────────── follow that one ◀────┘
     closed: `reconnect` decides

While two sockets are open, the newer one is used from its first `stats` on. The older one stays
open until every command sent on it is answered, so that no command is lost.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from deskwire.client.connection import Connection, ConnectionEvents
from deskwire.client.credentials import SocketToken
from deskwire.client.desk_state import ConnectionState, HandoverFilter, Phase
from deskwire.client.problems import ClosedByDesk, NotConnected, Unreachable
from deskwire.client.reconnect import ConnectWith, GiveUp, Reconnect, Retry
from deskwire.client.timeouts import Timeouts
from deskwire.model.commands import PlayerCommand
from deskwire.model.instant import Instant
from deskwire.model.problems import Problem
from deskwire.model.readings import Snapshot
from deskwire.model.units import Seconds
from deskwire.protocol.base.codec import ErrorMessage

GetSocketToken = Callable[[ConnectWith], Awaitable[SocketToken]]

CHECK_INTERVAL = 1.0
"""Longest single sleep in seconds. The loop's clock stops in suspend, so long waits are split."""

BEGIN = Retry(Seconds(0), ConnectWith.NEW)


class ConnectionObserver(Protocol):
    """Receiver of snapshots, errors and connection states."""

    def show(self, snapshot: Snapshot) -> None:
        """Receive a snapshot."""

    def refuse(self, refusal: ErrorMessage) -> None:
        """Receive an error event."""

    def set_state(self, state: ConnectionState) -> None:
        """Receive the new state of the connection."""


class ConnectionManager:
    """Keeps one connection to a desk open."""

    def __init__(
        self,
        *,
        get_socket_token: GetSocketToken,
        dial: Callable[[SocketToken, ConnectionEvents], Awaitable[Connection]],
        observer: ConnectionObserver,
        clock: Callable[[], Instant],
        random_number: Callable[[], float],
        timeouts: Timeouts,
        keep_trying: bool,
    ) -> None:
        """With `keep_trying`, retry also if the first connection fails."""
        self._get_socket_token = get_socket_token
        self._dial = dial
        self._observer = observer
        self._clock = clock
        self._random_number = random_number
        self._timeouts = timeouts
        self._keep_trying = keep_trying
        self._handover = HandoverFilter()
        self._current: Connection | None = None
        """Connection in use."""
        self._connections: set[Connection] = set()
        """All connections that are not closed yet."""
        self._closing_tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Stay connected until a close with 1000; raise the `Problem` that ended it otherwise."""
        reconnect = Reconnect(self._timeouts, self._random_number)
        self._observer.set_state(ConnectionState(phase=Phase.CONNECTING))
        decision: Retry | GiveUp = BEGIN
        try:
            while isinstance(decision, Retry):
                decision = await self._connect_and_follow(decision, reconnect)
        except Problem as problem:
            self._end(problem)
            raise
        finally:
            await self._close_all()
        self._end(decision.problem)
        if decision.problem is not None:
            raise decision.problem

    async def command(self, command: PlayerCommand, answered: asyncio.Future[None]) -> None:
        """Send a command on the newest open socket; raises `NotConnected`.

        That socket stays open until `answered` is done; the caller bounds that time.
        """
        if self._current is None:
            raise NotConnected("not connected to the desk now")
        await self._current.command(command, answered)

    # ---- events of connections -------------------------------------------------------------------

    def on_stats(self, connection: Connection, text: str, snapshot: Snapshot) -> None:
        """Pass on a snapshot that comes from the newest socket and is new."""
        if not connection.live.is_set():
            self._take_over(connection)
        if connection is self._current and self._handover.admits(text, snapshot):
            self._observer.show(snapshot)

    def on_refusal(self, refusal: ErrorMessage) -> None:
        """Pass on an error; an older socket may still report one for its commands."""
        self._observer.refuse(refusal)

    def _take_over(self, connection: Connection) -> None:
        if self._current is not None:
            self._handover.begin_handover()
        self._current = connection
        self._observer.set_state(ConnectionState(phase=Phase.LIVE, ends=connection.ends))

    # ---- connect, follow, renew ------------------------------------------------------------------

    async def _connect_and_follow(self, decision: Retry, reconnect: Reconnect) -> Retry | GiveUp:
        """Connect after a delay, and follow the connection until it closes."""
        await self._wait(decision)
        opened = await self._attempt(decision.connect_with, reconnect)
        if not isinstance(opened, Connection):
            return self._or_raise(opened)
        self._keep_trying = True
        last = await self._follow(opened, reconnect)
        code = last.closed.result()
        self._current = None
        await self._leave(last)
        return reconnect.closed(code, self._clock().boot, silent=last.silent)

    async def _attempt(
        self, connect_with: ConnectWith, reconnect: Reconnect
    ) -> Connection | Retry | GiveUp:
        """Return a connection that received its first `stats`, or the next decision."""
        try:
            socket_token = await self._get_socket_token(connect_with)
            connect_with = ConnectWith.SAME
            connection = await self._open(socket_token)
        except Problem as problem:
            return reconnect.failed(problem, connect_with, self._clock().boot)
        try:
            await _event_or_close(connection.live, connection, self._timeouts.opening)
        except BaseException:
            await self._leave(connection)
            raise
        now = self._clock().boot
        if connection.live.is_set():
            reconnect.live(now)
            return connection
        code = connection.closed.result() if connection.closed.done() else None
        await self._leave(connection)
        if code is not None:
            return reconnect.closed(code, now)
        silent = Unreachable("the desk accepts the connection but sends no stats")
        return reconnect.failed(silent, connect_with, now)

    async def _follow(self, connection: Connection, reconnect: Reconnect) -> Connection:
        """Follow a connection and its successors; return the last one when it is closed."""
        while True:
            await _event_or_close(connection.expiring, connection)
            if connection.closed.done():
                return connection
            successor = await self._renew(connection)
            if successor is None:
                await asyncio.wait([connection.closed])
                return connection
            reconnect.live(self._clock().boot)
            self._retire(connection)
            connection = successor

    async def _renew(self, connection: Connection) -> Connection | None:
        """Open the successor of an expiring connection; `None` if that connection closed first."""
        self._observer.set_state(ConnectionState(phase=Phase.EXPIRING, ends=connection.ends))
        opening = asyncio.create_task(self._open_successor(), name="deskwire rollover")
        try:
            await asyncio.wait({opening, connection.closed}, return_when=asyncio.FIRST_COMPLETED)
            if self._current is not connection:
                await asyncio.wait([opening])
        finally:
            if not opening.done():
                opening.cancel()
                await asyncio.wait([opening])
        return None if opening.cancelled() else opening.result()

    async def _open_successor(self) -> Connection | None:
        """Retry until a new connection is open, while the present one stays open."""
        reconnect = Reconnect(self._timeouts, self._random_number)
        opened: Connection | Retry | GiveUp = BEGIN
        while isinstance(opened, Retry):
            await self._sleep(opened)
            opened = await self._attempt(opened.connect_with, reconnect)
        if isinstance(opened, Connection):
            return opened
        if opened.problem is not None:
            raise opened.problem
        return None

    def _retire(self, connection: Connection) -> None:
        task = asyncio.create_task(
            self._close_when_answered(connection), name="deskwire retirement"
        )
        self._closing_tasks.add(task)
        task.add_done_callback(self._closing_tasks.discard)

    async def _close_when_answered(self, connection: Connection) -> None:
        """Close the connection with 1000 after every command sent on it is answered."""
        try:
            while connection.unanswered and not connection.closed.done():
                either: set[asyncio.Future[Any]] = {*connection.unanswered, connection.closed}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._leave(connection)

    async def _open(self, socket_token: SocketToken) -> Connection:
        connection = await self._dial(socket_token, self)
        self._connections.add(connection)
        return connection

    async def _leave(self, connection: Connection) -> None:
        await connection.leave()
        self._connections.discard(connection)

    async def _close_all(self) -> None:
        self._current = None
        for task in self._closing_tasks:
            task.cancel()
        leaving = {asyncio.create_task(self._leave(each)) for each in self._connections}
        if leaving or self._closing_tasks:
            await asyncio.wait(leaving | self._closing_tasks)

    # ---- delays ----------------------------------------------------------------------------------

    async def _wait(self, decision: Retry) -> None:
        if decision.reason is None:
            return
        code = decision.reason.close_code if isinstance(decision.reason, ClosedByDesk) else None
        self._observer.set_state(
            ConnectionState(
                phase=Phase.WAITING,
                retry_at=Seconds(self._clock().boot + decision.after),
                close_code=code,
                next=decision.next,
                problem=None if code is not None else decision.reason,
            )
        )
        await self._sleep(decision)
        self._observer.set_state(
            ConnectionState(phase=Phase.CONNECTING, close_code=code, next=decision.next)
        )

    async def _sleep(self, decision: Retry) -> None:
        left = decision.after
        until = self._clock().boot + left
        while left > 0:
            await asyncio.sleep(min(left, CHECK_INTERVAL))
            left = Seconds(until - self._clock().boot)

    def _or_raise(self, decision: Retry | GiveUp) -> Retry | GiveUp:
        """Before the first connection, raise the problem instead of waiting."""
        if self._keep_trying or isinstance(decision, GiveUp) or decision.after <= 0:
            return decision
        raise decision.reason or Unreachable("the desk cannot be reached")

    def _end(self, problem: Problem | None) -> None:
        self._observer.set_state(ConnectionState(phase=Phase.ENDED, problem=problem))


async def _event_or_close(
    event: asyncio.Event, connection: Connection, within: Seconds | None = None
) -> None:
    """Wait until the event is set, the connection is closed, or the time is over."""
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait(
            {waiting, connection.closed}, timeout=within, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        waiting.cancel()
