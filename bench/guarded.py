"""The work whose instructions the guard counts; `guard.py` runs it under callgrind.

    python -m bench.guarded

Each piece is done a little first, so that what happens once is over, and then counted between two
marks. A mark is getsid(2), which nothing else here calls: callgrind writes down what it has counted
each time that function is entered. `calibrate` is the measure the others are told in. It is made of
what they are made of (methods, properties, dictionaries, a send on a socket), so that another build
of Python, which needs more or fewer instructions for all of it, changes both alike: Debian's 3.11.2
needs 6 to 7 % fewer than one compiled without its optimisations, and the ratios differ by 1 %.
"""

import asyncio
import fcntl
import gc
import os
import socket
import sys
import termios
from collections.abc import Collection
from typing import get_type_hints

from deskwire.core.publisher import Deliver, Publisher, Store, Subscription, Update
from deskwire.model.commands import PlayPause
from deskwire.model.readings import (
    ArtKey,
    Battery,
    Cpu,
    Disk,
    Memory,
    Network,
    Player,
    PlayerId,
    Position,
    Snapshot,
    Uptime,
    Volume,
    Wifi,
)
from deskwire.model.topics import Demand, Topic
from deskwire.model.units import Bytes, Percent, Seconds
from deskwire.protocol.base.codec import (
    decode_client_message,
    decode_server_message,
    encode_client_message,
)
from deskwire.server.net.tcp_transport import TcpTransport
from deskwire.server.websocket.broadcaster import Broadcaster, FrameCache
from deskwire.server.websocket.connection import Connection

CLIENTS, FRAMES = 300, 40
"""More clients than one portion of the fan-out, and no more frames than a socket holds unread."""
HOUR, A_LITTLE = 3600, 60
ROUNDS = 3000
TEXT_FRAME = b"\x81\x7e\x02\x83" + b"x" * 643
HEADER = 4
NOTHING_NEW = Update({}, frozenset(), 0)


TOPICS = [Topic(name, reading) for name, reading in get_type_hints(Snapshot).items()]


class Table:
    """Something with a method and a table, for the calibration."""

    __slots__ = ("changes", "numbers")

    def __init__(self) -> None:
        self.changes = 0
        self.numbers: dict[str, int] = {}

    def take(self, name: str, number: int) -> bool:
        """Keep a number under a name; return whether it is another."""
        if self.numbers.get(name) == number:
            return False
        self.numbers[name] = number
        self.changes += 1
        return True


class Outlet:
    """Something with properties and a socket, for the calibration."""

    __slots__ = ("_closed", "_socket", "behind", "sent")

    def __init__(self, way: socket.socket) -> None:
        self._socket = way
        self._closed = False
        self.behind: float | None = None
        self.sent = 0

    @property
    def closed(self) -> bool:
        """Whether nothing more is sent."""
        return self._closed or self._socket.fileno() < 0

    def offer(self, content: bytes) -> None:
        """Send it unless closed."""
        if self.closed:
            return
        if len(content) > 0:
            self.behind = None
            self.sent += 1
            self._socket.send(content)


def calibrate(rounds: int) -> None:
    """Do work of the kind the others do, with nothing of deskwire in it."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    names = [f"device {number}" for number in range(16)]
    table, outlets = Table(), [Outlet(ours) for _ in range(16)]
    for number in range(rounds):
        for name in names:
            table.take(name, number // 2)
        for outlet in outlets:
            outlet.offer(b"a frame")
        if len(theirs.recv(4096)) != 16 * 7:
            raise AssertionError("what was sent did not come")
    ours.close()
    theirs.close()


class ManualPublisher(Publisher):
    """A publisher that publishes on request: no clock decides how much work there is."""

    def __init__(self) -> None:
        super().__init__(interval=Seconds(1.0), topics=())
        self.publish: Deliver = lambda _: None

    def subscribe(self, topics: Collection[str], demand: Demand, deliver: Deliver) -> Subscription:
        """Keep the one subscriber."""
        self.publish = deliver
        return Subscription(self, frozenset(topics), demand, deliver)

    def remove(self, subscription: Subscription) -> None:
        """Forget the subscriber."""
        if self.publish == subscription.deliver:
            self.publish = lambda _: None


class FixedFrame(FrameCache):
    """A cache that holds one frame, so that only the writing is counted."""

    def frame(self, update: Update, now: Seconds) -> bytes:
        """Return the frame."""
        del update, now
        return TEXT_FRAME


class Crowd:
    """Clients on real sockets and streams, as the server has them; they read nothing."""

    def __init__(self) -> None:
        self.publisher = ManualPublisher()
        self.broadcaster = Broadcaster(self.publisher)
        self.broadcaster._frames = FixedFrame()  # noqa: SLF001 - nothing of it is encoded here
        self.connections: list[Connection] = []
        self.theirs: list[socket.socket] = []

    def gather(self, clients: int) -> None:
        """Have so many join."""
        for _ in range(clients):
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            self.theirs.append(theirs)
            stream = TcpTransport(ours, "", asyncio.Protocol, lambda _: None)
            stream.start()
            connection = Connection(stream)
            self.connections.append(connection)
            self.broadcaster.join(connection)

    async def send(self, frames: int) -> None:
        """Send so many frames to everybody."""
        for _ in range(frames):
            self.publisher.publish(NOTHING_NEW)
            for _ in range(len(self.connections) // 64 + 1):
                await asyncio.sleep(0)

    def see(self, frames: int) -> None:
        """See that everybody was written so many frames in all."""
        unread = [unread_by(theirs) for theirs in self.theirs]
        if unread != [frames * len(TEXT_FRAME)] * len(self.theirs):
            raise AssertionError("not everybody was written every frame")

    def leave(self) -> None:
        """Have all of them leave."""
        for connection, theirs in zip(self.connections, self.theirs, strict=True):
            self.broadcaster.leave(connection)
            connection.abort()
            theirs.close()


def unread_by(peer: socket.socket) -> int:
    """Return how many bytes wait for it to read them; ioctl_tty(2), FIONREAD."""
    return int.from_bytes(fcntl.ioctl(peer, termios.FIONREAD, bytes(4)), sys.byteorder)


def live_through(seconds: int) -> None:
    """Take what the devices of a desk read in so many seconds, and make and read the frames."""
    store = Store(TOPICS)
    names = [topic.name for topic in TOPICS]
    frames = FrameCache()
    for second in range(seconds):
        now = Seconds(float(second))
        store.put("cpu", Cpu(Percent(second * 7 % 1000 / 10)))
        store.put("memory", Memory(Bytes(8_000_000_000 + second * 7919 % 1_000_000)))
        store.put("network", Network(Bytes(10**9 + second * 5000), Bytes(10**8 + second * 700)))
        store.put("uptime", Uptime(Seconds(float(11_179 + second))))
        store.put("disk", Disk(Bytes(200_050_167_808 + second // 60 * 4096)))
        if second % 180 == 0:
            store.put("players", playing(second // 180, now))
            store.put("wifi", Wifi("Bazinga! 5G", connected=second % 360 == 0))
        if second % 60 == 0:
            store.put("battery", Battery(Percent(100 - second // 60 % 100), plugged_in=False))
            store.put("volume", Volume(Percent(88 - second // 60 % 20)))
        update = Update(store.select(names), frozenset(), store.revision)
        frame = frames.frame(update, now)
        decode_server_message(frame[HEADER:].decode(), now)
        if second % 10 == 0:
            asked = encode_client_message(PlayPause(PlayerId("player1")))
            decode_client_message(asked.decode())


def playing(track: int, now: Seconds) -> tuple[Player, ...]:
    """Return two players, as the wire contract's example has them."""
    first = Player(
        id=PlayerId("player1"),
        name="Chrome",
        playing=True,
        title=f"The Reason, part {track}",
        artist="Hoobastank",
        album="Fallen",
        art=ArtKey("/tmp/.org.chromium.Chromium.NUnytm"),  # noqa: S108 - a name, not a file
        position=Position(Seconds(0.0), now, 1.0),
        duration=Seconds(232.0),
    )
    second = Player(
        id=PlayerId("player2"),
        name="Firefox",
        playing=False,
        title="Video Title",
        artist="Artist Name",
        position=Position(Seconds(1671.0), now, 0.0),
        duration=Seconds(3215.0),
    )
    return first, second


def mark() -> None:
    """Have what was counted so far written down."""
    gc.collect()
    os.getsid(0)


async def main() -> None:
    """Do all of it, marked."""
    calibrate(A_LITTLE)
    mark()
    calibrate(ROUNDS)
    mark()

    crowd = Crowd()
    crowd.gather(CLIENTS)
    await crowd.send(2)
    mark()
    await crowd.send(FRAMES)
    mark()
    crowd.see(2 + FRAMES)
    crowd.leave()
    await asyncio.sleep(0)

    live_through(A_LITTLE)
    mark()
    live_through(HOUR)
    mark()


if __name__ == "__main__":
    asyncio.run(main())
