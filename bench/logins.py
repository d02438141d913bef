"""From a password to the first reading, and what it costs the daemon.

    log in ─▶ ask for a token ─▶ connect ─▶ auth ─▶ first `stats`, over one kept connection

Processor time is the whole process's until 50 ms after the first reading, but for the thread that
hashes passwords; the memory a hash goes through has cooled the caches for what comes after it, and
that is counted. Three ways: plain HTTP while another watches; the same by TLS, which is one
handshake more; and plain again as the first who watches, so that every device wakes up.
"""

import asyncio
import time
from contextlib import AsyncExitStack

from bench.processes import cpu_seconds, modest_seconds
from bench.surroundings import Surroundings
from tests.parts.client import Client
from tests.parts.desk import Desk

LOGINS = 20
WAYS = (
    ("log-in to first stats", False, True),
    ("log-in by TLS to first stats", True, True),
    ("first log-in to first stats", False, False),
)
"""What it is called, whether by TLS, whether another watches."""
SETTLES = 0.05
"""Seconds after which the daemon has done what a log-in leaves to do."""
NOBODY = 0.3
"""Seconds after which devices that nobody watches any more are at rest."""

Samples = list[float]
"""Milliseconds."""


async def of_logins(there: Surroundings) -> dict[str, Samples]:
    """Log in and watch, again and again; time and the daemon's CPU."""
    samples: dict[str, Samples] = {}
    for way, tls, another_watches in WAYS:
        with there.serving(interval=3600.0, tls=tls) as desk:
            async with AsyncExitStack() as stack:
                if another_watches:
                    another = await stack.enter_async_context(Client(desk))
                    await stack.enter_async_context(another.watch())
                await asyncio.sleep(1.0)
                took, used = await entered(desk)
        samples |= {way: took, f"{way}, the daemon's CPU": used}
    return samples


async def entered(desk: Desk) -> tuple[Samples, Samples]:
    """Enter so many times; return how long it took and what it used."""
    took, used = [], []
    for _ in range(LOGINS):
        async with Client(desk) as client:
            began, cpu = time.monotonic(), without_hashing(desk)
            async with client.watch():
                took.append((time.monotonic() - began) * 1000)
                await asyncio.sleep(SETTLES)
                used.append((without_hashing(desk) - cpu) * 1000)
        await asyncio.sleep(NOBODY)
    return took, used


def without_hashing(desk: Desk) -> float:
    """Return processor seconds of the daemon but for the thread that hashes, which is niced."""
    return cpu_seconds([desk.pid]) - modest_seconds(desk.pid)
