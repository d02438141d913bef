"""The library through fifty session expiries: no gap, nothing twice, no command lost."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from dbus_fast import Message

from deskwire.client import ConnectionState, Phase, Pinned, Snapshot, connect
from tests.support.buses import PrivateBus
from tests.support.fake_player import FakePlayer
from tests.support.programs import Daemon
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

EXPIRIES = 50
INTERVAL = 0.5
SETTINGS = {"session_lifetime": 1, "session_warning": 0.7, "stats_interval": INTERVAL}


class ObedientPlayer(FakePlayer):
    """A player that does what it is told, and says so."""

    def handle(self, message: Message) -> Message | bool | None:
        if message.member == "PlayPause":
            playing = self.properties["PlaybackStatus"].value == "Playing"
            status = "Paused" if playing else "Playing"
            self.change_soon = asyncio.get_running_loop().create_task(
                self.change(PlaybackStatus=status)
            )
        return super().handle(message)


class Watched(NamedTuple):
    """What one client saw and did."""

    times: list[float]
    """When each snapshot came, time.monotonic()."""
    snapshots: list[Snapshot]
    states: list[ConnectionState]
    commands: int
    obeyed: int
    log: str


@pytest.fixture(scope="module")
def watched(bus: PrivateBus) -> Iterator[Watched]:
    with Daemon(buses=[bus], settings=SETTINGS) as desk:
        seen = asyncio.run(watch(desk, bus))
        desk.stop()
        yield seen._replace(log=desk.log)


async def watch(desk: Daemon, bus: PrivateBus) -> Watched:
    """Watch and press pause over and over while fifty sessions expire."""
    times: list[float] = []
    snapshots: list[Snapshot] = []
    states: list[ConnectionState] = []
    commands = 0

    def expiries() -> int:
        return sum(state.phase is Phase.EXPIRING for state in states)

    async with (
        ObedientPlayer(bus) as player,
        connect(
            desk.address,
            "owner",
            desk.owner_password,
            trust=Pinned(desk.fingerprint),
            on_state=states.append,
        ) as client,
    ):
        await until_async(lambda: client.snapshot.players)

        async def press() -> None:
            nonlocal commands
            while expiries() < EXPIRIES:
                await client.play_pause("player1")
                commands += 1

        pressing = asyncio.create_task(press())
        async for snapshot in client:
            times.append(time.monotonic())
            snapshots.append(snapshot)
            if pressing.done():
                break
        await pressing
        obeyed = player.calls.count("PlayPause")
    return Watched(times, snapshots, states, commands, obeyed, "")


def test_fifty_expiries_never_lose_the_connection(watched: Watched) -> None:
    phases = [state.phase for state in watched.states]

    assert phases.count(Phase.EXPIRING) == EXPIRIES
    assert set(phases[1:-1]) == {Phase.LIVE, Phase.EXPIRING}


def test_renewed_sessions_leave_no_gap(watched: Watched) -> None:
    gaps = [later - earlier for earlier, later in itertools.pairwise(watched.times)]

    assert max(gaps) < patiently(1.5 * INTERVAL)


def test_no_snapshot_is_repeated_or_older_than_the_last(watched: Watched) -> None:
    uptimes = [each.uptime.up for each in watched.snapshots if each.uptime]

    assert uptimes == sorted(uptimes)
    assert len({id(each) for each in watched.snapshots}) == len(watched.snapshots)


def test_each_command_is_performed_exactly_once(watched: Watched) -> None:
    assert watched.commands > EXPIRIES
    assert watched.obeyed == watched.commands


def test_each_old_session_is_closed_with_1000(watched: Watched) -> None:
    ended = [line for line in watched.log.splitlines() if "session ended" in line]

    assert EXPIRIES <= len(ended) <= EXPIRIES + 1
    assert all("close=1000" in line for line in ended)
    assert sum(int(line.split("commands=")[1].split()[0]) for line in ended) == watched.commands
