"""The table of results: every measured figure as a row, from the JSON of the measurements. Pure."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from bench.candidates import DESKWIRE, FLOOR
from bench.figures import deliveries, doorways, percentile, spent
from bench.goals import Results, reached
from bench.results import Result


class Row(NamedTuple):
    """One figure, and what it is compared with in the same run."""

    figure: str
    value: float | None
    """`None` if it was not measured."""
    unit: str
    beside: str = ""
    ratio: float | None = None
    """The value relative to that of `beside`."""
    goal: str = ""
    """The bound, and whether it is reached."""


def goals(results: Results) -> Iterator[Row]:
    """Return a row for each goal."""
    for each in reached(results):
        yield Row(
            each.goal.name, each.figure, each.goal.unit, goal=f"{each.goal.bound}: {each.word}"
        )


def fanout(result: Result) -> Iterator[Row]:
    """Return delivery at each size, and connections."""
    for mode in result["modes"]:
        for size in result["sizes"]:
            for each in deliveries(result, mode, size):
                late = "" if each.complete else ", did not keep up"
                name = f"{each.name}: a frame to {size:,}, {mode}{late}"
                ratio = each.ratio if each.ratios else None
                yield Row(name, each.cpu_us, "µs of CPU", FLOOR, ratio)
                yield Row(f"{each.name}: last of {size:,}, {mode}", each.last_ms, "ms")
        for connection in doorways(result, mode):
            yield Row(f"{connection.name}: memory of a connection, {mode}", connection.kib, "KiB")
            yield Row(
                f"{connection.name}: accepted connections, {mode}",
                connection.a_second,
                "each second",
            )


def watching(result: Result) -> Iterator[Row]:
    """Return the cost of each monitor, relative to node-exporter if that was measured."""
    programs = result["programs"]
    beside = "node-exporter" if "node-exporter" in programs else DESKWIRE
    for name, program in programs.items():
        for how in ("watched", "unwatched"):
            used, other = spent(program, how), spent(programs[beside], how)
            ratio = used / other if other else None
            yield Row(f"{name}: {how}", used, "s of CPU each minute", beside, ratio)
        yield Row(f"{name}: resident", program["memory_mib"], "MiB")


def latency(result: Result) -> Iterator[Row]:
    """Return the median and the 95th percentile of each series."""
    for name, taken in result["samples"].items():
        yield Row(f"{name}, median", percentile(taken, 0.5), "ms")
        yield Row(f"{name}, 95th percentile", percentile(taken, 0.95), "ms")


def page(result: Result) -> Iterator[Row]:
    """Return the figures of the page, which have goals of their own."""
    for each in result["figures"]:
        word = "yes" if each["kept"] else "**missed**"
        bound = f"≤ {each['goal']:g} {each['unit']}: {word}"
        yield Row(f"page: {each['name']}", each["value"], each["unit"], goal=bound)


SOURCES: dict[str, Callable[[Result], Iterator[Row]]] = {
    "fanout": fanout,
    "watching": watching,
    "latency": latency,
    "page": page,
}


def all_rows(results: Results) -> list[Row]:
    """Return the goals first, then every figure."""
    rows = list(goals(results))
    for name, source in SOURCES.items():
        if (result := results.get(name)) is not None:
            rows += source(result)
    return rows
