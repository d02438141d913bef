"""Lifetime of a session: warning, close, and reuse of the token after its end.

One recording serves all clauses. It has a socket that stays open, one that reconnects, one that
connects late, and one that connects after the end. The token's claims give its length.
"""

import asyncio
import re
from typing import NamedTuple

from deskwire.conformance.check_context import CheckContext, SocketToken
from deskwire.conformance.clause import Check, Clause, Schedule, Topic
from deskwire.conformance.outcome import Broken, NotChecked, expect, short
from deskwire.conformance.socket import End, Message, now
from deskwire.conformance.token_forgery import decode_token

SLACK = 1.5
"""Tolerance in seconds; the times in a token are whole seconds."""
WORDS = re.compile(r"\[([01]\d|2[0-3]):[0-5]\d:[0-5]\d\]: Your Session will expire")


class SessionRecord(NamedTuple):
    """Everything that one socket received until it was closed."""

    received: list[Message]
    end: End | None
    gone: float | None
    faults: list[str]


class SessionLifetime(NamedTuple):
    """The whole recording; times are on the event loop's clock."""

    began: float
    """Time at which the tokens were issued."""
    lifetime: float
    stayed: SessionRecord
    """Socket that stays open, with a second `auth` in the middle."""
    returned: SessionRecord
    """Socket that reconnected with the same token."""
    late: SessionRecord | None
    """Socket that connected after the time of the warning; `None` if there is no such time."""
    late_came: float
    afterwards: End | None
    """Close of a socket that used the old token after its end."""
    renewed: bool
    """Whether a new token was accepted after the end."""


async def warned(context: CheckContext) -> str:
    """`session expiring` comes once, 4 minutes before the end (what `--warning` says)."""
    life = await context.once(_live)
    warnings = _warnings(life.stayed)
    expect(len(warnings) == 1, f"{len(warnings)} of them")
    before = life.began + life.lifetime - warnings[0].at
    wanted = min(context.options.warning, life.lifetime)
    expect(abs(before - wanted) <= SLACK, f"{before:.1f} s before the end")
    return f"once, {before:.1f} s before the end"


async def words(context: CheckContext) -> str:
    """Its one argument is `[HH:MM:SS]: Your Session will expire`."""
    found = _first_warning(await context.once(_live))
    fits = (
        len(found.args) == 1 and isinstance(found.args[0], str) and WORDS.fullmatch(found.args[0])
    )
    expect(fits, short(found.args))
    return str(found.args[0])


async def name(context: CheckContext) -> str:
    """Its event is `session expiring`, as the heading has it or with the example's space."""
    found = _first_warning(await context.once(_live))
    fits = '"session expiring"' in found.text or '"session expiring "' in found.text
    expect(fits, short(found.text))
    return "with the space" if '"session expiring "' in found.text else "without a space"


async def warned_late(context: CheckContext) -> str:
    """A client that connects after the time of the warning is warned at once."""
    life = await context.once(_live)
    if life.late is None:
        raise NotChecked("the warning is as long as the session")
    warnings = _warnings(life.late)
    expect(len(warnings) == 1, f"{len(warnings)} of them")
    after = warnings[0].at - life.late_came
    expect(after <= 1.0, f"after {after:.1f} s")
    return f"after {after * 1000:.0f} ms"


async def closed_4004(context: CheckContext) -> str:
    """At the token's end the socket is closed 4004."""
    life = await context.once(_live)
    return _ended(life, life.stayed)


async def nothing_after(context: CheckContext) -> str:
    """Nothing follows that close, and the connection ends."""
    life = await context.once(_live)
    late = [fault for fault in life.stayed.faults if "after the close" in fault]
    expect(not late, short(", ".join(late)))
    expect(life.stayed.gone is not None, "the connection stays")
    return "nothing, and the connection is gone"


async def not_longer_by_reconnecting(context: CheckContext) -> str:
    """A client that reconnects with the same token ends at the same time."""
    life = await context.once(_live)
    return _ended(life, life.returned)


async def not_longer_by_auth(context: CheckContext) -> str:
    """A second `auth` with a newer token does not extend the session."""
    life = await context.once(_live)
    return _ended(life, life.stayed)


async def expired(context: CheckContext) -> str:
    """A genuine but expired token is closed 4004."""
    end = (await context.once(_live)).afterwards
    expect(end is not None, "the server accepts it")
    expect(end is not None and end.code == 4004, str(end))
    return str(end)


async def renewed(context: CheckContext) -> str:
    """After 4004 a new token from `GET /v1/websocket` is accepted."""
    expect((await context.once(_live)).renewed, "it is not")
    return "accepted"


async def _live(context: CheckContext) -> SessionLifetime:
    began = now()
    tokens = [await context.socket_token() for _ in range(3)]
    lifetime = decode_token(tokens[0].token).lifetime
    if lifetime > context.options.patience:
        raise NotChecked(
            f"a token lives {lifetime:g} s, longer than --patience {context.options.patience:g};"
            " start the server with a short lifetime, and give --lifetime and --warning"
        )
    end = began + lifetime
    lateness = lifetime - context.options.warning / 2
    comes_late = context.options.warning < lifetime
    stayed, returned, late = await asyncio.gather(
        _stay(context, tokens[0], end, second_auth=began + lifetime / 3),
        _return(context, tokens[1], end, lost=began + lifetime / 3),
        _come_late(context, tokens[2], end, comes=began + lateness) if comes_late else _never(),
    )
    async with context.connect(tokens[0].socket) as again:
        again.say("auth", tokens[0].token)
        afterwards = await again.ended(within=2.0)
    try:
        async with context.watch():
            let_in = True
    except Broken:
        let_in = False
    return SessionLifetime(
        began, lifetime, stayed, returned, late, began + lateness, afterwards, let_in
    )


async def _stay(
    context: CheckContext, socket_token: SocketToken, end: float, *, second_auth: float
) -> SessionRecord:
    async with context.watch(socket_token) as socket:
        await socket.ended(within=second_auth - now())
        if socket.end is None:
            socket.say("auth", (await context.socket_token()).token)
        await socket.ended(within=end + SLACK - now())
        await socket.wait_disconnected(within=SLACK)
        return SessionRecord(socket.received, socket.end, socket.gone, socket.faults)


async def _return(
    context: CheckContext, socket_token: SocketToken, end: float, *, lost: float
) -> SessionRecord:
    async with context.watch(socket_token) as socket:
        await socket.ended(within=lost - now())
        socket.answers_control_frames = False
        socket.abort()
    return await _come_late(context, socket_token, end, comes=now())


async def _come_late(
    context: CheckContext, socket_token: SocketToken, end: float, *, comes: float
) -> SessionRecord:
    await asyncio.sleep(comes - now())
    async with context.connect(socket_token.socket) as socket:
        socket.say("auth", socket_token.token)
        await socket.ended(within=end + SLACK - now())
        return SessionRecord(socket.received, socket.end, socket.gone, socket.faults)


async def _never() -> None:
    return None


def _ended(life: SessionLifetime, stayed: SessionRecord) -> str:
    end = stayed.end
    if end is None:
        raise Broken(f"still open {SLACK:g} s after the end")
    after = end.at - life.began
    expect(end.code == 4004, f"{end} after {after:.1f} s")
    expect(abs(after - life.lifetime) <= SLACK, f"{end} after {after:.1f} s of {life.lifetime:g} s")
    return f"{end} after {after:.1f} s"


def _warnings(stayed: SessionRecord) -> list[Message]:
    return [received for received in stayed.received if received.event == "session expiring"]


def _first_warning(life: SessionLifetime) -> Message:
    found = _warnings(life.stayed)
    if not found:
        raise Broken("none comes")
    return found[0]


def _clause(number: str, source: str, check: Check) -> Clause:
    """Return a clause that waits beside the others for a whole session."""
    return Clause(number, source, check, order=Schedule.ALONGSIDE, needs_whole_session=True)


TOPIC = Topic(
    9,
    "lifetime",
    (
        _clause("9.1", "protocol.md#session-expiring", warned),
        _clause("9.2", "protocol.md#session-expiring", words),
        _clause("9.3", "protocol.md#session-expiring", name),
        _clause("9.4", "protocol.md#session-expiring", warned_late),
        _clause("9.5", "protocol.md#end-of-session", closed_4004),
        _clause("9.6", "protocol.md#end-of-session", nothing_after),
        _clause("9.7", "protocol.md#token-lifetime", not_longer_by_reconnecting),
        _clause("9.8", "protocol.md#second-auth", not_longer_by_auth),
        _clause("9.9", "protocol.md#authentication", expired),
        _clause("9.10", "protocol.md#close-codes", renewed),
    ),
)
