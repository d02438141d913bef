"""Invalid WebSocket frames (RFC 6455), each with the close code that must follow."""

from collections.abc import Iterable

from deskwire.conformance import frames
from deskwire.conformance.check_context import CheckContext
from deskwire.conformance.clause import Clause, Topic
from deskwire.conformance.outcome import expect, observed_for, short
from deskwire.conformance.socket import LOST

PROTOCOL, BAD_TEXT, TOO_BIG = 1002, 1007, 1009
COMMAND = b'{"event":"audio-next","args":["player999999"]}'


async def unmasked(context: CheckContext) -> str:
    """An unmasked frame is closed 1002."""
    return await _fails(context, [frames.frame(frames.TEXT, COMMAND, mask=False)], PROTOCOL)


async def reserved_bits(context: CheckContext) -> str:
    """A frame with a reserved bit set is closed 1002."""
    wrong = [frames.frame(frames.TEXT, COMMAND, reserved=bit) for bit in (1, 2, 4)]
    return await _fails(context, wrong, PROTOCOL)


async def unknown_opcodes(context: CheckContext) -> str:
    """A frame of a reserved opcode is closed 1002."""
    return await _fails(
        context, [frames.frame(opcode, b"x") for opcode in (3, 7, 11, 15)], PROTOCOL
    )


async def bad_control(context: CheckContext) -> str:
    """A control frame over 125 bytes, or in fragments, is closed 1002."""
    wrong = [
        frames.frame(frames.PING, b"x" * 126),
        frames.frame(frames.PING, b"x", final=False),
        frames.frame(frames.CLOSE, b"", final=False),
    ]
    return await _fails(context, wrong, PROTOCOL)


async def bad_fragments(context: CheckContext) -> str:
    """A continuation of nothing, or a new message inside another, is closed 1002."""
    inside = frames.frame(frames.TEXT, b"{", final=False) + frames.frame(frames.TEXT, b"}")
    return await _fails(context, [frames.frame(frames.CONTINUATION, b"x"), inside], PROTOCOL)


async def bad_text(context: CheckContext) -> str:
    """Text that is not UTF-8 is closed 1007."""
    return await _fails(context, [frames.frame(frames.TEXT, b"\xc3\x28\xff")], BAD_TEXT)


async def immense(context: CheckContext) -> str:
    """A frame that declares 2^40 bytes or more is closed at once."""
    return await _fails(
        context,
        [frames.oversized_head(1 << 40), frames.oversized_head((1 << 63) + 1)],
        TOO_BIG,
        PROTOCOL,
    )


async def bad_close(context: CheckContext) -> str:
    """A close frame of one byte, or with a code that must not be sent, is closed 1002."""
    wrong = [frames.close_frame(code) for code in (0, 999, 1004, 1005, 1006)]
    return await _fails(context, [frames.frame(frames.CLOSE, b"x"), *wrong], PROTOCOL)


async def own_frames(context: CheckContext) -> str:
    """The server's own frames follow RFC 6455: unmasked, complete, no reserved bit."""
    async with context.watch() as socket:
        for _ in range(3):
            await context.stats(socket)
        await socket.alive()
        socket.raw(frames.close_frame(1000))
        await socket.wait_disconnected(within=3.0)
        expect(not socket.faults, f"{short(', '.join(socket.faults))}")
    return f"{socket.count} messages, a pong and a close without a fault"


async def _fails(context: CheckContext, wrong: Iterable[bytes], *codes: int) -> str:
    seen = set()
    for content in wrong:
        async with context.watch() as socket:
            socket.raw(content)
            with observed_for(f"{content[:8].hex(' ')}\N{HORIZONTAL ELLIPSIS}: "):
                seen.add(await socket.closed(*codes, LOST))
    return ", ".join(sorted(seen))


TOPIC = Topic(
    5,
    "frames",
    (
        Clause("5.1", "RFC 6455, 5.1", unmasked),
        Clause("5.2", "RFC 6455, 5.2", reserved_bits),
        Clause("5.3", "RFC 6455, 5.2", unknown_opcodes),
        Clause("5.4", "RFC 6455, 5.5", bad_control),
        Clause("5.5", "RFC 6455, 5.4", bad_fragments),
        Clause("5.6", "RFC 6455, 8.1", bad_text),
        Clause("5.7", "protocol.md#messages", immense),
        Clause("5.8", "RFC 6455, 7.4", bad_close),
        Clause("5.9", "RFC 6455, 5", own_frames),
    ),
)
