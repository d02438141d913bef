"""Growth with clients, players and time.

    .venv/bin/python -m bench.growth [--half-hour]

Clients 1, 10, 100, 1,000 (no TLS): the daemon's processor time a frame, memory, first and last
delivery. Players 1, 10, 50, all on the bus: processor time of a watched second, memory, the length
of a frame, the time from a signal to a client. Time: memory over 360 media changes, as
many as a skip every five seconds makes in half an hour. They come ten a second, so they take 36
seconds, or half an hour with --half-hour.
"""

import argparse
import asyncio
import random
import statistics
import sys
import time
from contextlib import AsyncExitStack
from typing import Any

from bench import results
from bench.cores import LOAD, on, open_many_files
from bench.load import load
from bench.prepare import prepare
from bench.processes import cpu_seconds, memory_mib
from bench.surroundings import Surroundings, listen_address, make_tokens, surroundings
from tests.support.buses import PrivateBus
from tests.support.client import Client
from tests.support.fake_player import FakePlayer, metadata
from tests.support.programs import Daemon

SCREENS = [1, 10, 100, 1000]
PLAYERS = [1, 10, 50]
FRAMES, INTERVAL = 10, 0.2
WATCHED = 6.0
SIGNALS = 30
CHANGES, PACE, HURRY = 360, 5.0, 0.1
"""Media changes, and seconds from one to the next: as they are, and as they are compressed to."""


async def main(timeouts: float) -> None:
    """Measure and keep it."""
    open_many_files()
    if missing := prepare("load"):
        sys.exit(f"nothing can be measured: {missing}")
    async with surroundings() as there:
        if timeouts == PACE:
            results.write("half-hour", await over_time(there, timeouts))
            return
        result = {
            "clients": await by_screens(there),
            "players": [await by_players(there, count) for count in PLAYERS],
        }
        results.write("growth", {**result, "time": await over_time(there, timeouts)})


async def by_screens(there: Surroundings) -> dict[str, Any]:
    """Connect more and more clients."""
    path = await make_tokens(there, SCREENS[-1])
    with there.serving(interval=INTERVAL, tls=False) as desk:
        return load(
            listen_address(desk, path),
            SCREENS,
            frames=FRAMES,
            interval=INTERVAL,
            tls=False,
            stepwise=True,
        )


async def by_players(there: Surroundings, count: int) -> dict[str, Any]:
    """Watch so many players, on a bus of their own."""
    dice = random.Random(count)  # noqa: S311 - it decides when, nothing that must not be guessed
    with PrivateBus() as bus:
        async with AsyncExitStack() as stack:
            players = [
                await stack.enter_async_context(a_player(bus, number)) for number in range(count)
            ]
            desk = stack.enter_context(there.serving(session=bus))
            client = await stack.enter_async_context(Client(desk))
            asked = time.monotonic()
            screen = await stack.enter_async_context(client.watch())
            await screen.stats(lambda stats: len(stats["audio"]) == count, within=10.0)
            values = time.monotonic() - asked
            await asyncio.sleep(1.5)
            used, began = cpu_seconds([desk.pid]), time.monotonic()
            await asyncio.sleep(WATCHED)
            spent = (cpu_seconds([desk.pid]) - used) / (time.monotonic() - began)
            delays = []
            for number in range(SIGNALS):
                await asyncio.sleep(dice.uniform(0.08, 0.18))
                seen, began = screen.count, time.monotonic()
                title = f"Track {number} of many"
                await players[number % count].change(Metadata=metadata(title=title, length=200))
                frame = await screen.frame(
                    lambda frame, title=title: title in frame.text,  # type: ignore[misc]
                    since=seen,
                )
                delays.append((frame.at - began) * 1000)
            return {
                "players": count,
                "cpu_ms_a_second": spent * 1000,
                "resident_mib": memory_mib([desk.pid]),
                "frame_bytes": len(screen.frames[-1].text),
                "signal_to_frame_ms": delays,
                "connect_to_all_players_ms": values * 1000,
            }


def a_player(bus: PrivateBus, number: int) -> FakePlayer:
    """Return a player that plays something with everything to tell."""
    track = metadata(
        title=f"The Reason, part {number}",
        artist=["Hoobastank"],
        album="Fallen",
        length=232_000_000,
    )
    return FakePlayer(bus, f"player{number}", Metadata=track, Rate=1.0)


async def over_time(there: Surroundings, timeouts: float) -> dict[str, Any]:
    """Skip from track to track; look at the daemon's memory after each tenth."""
    mpv = there.there.mpv
    mpv.command("loadfile", str(there.media.second.file), "append")
    mpv.set("loop-playlist", "inf")
    samples = []
    with there.serving() as desk:
        async with Client(desk) as client, client.watch() as screen:
            await asyncio.sleep(2.0)
            began, used = time.monotonic(), cpu_seconds([desk.pid])
            for number in range(CHANGES + 1):
                if number % 6 == 0:
                    samples.append([number, memory_mib([desk.pid]), anonymous(desk)])
                await asyncio.sleep(max(0.0, began + number * timeouts - time.monotonic()))
                mpv.command("playlist-next")
            frames = screen.count
            spent = cpu_seconds([desk.pid]) - used
    lasts = [memory for _, memory, _ in samples]
    return {
        "changes": CHANGES,
        "pace_s": timeouts,
        "stands_for_s": CHANGES * PACE,
        "samples": samples,
        "frames": frames,
        "cpu_ms_a_change": spent * 1000 / CHANGES,
        "grown_mib": statistics.median(lasts[-10:]) - statistics.median(lasts[10:20]),
    }


def anonymous(desk: Daemon) -> float:
    """Return what the daemon has of its own, MiB."""
    return memory_mib([desk.pid], "Anonymous")


if __name__ == "__main__":
    given = argparse.ArgumentParser(description="What grows.")
    given.add_argument("--half-hour", action="store_true", help="media changes at their own pace")
    with on(LOAD):
        asyncio.run(main(PACE if given.parse_args().half_hour else HURRY))
