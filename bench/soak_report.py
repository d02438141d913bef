"""A soak in words and one picture: what was asked of the desk, what it did, and what befell it.

Flat is what is not higher in the last fifth of the time than in the second: the first is getting
used to each other. Memory may be 2 MiB higher, for each log-in is remembered for a week (half a
KiB) and the C library's free lists fill up. Told apart from a leak by two looks at a daemon that
everybody had left, four crowds apart: by tracemalloc and gc the same objects but for the log-ins,
by mallinfo2(3) as much in use and more free.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from bench.markdown import table
from bench.plots import Curves
from tests.support.client_load import ClientLoad

MIB_MORE, THREADS_MORE, DESCRIPTORS_MORE, TASKS_MORE = 2.0, 0, 3, 1
CROWD_MORE = 0.1
"""Descriptors and tasks that coming and going clients may add, for each client."""
MIB_A_SCREEN = 0.5
"""Largest cost of a client above that of a desk with one client."""
LONGEST_GAP = 3.0
CLOSES = {
    1000: "left by themselves",
    4004: "their time was over, as it should be",
    4001: "their login was ended",
}

PAGE = """\
# Ten minutes under load and faults

Clients connect, watch, send commands, leave and return. Sessions of forty seconds end and start,
the media change ten times a second, and a fault happens every second or two. The resources of the
daemon must not grow, and a healthy client must not notice. `make soak` runs this, writes this page
and fails if a limit is exceeded. The seed decides which faults happen at which time.

{verdict} {seconds} seconds, {clients} clients, seed {seed}: {frames} frames read,
{commands} commands sent, {sockets} sockets opened and closed, {befell} faults.

![descriptors, tasks, threads and memory of the daemon over time](soak.svg)

## Limits

{checked}

## Resources of the daemon

{measured}

Memory stays at the highest level that the clients needed, above all fifty log-ins at once: the C
library keeps freed memory for the next allocation. Tasks are those of the event loop. The daemon
does not export their number, so a soak starts it by `bench/asked.py`, which runs the same program
and counts them on a signal.

## Ends of sockets

{closes}

## Faults

{troubles}
"""


class Sample(NamedTuple):
    """Resources of the daemon at one moment."""

    at: float
    descriptors: int
    tasks: int
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
    crowd: ClientLoad
    log: str
    """Log lines of the daemon that contain a secret or a traceback."""


class Judgement(NamedTuple):
    """One thing that was asked of the desk."""

    asked: str
    found: str
    fine: bool


MEASURED: dict[str, Callable[[Sample], float]] = {
    "descriptors": lambda each: each.descriptors,
    "tasks": lambda each: each.tasks,
    "threads": lambda each: each.threads,
    "resident memory, MiB": lambda each: each.mib,
}


def checked(run: Run) -> list[Judgement]:
    """Check it."""
    before, after, crowd = run.before, run.after, run.crowd
    last = run.samples[-1]
    dearest = (max(each.mib for each in run.samples) - before.mib) / run.clients
    lost = sum(count for code, count in crowd.closes.items() if code not in CLOSES)
    swing = run.clients * CROWD_MORE
    return [
        flat(run, "descriptors", DESCRIPTORS_MORE + swing),
        flat(run, "tasks", TASKS_MORE + swing),
        flat(run, "threads", THREADS_MORE),
        flat(run, "resident memory, MiB", MIB_MORE),
        Judgement(
            "when all have left, descriptors and tasks are back",
            f"{before.descriptors} and {before.tasks} before, "
            f"{after.descriptors} and {after.tasks} after",
            is_back(after, before),
        ),
        Judgement(
            "and memory is not higher than with them",
            f"{last.mib:.1f} MiB with them, {after.mib:.1f} after",
            after.mib <= last.mib + MIB_MORE,
        ),
        Judgement(
            f"a screen costs {MIB_A_SCREEN} MiB at its dearest",
            f"{dearest:.2f} MiB",
            dearest <= MIB_A_SCREEN,
        ),
        Judgement(
            f"no screen sees nothing for {LONGEST_GAP:g} s",
            f"{crowd.longest_gap:.2f} s at the longest",
            crowd.frames > 0 and crowd.longest_gap <= LONGEST_GAP,
        ),
        Judgement("no socket is lost", f"{lost} of {crowd.closes.total()}", lost == 0),
        Judgement(
            "nothing is refused",
            ", ".join(f"{count} by {what}" for what, count in crowd.failures.items()) or "nothing",
            not crowd.failures,
        ),
        Judgement(
            "no traceback, token or password in the log",
            "there is" if run.log else "none",
            not run.log,
        ),
    ]


def is_back(after: Sample, before: Sample) -> bool:
    """Tell whether the desk holds nothing of those who have left."""
    return (
        after.descriptors <= before.descriptors + DESCRIPTORS_MORE
        and after.tasks <= before.tasks + TASKS_MORE
    )


def flat(run: Run, name: str, more: float) -> Judgement:
    """Check one curve."""
    fifth = len(run.samples) // 5
    early, late = (
        median(MEASURED[name](each) for each in run.samples[at * fifth :][:fifth]) for at in (1, 4)
    )
    digits = 1 if name.endswith("MiB") else 0
    return Judgement(
        f"{name}: "
        + (f"no more than {more:g} higher at the end" if more else "no more at the end"),
        f"{early:.{digits}f} in the second fifth, {late:.{digits}f} in the last",
        late <= early + more,
    )


def values(run: Run) -> str:
    """Put the run into words, Markdown."""
    crowd, found = run.crowd, checked(run)
    wrong = [each.asked for each in found if not each.fine]
    measured = [
        (name, *(f"{value:.0f}" for value in (of(run.before), *with_crowd, of(run.after))))
        for name, of in MEASURED.items()
        for with_crowd in [(median(map(of, run.samples)), max(map(of, run.samples)))]
    ]
    closes = [
        (str(code), CLOSES.get(code, "lost"), str(count))
        for code, count in sorted(crowd.closes.items())
    ]
    return PAGE.format(
        verdict=f"**Exceeded: {'; '.join(wrong)}.**" if wrong else "**Every limit was kept.**",
        seconds=f"{run.samples[-1].at:.0f}",
        seed=run.seed,
        clients=run.clients,
        frames=f"{crowd.frames:,}",
        commands=f"{crowd.commands:,}",
        sockets=f"{crowd.closes.total():,}",
        befell=run.troubles.total(),
        checked=rows(
            ("limit", "found", "kept"),
            [(each.asked, each.found, "yes" if each.fine else "**no**") for each in found],
        ),
        measured=rows(
            ("", "before the clients", "with clients", "at most", "after the clients"), measured
        ),
        closes=rows(("code", "reason", "sockets"), closes),
        troubles=rows(
            ("fault", "times"),
            [(name, str(count)) for name, count in sorted(run.troubles.items())],
        ),
    )


def rows(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """Return a table in one piece."""
    return "\n".join(table(heads, cells))


def drawn(run: Run) -> Curves:
    """Return the curves of all samples."""
    title = f"Resources of the daemon: {run.clients} clients, {run.troubles.total()} faults"
    curves = [(name, [of(each) for each in run.samples]) for name, of in MEASURED.items()]
    return Curves(title, "seconds", [each.at for each in run.samples], curves)
