"""Session times on fast clocks, on clocks that are stepped, and across a suspend.

The 20 minutes of a session pass in 20 seconds, and the 2 seconds of tolerance are 33 ms, in which a
busy machine may not run the test at all. So no event may be early, and an event may be later than
the tolerance only by the delay that the test measures itself. A busy machine may also drop a client
that misses two pings of 13 ms each. That client returns with the same token, as the contract says.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, suppress
from functools import partial
from os import PRIO_PROCESS, setpriority
from pathlib import Path
from typing import NamedTuple, TypeVar

import aiohttp

from tests.support.client import Client, Socket, WebSocketToken, claims
from tests.support.fake_time import SteppedClocks, SuspendedClock, sped_up
from tests.support.programs import Daemon
from tests.support.time_scaling import patiently

T = TypeVar("T")

FACTOR = 60
CLIENTS = 50
JOIN_WITHIN = 4.0
WARNED_AT, ENDS_AT, WITHIN = 960.0, 1200.0, 2.0
HOUR = 3600
LIFETIME, WARNED_AFTER = 6, 3
SHORT = {"session_lifetime": LIFETIME, "session_warning": LIFETIME - WARNED_AFTER}
EARLY, LATE = 1.0, patiently(0.7)
"""A token's times are whole seconds."""
LOST = 1006
PROBE_INTERVAL = 0.005


class Session(NamedTuple):
    """Times of one session: time.monotonic(), and `issued` in milliseconds of the token."""

    requested: float
    received: float
    issued: int
    warnings: list[float]
    closed: float
    code: int


class DelayProbe:
    """Longest delay with which the machine runs this process."""

    def __init__(self) -> None:
        self.worst = 0.0

    async def watch(self) -> None:
        """Measure until cancelled."""
        while True:
            due = time.monotonic() + PROBE_INTERVAL
            await asyncio.sleep(PROBE_INTERVAL)
            self.worst = max(self.worst, time.monotonic() - due)


async def whole_session(client: Client, after: float) -> Session:
    """Connect after some seconds and stay to the end."""
    await asyncio.sleep(after)
    async with AsyncExitStack() as stack:
        requested, received, token = await retried(partial(timed_token, client))
        warnings: list[float] = []
        while True:
            socket = await retried(partial(join, client, token, stack))
            code = await socket.closed(within=ENDS_AT / FACTOR + 5)
            warned = [frame.at for frame in socket.frames if frame.event == "session expiring"]
            assert len(warned) <= 1
            warnings += warned
            if code != LOST:
                break
        issued = claims(token.token)["bia"]
        return Session(requested, received, issued, warnings, socket.closed_at, code)


async def timed_token(client: Client) -> tuple[float, float, WebSocketToken]:
    """Request a WebSocket token; return the times of request and response, and the token."""
    requested = time.monotonic()
    token = await client.websocket_token()
    return requested, time.monotonic(), token


async def join(client: Client, token: WebSocketToken, stack: AsyncExitStack) -> Socket:
    """Open a socket and authenticate."""
    socket = await stack.enter_async_context(client.connect(token.socket))
    await socket.send("auth", token.token)
    return socket


async def retried(work: Callable[[], Awaitable[T]]) -> T:
    """Retry a request until it works; the server's timeouts are only milliseconds here."""
    while True:
        with suppress(aiohttp.ClientError, ConnectionError):
            return await work()


async def test_fifty_sessions_are_each_warned_and_closed_on_time() -> None:
    dice = random.Random(1200)
    settings = {
        "stats_interval": 10,
        "session_max_sockets_per_user": CLIENTS,
        "session_auth_timeout": 120,
    }
    probe = DelayProbe()
    with Daemon(env=sped_up(FACTOR), settings=settings) as daemon:
        with suppress(PermissionError):
            setpriority(PRIO_PROCESS, daemon.pid, -10)
        async with Client(daemon) as client:
            await retried(client.login)
            watching = asyncio.create_task(probe.watch())
            sessions = await asyncio.gather(
                *(whole_session(client, dice.uniform(0, JOIN_WITHIN)) for _ in range(CLIENTS))
            )
            watching.cancel()

    # The daemon's clock at a real time t is FACTOR * t + offset; each token limits the offset.
    latest = min(each.issued / 1000 - FACTOR * each.requested for each in sessions)
    earliest = max(each.issued / 1000 - FACTOR * each.received for each in sessions)
    warned, ended = [], []
    for each in sessions:
        assert each.code == 4004
        issued = each.issued / 1000
        warned.append(each.warnings[0] * FACTOR + latest - issued - WARNED_AT)
        ended.append(each.closed * FACTOR + latest - issued - ENDS_AT)
    uncertainty = latest - earliest + FACTOR * probe.worst
    for times in (warned, ended):
        assert min(times) >= 0
        assert statistics.median(times) <= patiently(WITHIN)
        assert max(times) <= patiently(WITHIN + uncertainty)


async def test_session_length_does_not_change_with_the_wall_clock(
    tmp_path: Path,
) -> None:
    with ExitStack() as stack:
        tests = []
        for name, step in (("back", -HOUR), ("ahead", HOUR)):
            folder = tmp_path / name
            folder.mkdir()
            clocks = SteppedClocks(folder, wall_only=True)
            daemon = stack.enter_context(Daemon(env=clocks.env, settings=SHORT))
            tests.append(step_clock(step, clocks, daemon))
        await asyncio.gather(*tests)


async def step_clock(step: int, clocks: SteppedClocks, daemon: Daemon) -> None:
    """Check the sessions before and after a step of the wall clock."""
    async with Client(daemon) as before, Client(daemon) as after:
        began = time.monotonic()
        token, other_token = await before.websocket_token(), await before.websocket_token()
        async with before.watch(token) as socket, before.watch(other_token) as other:
            clocks.set(step)
            joined = time.monotonic()
            assert (await after.login()).status == 200
            async with after.watch() as newcomer, before.watch() as again:
                assert await socket.closed(within=6) == await other.closed() == 4004
                assert await newcomer.closed(within=6) == await again.closed() == 4004

    assert min(newcomer.closed_at, again.closed_at) > max(socket.closed_at, other.closed_at)
    assert -EARLY <= socket.closed_at - began - LIFETIME <= LATE
    assert -EARLY <= newcomer.closed_at - joined - LIFETIME <= LATE
    assert [frame.event for frame in socket.frames].count("session expiring") == 1
    warned = next(frame.at for frame in socket.frames if frame.event == "session expiring")
    assert -EARLY <= warned - began - WARNED_AFTER <= LATE


async def test_session_ends_during_sleep_although_the_monotonic_clock_stops(
    tmp_path: Path,
) -> None:
    machine = SuspendedClock(tmp_path)
    with Daemon(env=machine.env) as daemon:
        async with Client(daemon) as client:
            token = await client.websocket_token()
            async with client.watch(token) as socket:
                machine.sleep(600)
                await socket.frame(lambda frame: frame.event == "stats", since=socket.count + 2)
                machine.sleep(7200)
                woken = time.monotonic()
                code = await socket.closed()
            async with client.connect(token.socket) as late:
                await late.send("auth", token.token)
                assert await late.closed() == 4004
            async with client.watch() as again:
                await again.frame(lambda frame: frame.event == "stats", since=again.count + 1)

    assert code == 4004
    assert socket.closed_at - woken < patiently(1.5)


async def test_suspend_of_two_hours_ends_a_session_and_of_ten_minutes_does_not(
    tmp_path: Path,
) -> None:
    clocks = SteppedClocks(tmp_path, wall_only=False)
    with Daemon(env=clocks.env) as daemon:
        async with Client(daemon) as client, Client(daemon) as new_client:
            token = await client.websocket_token()
            async with client.watch(token) as socket:
                clocks.set(600)
                await socket.frame(lambda frame: frame.event == "stats", since=socket.count + 2)
                clocks.set(7200)
                woken = time.monotonic()
                code, last = await socket.closed(), socket.frames[-1].event
            async with client.connect(token.socket) as late:
                await late.send("auth", token.token)
                assert await late.closed() == 4004
            async with client.watch() as again, new_client.watch() as new:
                for each in (again, new):
                    await each.frame(lambda frame: frame.event == "stats", since=each.count + 1)

    assert code == 4004
    assert socket.closed_at - woken < patiently(1.5)
    assert last == "stats"
