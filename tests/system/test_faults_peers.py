"""Clients that misbehave on an open TLS socket: never read, never send, send too much, vanish.

The tests measure the effect on others, mainly the gaps of a healthy client.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from signal import SIGTERM

import pytest

from deskwire.protocol.base.server_session import EPISODE_GAP
from tests.support.buses import PrivateBus
from tests.support.client import Client, WebSocketToken
from tests.support.fake_player import FakePlayer, metadata
from tests.support.fake_time import sped_up
from tests.support.kernel import NetworkNamespace
from tests.support.processes import descriptors, resident_mib
from tests.support.programs import Daemon
from tests.support.raw_socket import RawSocket, remote_end
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

LIFETIME = 8
FREED_WITHIN = 3.0
RECEIVE_BUFFER = 4096
FULL_AFTER = 0.5
"""Seconds in which the kernel accepted nothing of the sent frames."""
LONG_TEXT = "many words " * 90
"""Almost 1,000 bytes, the limit of a field."""


@pytest.fixture
def daemon(session_bus: PrivateBus) -> Iterator[Daemon]:
    settings = {"session_max_sockets_per_user": 64}
    with Daemon(buses=[session_bus], settings=settings) as daemon:
        yield daemon


@pytest.fixture
async def client(daemon: Daemon) -> AsyncIterator[Client]:
    async with Client(daemon) as client:
        yield client


async def add_players(bus: PrivateBus, stack: AsyncExitStack) -> list[FakePlayer]:
    """Put players on the bus that make each `stats` frame about 15 kB long."""
    texts = metadata(title=LONG_TEXT, album=LONG_TEXT, artist=[LONG_TEXT])
    return [
        await stack.enter_async_context(FakePlayer(bus, f"player{number}", Metadata=texts))
        for number in range(5)
    ]


async def stalled(client: Client, stack: ExitStack) -> RawSocket:
    """Open a socket that authenticates and never reads; wait until the server cannot write."""
    token = await client.websocket_token()
    socket = await asyncio.to_thread(RawSocket, token.socket, receive_buffer=RECEIVE_BUFFER)
    stack.enter_context(socket)
    socket.send("auth", token.token)
    unsent, since = 0, time.monotonic()

    def full() -> bool:
        nonlocal unsent, since
        if (now := remote_end(socket.port).unsent) != unsent:
            unsent, since = now, time.monotonic()
        return unsent > RECEIVE_BUFFER and time.monotonic() - since > FULL_AFTER

    await until_async(full, within=10, what="the buffers are full")
    return socket


async def wait_until_freed(*sockets: RawSocket, within: float = FREED_WITHIN) -> None:
    """Wait until the daemon has no descriptor of these sockets."""
    await until_async(
        lambda: not any(remote_end(socket.port).held for socket in sockets),
        within=within,
        what="the sockets are freed",
    )


async def test_client_that_never_reads_is_freed_at_expiry_log_out_and_shutdown(
    session_bus: PrivateBus,
) -> None:
    settings = {"session_lifetime": LIFETIME, "session_warning": 1, "stats_interval": 0.1}
    async with AsyncExitStack() as players:
        await add_players(session_bus, players)
        with Daemon(buses=[session_bus], settings=settings) as daemon, ExitStack() as stack:
            async with Client(daemon) as expires, Client(daemon) as leaves, Client(daemon) as stays:
                began = time.monotonic()
                expiring = await stalled(expires, stack)
                left = await stalled(leaves, stack)
                await leaves.logout()
                await wait_until_freed(left)
                assert remote_end(expiring.port).held or time.monotonic() - began >= LIFETIME
                await wait_until_freed(expiring, within=LIFETIME + FREED_WITHIN)
                assert time.monotonic() - began >= LIFETIME
                last = await stalled(stays, stack)
                stopping = time.monotonic()
                await asyncio.to_thread(daemon.stop, SIGTERM)
                assert time.monotonic() - stopping < patiently(FREED_WITHIN)
                assert not remote_end(last.port).held


async def test_ten_stalled_clients_use_little_memory_and_delay_no_other(
    session_bus: PrivateBus, daemon: Daemon, client: Client
) -> None:
    async with AsyncExitStack() as players:
        player, *_ = await add_players(session_bus, players)
        with ExitStack() as stack:
            async with client.watch() as socket:
                changing = asyncio.create_task(change_often(player))
                await socket.more_frames(21)
                before = resident_mib(daemon.pid)
                await asyncio.gather(*(stalled(client, stack) for _ in range(10)))
                since = socket.count
                await socket.more_frames(101, within=15)
                grown = resident_mib(daemon.pid) - before
                changing.cancel()

                assert socket.longest_gap(since) < patiently(1.5)
    assert grown < 8


async def change_often(player: FakePlayer) -> None:
    """Change the track a hundred times a second."""
    for number in itertools.count():
        await player.change(Metadata=metadata(title=f"{number} {LONG_TEXT}"))
        await asyncio.sleep(0.01)


async def test_three_hundred_unauthenticated_sockets_do_not_block_the_owner(
    daemon: Daemon, client: Client
) -> None:
    token = await client.websocket_token()
    with ExitStack() as stack:
        for _ in range(300 // 10):
            for socket in await asyncio.gather(
                *(asyncio.to_thread(RawSocket, token.socket) for _ in range(10))
            ):
                stack.enter_context(socket)
        began = time.monotonic()
        async with client.watch(token):
            took = time.monotonic() - began
        await until_async(lambda: descriptors(daemon.pid) < 64 + 40)

    assert took < patiently(1)


async def test_three_thousand_commands_are_throttled_and_delay_no_other_client(
    session_bus: PrivateBus, client: Client
) -> None:
    async with FakePlayer(session_bus) as player, client.watch() as healthy:
        async with client.watch() as eager:
            stats = await eager.stats(lambda stats: stats["audio"])
            since, began = healthy.count, time.monotonic()
            for _ in range(3000):
                await eager.send("audio-next", stats["audio"][0]["id"])
            await eager.frame(lambda frame: frame.event == "stats", since=eager.count + 2)
            await healthy.more_frames(2)

        errors = [frame.code for frame in eager.frames if frame.event == "error"]
        performed, took = player.calls.count("Next"), time.monotonic() - began
        assert healthy.longest_gap(since) < patiently(1.5)
    assert set(errors) == {"throttled"}
    assert len(errors) <= 1 + took / EPISODE_GAP
    assert 20 <= performed <= 20 + 10 * took + 1


async def test_dropped_connections_leak_nothing(daemon: Daemon, client: Client) -> None:
    async def connect_and_leave(token: WebSocketToken, *, resets: bool) -> None:
        socket = await asyncio.to_thread(RawSocket, token.socket)
        socket.send("auth", token.token)
        await asyncio.to_thread(socket.read_frame)
        if resets:
            socket.reset()
        else:
            socket.socket.close()

    async def rounds(number: int) -> None:
        for _ in range(number // 10):
            tokens = [await client.websocket_token() for _ in range(10)]
            await asyncio.gather(
                *(connect_and_leave(each, resets=bool(at % 2)) for at, each in enumerate(tokens))
            )

    quiet = descriptors(daemon.pid)
    await rounds(50)
    await until_async(lambda: descriptors(daemon.pid) <= quiet + 1)
    before = resident_mib(daemon.pid)
    await rounds(150)
    await until_async(lambda: descriptors(daemon.pid) <= quiet + 1)

    assert resident_mib(daemon.pid) - before < 4


async def test_client_without_a_network_is_dropped_within_45_seconds() -> None:
    factor = 15
    with (
        NetworkNamespace() as network,
        Daemon(env=sped_up(factor), prefix=network.prefix) as daemon,
    ):
        quiet = descriptors(daemon.pid)
        token = await asyncio.to_thread(network.run, lambda: asyncio.run(new_token(daemon)))
        with network.run(lambda: RawSocket(token.socket)) as socket:
            socket.send("auth", token.token)
            await asyncio.to_thread(socket.read_frame)
            assert descriptors(daemon.pid) > quiet
            network.cut()
            began = time.monotonic()
            await until_async(
                lambda: descriptors(daemon.pid) <= quiet,
                within=60 / factor,
                what="the client is dropped",
            )
            took = (time.monotonic() - began) * factor

    assert 20 < took < 45 + factor * patiently(0.2)


async def new_token(daemon: Daemon) -> WebSocketToken:
    """Log in and request a WebSocket token."""
    async with Client(daemon) as client:
        return await client.websocket_token()
