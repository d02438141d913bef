"""Screens that misbehave on an open socket: that never read, never speak, speak too much, vanish.

All over TLS. What others notice of it is what counts: a healthy screen's gaps.
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
from tests.support.client import Client, Socket, WebSocketToken, bearer
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
TAKES = 4096
FULL_AFTER = 0.5
"""Seconds in which frames came and the kernel took nothing of them."""
A_LOT = "many words " * 90
"""Nearly the kilobyte that a field may have."""


@pytest.fixture
def desk(session_bus: PrivateBus) -> Iterator[Daemon]:
    settings = {"session_max_sockets_per_user": 64}
    with Daemon(buses=[session_bus], settings=settings) as desk:
        yield desk


@pytest.fixture
async def client(desk: Daemon) -> AsyncIterator[Client]:
    async with Client(desk) as client:
        yield client


async def wordy(bus: PrivateBus, stack: AsyncExitStack) -> list[FakePlayer]:
    """Put players on the bus that make a reading of some 15 kB."""
    told = metadata(title=A_LOT, album=A_LOT, artist=[A_LOT])
    return [
        await stack.enter_async_context(FakePlayer(bus, f"wordy{number}", Metadata=told))
        for number in range(5)
    ]


async def stalled(client: Client, stack: ExitStack) -> RawSocket:
    """Open a socket that authenticates and reads nothing; wait until the desk cannot write."""
    ticket = await client.websocket_token()
    socket = await asyncio.to_thread(RawSocket, ticket.socket, receive_buffer=TAKES)
    stack.enter_context(socket)
    socket.send("auth", ticket.token)
    unsent, since = 0, time.monotonic()

    def full() -> bool:
        nonlocal unsent, since
        if (now := remote_end(socket.port).unsent) != unsent:
            unsent, since = now, time.monotonic()
        return unsent > TAKES and time.monotonic() - since > FULL_AFTER

    await until_async(full, within=10, what="nothing more fits")
    return socket


async def freed(*sockets: RawSocket, within: float = FREED_WITHIN) -> None:
    """Wait until the desk holds no descriptor of them."""
    await until_async(
        lambda: not any(remote_end(socket.port).held for socket in sockets),
        within=within,
        what="the desk lets go of them",
    )


def longest_gap(screen: Socket, since: int = 0) -> float:
    """Return the longest time between two frames."""
    return max(later.at - sooner.at for sooner, later in itertools.pairwise(screen.frames[since:]))


async def test_client_that_never_reads_is_freed_at_expiry_log_out_and_shutdown(
    session_bus: PrivateBus,
) -> None:
    settings = {"session_lifetime": LIFETIME, "session_warning": 1, "stats_interval": 0.1}
    async with AsyncExitStack() as players:
        await wordy(session_bus, players)
        with Daemon(buses=[session_bus], settings=settings) as desk, ExitStack() as stack:
            async with Client(desk) as expires, Client(desk) as leaves, Client(desk) as stays:
                began = time.monotonic()
                outlasts = await stalled(expires, stack)
                left = await stalled(leaves, stack)
                await leaves.request("POST", "/v1/logout", headers=bearer(leaves.login_token))
                await freed(left)
                assert remote_end(outlasts.port).held or time.monotonic() - began >= LIFETIME
                await freed(outlasts, within=LIFETIME + FREED_WITHIN)
                assert time.monotonic() - began >= LIFETIME
                last = await stalled(stays, stack)
                stopping = time.monotonic()
                await asyncio.to_thread(desk.stop, SIGTERM)
                assert time.monotonic() - stopping < patiently(FREED_WITHIN)
                assert not remote_end(last.port).held


async def test_ten_stalled_clients_use_little_memory_and_delay_no_other(
    session_bus: PrivateBus, desk: Daemon, client: Client
) -> None:
    async with AsyncExitStack() as players:
        player, *_ = await wordy(session_bus, players)
        with ExitStack() as stack:
            async with client.watch() as screen:
                changing = asyncio.create_task(change_often(player))
                await screen.frame(lambda _: True, since=screen.count + 20)
                before = resident_mib(desk.pid)
                await asyncio.gather(*(stalled(client, stack) for _ in range(10)))
                since = screen.count
                await screen.frame(lambda _: True, since=since + 100, within=15)
                grown = resident_mib(desk.pid) - before
                changing.cancel()

                assert longest_gap(screen, since) < patiently(1.5)
    assert grown < 8


async def change_often(player: FakePlayer) -> None:
    """Change a hundred times a second."""
    for number in itertools.count():
        await player.change(Metadata=metadata(title=f"{number} {A_LOT}"))
        await asyncio.sleep(0.01)


async def test_three_hundred_unauthenticated_sockets_do_not_block_the_owner(
    desk: Daemon, client: Client
) -> None:
    ticket = await client.websocket_token()
    with ExitStack() as stack:
        for _ in range(300 // 10):
            for socket in await asyncio.gather(
                *(asyncio.to_thread(RawSocket, ticket.socket) for _ in range(10))
            ):
                stack.enter_context(socket)
        began = time.monotonic()
        async with client.watch(ticket):
            took = time.monotonic() - began
        await until_async(lambda: descriptors(desk.pid) < 64 + 40)

    assert took < patiently(1)


async def test_three_thousand_commands_are_throttled_and_delay_no_other_client(
    session_bus: PrivateBus, client: Client
) -> None:
    async with FakePlayer(session_bus) as player, client.watch() as healthy:
        async with client.watch() as eager:
            told = await eager.stats(lambda stats: stats["audio"])
            since, began = healthy.count, time.monotonic()
            for _ in range(3000):
                await eager.send("audio-next", told["audio"][0]["id"])
            await eager.frame(lambda frame: frame.event == "stats", since=eager.count + 2)
            await healthy.frame(lambda _: True, since=healthy.count + 1)

        errors = [frame.code for frame in eager.frames if frame.event == "error"]
        obeyed, took = player.calls.count("Next"), time.monotonic() - began
        assert longest_gap(healthy, since) < patiently(1.5)
    assert set(errors) == {"throttled"}
    assert len(errors) <= 1 + took / EPISODE_GAP
    assert 20 <= obeyed <= 20 + 10 * took + 1


async def test_dropped_connections_leak_nothing(desk: Daemon, client: Client) -> None:
    async def come_and_go(ticket: WebSocketToken, *, drops: bool) -> None:
        socket = await asyncio.to_thread(RawSocket, ticket.socket)
        socket.send("auth", ticket.token)
        await asyncio.to_thread(socket.read_frame)
        if drops:
            socket.reset()
        else:
            socket.socket.close()

    async def rounds(number: int) -> None:
        for _ in range(number // 10):
            tickets = [await client.websocket_token() for _ in range(10)]
            await asyncio.gather(
                *(come_and_go(each, drops=bool(at % 2)) for at, each in enumerate(tickets))
            )

    quiet = descriptors(desk.pid)
    await rounds(50)
    await until_async(lambda: descriptors(desk.pid) <= quiet + 1)
    before = resident_mib(desk.pid)
    await rounds(150)
    await until_async(lambda: descriptors(desk.pid) <= quiet + 1)

    assert resident_mib(desk.pid) - before < 4


async def test_client_without_a_network_is_dropped_within_45_seconds() -> None:
    times = 15
    with NetworkNamespace() as apart, Daemon(env=sped_up(times), prefix=apart.prefix) as desk:
        quiet = descriptors(desk.pid)
        ticket = await asyncio.to_thread(apart.run, lambda: asyncio.run(ticket_of(desk)))
        with apart.run(lambda: RawSocket(ticket.socket)) as socket:
            socket.send("auth", ticket.token)
            await asyncio.to_thread(socket.read_frame)
            assert descriptors(desk.pid) > quiet
            apart.cut()
            began = time.monotonic()
            await until_async(
                lambda: descriptors(desk.pid) <= quiet, within=60 / times, what="let go"
            )
            took = (time.monotonic() - began) * times

    assert 20 < took < 45 + times * patiently(0.2)


async def ticket_of(desk: Daemon) -> WebSocketToken:
    """Log in and ask for a websocket token."""
    async with Client(desk) as client:
        return await client.websocket_token()
