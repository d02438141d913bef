"""Ten minutes of everything at once: many clients, changing media, random faults.

    .venv/bin/python bench/soak.py [--seconds 600] [--clients 50] [--seed N] [--report FOLDER]

The daemon's descriptors, tasks, threads and memory are sampled all the while; they must be flat
(`soak_report.py` says what that is). The seed decides which troubles come when, and is printed;
the report is `soak.md` with its picture, `soak.svg`: with `--report docs/reference` the one that is
kept.
"""

import argparse
import asyncio
import logging
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import plots  # noqa: E402 - found by the line above
from bench.asked import answers, ask, asked  # noqa: E402 - the same
from bench.prepare import prepare  # noqa: E402 - the same
from bench.soak_report import (  # noqa: E402 - the same
    Run,
    Sample,
    checked,
    drawn,
    is_back,
    values,
)
from tests.support.buses import PrivateBus  # noqa: E402 - the same
from tests.support.chaos import FAULTS, Chaos  # noqa: E402 - the same
from tests.support.client import Client  # noqa: E402 - the same
from tests.support.client_load import ClientLoad  # noqa: E402 - the same
from tests.support.processes import descriptors, resident_mib, threads  # noqa: E402 - the same
from tests.support.programs import Daemon  # noqa: E402 - the same
from tests.support.sound_servers import Pulse  # noqa: E402 - the same
from tests.support.waiting import until_async  # noqa: E402 - the same

LIFETIME = 40
"""Seconds of a session: so that many of them end and begin."""
CALM = 15.0
"""Seconds within which a desk that everybody left holds nothing of them."""
SAMPLES = 300


class Watched:
    """A desk whose daemon is looked at."""

    def __init__(self, desk: Daemon, answered: Path) -> None:
        self._desk = desk
        self._answered = answered
        self._began = time.monotonic()

    async def sample(self) -> Sample:
        """Look at it."""
        pid, before = self._desk.pid, len(answers(self._answered))
        ask(pid)
        await until_async(lambda: len(answers(self._answered)) > before, what="an answer")
        return Sample(
            time.monotonic() - self._began,
            descriptors(pid),
            answers(self._answered)[-1],
            threads(pid),
            resident_mib(pid),
        )

    async def sample_on(self, every: float, samples: list[Sample]) -> None:
        """Look at it for ever."""
        while True:
            samples.append(await self.sample())
            await asyncio.sleep(every)

    async def rested(self, before: Sample) -> Sample:
        """Look at it when all have left, as soon as it holds as little as before; or at last."""
        deadline = time.monotonic() + CALM
        while True:
            seen = await self.sample()
            if is_back(seen, before) or time.monotonic() > deadline:
                return seen
            await asyncio.sleep(1)


async def soak(seconds: float, clients: int, seed: int, folder: Path) -> Run:
    """Live through it."""
    dice = random.Random(seed)  # noqa: S311 - it decides nothing that must not be guessed
    settings = {
        "session_lifetime": LIFETIME,
        "session_warning": LIFETIME / 4,
        "session_max_sockets_per_user": clients + 20,
    }
    answered = folder / "tasks"
    with PrivateBus() as session, PrivateBus(system=True) as system, Pulse() as pulse:
        env = {"PULSE_SERVER": pulse.address}
        buses = [session, system]
        with Daemon(buses=buses, env=env, settings=settings, prefix=asked(answered)) as desk:
            watched = Watched(desk, answered)
            async with Chaos(desk, session, system, pulse, dice) as there:
                await one_look(desk)
                before = await watched.sample()
                crowd = ClientLoad(desk, clients, dice)
                samples: list[Sample] = []
                every = max(0.25, seconds / SAMPLES)
                background = [
                    asyncio.create_task(there.play()),
                    asyncio.create_task(watched.sample_on(every, samples)),
                ]
                troubles = await trouble(there, seconds)
                await crowd.leave()
                for task in background:
                    assert not task.done(), task
                    task.cancel()
                await asyncio.gather(*background, return_exceptions=True)
            after = await watched.rested(before)
            desk.stop()
            log = ""
            try:
                desk.check_log()
            except AssertionError as problem:
                log = str(problem)
                desk.clear_log()
    return Run(seed, clients, samples, before, after, troubles, crowd, log)


async def one_look(desk: Daemon) -> None:
    """Let the desk have done everything once."""
    async with Client(desk) as client, client.watch() as screen:
        await screen.frame(lambda _: True, since=2)


async def trouble(there: Chaos, seconds: float) -> "Counter[str]":
    """Let trouble after trouble happen; return how many of each."""
    happened: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        trouble = there.dice.choice(FAULTS)
        happened[trouble.__name__.replace("_", " ")] += 1
        await trouble(there)
        await asyncio.sleep(there.dice.uniform(0.2, 1.5))
    return happened


def main() -> int:
    """Run, write the report, say whether all was flat."""
    given = argparse.ArgumentParser(description="Ten minutes of everything at once.")
    given.add_argument("--seconds", type=float, default=600.0)
    given.add_argument("--clients", type=int, default=50)
    given.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    given.add_argument("--report", type=Path, default=ROOT / "build" / "soak")
    wanted = given.parse_args()
    if missing := prepare("python"):
        sys.exit(f"nothing can be drawn: {missing}")
    print(f"seed {wanted.seed}: {wanted.seconds:g} s, {wanted.clients} clients", flush=True)

    logging.disable()  # the players' library speaks of every answer that their leaving cuts off
    with tempfile.TemporaryDirectory() as folder:
        run = asyncio.run(soak(wanted.seconds, wanted.clients, wanted.seed, Path(folder)))
    said = values(run)

    wanted.report.mkdir(parents=True, exist_ok=True)
    plots.write(drawn(run), wanted.report / "soak.svg")
    (wanted.report / "soak.md").write_text(said, encoding="utf-8")
    print(run.log + said)
    return 0 if all(each.fine for each in checked(run)) else 1


if __name__ == "__main__":
    sys.exit(main())
