"""One try: a ticket, a socket, its first `stats`."""

import asyncio
from collections.abc import Awaitable, Callable

from deskwire.client.connection import Connection
from deskwire.client.credentials import Ticket
from deskwire.client.problems import Unreachable
from deskwire.client.reconnect import Again, By, End, Reconnect
from deskwire.model.instant import Instant
from deskwire.model.problems import Problem
from deskwire.model.units import Seconds

GetTicket = Callable[[By], Awaitable[Ticket]]
Dial = Callable[[Ticket], Awaitable[Connection]]
"""Opens a socket with a ticket."""
Leave = Callable[[Connection], Awaitable[None]]


async def attempt(
    by: By,
    *,
    get_ticket: GetTicket,
    dial: Dial,
    leave: Leave,
    reconnect: Reconnect,
    clock: Callable[[], Instant],
    within: Seconds,
) -> Connection | Again | End:
    """Return a connection that has shown its first `stats`, or what is to be done instead."""
    try:
        ticket = await get_ticket(by)
        by = By.SAME
        connection = await dial(ticket)
    except Problem as problem:
        return reconnect.failed(problem, by, clock().boot)
    try:
        closed = await _first_stats(connection, within)
    except BaseException:
        await leave(connection)
        raise
    now = clock().boot
    if closed is None:
        reconnect.live(now)
        return connection
    await leave(connection)
    if isinstance(closed, Problem):
        return reconnect.failed(closed, by, now)
    return reconnect.closed(closed, now)


async def _first_stats(connection: Connection, within: Seconds) -> int | Problem | None:
    """Wait until it is live; or return how it closed instead."""
    live = asyncio.create_task(connection.live.wait())
    try:
        await asyncio.wait(
            {live, connection.closed}, timeout=within, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        live.cancel()
    if connection.live.is_set():
        return None
    if connection.closed.done():
        return connection.closed.result()
    return Unreachable("the desk answers, but shows nothing")
