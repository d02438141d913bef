"""Alternatives to a desk: `playerctl --follow`, and polling each second."""

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable

from bench.ear import listening
from bench.surroundings import Surroundings
from tests.support.buses import PrivateBus
from tests.support.mpv import Mpv

FOLLOWED, POLLS = 40, 10
APART = (0.08, 0.18)
WITHIN = 5.0

Samples = list[float]
"""Milliseconds."""


async def of_playerctl(there: Surroundings, dice: random.Random) -> dict[str, Samples]:
    """The same signal, to a line of `playerctl --follow` and to one who asks each second."""
    bus, mpv = there.there.session, there.second
    name = mpv.name.removeprefix("org.mpris.MediaPlayer2.")
    words = ["playerctl", "-p", name, "status"]
    following = await asyncio.create_subprocess_exec(
        *words, "--follow", env=bus.env(), stdout=asyncio.subprocess.PIPE
    )
    assert following.stdout is not None
    lines = following.stdout
    await lines.readline()

    async def next_line(_: str) -> float:
        await lines.readline()
        return time.monotonic()

    async def poll(status: str) -> float:
        while True:
            await asyncio.sleep(1.0 - time.monotonic() % 1.0)
            asked = await asyncio.create_subprocess_exec(
                *words, env=bus.env(), stdout=asyncio.subprocess.PIPE
            )
            said, _ = await asked.communicate()
            if said.decode().strip() == status:
                return time.monotonic()

    try:
        followed = await toggled(mpv, bus, dice, FOLLOWED, next_line)
    finally:
        following.terminate()
        await following.wait()
    polled = await toggled(mpv, bus, dice, POLLS, poll)
    return {"a player's signal to playerctl --follow": followed, "… to a poller at 1 s": polled}


async def toggled(
    mpv: Mpv,
    bus: PrivateBus,
    dice: random.Random,
    samples: int,
    noticed: Callable[[str], Awaitable[float]],
) -> Samples:
    """Pause and resume; from mpv's signal to its detection."""
    delays = []
    async with listening(bus) as received:
        for paused in itertools.islice(itertools.cycle((False, True)), samples):
            await asyncio.sleep(dice.uniform(*APART) if samples > POLLS else dice.uniform(0, 1))
            received.clear()
            status = "Paused" if paused else "Playing"
            mpv.set("pause", paused)
            async with asyncio.timeout(WITHIN):
                at = await noticed(status)
            await asyncio.sleep(0.01)
            if signal := [moment for moment, said in received if said == status]:
                delays.append((at - signal[0]) * 1000)
    return delays
