"""WebSocket client that can send invalid frames and reports every frame it receives."""

import asyncio
import base64
import hashlib
import json
import os
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from deskwire.conformance import frames
from deskwire.conformance.http import Trust
from deskwire.conformance.outcome import Broken, short

T = TypeVar("T")

LOST = 1006
"""Code for a connection that ended without a close frame, RFC 6455 section 7.1.5."""
NO_CODE = 1005
CONNECTS_WITHIN = 10.0
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Message(NamedTuple):
    """One text message."""

    at: float
    """Time of arrival on the event loop's clock."""
    text: str
    event: str
    """Event name, trimmed; empty if the message has none."""
    args: list[Any]

    @property
    def inner(self) -> Any:
        """First argument, decoded from JSON; raises `Broken`."""
        if not self.args or not isinstance(self.args[0], str):
            raise Broken(f"{self.event!r} without a text argument: {short(self.text)}")
        try:
            return json.loads(self.args[0])
        except ValueError:
            raise Broken(f"{self.event!r} whose argument is no JSON: {short(self.text)}") from None


class End(NamedTuple):
    """End of a socket."""

    code: int
    reason: str
    at: float
    """Time of the close frame, or of the end of the connection."""

    def __str__(self) -> str:
        return f"closed {self.code}" if self.code != LOST else "dropped without a close frame"


class Upgrade(NamedTuple):
    """HTTP response to a handshake."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    key: str
    """Value sent as Sec-WebSocket-Key."""


class Socket:
    """One open connection and everything received on it."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upgrade: Upgrade
    ) -> None:
        self._reader = reader
        self._writer = writer
        self.upgrade = upgrade
        self.received: list[Message] = []
        self.pings: list[float] = []
        """Times of the server's pings."""
        self.pongs: list[bytes] = []
        self.faults: list[str] = []
        """Violations of RFC 6455 by the server."""
        self.answers_control_frames = True
        """Whether this client answers pings and closes."""
        self.end: End | None = None
        """The server's close, or the connection's end without one."""
        self.gone: float | None = None
        """Time at which the TCP connection ended."""
        self._pieces: list[bytes] | None = None
        self._news = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    # ---- sending -----------------------------------------------------------------------------

    def say(self, event: str, *args: Any) -> float:
        """Send one event; return when."""
        return self.text(message_text(event, *args))

    def text(self, text: str) -> float:
        """Send one text message; return when."""
        return self.raw(frames.frame(frames.TEXT, text.encode()))

    def raw(self, content: bytes) -> float:
        """Send bytes as they are; return when."""
        self._writer.write(content)
        return now()

    # ---- receiving ---------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """Number of messages received, which is the index of the next one."""
        return len(self.received)

    async def see(
        self, want: Callable[[Message], object], *, within: float, since: int = 0
    ) -> Message | None:
        """Return the first message from index `since` for which `want` is true, or `None`."""

        def look() -> Message | None:
            return next((each for each in self.received[since:] if want(each)), None)

        return await self._until(look, within)

    async def event(self, event: str, *, within: float = 3.0, since: int = 0) -> Message:
        """Return the first such event; raises `Broken` if there is none."""
        found = await self.see(lambda received: received.event == event, within=within, since=since)
        if found is None:
            last = self.received[-1].text if self.received[since:] else "nothing"
            ended = f", {self.end}" if self.end else ""
            raise Broken(f"no {event!r} within {within:g} s{ended}; last came {short(last)}")
        return found

    async def ended(self, *, within: float) -> End | None:
        """Return the server's close, or `None` if there was none in time."""
        return await self._until(lambda: self.end, within)

    async def closed(self, *codes: int, within: float = 3.0) -> str:
        """Return the close as text; raises `Broken` unless it has one of these codes."""
        end = await self.ended(within=within)
        if end is None:
            raise Broken(f"still open after {within:g} s")
        if end.code not in codes:
            raise Broken(str(end))
        return str(end)

    async def wait_disconnected(self, *, within: float) -> bool:
        """OnFinding whether the connection itself ends in time."""
        return await self._until(lambda: self.gone is not None, within) or False

    async def alive(self) -> None:
        """Raise `Broken` unless the server answers a ping."""
        payload = os.urandom(4)
        self.raw(frames.frame(frames.PING, payload))
        if not await self._until(lambda: payload in self.pongs or None, 3.0):
            raise Broken(str(self.end) if self.end else "a ping is not answered")

    def abort(self) -> None:
        """Abort the connection without a close frame."""
        self._writer.transport.abort()

    # ---- internals ---------------------------------------------------------------------------

    async def _until(self, look: Callable[[], T | None], within: float) -> T | None:
        try:
            async with asyncio.timeout(within):
                while not (found := look()) and self.gone is None:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return look()
        return found

    async def _listen(self) -> None:
        try:
            while True:
                self._take(await frames.read_frame(self._reader))
                self._news.set()
        except (asyncio.IncompleteReadError, OSError, ssl.SSLError):
            pass
        except ValueError as problem:
            self.faults.append(str(problem))
        finally:
            self.gone = now()
            self.end = self.end or End(LOST, "", self.gone)
            self._news.set()

    def _take(self, frame: frames.Frame) -> None:
        if self.end is not None:
            self.faults.append(f"a frame (opcode {frame.opcode}) after the close")
        if frame.masked:
            self.faults.append("a masked frame")
        if frame.reserved:
            self.faults.append(f"reserved bits {frame.reserved:03b}")
        match frame.opcode:
            case frames.TEXT | frames.CONTINUATION:
                self._take_text(frame)
            case frames.PING:
                self.pings.append(now())
                if self.answers_control_frames:
                    self.raw(frames.frame(frames.PONG, frame.payload))
            case frames.PONG:
                self.pongs.append(frame.payload)
            case frames.CLOSE:
                self._take_close(frame.payload)
            case _:
                self.faults.append(f"opcode {frame.opcode}")

    def _take_text(self, frame: frames.Frame) -> None:
        if (frame.opcode == frames.TEXT) is (self._pieces is not None):
            self.faults.append("fragments out of order")
        self._pieces = [*(self._pieces or []), frame.payload]
        if not frame.final:
            return
        text = b"".join(self._pieces).decode(errors="replace")
        self._pieces = None
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        whole = message if isinstance(message, dict) else {}
        event, args = whole.get("event"), whole.get("args")
        self.received.append(
            Message(
                now(),
                text,
                event.strip() if isinstance(event, str) else "",
                args if isinstance(args, list) else [],
            )
        )

    def _take_close(self, payload: bytes) -> None:
        code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else NO_CODE
        if self.end is None:
            self.end = End(code, payload[2:].decode(errors="replace"), now())
        if self.answers_control_frames:
            self.raw(frames.frame(frames.CLOSE, payload[:2]))

    async def leave(self) -> None:
        """Close or abort the connection and stop the reader."""
        if self.answers_control_frames and self.end is None:
            self.raw(frames.close_frame(1000))
            await self.ended(within=1.0)
        self.abort()
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)


@asynccontextmanager
async def handshake(
    address: str, trust: Trust, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Socket | Upgrade]:
    """Ask for an upgrade; gives the socket, or the answer if it is not 101.

    A header given as `""` is left out. Raises `OSError` and `TimeoutError`.
    """
    parts = urlsplit(address)
    secure = parts.scheme == "wss"
    async with asyncio.timeout(CONNECTS_WITHIN):
        reader, writer = await asyncio.open_connection(
            parts.hostname,
            parts.port or (443 if secure else 80),
            ssl=trust.for_sockets if secure else None,
        )
        try:
            if secure:
                trust.check(writer.get_extra_info("ssl_object"))
            upgrade = await ask(reader, writer, parts.netloc, parts.path, headers or {})
        except BaseException:
            writer.transport.abort()
            raise
    if upgrade.status != 101:
        writer.transport.abort()
        yield upgrade
        return
    socket = Socket(reader, writer, upgrade)
    try:
        yield socket
    finally:
        await socket.leave()


async def ask(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    host: str,
    path: str,
    other: Mapping[str, str],
) -> Upgrade:
    """Send the handshake, RFC 6455 section 4.1, and read the answer's head and body."""
    key = base64.b64encode(os.urandom(16)).decode()
    headers = {
        "Host": host,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
        **other,
    }
    lines = [f"{name}: {value}\r\n" for name, value in headers.items() if value]
    writer.write(f"GET {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    found = [line.partition(":") for line in head[1:] if line]
    answered = {name.strip().lower(): value.strip() for name, _, value in found}
    words = head[0].split(" ")
    status = int(words[1]) if len(words) > 1 and words[1].isdecimal() else 0
    body = b""
    if status != 101 and answered.get("content-length", "").isdecimal():
        body = await reader.readexactly(int(answered["content-length"]))
    return Upgrade(status, answered, body, key)


def accepted(upgrade: Upgrade) -> str:
    """Return the Sec-WebSocket-Accept that belongs to its key."""
    return base64.b64encode(hashlib.sha1(upgrade.key.encode() + GUID).digest()).decode()  # noqa: S324 - RFC 6455 says so


def message_text(event: str, *args: Any) -> str:
    """Return the text of a message with this event and these arguments."""
    return json.dumps({"event": event, "args": args})


def now() -> float:
    """Return the event loop's time."""
    return asyncio.get_running_loop().time()
