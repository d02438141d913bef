"""A session's life to its end: the warning, the close, and what a token is worth afterwards.

One life is gone through for all clauses: a socket that stays, one that is lost and comes back, one
that comes late, and those that come when it is over. How long it takes the token itself says.
"""

import asyncio
import re
from typing import NamedTuple

from deskwire.conformance.check_context import Bench, Ticket
from deskwire.conformance.clause import Clause, Order, Topic
from deskwire.conformance.jwt import look_inside
from deskwire.conformance.socket import End, Heard, now
from deskwire.conformance.verdicts import Broken, NotJudged, expect, short

SLACK = 1.5
"""Seconds; a token's times are whole seconds."""
WORDS = re.compile(r"\[([01]\d|2[0-3]):[0-5]\d:[0-5]\d\]: Your Session will expire")


class Stayed(NamedTuple):
    """What one socket saw, until it was closed."""

    heard: list[Heard]
    end: End | None
    gone: float | None
    faults: list[str]


class Life(NamedTuple):
    """All of it; moments are on the event loop's clock."""

    began: float
    """When the tokens were given."""
    lifetime: float
    stayed: Stayed
    """A socket from the beginning, with a second `auth` in the middle."""
    returned: Stayed
    """One that was lost after a while and came back with the same token."""
    late: Stayed | None
    """One that came when less than the warning was left; `None` if there was no such moment."""
    late_came: float
    afterwards: End | None
    """How the old token was closed then."""
    renewed: bool
    """Whether a new token was let in then."""


async def warned(bench: Bench) -> str:
    """`session expiring` comes once, 4 minutes before the end (what `--warning` says)."""
    life = await bench.once(_live)
    warnings = _warnings(life.stayed)
    expect(len(warnings) == 1, f"{len(warnings)} of them")
    before = life.began + life.lifetime - warnings[0].at
    wanted = min(bench.terms.warning, life.lifetime)
    expect(abs(before - wanted) <= SLACK, f"{before:.1f} s before the end")
    return f"once, {before:.1f} s before the end"


async def words(bench: Bench) -> str:
    """Its one argument is `[HH:MM:SS]: Your Session will expire`."""
    found = _first_warning(await bench.once(_live))
    fits = (
        len(found.args) == 1 and isinstance(found.args[0], str) and WORDS.fullmatch(found.args[0])
    )
    expect(fits, short(found.args))
    return str(found.args[0])


async def name(bench: Bench) -> str:
    """Its event is `session expiring`, as the heading has it or with the example's space."""
    found = _first_warning(await bench.once(_live))
    fits = '"session expiring"' in found.text or '"session expiring "' in found.text
    expect(fits, short(found.text))
    return "with the space" if '"session expiring "' in found.text else "without a space"


async def warned_late(bench: Bench) -> str:
    """Who comes when less than the warning is left is warned at once."""
    life = await bench.once(_live)
    if life.late is None:
        raise NotJudged("the warning is as long as the session")
    warnings = _warnings(life.late)
    expect(len(warnings) == 1, f"{len(warnings)} of them")
    after = warnings[0].at - life.late_came
    expect(after <= 1.0, f"after {after:.1f} s")
    return f"after {after * 1000:.0f} ms"


async def closed_4004(bench: Bench) -> str:
    """At the token's end the socket is closed 4004."""
    life = await bench.once(_live)
    return _ended(life, life.stayed)


async def nothing_after(bench: Bench) -> str:
    """Nothing comes after that close, and the connection goes."""
    life = await bench.once(_live)
    late = [fault for fault in life.stayed.faults if "after the close" in fault]
    expect(not late, short(", ".join(late)))
    expect(life.stayed.gone is not None, "the connection stays")
    return "nothing, and the connection is gone"


async def not_longer_by_reconnecting(bench: Bench) -> str:
    """Who reconnects with the same token ends at the same time."""
    life = await bench.once(_live)
    return _ended(life, life.returned)


async def not_longer_by_auth(bench: Bench) -> str:
    """A second `auth` with a newer token does not lengthen the session."""
    life = await bench.once(_live)
    return _ended(life, life.stayed)


async def expired(bench: Bench) -> str:
    """A genuine token whose time is over is closed 4004."""
    end = (await bench.once(_live)).afterwards
    expect(end is not None, "it is let in")
    expect(end is not None and end.code == 4004, str(end))
    return str(end)


async def renewed(bench: Bench) -> str:
    """After 4004 a new token from `GET /v1/websocket` is let in."""
    expect((await bench.once(_live)).renewed, "it is not")
    return "let in"


async def _live(bench: Bench) -> Life:
    began = now()
    tickets = [await bench.ticket() for _ in range(3)]
    lifetime = look_inside(tickets[0].token).lifetime
    if lifetime > bench.terms.patience:
        raise NotJudged(
            f"a token lives {lifetime:g} s, longer than --patience {bench.terms.patience:g};"
            " start the server with a short lifetime, and say --lifetime and --warning"
        )
    end = began + lifetime
    lateness = lifetime - bench.terms.warning / 2
    comes_late = bench.terms.warning < lifetime
    stayed, returned, late = await asyncio.gather(
        _stay(bench, tickets[0], end, second_auth=began + lifetime / 3),
        _return(bench, tickets[1], end, lost=began + lifetime / 3),
        _come_late(bench, tickets[2], end, comes=began + lateness) if comes_late else _never(),
    )
    async with bench.connect(tickets[0].socket) as again:
        again.say("auth", tickets[0].token)
        afterwards = await again.ended(within=2.0)
    try:
        async with bench.watch():
            let_in = True
    except Broken:
        let_in = False
    return Life(began, lifetime, stayed, returned, late, began + lateness, afterwards, let_in)


async def _stay(bench: Bench, ticket: Ticket, end: float, *, second_auth: float) -> Stayed:
    async with bench.watch(ticket) as socket:
        await socket.ended(within=second_auth - now())
        if socket.end is None:
            socket.say("auth", (await bench.ticket()).token)
        await socket.ended(within=end + SLACK - now())
        await socket.vanished(within=SLACK)
        return Stayed(socket.heard, socket.end, socket.gone, socket.faults)


async def _return(bench: Bench, ticket: Ticket, end: float, *, lost: float) -> Stayed:
    async with bench.watch(ticket) as socket:
        await socket.ended(within=lost - now())
        socket.polite = False
        socket.abort()
    return await _come_late(bench, ticket, end, comes=now())


async def _come_late(bench: Bench, ticket: Ticket, end: float, *, comes: float) -> Stayed:
    await asyncio.sleep(comes - now())
    async with bench.connect(ticket.socket) as socket:
        socket.say("auth", ticket.token)
        await socket.ended(within=end + SLACK - now())
        return Stayed(socket.heard, socket.end, socket.gone, socket.faults)


async def _never() -> None:
    return None


def _ended(life: Life, stayed: Stayed) -> str:
    end = stayed.end
    if end is None:
        raise Broken(f"still open {SLACK:g} s after the end")
    after = end.at - life.began
    expect(end.code == 4004, f"{end} after {after:.1f} s")
    expect(abs(after - life.lifetime) <= SLACK, f"{end} after {after:.1f} s of {life.lifetime:g} s")
    return f"{end} after {after:.1f} s"


def _warnings(stayed: Stayed) -> list[Heard]:
    return [heard for heard in stayed.heard if heard.event == "session expiring"]


def _first_warning(life: Life) -> Heard:
    found = _warnings(life.stayed)
    if not found:
        raise Broken("none comes")
    return found[0]


TOPIC = Topic(
    9,
    "lifetime",
    (
        Clause("9.1", "protocol.md#session-expiring", warned, order=Order.ALONGSIDE, lasts=True),
        Clause("9.2", "protocol.md#session-expiring", words, order=Order.ALONGSIDE, lasts=True),
        Clause("9.3", "protocol.md#session-expiring", name, order=Order.ALONGSIDE, lasts=True),
        Clause(
            "9.4", "protocol.md#session-expiring", warned_late, order=Order.ALONGSIDE, lasts=True
        ),
        Clause("9.5", "protocol.md#end-of-session", closed_4004, order=Order.ALONGSIDE, lasts=True),
        Clause(
            "9.6", "protocol.md#end-of-session", nothing_after, order=Order.ALONGSIDE, lasts=True
        ),
        Clause(
            "9.7",
            "protocol.md#token-lifetime",
            not_longer_by_reconnecting,
            order=Order.ALONGSIDE,
            lasts=True,
        ),
        Clause(
            "9.8", "protocol.md#second-auth", not_longer_by_auth, order=Order.ALONGSIDE, lasts=True
        ),
        Clause("9.9", "protocol.md#authentication", expired, order=Order.ALONGSIDE, lasts=True),
        Clause("9.10", "protocol.md#close-codes", renewed, order=Order.ALONGSIDE, lasts=True),
    ),
)
