"""One living connection after another: opened, rolled over in time, opened again when lost.

    open ──▶ follow ──expiring──▶ open the next, wait for its first stats, leave the old with 1000
     ▲        │   ▲                                    │
     └─ wait ─┘   └────────────── follow that one ◀────┘
     closed: `reconnect` decides

While two sockets are open the newer one is listened to and commanded from its first `stats` on. The
older stays until every command sent on it is settled, so that none is cut off.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from deskwire.client.attempt import GetTicket, attempt
from deskwire.client.connection import Connection, Hear
from deskwire.client.connection_state import Phase, State
from deskwire.client.credentials import Ticket
from deskwire.client.handover_filter import Order
from deskwire.client.problems import ClosedByDesk, NotConnected, Unreachable
from deskwire.client.reconnect import Again, By, End, Reconnect
from deskwire.client.timeouts import Pace
from deskwire.model.commands import Command
from deskwire.model.instant import Instant
from deskwire.model.problems import Problem
from deskwire.model.readings import Snapshot
from deskwire.model.units import Seconds
from deskwire.protocol.base.messages import ErrorMessage

LOOKS_EVERY = 1.0
"""Seconds of the loop's clock; it stands still in sleep, so a long wait is made of short ones."""

BEGIN = Again(Seconds(0), By.NEW)


class Tell(Protocol):
    """Who is told how the desk is, and how the line is."""

    def show(self, snapshot: Snapshot) -> None:
        """Take a reading."""

    def refuse(self, refusal: ErrorMessage) -> None:
        """Take a refusal."""

    def become(self, state: State) -> None:
        """Take the line's new state."""


class Line:
    """Keeps a connection to one desk."""

    def __init__(
        self,
        *,
        get_ticket: GetTicket,
        dial: Callable[[Ticket, Hear], Awaitable[Connection]],
        tell: Tell,
        clock: Callable[[], Instant],
        dice: Callable[[], float],
        pace: Pace,
        keep_trying: bool,
    ) -> None:
        """`keep_trying`: wait for a desk that was never there, as for one that was lost."""
        self._get_ticket = get_ticket
        self._dial = dial
        self._tell = tell
        self._clock = clock
        self._dice = dice
        self._pace = pace
        self._patient = keep_trying
        self._order = Order()
        self._current: Connection | None = None
        """The one that is listened to."""
        self._connections: set[Connection] = set()
        """Every one that is not left yet."""
        self._retiring: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Keep it up; returns when the desk ended it with 1000, raises the problem that did."""
        reconnect = Reconnect(self._pace, self._dice)
        self._tell.become(State(phase=Phase.CONNECTING))
        decision: Again | End = BEGIN
        try:
            while isinstance(decision, Again):
                decision = await self._live_once(decision, reconnect)
        except Problem as problem:
            self._end(problem)
            raise
        finally:
            await self._hang_up()
        self._end(decision.problem)
        if decision.problem is not None:
            raise decision.problem

    async def command(self, command: Command, settled: asyncio.Future[None]) -> None:
        """Send a command on the newest living socket; raises `NotConnected`.

        That socket stays open until `settled` is, bounded by who waits for it.
        """
        if self._current is None:
            raise NotConnected("not connected to the desk now")
        await self._current.command(command, settled)

    # ---- what connections say --------------------------------------------------------------------

    def heard_stats(self, connection: Connection, text: str, snapshot: Snapshot) -> None:
        """Show it, if it comes from the newest socket and is new."""
        if not connection.live.is_set():
            self._take_over(connection)
        if connection is self._current and self._order.admits(text, snapshot):
            self._tell.show(snapshot)

    def heard_refusal(self, connection: Connection, refusal: ErrorMessage) -> None:
        """Pass it on; an older socket may still refuse what was sent on it."""
        del connection
        self._tell.refuse(refusal)

    def _take_over(self, connection: Connection) -> None:
        if self._current is not None:
            self._order.take_over()
        self._current = connection
        self._tell.become(State(phase=Phase.LIVE, ends=connection.ends))

    # ---- its life --------------------------------------------------------------------------------

    async def _live_once(self, decision: Again, reconnect: Reconnect) -> Again | End:
        """Open after a wait, and follow until it closes."""
        await self._wait(decision)
        opened = await self._attempt(decision.by, reconnect)
        if not isinstance(opened, Connection):
            return self._or_raise(opened)
        self._patient = True
        last = await self._follow(opened, reconnect)
        code = last.closed.result()
        self._current = None
        await self._leave(last)
        return reconnect.closed(code, self._clock().boot, silent=last.silent)

    async def _attempt(self, by: By, reconnect: Reconnect) -> Connection | Again | End:
        return await attempt(
            by,
            get_ticket=self._get_ticket,
            dial=self._open,
            leave=self._leave,
            reconnect=reconnect,
            clock=self._clock,
            within=self._pace.opening,
        )

    async def _follow(self, connection: Connection, reconnect: Reconnect) -> Connection:
        """Stay with it and its successors; return the last when it is closed."""
        while True:
            expiring = asyncio.create_task(connection.expiring.wait())
            try:
                await asyncio.wait(
                    {expiring, connection.closed}, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                expiring.cancel()
            if connection.closed.done():
                return connection
            successor = await self._roll_over(connection)
            if successor is None:
                await asyncio.wait([connection.closed])
                return connection
            reconnect.live(self._clock().boot)
            self._retire(connection)
            connection = successor

    async def _roll_over(self, connection: Connection) -> Connection | None:
        """Open the successor of a connection that expires; `None` if it closed first."""
        self._tell.become(State(phase=Phase.EXPIRING, ends=connection.ends))
        opening = asyncio.create_task(self._open_next(), name="deskwire rollover")
        try:
            await asyncio.wait({opening, connection.closed}, return_when=asyncio.FIRST_COMPLETED)
            if self._current is not connection:
                await asyncio.wait([opening])
        finally:
            if not opening.done():
                opening.cancel()
                await asyncio.wait([opening])
        return None if opening.cancelled() else opening.result()

    async def _open_next(self) -> Connection | None:
        """Try until it is open; the present connection is still there meanwhile."""
        reconnect = Reconnect(self._pace, self._dice)
        opened: Connection | Again | End = BEGIN
        while isinstance(opened, Again):
            await self._sleep(opened)
            opened = await self._attempt(opened.by, reconnect)
        if isinstance(opened, Connection):
            return opened
        if opened.problem is not None:
            raise opened.problem
        return None

    def _retire(self, connection: Connection) -> None:
        task = asyncio.create_task(self._see_off(connection), name="deskwire retirement")
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _see_off(self, connection: Connection) -> None:
        """Leave it with 1000 once every command sent on it is settled."""
        try:
            while connection.unsettled and not connection.closed.done():
                either: set[asyncio.Future[Any]] = {*connection.unsettled, connection.closed}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._leave(connection)

    async def _open(self, ticket: Ticket) -> Connection:
        connection = await self._dial(ticket, self)
        self._connections.add(connection)
        return connection

    async def _leave(self, connection: Connection) -> None:
        await connection.leave()
        self._connections.discard(connection)

    async def _hang_up(self) -> None:
        self._current = None
        for task in self._retiring:
            task.cancel()
        leaving = {asyncio.create_task(self._leave(each)) for each in self._connections}
        if leaving or self._retiring:
            await asyncio.wait(leaving | self._retiring)

    # ---- waiting, and saying so ------------------------------------------------------------------

    async def _wait(self, decision: Again) -> None:
        if decision.why is None:
            return
        code = decision.why.close_code if isinstance(decision.why, ClosedByDesk) else None
        self._tell.become(
            State(
                phase=Phase.WAITING,
                again=Seconds(self._clock().boot + decision.after),
                close_code=code,
                next=decision.next,
                problem=None if code is not None else decision.why,
            )
        )
        await self._sleep(decision)
        self._tell.become(State(phase=Phase.CONNECTING, close_code=code, next=decision.next))

    async def _sleep(self, decision: Again) -> None:
        left = decision.after
        until = self._clock().boot + left
        while left > 0:
            await asyncio.sleep(min(left, LOOKS_EVERY))
            left = Seconds(until - self._clock().boot)

    def _or_raise(self, decision: Again | End) -> Again | End:
        """Before the first connection, raise what would make us wait."""
        if self._patient or isinstance(decision, End) or decision.after <= 0:
            return decision
        raise decision.why or Unreachable("the desk cannot be reached")

    def _end(self, problem: Problem | None) -> None:
        self._tell.become(State(phase=Phase.ENDED, problem=problem))
