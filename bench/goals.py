"""Goals of the daemon, each a ratio to something measured in the same run, or an amount of memory.

Seconds of two machines cannot be compared, so no goal is stated in them.
"""

from collections.abc import Callable
from statistics import median
from typing import NamedTuple

from bench.candidates import DESKWIRE
from bench.figures import deliveries, doorways, of_desk, spent
from bench.results import Result

Results = dict[str, Result | None]
Measure = Callable[[Result], float | None]


class Goal(NamedTuple):
    """An upper bound of a figure; a bound that is `exclusive` must not be reached."""

    name: str
    most: float
    unit: str
    measured_by: str
    measure: Measure
    exclusive: bool = False

    def figure(self, results: Results) -> float | None:
        """Return the figure; `None` if it or what it is compared with was not measured."""
        result = results.get(self.measured_by)
        return None if result is None else self.measure(result)

    @property
    def bound(self) -> str:
        """The bound with its unit."""
        return f"{'<' if self.exclusive else '≤'} {self.most:g} {self.unit}"


class Reached(NamedTuple):
    """A goal and its figure; `None` if it was not measured."""

    goal: Goal
    figure: float | None

    @property
    def word(self) -> str:
        """Yes, missed, or not measured."""
        if self.figure is None:
            return "not measured"
        most = self.goal.most
        is_met = self.figure < most if self.goal.exclusive else self.figure <= most
        return "yes" if is_met else "**missed**"


def reached(results: Results) -> list[Reached]:
    """Compare each goal with its figure."""
    return [Reached(goal, goal.figure(results)) for goal in GOALS]


def to_floor(mode: str, size: int) -> Measure:
    """Return a figure: processor time for each frame, relative to the C loop."""

    def measure(fanout: Result) -> float | None:
        found = of_desk(deliveries(fanout, mode, size))
        return found.ratio if found and found.ratios else None

    return measure


def to_peer(peer: str) -> Measure:
    """Return a figure: processor time for each frame to 5,000 clients, relative to a server."""

    def measure(fanout: Result) -> float | None:
        found = {each.name: each for each in deliveries(fanout, "plain", 5000)}
        if DESKWIRE not in found or peer not in found:
            return None
        return found[DESKWIRE].cpu_us / found[peer].cpu_us

    return measure


def connection_kib(mode: str) -> Measure:
    """Return a figure: memory for each connection, KiB."""

    def measure(fanout: Result) -> float | None:
        found = {each.name: each.kib for each in doorways(fanout, mode)}
        return found.get(DESKWIRE)

    return measure


def to_monitor(monitor: str) -> Measure:
    """Return a figure: processor time with one client, relative to a monitor polled as often."""

    def measure(watching: Result) -> float | None:
        programs = watching["programs"]
        if monitor not in programs:
            return None
        beside = spent(programs[monitor], "watched")
        return spent(programs[DESKWIRE], "watched") / beside if beside else None

    return measure


def without_client(watching: Result) -> float | None:
    """Return how often the daemon wakes up in a second without a client."""
    return spent(watching["programs"][DESKWIRE], "unwatched", "wake_ups_a_second")


def resident(watching: Result) -> float | None:
    """Return memory with every device in use and one client, MiB."""
    return float(watching["programs"][DESKWIRE]["memory_mib"])


def samples(name: str, beside: str) -> Measure:
    """Return a figure: the median of one series relative to another's."""

    def measure(latency: Result) -> float | None:
        found = latency["samples"]
        if not found.get(name) or not found.get(beside):
            return None
        return float(median(found[name]) / median(found[beside]))

    return measure


SIGNAL, COMMAND = "a player's signal to the frame", "a command to the call"
BARE_CALL = "… a bare call to that player, without a desk"
LOGIN_CPU = "log-in to first stats, the daemon's CPU"
LEAST_LOGIN_CPU = "log-in where nothing more is done, its CPU"
READY, IMPORT = "serve to ready", "python -c 'import aiohttp.web'"

GOALS = (
    Goal("a frame to 5,000, × the C loop", 1.20, "×", "fanout", to_floor("plain", 5000)),
    *(
        Goal(f"… × {peer}", 1.0, "×", "fanout", to_peer(peer), exclusive=True)
        for peer in (
            "Node ws, prepared",
            "Go gorilla, prepared",
            "websockets, broadcast",
            "Starlette on uvicorn",
        )
    ),
    Goal("a frame to 1,000 by TLS, × C with OpenSSL", 1.25, "×", "fanout", to_floor("tls", 1000)),
    Goal("memory of a TLS connection", 30, "KiB", "fanout", connection_kib("tls")),
    Goal("memory of a plain connection", 16, "KiB", "fanout", connection_kib("plain")),
    Goal("one client, × node-exporter", 0.08, "×", "watching", to_monitor("node-exporter")),
    Goal("… × Glances", 0.07, "×", "watching", to_monitor("Glances, web")),
    Goal("… × netdata", 0.06, "×", "watching", to_monitor("netdata")),
    Goal("no client, wake-ups", 0, "each second", "watching", without_client),
    Goal("resident with every device in use", 60, "MiB", "watching", resident),
    Goal(
        "a player's signal to the frame, × a bare call",
        3,
        "×",
        "latency",
        samples(SIGNAL, BARE_CALL),
    ),
    Goal("a command to the call, × a bare call", 4, "×", "latency", samples(COMMAND, BARE_CALL)),
    Goal(
        "log-in to first stats, CPU without the hash, × the least with aiohttp",
        1.5,
        "×",
        "latency",
        samples(LOGIN_CPU, LEAST_LOGIN_CPU),
    ),
    Goal("`serve` to ready, × an import of aiohttp.web", 2, "×", "latency", samples(READY, IMPORT)),
)
