"""Latency of a change, a command, a log-in up to the first reading, and a start.

    .venv/bin/python -m bench.latency [--samples 200]

    a player's signal   a real mpv is paused and resumed over its own socket; a listener on the bus
                        notes its signal, a client the frame that tells of it
    a command           a frame sent by a client, noted by a player of our own when it is called; in
                        turn with it a bare call to the same player, with no desk in between
    log-in              `logins.py`
    start               from exec to the line that says it is ready, in turn with an import of
                        aiohttp.web

Client, listener and player share one process on the load's core and one clock. Changes come at
random moments of the interval and further apart than 50 ms, so that none is held back as part of a
burst.
"""

import argparse
import asyncio
import itertools
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from dbus_fast import Message
from dbus_fast.aio import MessageBus

from bench import results
from bench.cores import LOAD, SERVER, on
from bench.ear import listening
from bench.goals import BARE_CALL, COMMAND, IMPORT, READY, SIGNAL
from bench.logins import of_logins
from bench.surroundings import Surroundings, surroundings
from tests.support.buses import PrivateBus
from tests.support.client import Client, Socket
from tests.support.fake_player import PATH, PLAYER, FakePlayer
from tests.support.programs import PROGRAM

SAMPLES = 150
APART = (0.08, 0.18)
"""Seconds between two changes."""
WITHIN = 5.0
STARTS = 10
SCREENS = 4
"""Pause between two commands: a client may send ten a second."""

Samples = list[float]
"""Milliseconds."""


async def main(samples: int) -> None:
    """Measure and keep it."""
    dice = random.Random(1)  # noqa: S311 - it decides when, nothing that must not be guessed
    measured: dict[str, Samples] = {}

    def keep(more: dict[str, Samples]) -> None:
        measured.update(more)
        results.write("latency", {"samples": measured})

    async with surroundings() as there:
        with there.serving() as desk:
            async with Client(desk) as client, client.watch() as screen:
                await asyncio.sleep(1.0)
                keep(await of_signals(there, screen, dice, samples))
            async with Client(desk) as client:
                keep(await of_commands(there, client, dice, samples))
        keep(await of_logins(there))
        keep(of_starts(there))


# ---- a player's signal ---------------------------------------------------------------------------


async def of_signals(
    there: Surroundings, screen: Socket, dice: random.Random, samples: int
) -> dict[str, Samples]:
    """Pause and resume mpv; from its signal to the frame."""
    mpv = there.there.mpv
    delays: Samples = []
    async with listening(there.there.session) as received:
        for paused in itertools.islice(itertools.cycle((True, False)), samples):
            await asyncio.sleep(dice.uniform(*APART))
            received.clear()
            seen = screen.count
            mpv.set("pause", paused)
            frame = await screen.frame(
                lambda frame, paused=paused: any(  # type: ignore[misc]
                    player["title"] == there.media.first.title and player["playing"] is not paused
                    for player in frame.stats["audio"]
                ),
                since=seen,
                within=WITHIN,
            )
            if signal := [at for at, status in received if (status == "Paused") is paused]:
                delays.append((frame.at - signal[0]) * 1000)
    return {SIGNAL: delays}


# ---- a command -----------------------------------------------------------------------------------


async def of_commands(
    there: Surroundings, client: Client, dice: random.Random, samples: int
) -> dict[str, Samples]:
    """Send a command; from the frame's sending to the call at a player that notes the time.

    In turn with it the same call is made by a connection of our own.
    """
    called: asyncio.Queue[float] = asyncio.Queue()
    commands, bare = [], []
    async with FakePlayer(there.there.session, "obedient") as player:
        player.before_reply["PlayPause"] = lambda: called.put_nowait(time.monotonic())
        async with clients(client, SCREENS) as watching, calling(there.there.session) as call:
            stats = await watching[0].stats(
                lambda stats: any(each["name"] == "obedient" for each in stats["audio"])
            )
            name = next(each["id"] for each in stats["audio"] if each["name"] == "obedient")
            for screen in itertools.islice(itertools.cycle(watching), samples):
                await asyncio.sleep(dice.uniform(0.03, 0.06))
                sent = await screen.send("audio-play-pause", name)
                async with asyncio.timeout(WITHIN):
                    commands.append((await called.get() - sent) * 1000)
                await asyncio.sleep(dice.uniform(0.03, 0.06))
                sent = time.monotonic()
                call(player.name)
                async with asyncio.timeout(WITHIN):
                    bare.append((await called.get() - sent) * 1000)
    return {
        COMMAND: commands,
        BARE_CALL: bare,
    }


@asynccontextmanager
async def calling(bus: PrivateBus) -> AsyncIterator[Callable[[str], object]]:
    """Give what calls a player's PlayPause and waits for nothing."""
    connection = await MessageBus(bus_address=bus.address).connect()

    def call(name: str) -> object:
        return connection.send(
            Message(destination=name, path=PATH, interface=PLAYER, member="PlayPause")
        )

    try:
        yield call
    finally:
        connection.disconnect()


@asynccontextmanager
async def clients(client: Client, count: int) -> AsyncIterator[list[Socket]]:
    """Connect a number of clients."""
    if count == 0:
        yield []
        return
    async with client.watch() as screen, clients(client, count - 1) as others:
        yield [screen, *others]


# ---- a start -------------------------------------------------------------------------------------


def of_starts(there: Surroundings) -> dict[str, Samples]:
    """Start the daemon on an existing state, in turn with an import of its HTTP library."""
    serve = [
        *(str(PROGRAM), "serve", "--host", "127.0.0.1", "--port", "0"),
        *("--state-dir", str(there.state)),
    ]
    imports = [sys.executable, "-c", "import aiohttp.web; print('imported')"]
    took: dict[str, Samples] = {READY: [], IMPORT: []}
    for _ in range(STARTS):
        env = there.desk().env
        took[READY].append(time_to_line(serve, env, b"deskwire is ready at"))
        took[IMPORT].append(time_to_line(imports, env, b"imported"))
    return took


def time_to_line(command: list[str], env: dict[str, str], expected: bytes) -> float:
    """Return milliseconds from exec to the line that contains `expected`."""
    with on(SERVER):
        began = time.monotonic()
        with subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as program:
            assert program.stdout is not None
            found = any(expected in line for line in program.stdout)
            took = (time.monotonic() - began) * 1000
            program.terminate()
    if not found:
        raise SystemExit(f"{command[0]} ended without the line {expected.decode()!r}")
    return took


if __name__ == "__main__":
    given = argparse.ArgumentParser(description="How long things take.")
    given.add_argument("--samples", type=int, default=SAMPLES)
    with on(LOAD):
        asyncio.run(main(given.parse_args().samples))
