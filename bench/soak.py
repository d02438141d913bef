"""Ten minutes of everything at once: a crowd of screens, changing media, troubles at random.

    .venv/bin/python bench/soak.py [--seconds 600] [--clients 50] [--seed N] [--report FOLDER]

The daemon's descriptors, threads and memory are sampled all the while (it tells of its tasks to
nobody, and a task that waits for ever holds a descriptor or memory). They must be flat: not higher
in the last fifth than in the second; descriptors back to where they were once everybody has left,
and memory, of which the C library keeps what a crowd once needed, not higher than with the crowd.
The seed decides which troubles come when, and is printed; the report is `report.md` and
`curves.svg` in the folder. One is kept as docs/reference/soak.md.

What may look like growth and is none: each log-in is remembered for a week (half a KiB), and the C
library's free lists fill up. Told apart by two looks at a daemon that everybody had left, four
crowds apart: by tracemalloc and gc the same objects but for the log-ins, by mallinfo2(3) as much in
use and more free.
"""

import argparse
import asyncio
import logging
import random
import secrets
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.chart import Curve, chart  # noqa: E402 - found by the line above
from tests.parts.buses import PrivateBus  # noqa: E402 - the same
from tests.parts.client import Client  # noqa: E402 - the same
from tests.parts.crowd import Crowd  # noqa: E402 - the same
from tests.parts.desk import Desk  # noqa: E402 - the same
from tests.parts.pulse import Pulse  # noqa: E402 - the same
from tests.parts.troubles import TROUBLES, Surroundings  # noqa: E402 - the same
from tests.parts.usage import descriptors, resident_mib, threads  # noqa: E402 - the same
from tests.parts.waiting import until_async  # noqa: E402 - the same

LIFETIME = 40
"""Seconds of a session: so that many of them end and begin."""
CALM = 15.0
"""Seconds within which a desk that everybody left holds nothing of them."""
MIB_MORE, THREADS_MORE, DESCRIPTORS_MORE = 2.0, 0, 3
MIB_A_SCREEN = 0.5
"""What a screen may cost at its dearest, above a desk that one looks at."""
LONGEST_GAP = 3.0


class Sample(NamedTuple):
    """What the daemon holds at one moment."""

    at: float
    descriptors: int
    threads: int
    mib: float


class Run(NamedTuple):
    """All there is to tell."""

    seed: int
    clients: int
    samples: list[Sample]
    """While the crowd was there."""
    before: Sample
    after: Sample
    troubles: Counter[str]
    crowd: Crowd
    log: str
    """What the daemon said, if there is in it what must never be."""


async def soak(seconds: float, clients: int, seed: int) -> Run:
    """Live through it."""
    dice = random.Random(seed)  # noqa: S311 - it decides nothing that must not be guessed
    settings = {
        "session_lifetime": LIFETIME,
        "session_warning": LIFETIME / 4,
        "session_max_sockets_per_user": clients + 20,
    }
    with PrivateBus() as session, PrivateBus(system=True) as system, Pulse() as pulse:
        env = {"PULSE_SERVER": pulse.address}
        with Desk(buses=[session, system], env=env, settings=settings) as desk:
            began = time.monotonic()
            async with Surroundings(desk, session, system, pulse, dice) as there:
                await one_look(desk)
                before = sample(desk, began)
                crowd = Crowd(desk, clients, dice)
                background = [asyncio.create_task(there.play())]
                samples: list[Sample] = []
                background.append(asyncio.create_task(watch(desk, began, seconds, samples)))
                troubles = await befall(there, seconds)
                await crowd.leave()
                for task in background:
                    assert not task.done(), task
                    task.cancel()
                await asyncio.gather(*background, return_exceptions=True)
            await until_async(
                lambda: descriptors(desk.pid) <= before.descriptors + DESCRIPTORS_MORE,
                within=CALM,
                what="the desk lets go of everybody",
            )
            after = sample(desk, began)
            desk.stop()
            log = ""
            try:
                desk.check_log()
            except AssertionError as problem:
                log = str(problem)
                desk.forget_log()
    return Run(seed, clients, samples, before, after, troubles, crowd, log)


async def one_look(desk: Desk) -> None:
    """Let the desk have done everything once."""
    async with Client(desk) as client, client.watch() as screen:
        await screen.see(lambda _: True, since=2)


async def befall(there: Surroundings, seconds: float) -> "Counter[str]":
    """Let trouble after trouble happen; return how many of each."""
    happened: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        trouble = there.dice.choice(TROUBLES)
        happened[trouble.__name__.replace("_", " ")] += 1
        await trouble(there)
        await asyncio.sleep(there.dice.uniform(0.2, 1.5))
    return happened


async def watch(desk: Desk, began: float, seconds: float, samples: list[Sample]) -> None:
    """Sample for ever, some three hundred times in the whole."""
    while True:
        samples.append(sample(desk, began))
        await asyncio.sleep(max(0.25, seconds / 300))


def sample(desk: Desk, began: float) -> Sample:
    """Look at the daemon."""
    pid = desk.pid
    return Sample(time.monotonic() - began, descriptors(pid), threads(pid), resident_mib(pid))


def faults(run: Run) -> list[str]:
    """Return what is not flat, and what else is wrong."""
    fifth = len(run.samples) // 5
    early, late = (run.samples[at * fifth :][:fifth] for at in (1, 4))

    def grown(of: Callable[[Sample], float]) -> float:
        return statistics.median(map(of, late)) - statistics.median(map(of, early))

    mib = grown(lambda each: each.mib)
    most = max(each.mib for each in run.samples) - run.before.mib
    crowd = run.crowd
    judged = {
        f"memory grew by {mib:.1f} MiB": mib <= MIB_MORE,
        f"{run.clients} screens took {most:.1f} MiB": most <= MIB_A_SCREEN * run.clients,
        "memory grew when all had left": run.after.mib <= run.samples[-1].mib + MIB_MORE,
        "threads grew": grown(lambda each: each.threads) <= THREADS_MORE,
        "descriptors grew": (
            grown(lambda each: each.descriptors) <= DESCRIPTORS_MORE + run.clients / 10
        ),
        "descriptors are held of those who left": (
            run.after.descriptors <= run.before.descriptors + DESCRIPTORS_MORE
        ),
        f"a screen saw nothing for {crowd.longest_gap:.1f} s": crowd.longest_gap <= LONGEST_GAP,
        "the log is not clean": not run.log,
        "nobody saw a reading": crowd.readings > 0,
        f"sockets were lost: {dict(crowd.closes)}": set(crowd.closes) <= {1000, 4001, 4004},
        f"something was refused: {dict(crowd.refused)}": not crowd.refused,
    }
    return [name for name, fine in judged.items() if not fine]


def report(run: Run, wrong: list[str]) -> str:
    """Put the run into words, Markdown."""
    crowd = run.crowd
    lines = [
        "# A soak",
        "",
        f"{run.samples[-1].at:.0f} seconds, {run.clients} screens, seed {run.seed}: "
        + (f"**{'; '.join(wrong)}**." if wrong else "flat."),
        "",
        "![descriptors, threads and memory of the daemon](curves.svg)",
        "",
        "| | before anybody came | with the crowd, median | when all had left |",
        "|---|---|---|---|",
    ]
    for name, of in MEASURED.items():
        middle = statistics.median(map(of, run.samples))
        lines.append(f"| {name} | {of(run.before):.0f} | {middle:.0f} | {of(run.after):.0f} |")
    closes = ", ".join(f"{count} by {code}" for code, count in sorted(crowd.closes.items()))
    lines += [
        "",
        f"{crowd.readings} frames were read and {crowd.taps} commands sent.",
        f"{crowd.closes.total()} sockets ended: {closes}.",
        f"The longest time a screen saw nothing: {crowd.longest_gap:.2f} s.",
        "",
        "| trouble | times |",
        "|---|---|",
        *(f"| {name} | {count} |" for name, count in sorted(run.troubles.items())),
        "",
    ]
    return "\n".join(lines)


MEASURED: dict[str, Callable[[Sample], float]] = {
    "descriptors": lambda each: each.descriptors,
    "threads": lambda each: each.threads,
    "resident memory, MiB": lambda each: each.mib,
}


def main() -> int:
    """Run, write the report, say whether all was flat."""
    given = argparse.ArgumentParser(description="Ten minutes of everything at once.")
    given.add_argument("--seconds", type=float, default=600.0)
    given.add_argument("--clients", type=int, default=50)
    given.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    given.add_argument("--report", type=Path, default=ROOT / "build" / "soak")
    asked = given.parse_args()
    print(f"seed {asked.seed}: {asked.seconds:g} s, {asked.clients} screens", flush=True)

    logging.disable()  # the players' library speaks of every answer that their leaving cuts off
    run = asyncio.run(soak(asked.seconds, asked.clients, asked.seed))
    wrong = faults(run)

    asked.report.mkdir(parents=True, exist_ok=True)
    curves = [Curve(name, [of(each) for each in run.samples]) for name, of in MEASURED.items()]
    title = f"a soak of {asked.seconds:g} s, {asked.clients} screens, seed {asked.seed}"
    drawn = chart(title, [each.at for each in run.samples], curves)
    (asked.report / "curves.svg").write_text(drawn, encoding="utf-8")
    said = report(run, wrong)
    (asked.report / "report.md").write_text(said, encoding="utf-8")
    print(run.log + said)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
