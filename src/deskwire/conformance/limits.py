"""How much a server lets be done to it, and that its owner gets in all the same."""

import secrets
from contextlib import AsyncExitStack

from deskwire.conformance.check_context import Bench, Ticket
from deskwire.conformance.clause import Clause, Order, Topic
from deskwire.conformance.jwt import look_inside
from deskwire.conformance.socket import Socket, now
from deskwire.conformance.verdicts import NotJudged, expect, short

SOCKETS_A_USER = 16
WAITING = 64
GUESSES = 25
THROTTLED_BY = 20
IN_TIME = 1.0
PINGS_WITHIN = 22.0
SILENT_GONE = 47.0
"""Pings each 20 s, two of them unanswered, and a moment."""


async def asks(bench: Bench) -> str:
    """The server pings every 20 s."""
    async with bench.watch(await _lasting(bench, PINGS_WITHIN)) as socket:
        began = now()
        await socket.ended(within=PINGS_WITHIN)
        expect(socket.pings, f"no ping within {PINGS_WITHIN:g} s")
        return f"after {socket.pings[0] - began:.1f} s"


async def drops_the_silent(bench: Bench) -> str:
    """Who answers two pings with nothing is dropped."""
    async with bench.watch(await _lasting(bench, SILENT_GONE)) as socket:
        socket.polite = False
        began = now()
        expect(await socket.vanished(within=SILENT_GONE), f"still there after {SILENT_GONE:g} s")
        assert socket.gone is not None
        after = socket.gone - began
        expect(after >= 2 * PINGS_WITHIN - 10, f"dropped after {after:.0f} s already")
        return f"dropped after {after:.0f} s"


async def sockets_a_user(bench: Bench) -> str:
    """A user has 16 sockets; one more is upgraded and then closed 1013."""
    async with AsyncExitStack() as stack:
        ends = [await _one_more(bench, stack) for _ in range(SOCKETS_A_USER + 1)]
    seated = ends.count("")
    expect(seated <= SOCKETS_A_USER, f"{seated} are let in")
    expect(all(end in ("", "closed 1013") for end in ends), short(sorted(set(ends))))
    expect(seated >= SOCKETS_A_USER - 4, f"only {seated} are let in")
    return f"{seated} let in, then closed 1013"


async def many_who_wait(bench: Bench) -> str:
    """However many sockets never authenticate, who has a token gets in within a second."""
    ticket = await bench.ticket()
    async with AsyncExitStack() as stack:
        for _ in range(WAITING + 8):
            waiting = await stack.enter_async_context(bench.connect(ticket.socket))
            waiting.polite = False
        fresh = await bench.ticket()
        began = now()
        async with bench.watch(fresh):
            took = now() - began
    expect(took <= IN_TIME, f"after {took * 1000:.0f} ms")
    return f"after {took * 1000:.0f} ms, beside {WAITING + 8} who wait"


async def guesses(bench: Bench) -> str:
    """25 wrong passwords get 429 with `Retry-After`, by the 20th at the latest."""
    name = f"nobody-{secrets.token_hex(3)}"
    for guess in range(1, GUESSES + 1):
        answer = await bench.post_login(name, secrets.token_hex(6))
        if answer.status == 429:
            answer.error(429)
            wait = answer.headers.get("Retry-After", "")
            expect(wait.isdecimal(), f"429 with Retry-After {short(wait)}")
            expect(guess <= THROTTLED_BY, f"only the {guess}th")
            return f"429 at number {guess}, Retry-After {wait}"
        answer.error(401)
    expect(held=False, seen=f"{GUESSES} guesses and no 429")
    return ""


async def owner_still(bench: Bench) -> str:
    """Whoever guessed, the owner, who logged in from here before, still gets in."""
    await guesses(bench)
    owner = bench.terms.owner
    answer = await bench.post_login(owner.name, owner.password)
    expect(answer.status == 200, f"{answer.status} {short(answer.body)}")
    return "200"


async def _lasting(bench: Bench, span: float) -> Ticket:
    """Return a ticket whose session lasts so long."""
    ticket = await bench.ticket()
    lifetime = look_inside(ticket.token).lifetime
    if lifetime <= span:
        raise NotJudged(f"a session of this server lasts {lifetime:g} s, and this takes {span:g}")
    return ticket


async def _one_more(bench: Bench, stack: AsyncExitStack) -> str:
    """Open one more socket; return how it was closed, or nothing if it was let in."""
    ticket = await bench.ticket()
    socket: Socket = await stack.enter_async_context(bench.connect(ticket.socket))
    socket.say("auth", ticket.token)
    await socket.see(lambda _: True, within=3.0)
    return str(socket.end) if socket.end else ""


TOPIC = Topic(
    10,
    "limits",
    (
        Clause("10.1", "protocol.md#ping", asks, takes=PINGS_WITHIN, order=Order.ALONGSIDE),
        Clause(
            "10.2", "protocol.md#ping", drops_the_silent, takes=SILENT_GONE, order=Order.ALONGSIDE
        ),
        Clause("10.3", "protocol.md#socket-limits", sockets_a_user, order=Order.LAST),
        Clause("10.4", "protocol.md#socket-limits", many_who_wait, order=Order.LAST),
        Clause("10.5", "protocol.md#throttling", guesses, order=Order.LAST),
        Clause("10.6", "protocol.md#throttling", owner_still, order=Order.LAST),
    ),
)
