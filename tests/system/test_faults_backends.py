"""All services of a desk end and return fifty times, while a client is connected."""

import random
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any

from tests.support.buses import PrivateBus
from tests.support.client import Client, player_named
from tests.support.fake_player import FakePlayer, metadata
from tests.support.processes import descriptors, resident_mib, threads
from tests.support.programs import Daemon
from tests.support.sound_servers import Pulse
from tests.support.waiting import until_async

ROUNDS, WARM_UP_ROUNDS = 50, 15
BACK_WITHIN = 5.0
POOL = 6
"""Threads that asyncio's pool may still add; one leaked thread a round would be 35."""


async def test_fifty_restarts_of_all_services_leak_nothing(
    session_bus: PrivateBus, system_bus: PrivateBus
) -> None:
    dice = random.Random(50)
    most, mib = (0, 0), 0.0
    with Pulse() as pulse:
        buses, env = [session_bus, system_bus], {"PULSE_SERVER": pulse.address}
        with Daemon(buses=buses, env=env) as daemon:
            async with Client(daemon) as client, client.watch() as socket:
                for number in range(ROUNDS):
                    session_bus.restart()
                    system_bus.restart()
                    if hung := dice.random() < 0.5:
                        pulse.send(SIGSTOP)
                    else:
                        pulse.kill()
                        pulse.start()
                    title = f"round {number}"

                    def back(stats: dict[str, Any], title: str = title) -> bool:
                        return bool(player_named(stats, title)) and "volume" in stats

                    async with FakePlayer(session_bus, Metadata=metadata(title=title)):
                        if hung:
                            pulse.send(SIGCONT)
                        await socket.stats(back, within=BACK_WITHIN)
                    if number < WARM_UP_ROUNDS:
                        used, running, mib = usage(daemon)
                        most = (max(most[0], used), max(most[1], running))
                await until_async(lambda: usage(daemon)[0] <= most[0] + 1, what="descriptors")
                await until_async(lambda: usage(daemon)[1] <= most[1] + POOL, what="threads")
                grown = usage(daemon)[2] - mib

    assert grown < 3


async def test_session_bus_and_sound_server_that_appear_and_move_are_found(
    session_bus: PrivateBus, tmp_path: Path
) -> None:
    runtime, settings = tmp_path / "run", tmp_path / ".config/pulse/client.conf"
    env = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(runtime)}
    with Daemon(env=env) as daemon:
        async with Client(daemon) as client, client.watch() as socket:
            first = await socket.stats()
            runtime.mkdir()
            (runtime / "bus").symlink_to(session_bus.address.removeprefix("unix:path="))
            async with FakePlayer(session_bus, Metadata=metadata(title="late")):
                await socket.stats(lambda stats: player_named(stats, "late"), within=BACK_WITHIN)
            settings.parent.mkdir(parents=True)
            for level in (30, 40):
                with Pulse() as pulse:
                    pulse.pactl("set-sink-volume", "speakers", f"{level}%")
                    settings.write_text(f"default-server = {pulse.address}\n")

                    def shown(stats: dict[str, Any], level: int = level) -> bool:
                        return stats.get("volume") == level

                    await socket.stats(shown, within=BACK_WITHIN)

    assert first["audio"] == []
    assert "volume" not in first


def usage(daemon: Daemon) -> tuple[int, int, float]:
    """Return the descriptors, the threads and the memory in MiB."""
    return descriptors(daemon.pid), threads(daemon.pid), resident_mib(daemon.pid)
