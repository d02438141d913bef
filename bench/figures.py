"""Figures out of what was measured: medians, percentiles, ratios. Pure; nothing is read here."""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from bench.candidates import DESKWIRE, FLOOR
from bench.results import Result


class Delivery(NamedTuple):
    """One candidate's delivery of a frame to a number of clients."""

    name: str
    size: int
    cpu_us: float
    """Processor time of the server a delivered frame."""
    ratios: list[float]
    """To the floor's, pass by pass; none where the floor was not measured."""
    first_ms: float
    median_ms: float
    last_ms: float
    complete: bool
    """Every client got every frame, and before the next was due."""

    @property
    def ratio(self) -> float:
        """The median of the passes' ratios."""
        return median(self.ratios) if self.ratios else float("nan")


class Doorway(NamedTuple):
    """One candidate's acceptance of clients."""

    name: str
    a_second: float
    cpu_us: float
    kib: float
    """Memory a connection, once it has been streamed to."""
    base_mib: float


def deliveries(fanout: Result, mode: str, size: int) -> list[Delivery]:
    """Return every candidate that was measured, the cheapest first."""
    all_passes = fanout["modes"].get(mode, {}).get("passes", {})
    costs = {name: of_passes(passes, size) for name, passes in all_passes.items()}
    floor = costs.get(FLOOR, [])
    found = []
    for name, passes in all_passes.items():
        rounds = rounds_of(passes, size)
        if not rounds:
            continue
        pairs = [
            cost / least for cost, least in zip(costs[name], floor, strict=False) if cost and least
        ]
        found.append(
            Delivery(
                name,
                size,
                median(cost for cost in costs[name] if cost),
                pairs,
                median(each["first_ms"] for each in rounds),
                median(each["median_ms"] for each in rounds),
                median(each["last_ms"] for each in rounds),
                all(each["got"] == size and not each["extra"] for each in rounds),
            )
        )
    return sorted(found, key=lambda each: each.cpu_us)


def of_passes(passes: Sequence[Result], size: int) -> list[float | None]:
    """Return microseconds a delivered frame, pass by pass; `None` where one failed."""
    costs: list[float | None] = []
    for each in passes:
        rounds = rounds_of([each], size)
        delivered = sum(one["got"] + one["extra"] for one in rounds)
        used = sum(one["cpu_ms"] for one in rounds)
        costs.append(used * 1000 / delivered if delivered else None)
    return costs


def rounds_of(passes: Sequence[Result], size: int) -> list[Result]:
    """Return all rounds of one size."""
    return [
        one
        for each in passes
        for sized in each.get("sizes", [])
        if sized["size"] == size
        for one in sized["rounds"]
    ]


def doorways(fanout: Result, mode: str) -> list[Doorway]:
    """Return acceptance rate and memory of a connection for each candidate."""
    found = []
    for name, passes in fanout["modes"].get(mode, {}).get("passes", {}).items():
        good = [each for each in passes if "opened" in each]
        if good:
            found.append(
                Doorway(
                    name,
                    median(each["opened"]["clients"] / each["opened"]["seconds"] for each in good),
                    median(
                        each["opened"]["cpu_ms"] * 1000 / each["opened"]["clients"] for each in good
                    ),
                    median(kib_a_connection(each) for each in good),
                    median(each["opened"]["resident_before_kib"] / 1024 for each in good),
                )
            )
    return sorted(found, key=lambda each: -each.a_second)


def kib_a_connection(measured: Result) -> float:
    """Return memory a connection, with all of them open and streamed to."""
    opened = measured["opened"]
    grown = measured["sizes"][-1]["resident_kib"] - opened["resident_before_kib"]
    return float(grown / opened["clients"])


def failures(fanout: Result, mode: str) -> dict[str, str]:
    """Return who did not bear it, and how."""
    return {
        name: each["failed"]
        for name, passes in fanout["modes"].get(mode, {}).get("passes", {}).items()
        for each in passes
        if "failed" in each
    }


def of_desk(found: Iterable[Delivery]) -> Delivery | None:
    """Return the daemon's own."""
    return next((each for each in found if each.name == DESKWIRE), None)


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the smallest sample that `share` of all are not above."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def spent(program: Result, how: str, key: str = "cpu_s_a_minute") -> float:
    """Return the median of what a program used, watched or unwatched."""
    return float(median(each[key] for each in program[how]))
