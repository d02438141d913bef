"""Instructions counted, against the baseline."""

from bench.markdown import Lines, table
from bench.results import Result


def guard(result: Result) -> Lines:
    """Tell of instructions."""
    counted = result["counted"]
    return [
        "",
        "## The guard",
        "",
        (
            "Instructions of a fixed fan-out and of a fixed hour of readings, counted by "
            "callgrind; CI "
            "fails past +10 % of [the baseline](guard.json), told in multiples of a calibration "
            "that "
            "is counted in the same run."
        ),
        "",
        *table(
            ("", "million instructions", "against the baseline"),
            [
                (work, f"{counted[work] / 1e6:.0f}", f"{change:+.1%}")
                for work, change in result["changes"].items()
            ],
        ),
    ]
