"""From a password to the first reading, and what it costs the daemon.

    log in ─▶ ask for a token ─▶ connect ─▶ auth ─▶ first `stats`, over one kept connection

Processor time is the whole process's until 50 ms after the first reading, but for the thread that
hashes passwords; the memory a hash goes through has cooled the caches for what comes after it, and
that is counted. Three ways: plain HTTP while another watches; the same by TLS, which is one
handshake more; and plain again as the first who watches, so that every device wakes up. Beside them
stands the least that aiohttp and SQLite can do it for, `peers/entrance.py`.
"""

import asyncio
import socket
import sys
import tempfile
import time
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import argon2

from bench.candidates import PORT
from bench.cores import SERVER, on
from bench.processes import cpu_seconds, modest_seconds, running
from bench.results import ROOT
from bench.surroundings import Surroundings
from deskwire.auth.passwords import MEMORY_KIB, PASSES
from tests.support.client import Client
from tests.support.programs import Daemon
from tests.support.waiting import until_async

LEAST = "log-in where nothing more is done"
LOGINS = 20
WAYS = (
    ("log-in to first stats", False, True),
    ("log-in by TLS to first stats", True, True),
    ("first log-in to first stats", False, False),
)
"""Name, whether over TLS, whether another client is connected."""
SETTLES = 0.05
"""Seconds after which the daemon has done what a log-in leaves to do."""
IDLE_AFTER = 0.3
"""Time after which devices without a subscriber are idle, in seconds."""

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
                took, used = await entered(desk, desk.pid)
        samples |= {way: took, f"{way}, the daemon's CPU": used}
    return samples | await at_the_least(there)


async def at_the_least(there: Surroundings) -> dict[str, Samples]:
    """The same steps with `peers/entrance.py`."""
    desk = there.desk(tls=False)
    desk.owner_password = "opens nothing"  # noqa: S105 - it does
    hashed = argon2.PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        words = [PORT, Path(folder) / "state.db", hashed.hash(desk.owner_password)]
        command = [sys.executable, "-m", "bench.peers.entrance", *map(str, words)]
        with ExitStack() as stack:
            with on(SERVER):
                program = stack.enter_context(running(command, cwd=ROOT))
            desk.address = f"http://127.0.0.1:{PORT}"
            await until_async(lambda: is_open(PORT), within=5.0, what="it listens")
            took, used = await entered(desk, program.pid)
    return {LEAST: took, f"{LEAST}, its CPU": used}


def is_open(port: int) -> bool:
    """Return whether the port accepts connections."""
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


async def entered(desk: Daemon, pid: int) -> tuple[Samples, Samples]:
    """Enter so many times; return how long it took and what it used."""
    took, used = [], []
    for _ in range(LOGINS):
        async with Client(desk) as client:
            began, cpu = time.monotonic(), without_hashing(pid)
            async with client.watch():
                took.append((time.monotonic() - began) * 1000)
                await asyncio.sleep(SETTLES)
                used.append((without_hashing(pid) - cpu) * 1000)
        await asyncio.sleep(IDLE_AFTER)
    return took, used


def without_hashing(pid: int) -> float:
    """Return processor seconds of a process but for the thread that hashes, which is niced."""
    return cpu_seconds([pid]) - modest_seconds(pid)
