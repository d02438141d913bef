"""The Python client during fifty session expiries: no gap, no repetition, no lost command."""

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


class PausingPlayer(FakePlayer):
    """Player that performs PlayPause and announces its new state."""

    def handle(self, message: Message) -> Message | bool | None:
        if message.member == "PlayPause":
            playing = self.properties["PlaybackStatus"].value == "Playing"
            status = "Paused" if playing else "Playing"
            self._changing = asyncio.get_running_loop().create_task(
                self.change(PlaybackStatus=status)
            )
        return super().handle(message)


class Recording(NamedTuple):
    """The snapshots, states and commands of one client."""

    times: list[float]
    """Arrival of each snapshot, time.monotonic()."""
    snapshots: list[Snapshot]
    states: list[ConnectionState]
    commands: int
    performed: int
    log: str


@pytest.fixture(scope="module")
def recording(bus: PrivateBus) -> Iterator[Recording]:
    with Daemon(buses=[bus], settings=SETTINGS) as daemon:
        recorded = asyncio.run(record(daemon, bus))
        daemon.stop()
        yield recorded._replace(log=daemon.log)


async def record(daemon: Daemon, bus: PrivateBus) -> Recording:
    """Watch and send commands while fifty sessions expire."""
    times: list[float] = []
    snapshots: list[Snapshot] = []
    states: list[ConnectionState] = []
    commands = 0

    def expiries() -> int:
        return sum(state.phase is Phase.EXPIRING for state in states)

    async with (
        PausingPlayer(bus) as player,
        connect(
            daemon.address,
            "owner",
            daemon.owner_password,
            trust=Pinned(daemon.fingerprint),
            on_state=states.append,
        ) as client,
    ):
        await until_async(lambda: client.snapshot.players)

        async def send_commands() -> None:
            nonlocal commands
            while expiries() < EXPIRIES:
                await client.play_pause("player1")
                commands += 1

        sending = asyncio.create_task(send_commands())
        async for snapshot in client:
            times.append(time.monotonic())
            snapshots.append(snapshot)
            if sending.done():
                break
        await sending
        performed = player.calls.count("PlayPause")
    return Recording(times, snapshots, states, commands, performed, "")


def test_fifty_expiries_never_lose_the_connection(recording: Recording) -> None:
    phases = [state.phase for state in recording.states]

    assert phases.count(Phase.EXPIRING) == EXPIRIES
    assert set(phases[1:-1]) == {Phase.LIVE, Phase.EXPIRING}


def test_renewed_sessions_leave_no_gap(recording: Recording) -> None:
    gaps = [later - earlier for earlier, later in itertools.pairwise(recording.times)]

    assert max(gaps) < patiently(1.5 * INTERVAL)


def test_no_snapshot_is_repeated_or_older_than_the_last(recording: Recording) -> None:
    uptimes = [each.uptime.up for each in recording.snapshots if each.uptime]

    assert uptimes == sorted(uptimes)
    assert len({id(each) for each in recording.snapshots}) == len(recording.snapshots)


def test_each_command_is_performed_exactly_once(recording: Recording) -> None:
    assert recording.commands > EXPIRIES
    assert recording.performed == recording.commands


def test_each_old_session_is_closed_with_1000(recording: Recording) -> None:
    ended = [line for line in recording.log.splitlines() if "session ended" in line]

    assert EXPIRIES <= len(ended) <= EXPIRIES + 1
    assert all("close=1000" in line for line in ended)
    assert sum(int(line.split("commands=")[1].split()[0]) for line in ended) == recording.commands
