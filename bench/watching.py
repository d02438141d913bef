"""Cost of monitoring one machine: the desk beside Glances, netdata and node-exporter.

    .venv/bin/python -m bench.watching [--seconds 12] [--rounds 2]

All run at the same time, their processes on one core and the load on the other. Rounds
alternate between no client and one request a second (the desk: one client, over TLS). The desk has
every device (`surroundings.py`) and does not change, so only its own timer is measured.
"""

import argparse
import asyncio
import tempfile
import time
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path
from typing import Any

import aiohttp

from bench import results
from bench.cores import SERVER, on
from bench.monitors import MONITORS, Monitor, Poller
from bench.prepare import prepare
from bench.processes import cpu_seconds, memory_mib, running, tree
from bench.surroundings import Surroundings, surroundings
from tests.support.client import Client
from tests.support.processes import wake_ups
from tests.support.programs import Daemon

SECONDS, ROUNDS = 12.0, 2
SETTLES = 3.0
"""Until what a beginning costs is over."""
BEGINS = 8.0
"""Until a program has looked around."""
STARTS_WITHIN = 20.0
DESKWIRE = "deskwire"


async def main(seconds: float, rounds: int) -> None:
    """Measure and keep it."""
    missing = prepare(*{monitor.need for monitor in MONITORS})
    there_are = [monitor for monitor in MONITORS if monitor.need not in missing]
    async with surroundings() as there:
        measured = await of_all(there, there_are, seconds, rounds)
    results.write(
        "watching",
        {
            "seconds": seconds,
            "programs": measured,
            "missing": {each.name: missing[each.need] for each in MONITORS if each.need in missing},
        },
    )


async def of_all(
    there: Surroundings, monitors: list[Monitor], seconds: float, rounds: int
) -> dict[str, Any]:
    """Start them all, and look at them in turns."""
    with ExitStack() as stack:
        roots: dict[str, int] = {}
        for monitor in monitors:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            with on(SERVER):
                program = stack.enter_context(running(monitor.command(folder)))
            roots[monitor.name] = program.pid
        desk = stack.enter_context(there.serving())
        roots[DESKWIRE] = desk.pid
        for monitor in monitors:
            await answering(monitor)
        programs: dict[str, Any] = {
            name: {"unwatched": [], "watched": [], "memory_mib": 0.0} for name in roots
        }
        for monitor in monitors:
            programs[monitor.name]["collects"] = monitor.collects
        await asyncio.sleep(BEGINS)
        for _ in range(rounds):
            note(programs, "unwatched", await spend(desk, roots, seconds))
            async with AsyncExitStack() as clients:
                pollers = [await clients.enter_async_context(Poller(each)) for each in monitors]
                client = await clients.enter_async_context(Client(desk))
                screen = await clients.enter_async_context(client.watch())
                note(programs, "watched", await spend(desk, roots, seconds))
                for name, pid in roots.items():
                    programs[name]["memory_mib"] = memory_mib(tree(pid))
                    programs[name]["proportional_mib"] = memory_mib(tree(pid), "Pss")
                programs[DESKWIRE]["answer_bytes"] = len(screen.frames[-1].text)
                programs[DESKWIRE]["collects"] = "what a client shows: " + ", ".join(
                    sorted(await screen.stats())
                )
                for poller in pollers:
                    programs[poller.monitor.name]["answer_bytes"] = poller.bytes
    return programs


async def answering(monitor: Monitor) -> None:
    """Wait until a program answers."""
    async with aiohttp.ClientSession() as session:
        deadline = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < deadline:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(monitor.address) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)
    raise SystemExit(f"{monitor.name} does not answer at {monitor.address}")


async def spend(desk: Daemon, roots: dict[str, int], seconds: float) -> dict[str, dict[str, float]]:
    """Let them run; return what each used."""
    await asyncio.sleep(SETTLES)
    trees = {name: tree(pid) for name, pid in roots.items()}
    used = {name: cpu_seconds(pids) for name, pids in trees.items()}
    woken = wake_ups(desk.pid)
    await asyncio.sleep(seconds)
    spent = {
        name: {"cpu_s_a_minute": (cpu_seconds(pids) - used[name]) * 60 / seconds}
        for name, pids in trees.items()
    }
    spent[DESKWIRE]["wake_ups_a_second"] = (wake_ups(desk.pid) - woken) / seconds
    return spent


def note(programs: dict[str, Any], how: str, spent: dict[str, dict[str, float]]) -> None:
    """Add one look's figures to each program's."""
    for name, figures in spent.items():
        programs[name][how].append(figures)


if __name__ == "__main__":
    given = argparse.ArgumentParser(description="What watching one machine costs.")
    given.add_argument("--seconds", type=float, default=SECONDS)
    given.add_argument("--rounds", type=int, default=ROUNDS)
    asked = given.parse_args()
    asyncio.run(main(asked.seconds, asked.rounds))
