"""Opening the socket and authenticating: the third step of the contract, and its errors."""

import json
import uuid
from urllib.parse import urlsplit

from deskwire.conformance import frames
from deskwire.conformance.check_context import CheckContext, SocketToken
from deskwire.conformance.clause import Clause, Schedule, Topic
from deskwire.conformance.outcome import Broken, expect, observed_for, short
from deskwire.conformance.socket import Upgrade, accepted, message_text
from deskwire.conformance.token_forgery import forged_tokens

FIRST_WITHIN = 0.3
"""Seconds from auth to the first `stats`."""
ON_THE_WAY = 0.1
"""Seconds granted to the network between."""
QUIET = 1.5
AUTH_WITHIN = 10.0
SLACK = 1.5
FOREIGN = "https://elsewhere.example"


async def upgraded(context: CheckContext) -> str:
    """The address that was given upgrades with 101 and the right `Sec-WebSocket-Accept`."""
    socket_token = await context.socket_token()
    async with context.connect(socket_token.socket) as socket:
        seen = socket.upgrade.headers.get("sec-websocket-accept", "")
        expect(seen == accepted(socket.upgrade), f"Sec-WebSocket-Accept {short(seen)}")
        for name in ("sec-websocket-extensions", "sec-websocket-protocol"):
            expect(name not in socket.upgrade.headers, f"{name}, which was not asked for")
    return "101"


async def silent(context: CheckContext) -> str:
    """Nothing is said before auth."""
    socket_token = await context.socket_token()
    async with context.connect(socket_token.socket) as socket:
        received = await socket.see(lambda _: True, within=QUIET)
        expect(received is None, f"{short(received.text if received else '')}")
    return f"nothing for {QUIET:g} s"


async def first_stats(context: CheckContext) -> str:
    """After a good `auth` the first `stats` follows within 300 ms."""
    best = float("inf")
    for _ in range(3):
        socket_token = await context.socket_token()
        async with context.connect(socket_token.socket) as socket:
            began = socket.say("auth", socket_token.token)
            best = min(best, (await socket.event("stats")).at - began)
        if best <= FIRST_WITHIN:
            break
    expect(best <= FIRST_WITHIN + ON_THE_WAY, f"after {best * 1000:.0f} ms")
    return f"after {best * 1000:.0f} ms"


async def not_auth_first(context: CheckContext) -> str:
    """A first frame that is not `auth` is closed 4001, and nothing is said before it."""
    socket_token = await context.socket_token()
    for text in (
        message_text("audio-next", "player1"),
        message_text("stats", socket_token.token),
        socket_token.token,
        "[]",
        "",
    ):
        await _refused(context, socket_token, text)
    return "closed 4001 five times"


async def no_token(context: CheckContext) -> str:
    """An `auth` without a token, or with one of another type, is closed 4001."""
    socket_token = await context.socket_token()
    for args in ([], [7], [None], [{"token": socket_token.token}], "token"):
        await _refused(context, socket_token, json.dumps({"event": "auth", "args": args}))
    return "closed 4001 five times"


async def forged_refused(context: CheckContext) -> str:
    """A websocket token that is malformed, wrongly signed or unsigned is closed 4001."""
    socket_token = await context.socket_token()
    count = 0
    for name, token in forged_tokens(socket_token.token):
        count += 1
        with observed_for(f"{name}: "):
            await _refused(context, socket_token, message_text("auth", token))
    return f"closed 4001 for {count} forgeries"


async def login_token(context: CheckContext) -> str:
    """A login token in the auth frame is closed 4001."""
    socket_token = await context.socket_token()
    return await _refused(context, socket_token, message_text("auth", await context.login()))


async def another_desk(context: CheckContext) -> str:
    """A good token at another desk's address is closed 4001."""
    socket_token = await context.socket_token()
    steps = urlsplit(socket_token.socket).path.split("/")
    steps[-2] = str(uuid.uuid4())
    there = urlsplit(socket_token.socket)._replace(path="/".join(steps)).geturl()
    async with context.connect(there) as socket:
        socket.say("auth", socket_token.token)
        return await socket.closed(4001)


async def anything(context: CheckContext) -> str:
    """Any `/v1/monitor/<anything>/ws` is upgraded, so that a browser sees the close code."""
    socket_token = await context.socket_token()
    for name in ("anything", "x" * 100, "%20"):
        there = urlsplit(socket_token.socket)._replace(path=f"/v1/monitor/{name}/ws").geturl()
        async with context.connect(there) as socket:
            socket.say("auth", "nothing")
            await socket.closed(4001)
    return "101, then closed 4001, three times"


async def no_auth(context: CheckContext) -> str:
    """A socket that says nothing is closed 4001 after 10 s."""
    socket_token = await context.socket_token()
    async with context.connect(socket_token.socket) as socket:
        began = socket.raw(b"")
        end = await socket.ended(within=AUTH_WITHIN + SLACK)
        expect(end is not None, f"still open after {AUTH_WITHIN + SLACK:g} s")
        assert end is not None
        expect(end.code == 4001, str(end))
        after = end.at - began
        expect(after >= AUTH_WITHIN - SLACK, f"closed 4001 after {after:.1f} s")
    return f"closed 4001 after {after:.1f} s"


async def foreign_origin(context: CheckContext) -> str:
    """A page from elsewhere (a foreign or null `Origin`) gets 403 and no upgrade."""
    socket_token = await context.socket_token()
    for origin in (FOREIGN, "null"):
        await _not_upgraded(context, socket_token, {"Origin": origin}, 403)
    return "403 twice"


async def foreign_host(context: CheckContext) -> str:
    """A `Host` that is none of the desk's gets 403 and no upgrade."""
    socket_token = await context.socket_token()
    await _not_upgraded(context, socket_token, {"Host": urlsplit(FOREIGN).netloc}, 403)
    return "403"


async def bad_handshake(context: CheckContext) -> str:
    """A handshake of another version, or without a key, gets no 101."""
    socket_token = await context.socket_token()
    for name, value in (("Sec-WebSocket-Version", "12"), ("Sec-WebSocket-Key", "")):
        await _not_upgraded(context, socket_token, {name: value})
    return "refused twice"


async def no_handshake(context: CheckContext) -> str:
    """A plain GET of the socket's address gets an error, and no page."""
    path = urlsplit((await context.socket_token()).socket).path
    answer = await context.http.ask("GET", path)
    return f"{answer.status} {answer.error(400, 404, 405, 426)}"


async def binary_first(context: CheckContext) -> str:
    """A binary first frame closes the socket, 1003 or 4001."""
    socket_token = await context.socket_token()
    async with context.connect(socket_token.socket) as socket:
        socket.raw(frames.frame(frames.BINARY, b"auth"))
        return await socket.closed(1003, 4001)


async def _refused(context: CheckContext, socket_token: SocketToken, first: str) -> str:
    async with context.connect(socket_token.socket) as socket:
        socket.text(first)
        with observed_for(f"{short(first[:60])}: "):
            end = await socket.closed(4001)
        if socket.received:
            raise Broken(f"it says {short(socket.received[0].text)} first")
        return end


async def _not_upgraded(
    context: CheckContext,
    socket_token: SocketToken,
    headers: dict[str, str],
    status: int | None = None,
) -> None:
    async with context.try_connect(socket_token.socket, headers) as opened:
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
        Clause("3.2", "protocol.md#opening", silent, takes=QUIET, order=Schedule.ALONGSIDE),
        Clause("3.3", "protocol.md#stats-timing", first_stats),
        Clause("3.4", "protocol.md#authentication", not_auth_first),
        Clause("3.5", "protocol.md#authentication", no_token),
        Clause("3.6", "protocol.md#authentication", forged_refused),
        Clause("3.7", "protocol.md#authentication", login_token),
        Clause("3.8", "protocol.md#authentication, protocol.md#desk-id", another_desk),
        Clause("3.9", "protocol.md#opening", anything),
        Clause(
            "3.10",
            "protocol.md#authentication",
            no_auth,
            takes=AUTH_WITHIN + SLACK,
            order=Schedule.ALONGSIDE,
        ),
        Clause("3.11", "protocol.md#hosts-and-origins", foreign_origin),
        Clause("3.12", "protocol.md#hosts-and-origins", foreign_host),
        Clause("3.13", "RFC 6455, 4.2", bad_handshake),
        Clause("3.14", "protocol.md#http-errors", no_handshake),
        Clause("3.15", "protocol.md#authentication, protocol.md#messages", binary_first),
    ),
)
