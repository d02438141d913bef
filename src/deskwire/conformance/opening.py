"""Opening the socket and the auth frame: the contract's third step, and every way to fail it."""

import json
import uuid
from urllib.parse import urlsplit

from deskwire.conformance import frames
from deskwire.conformance.check_context import Bench, Ticket
from deskwire.conformance.clause import Clause, Order, Topic
from deskwire.conformance.jwt import forged
from deskwire.conformance.socket import Upgrade, accepted
from deskwire.conformance.verdicts import Broken, expect, short

FIRST_WITHIN = 0.3
"""Seconds from auth to the first `stats`."""
ON_THE_WAY = 0.1
"""Seconds granted to the network between."""
QUIET = 1.5
AUTH_WITHIN = 10.0
SLACK = 1.5
FOREIGN = "https://elsewhere.example"


async def upgraded(bench: Bench) -> str:
    """The address that was given upgrades with 101 and the right `Sec-WebSocket-Accept`."""
    ticket = await bench.ticket()
    async with bench.connect(ticket.socket) as socket:
        seen = socket.upgrade.headers.get("sec-websocket-accept", "")
        expect(seen == accepted(socket.upgrade), f"Sec-WebSocket-Accept {short(seen)}")
        for name in ("sec-websocket-extensions", "sec-websocket-protocol"):
            expect(name not in socket.upgrade.headers, f"{name}, which was not asked for")
    return "101"


async def silent(bench: Bench) -> str:
    """Nothing is said before auth."""
    ticket = await bench.ticket()
    async with bench.connect(ticket.socket) as socket:
        heard = await socket.see(lambda _: True, within=QUIET)
        expect(heard is None, f"{short(heard.text if heard else '')}")
    return f"nothing for {QUIET:g} s"


async def first_stats(bench: Bench) -> str:
    """After a good `auth` the first `stats` follows within 300 ms."""
    best = float("inf")
    for _ in range(3):
        ticket = await bench.ticket()
        async with bench.connect(ticket.socket) as socket:
            began = socket.say("auth", ticket.token)
            best = min(best, (await socket.event("stats")).at - began)
        if best <= FIRST_WITHIN:
            break
    expect(best <= FIRST_WITHIN + ON_THE_WAY, f"after {best * 1000:.0f} ms")
    return f"after {best * 1000:.0f} ms"


async def not_auth_first(bench: Bench) -> str:
    """A first frame that is not `auth` is closed 4001, and nothing is said before it."""
    ticket = await bench.ticket()
    for text in (
        json.dumps({"event": "audio-next", "args": ["player1"]}),
        json.dumps({"event": "stats", "args": [ticket.token]}),
        ticket.token,
        "[]",
        "",
    ):
        await _refused(bench, ticket, text)
    return "closed 4001 five times"


async def no_token(bench: Bench) -> str:
    """An `auth` without a token, or with one of another type, is closed 4001."""
    ticket = await bench.ticket()
    for args in ([], [7], [None], [{"token": ticket.token}], "token"):
        await _refused(bench, ticket, json.dumps({"event": "auth", "args": args}))
    return "closed 4001 five times"


async def forged_tokens(bench: Bench) -> str:
    """A websocket token that is malformed, wrongly signed or unsigned is closed 4001."""
    ticket = await bench.ticket()
    count = 0
    for name, token in forged(ticket.token):
        count += 1
        try:
            await _refused(bench, ticket, json.dumps({"event": "auth", "args": [token]}))
        except Broken as broken:
            raise Broken(f"{name}: {broken}") from None
    return f"closed 4001 for {count} forgeries"


async def login_token(bench: Bench) -> str:
    """A login token in the auth frame is closed 4001."""
    ticket = await bench.ticket()
    message = json.dumps({"event": "auth", "args": [await bench.login()]})
    return await _refused(bench, ticket, message)


async def another_desk(bench: Bench) -> str:
    """A good token at another desk's address is closed 4001."""
    ticket = await bench.ticket()
    steps = urlsplit(ticket.socket).path.split("/")
    steps[-2] = str(uuid.uuid4())
    there = urlsplit(ticket.socket)._replace(path="/".join(steps)).geturl()
    async with bench.connect(there) as socket:
        socket.say("auth", ticket.token)
        return await socket.closed(4001)


async def anything(bench: Bench) -> str:
    """Any `/v1/monitor/<anything>/ws` is upgraded, so that a browser sees the close code."""
    ticket = await bench.ticket()
    for name in ("anything", "x" * 100, "%20"):
        there = urlsplit(ticket.socket)._replace(path=f"/v1/monitor/{name}/ws").geturl()
        async with bench.connect(there) as socket:
            socket.say("auth", "nothing")
            await socket.closed(4001)
    return "101, then closed 4001, three times"


async def no_auth(bench: Bench) -> str:
    """A socket that says nothing is closed 4001 after 10 s."""
    ticket = await bench.ticket()
    async with bench.connect(ticket.socket) as socket:
        began = socket.raw(b"")
        end = await socket.ended(within=AUTH_WITHIN + SLACK)
        expect(end is not None, f"still open after {AUTH_WITHIN + SLACK:g} s")
        assert end is not None
        expect(end.code == 4001, str(end))
        after = end.at - began
        expect(after >= AUTH_WITHIN - SLACK, f"closed 4001 after {after:.1f} s")
    return f"closed 4001 after {after:.1f} s"


async def foreign_origin(bench: Bench) -> str:
    """A page from elsewhere (a foreign or null `Origin`) gets 403 and no upgrade."""
    ticket = await bench.ticket()
    for origin in (FOREIGN, "null"):
        await _not_upgraded(bench, ticket, {"Origin": origin}, 403)
    return "403 twice"


async def foreign_host(bench: Bench) -> str:
    """A `Host` that is none of the desk's gets 403 and no upgrade."""
    ticket = await bench.ticket()
    await _not_upgraded(bench, ticket, {"Host": urlsplit(FOREIGN).netloc}, 403)
    return "403"


async def bad_handshake(bench: Bench) -> str:
    """A handshake of another version, or without a key, gets no 101."""
    ticket = await bench.ticket()
    for name, value in (("Sec-WebSocket-Version", "12"), ("Sec-WebSocket-Key", "")):
        await _not_upgraded(bench, ticket, {name: value})
    return "refused twice"


async def no_handshake(bench: Bench) -> str:
    """A plain GET of the socket's address gets an error, and no page."""
    path = urlsplit((await bench.ticket()).socket).path
    answer = await bench.http.ask("GET", path)
    return f"{answer.status} {answer.error(400, 404, 405, 426)}"


async def binary_first(bench: Bench) -> str:
    """A binary first frame closes the socket, 1003 or 4001."""
    ticket = await bench.ticket()
    async with bench.connect(ticket.socket) as socket:
        socket.raw(frames.frame(frames.BINARY, b"auth"))
        return await socket.closed(1003, 4001)


async def _refused(bench: Bench, ticket: Ticket, first: str) -> str:
    async with bench.connect(ticket.socket) as socket:
        socket.text(first)
        try:
            end = await socket.closed(4001)
        except Broken as broken:
            raise Broken(f"{short(first[:60])}: {broken}") from None
        if socket.heard:
            raise Broken(f"it says {short(socket.heard[0].text)} first")
        return end


async def _not_upgraded(
    bench: Bench, ticket: Ticket, headers: dict[str, str], status: int | None = None
) -> None:
    async with bench.try_connect(ticket.socket, headers) as opened:
        if not isinstance(opened, Upgrade):
            raise Broken(f"101 for {short(headers)}")
    if status is not None:
        expect(opened.status == status, f"{opened.status} for {short(headers)}")
    elif not 400 <= opened.status < 500:
        raise Broken(f"{opened.status} for {short(headers)}")


TOPIC = Topic(
    3,
    "opening",
    (
        Clause("3.1", "protocol.md#opening", upgraded),
        Clause("3.2", "protocol.md#opening", silent, takes=QUIET, order=Order.ALONGSIDE),
        Clause("3.3", "protocol.md#stats-timing", first_stats),
        Clause("3.4", "protocol.md#authentication", not_auth_first),
        Clause("3.5", "protocol.md#authentication", no_token),
        Clause("3.6", "protocol.md#authentication", forged_tokens),
        Clause("3.7", "protocol.md#authentication", login_token),
        Clause("3.8", "protocol.md#authentication, protocol.md#desk-id", another_desk),
        Clause("3.9", "protocol.md#opening", anything),
        Clause(
            "3.10",
            "protocol.md#authentication",
            no_auth,
            takes=AUTH_WITHIN + SLACK,
            order=Order.ALONGSIDE,
        ),
        Clause("3.11", "protocol.md#hosts-and-origins", foreign_origin),
        Clause("3.12", "protocol.md#hosts-and-origins", foreign_host),
        Clause("3.13", "RFC 6455, 4.2", bad_handshake),
        Clause("3.14", "protocol.md#http-errors", no_handshake),
        Clause("3.15", "protocol.md#authentication, protocol.md#messages", binary_first),
    ),
)
