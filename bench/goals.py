"""Goals of the daemon, each with the source of its figure."""

from collections.abc import Callable
from statistics import median
from typing import NamedTuple

from bench.figures import deliveries, doorways, kib_a_further_screen, of_desk, spent
from bench.results import Result

Results = dict[str, Result | None]


class Goal(NamedTuple):
    """A figure that is to be at most so much."""

    what: str
    most: float
    unit: str
    figure: Callable[[Results], float | None]
    measured_by: str


class Reached(NamedTuple):
    """A goal and what was measured; `None` where nothing was."""

    goal: Goal
    figure: float | None

    @property
    def word(self) -> str:
        """Yes, missed, or not measured."""
        if self.figure is None:
            return "not measured"
        return "yes" if self.figure <= self.goal.most else "**missed**"


def reached(results: Results) -> list[Reached]:
    """Hold every goal against what was measured."""
    return [Reached(goal, goal.figure(results)) for goal in GOALS]


def to_floor(mode: str, size: int) -> Callable[[Results], float | None]:
    """Return a figure: the daemon's processor time a frame, in the floor's."""

    def figure(results: Results) -> float | None:
        found = results["fanout"] and of_desk(deliveries(results["fanout"], mode, size))
        return found.ratio if found else None

    return figure


def to_peer(peer: str) -> Callable[[Results], float | None]:
    """Return a figure: the daemon's processor time a frame to 5,000, in a peer's."""

    def figure(results: Results) -> float | None:
        if not results["fanout"]:
            return None
        found = deliveries(results["fanout"], "plain", 5000)
        ours = of_desk(found)
        theirs = next((each for each in found if each.name == peer), None)
        return ours.cpu_us / theirs.cpu_us if ours and theirs else None

    return figure


def kib_with_tls(results: Results) -> float | None:
    """Return memory a TLS connection."""
    if not results["fanout"]:
        return None
    found = doorways(results["fanout"], "tls")
    return next((each.kib for each in found if each.name == "deskwire"), None)


def a_minute(how: str) -> Callable[[Results], float | None]:
    """Return a figure: the daemon's processor seconds a minute."""
    return lambda results: (
        spent(results["watching"]["programs"]["deskwire"], how) if results["watching"] else None
    )


def resident(results: Results) -> float | None:
    """Return memory with every device in use and one client."""
    watching = results["watching"]
    return watching["programs"]["deskwire"]["memory_mib"] if watching else None


def a_further_screen(results: Results) -> float | None:
    """Return memory a further plain connection."""
    return kib_a_further_screen(results["growth"]) if results["growth"] else None


def middle(name: str, scale: float = 1.0) -> Callable[[Results], float | None]:
    """Return a figure: the median of a latency's samples."""
    return lambda results: (
        median(results["latency"]["samples"][name]) * scale if results["latency"] else None
    )


GOALS = (
    Goal("a frame to 5,000, × the C loop", 1.15, "×", to_floor("plain", 5000), "fanout"),
    Goal("… × Node ws, plain", 1.0, "×", to_peer("Node ws, plain"), "fanout"),
    Goal("… × Go gorilla, prepared", 1.0, "×", to_peer("Go gorilla, prepared"), "fanout"),
    Goal("a frame to 1,000 by TLS, × C with OpenSSL", 1.25, "×", to_floor("tls", 1000), "fanout"),
    Goal("memory a TLS connection", 45, "KiB", kib_with_tls, "fanout"),
    Goal("watched by one, a minute", 0.06, "s of CPU", a_minute("watched"), "watching"),
    Goal("unwatched, a minute", 0.01, "s of CPU", a_minute("unwatched"), "watching"),
    Goal("resident with every device alive", 48, "MiB", resident, "watching"),
    Goal("memory a further plain connection", 16, "KiB", a_further_screen, "growth"),
    Goal(
        "a player's signal to the frame, median",
        5,
        "ms",
        middle("a player's signal to the frame"),
        "latency",
    ),
    Goal("a command to the call, median", 3, "ms", middle("a command to the call"), "latency"),
    Goal(
        "log-in to first stats, plain, server's CPU but for the hash",
        2,
        "ms",
        middle("log-in to first stats, the daemon's CPU"),
        "latency",
    ),
    Goal("`serve` to ready, median", 0.6, "s", middle("serve to ready", 0.001), "latency"),
)
