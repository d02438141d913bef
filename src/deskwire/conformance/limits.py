"""Limits of a server, and access for its owner while they are reached."""

import secrets
from contextlib import AsyncExitStack

from deskwire.conformance.check_context import CheckContext, SocketToken
from deskwire.conformance.clause import Clause, Schedule, Topic
from deskwire.conformance.outcome import NotChecked, expect, short
from deskwire.conformance.socket import Socket, now
from deskwire.conformance.token_forgery import decode_token

SOCKETS_A_USER = 16
WAITING = 64
GUESSES = 25
THROTTLED_BY = 20
IN_TIME = 1.0
PINGS_WITHIN = 22.0
SILENT_GONE = 47.0
"""Pings each 20 s, two of them unanswered, and a moment."""


async def asks(context: CheckContext) -> str:
    """The server pings every 20 s."""
    async with context.watch(await _lasting(context, PINGS_WITHIN)) as socket:
        began = now()
        await socket.ended(within=PINGS_WITHIN)
        expect(socket.pings, f"no ping within {PINGS_WITHIN:g} s")
        return f"after {socket.pings[0] - began:.1f} s"


async def drops_the_silent(context: CheckContext) -> str:
    """A client that leaves two pings unanswered is dropped."""
    async with context.watch(await _lasting(context, SILENT_GONE)) as socket:
        socket.answers_control_frames = False
        began = now()
        expect(
            await socket.wait_disconnected(within=SILENT_GONE),
            f"still there after {SILENT_GONE:g} s",
        )
        assert socket.gone is not None
        after = socket.gone - began
        expect(after >= 2 * PINGS_WITHIN - 10, f"dropped after {after:.0f} s already")
        return f"dropped after {after:.0f} s"


async def sockets_a_user(context: CheckContext) -> str:
    """A user has 16 sockets; one more is upgraded and then closed 1013."""
    async with AsyncExitStack() as stack:
        ends = [await _one_more(context, stack) for _ in range(SOCKETS_A_USER + 1)]
    admitted = ends.count("")
    expect(admitted <= SOCKETS_A_USER, f"{admitted} are let in")
    expect(all(end in ("", "closed 1013") for end in ends), short(sorted(set(ends))))
    expect(admitted >= SOCKETS_A_USER - 4, f"only {admitted} are let in")
    return f"{admitted} let in, then closed 1013"


async def many_who_wait(context: CheckContext) -> str:
    """However many sockets never authenticate, who has a token gets in within a second."""
    socket_token = await context.socket_token()
    async with AsyncExitStack() as stack:
        for _ in range(WAITING + 8):
            waiting = await stack.enter_async_context(context.connect(socket_token.socket))
            waiting.answers_control_frames = False
        fresh = await context.socket_token()
        began = now()
        async with context.watch(fresh):
            took = now() - began
    expect(took <= IN_TIME, f"after {took * 1000:.0f} ms")
    return f"after {took * 1000:.0f} ms, beside {WAITING + 8} who wait"


async def guesses(context: CheckContext) -> str:
    """25 wrong passwords get 429 with `Retry-After`, by the 20th at the latest."""
    name = f"nobody-{secrets.token_hex(3)}"
    for guess in range(1, GUESSES + 1):
        answer = await context.post_login(name, secrets.token_hex(6))
        if answer.status == 429:
            answer.error(429)
            wait = answer.headers.get("Retry-After", "")
            expect(wait.isdecimal(), f"429 with Retry-After {short(wait)}")
            expect(guess <= THROTTLED_BY, f"only the {guess}th")
            return f"429 at number {guess}, Retry-After {wait}"
        answer.error(401)
    expect(condition=False, observed=f"{GUESSES} guesses and no 429")
    return ""


async def owner_still(context: CheckContext) -> str:
    """After wrong passwords, an owner who logged in from this address before still gets in."""
    await guesses(context)
    owner = context.options.owner
    answer = await context.post_login(owner.name, owner.password)
    expect(answer.status == 200, f"{answer.status} {short(answer.body)}")
    return "200"


async def _lasting(context: CheckContext, span: float) -> SocketToken:
    """Return a token whose session lasts so long."""
    socket_token = await context.socket_token()
    lifetime = decode_token(socket_token.token).lifetime
    if lifetime <= span:
        raise NotChecked(f"a session of this server lasts {lifetime:g} s, and this takes {span:g}")
    return socket_token


async def _one_more(context: CheckContext, stack: AsyncExitStack) -> str:
    """Open one more socket; return how it was closed, or nothing if it was let in."""
    socket_token = await context.socket_token()
    socket: Socket = await stack.enter_async_context(context.connect(socket_token.socket))
    socket.say("auth", socket_token.token)
    await socket.see(lambda _: True, within=3.0)
    return str(socket.end) if socket.end else ""


TOPIC = Topic(
    10,
    "limits",
    (
        Clause("10.1", "protocol.md#ping", asks, takes=PINGS_WITHIN, order=Schedule.ALONGSIDE),
        Clause(
            "10.2",
            "protocol.md#ping",
            drops_the_silent,
            takes=SILENT_GONE,
            order=Schedule.ALONGSIDE,
        ),
        Clause("10.3", "protocol.md#socket-limits", sockets_a_user, order=Schedule.LAST),
        Clause("10.4", "protocol.md#socket-limits", many_who_wait, order=Schedule.LAST),
        Clause("10.5", "protocol.md#throttling", guesses, order=Schedule.LAST),
        Clause("10.6", "protocol.md#throttling", owner_still, order=Schedule.LAST),
    ),
)
