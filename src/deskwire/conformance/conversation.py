"""Messages on an open socket: envelope, second `auth`, reuse of the token."""

import json
from collections.abc import Iterable

from deskwire.conformance import frames
from deskwire.conformance.check_context import CheckContext
from deskwire.conformance.clause import Clause, Topic
from deskwire.conformance.outcome import expect, observed_for, short
from deskwire.conformance.socket import Socket, message_text
from deskwire.conformance.token_forgery import forged_tokens

LARGEST = 16 * 1024
UNKNOWN_PLAYER = "player999999"
"""Never a player: ids count from one, and no desk starts as many."""
SOON = 1.5


async def bad_json(context: CheckContext) -> str:
    """Bad JSON gets an `error` whose argument is JSON with `code` and `message`; it stays open."""
    return await _stays(context, ["{", "not JSON", ""])


async def wrong_types(context: CheckContext) -> str:
    """Wrong types in the envelope get an `error`, and the socket stays."""
    texts = ['["auth"]', '{"event":7}', '{"event":"audio-next","args":"player1"}']
    return await _stays(context, [*texts, '{"event":"audio-next","args":[1]}'])


async def unknown_event(context: CheckContext) -> str:
    """An unknown event gets an `error`, and the socket stays."""
    return await _stays(context, ['{"event":"audio-louder","args":["player1"]}'])


async def missing_argument(context: CheckContext) -> str:
    """A command without its argument gets an `error`; missing `args` are empty ones."""
    return await _stays(context, ['{"event":"audio-next","args":[]}', '{"event":"audio-next"}'])


async def unknown_keys(context: CheckContext) -> str:
    """Unknown keys in the envelope are ignored."""
    message = {"event": "audio-next", "args": [UNKNOWN_PLAYER], "id": 7, "more": {"x": []}}
    async with context.watch() as socket:
        code = await error_code(socket, json.dumps(message))
    expect(code == "unknown_player", f"error {code} instead of obeying")
    return "obeyed: unknown_player"


async def trimmed(context: CheckContext) -> str:
    """The names of events are trimmed."""
    socket_token = await context.socket_token()
    async with context.connect(socket_token.socket) as socket:
        socket.say(" auth ", socket_token.token)
        await socket.event("stats")
        code = await error_code(socket, message_text("audio-next ", UNKNOWN_PLAYER))
    expect(code == "unknown_player", f"error {code} instead of obeying")
    return "obeyed: unknown_player"


async def too_malformed(context: CheckContext) -> str:
    """Ten malformed messages within 10 s are closed 1008, nine are not."""
    async with context.watch() as socket:
        for _ in range(9):
            socket.text("{")
        await socket.alive()
        for _ in range(3):
            socket.text("{")
        return await socket.closed(1008)


async def binary(context: CheckContext) -> str:
    """A binary message is closed 1003."""
    async with context.watch() as socket:
        socket.raw(frames.frame(frames.BINARY, b'{"event":"audio-next","args":["player1"]}'))
        return await socket.closed(1003)


async def too_big(context: CheckContext) -> str:
    """A message over 16 KiB is closed 1009, in one frame or in many; one of 16,000 bytes is not."""
    async with context.watch() as socket:
        await error_code(socket, _of_size(16_000))
        await socket.alive()
    async with context.watch() as socket:
        socket.text(_of_size(LARGEST + 1))
        await socket.closed(1009)
    async with context.watch() as socket:
        socket.raw(frames.frame(frames.TEXT, b"x" * 6000, final=False))
        for _ in range(2):
            socket.raw(frames.frame(frames.CONTINUATION, b"x" * 6000, final=False))
        return await socket.closed(1009)


async def good_second_auth(context: CheckContext) -> str:
    """A second `auth` with a good token of the same user is ignored."""
    async with context.watch() as socket:
        since = socket.count
        socket.say("auth", (await context.socket_token()).token)
        await socket.alive()
        other = [each.text for each in socket.received[since:] if each.event != "stats"]
        expect(not other, f"answered {short(other)}")
    return "it stays, and nothing is answered"


async def bad_second_auth(context: CheckContext) -> str:
    """A second `auth` with a bad token is closed 4001."""
    bad = dict(forged_tokens((await context.socket_token()).token))["another's signature"]
    async with context.watch() as socket:
        socket.say("auth", bad)
        return await socket.closed(4001)


async def newest_wins(context: CheckContext) -> str:
    """One live socket a token: the newest wins, and the older is closed 4001."""
    socket_token = await context.socket_token()
    async with context.watch(socket_token) as older, context.watch(socket_token) as newer:
        end = await older.closed(4001)
        await newer.alive()
    return f"the older is {end}"


async def again_after_a_loss(context: CheckContext) -> str:
    """A token may be used again while it lives, as after 1006."""
    socket_token = await context.socket_token()
    async with context.watch(socket_token) as lost:
        lost.answers_control_frames = False
        lost.abort()
    async with context.watch(socket_token):
        return "let in again"


async def pinged(context: CheckContext) -> str:
    """A ping is answered with a pong that carries the same payload."""
    async with context.watch() as socket:
        await socket.alive()
    return "answered"


async def farewell(context: CheckContext) -> str:
    """A client's close is answered with the same code, and the connection ends."""
    async with context.watch() as socket:
        socket.raw(frames.close_frame(1000))
        end = await socket.closed(1000)
        expect(await socket.wait_disconnected(within=3.0), "the connection stays")
    return end


async def bounded_close(context: CheckContext) -> str:
    """A close is bounded: who does not answer it is disconnected within 3 s."""
    async with context.watch() as socket:
        socket.answers_control_frames = False
        socket.raw(frames.frame(frames.BINARY, b"x"))
        expect(await socket.ended(within=2.0), "not closed at all")
        expect(await socket.wait_disconnected(within=3.0), "the connection stays")
        assert socket.gone is not None
        assert socket.end is not None
        return f"disconnected {socket.gone - socket.end.at:.1f} s after the close"


async def fragments(context: CheckContext) -> str:
    """A command in fragments of one byte each is obeyed."""
    command = message_text("audio-next", UNKNOWN_PLAYER).encode()
    async with context.watch() as socket:
        since = socket.count
        last = len(command) - 1
        for at in range(len(command)):
            opcode = frames.CONTINUATION if at else frames.TEXT
            socket.raw(frames.frame(opcode, command[at : at + 1], final=at == last))
        code = (await socket.event("error", since=since)).inner.get("code")
    expect(code == "unknown_player", f"error {short(code)}")
    return "obeyed: unknown_player"


async def error_code(socket: Socket, text: str) -> str:
    """Send a message and return the code of the error that answers it."""
    since = socket.count
    socket.text(text)
    inner = (await socket.event("error", since=since)).inner
    expect(isinstance(inner, dict), f"an error of {short(inner)}")
    code, message = inner.get("code"), inner.get("message")
    expect(isinstance(code, str) and code, f"an error of {short(inner)}")
    expect(isinstance(message, str), f"an error of {short(inner)}")
    return str(code)


async def _stays(context: CheckContext, texts: Iterable[str]) -> str:
    codes = []
    async with context.watch() as socket:
        for text in texts:
            with observed_for(f"{short(text)}: "):
                codes.append(await error_code(socket, text))
        await socket.alive()
    return f"error {', '.join(dict.fromkeys(codes))}, and it stays"


def _of_size(size: int) -> str:
    frame = '{"event":"audio-next","args":[""]}'
    return frame.replace('""', '"' + "x" * (size - len(frame)) + '"')


TOPIC = Topic(
    4,
    "conversation",
    (
        Clause("4.1", "protocol.md#messages, protocol.md#error", bad_json),
        Clause("4.2", "protocol.md#messages", wrong_types),
        Clause("4.3", "protocol.md#messages", unknown_event),
        Clause("4.4", "protocol.md#messages", missing_argument),
        Clause("4.5", "protocol.md#messages", unknown_keys),
        Clause("4.6", "protocol.md#messages", trimmed),
        Clause("4.7", "protocol.md#messages", too_malformed),
        Clause("4.8", "protocol.md#messages", binary),
        Clause("4.9", "protocol.md#messages", too_big),
        Clause("4.10", "protocol.md#second-auth", good_second_auth),
        Clause("4.11", "protocol.md#second-auth", bad_second_auth),
        Clause("4.12", "protocol.md#one-socket-per-token", newest_wins),
        Clause("4.13", "protocol.md#token-lifetime", again_after_a_loss),
        Clause("4.14", "RFC 6455, 5.5.3", pinged),
        Clause("4.15", "protocol.md#close-codes", farewell),
        Clause("4.16", "protocol.md#bounded-close", bounded_close),
        Clause("4.17", "RFC 6455, 5.4", fragments),
    ),
)
