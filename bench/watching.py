"""What a desk costs that has everything: watched by one screen for ten seconds, and by nobody.

    .venv/bin/python bench/watching.py [seconds]

Prints user and system time of the daemon's whole process, wake-ups and resident memory. The bus,
the player, the sound server, UPower and NetworkManager are there (`tests/parts/everything.py`) and
quiet, so what is measured is the desk's own beat: one reading a second, encrypted, to one screen.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.parts.client import Client  # noqa: E402 - found by the line above
from tests.parts.desk import Desk  # noqa: E402 - the same
from tests.parts.everything import everything  # noqa: E402 - the same
from tests.parts.media import make_media  # noqa: E402 - the same
from tests.parts.usage import cpu_milliseconds, resident_mib, wake_ups  # noqa: E402 - the same

SETTLES = 3.0
"""Seconds until what a log-in and a first reading cost is over."""
WATCHED_AT_MOST = 25.0
UNWATCHED_AT_MOST = 5.0
MIB_AT_MOST = 55.0


async def measure(desk: Desk, seconds: float) -> tuple[float, int]:
    """Let it run; return milliseconds of processor time in ten seconds, and wake-ups."""
    await asyncio.sleep(SETTLES)
    used, woken = cpu_milliseconds(desk.pid), wake_ups(desk.pid)
    await asyncio.sleep(seconds)
    return (cpu_milliseconds(desk.pid) - used) * 10 / seconds, wake_ups(desk.pid) - woken


async def main(seconds: float) -> bool:
    """Measure, print, and say whether all stayed within their bounds."""
    with tempfile.TemporaryDirectory() as folder:
        media = make_media(Path(folder) / "media")
        async with everything(media, Path(folder)) as there:
            with there.desk() as desk:
                async with Client(desk) as client, client.watch() as screen:
                    watched, beats = await measure(desk, seconds)
                    frames = screen.count
                    there_is = sorted(await screen.stats())
                    memory = resident_mib(desk.pid)
                unwatched, woken = await measure(desk, seconds)
    print(f"in the readings: {' '.join(there_is)}; {frames} frames")
    print(f"watched      {watched:6.1f} ms of CPU in 10 s   (at most {WATCHED_AT_MOST:g})")
    print(f"             {beats / seconds:6.1f} wake-ups a second")
    print(f"unwatched    {unwatched:6.1f} ms of CPU in 10 s   (at most {UNWATCHED_AT_MOST:g})")
    print(f"             {woken:6d} wake-ups in {seconds:g} s")
    print(f"resident     {memory:6.1f} MiB   (at most {MIB_AT_MOST:g})")
    return watched <= WATCHED_AT_MOST and unwatched <= UNWATCHED_AT_MOST and memory <= MIB_AT_MOST


if __name__ == "__main__":
    within = asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0))
    sys.exit(0 if within else 1)
