"""Latency as a picture and a table."""

from bench.chart import Span, spans
from bench.figures import percentile
from bench.markdown import Lines, picture, table
from bench.results import Result


def latency(result: Result) -> Lines:
    """Tell how long things take."""
    samples = result["samples"]
    rows = [
        (
            name,
            *(f"{percentile(taken, share):.2f}" for share in (0.5, 0.95, 0.99)),
            str(len(taken)),
        )
        for name, taken in samples.items()
    ]
    drawn = [
        Span(
            name,
            percentile(taken, 0.5),
            percentile(taken, 0.95),
            percentile(taken, 0.99),
            ours="playerctl" not in name and "poller" not in name,
        )
        for name, taken in samples.items()
    ]
    lines = [
        "",
        "## How long it takes",
        "",
        (
            "Milliseconds. The signal is seen by a listener on the same bus, the frame by a client "
            "over TLS, both in one process with one clock. Below a command stands the same call "
            "made without a desk, below a log-in the least cost of a log-in: "
            "aiohttp, the same hash, one row on disk, and nothing judged. Last, what one would "
            "have instead."
        ),
        "",
        *picture(
            "latency",
            "medians, 95th and 99th percentiles",
            spans(
                "How long it takes",
                "dot: median; tick: 95th percentile; end of the line: 99th; logarithmic",
                drawn,
                "ms",
            ),
        ),
        *table(("", "p50", "p95", "p99", "samples"), rows),
    ]
    return lines + [f"\n{who} is not here: {why}." for who, why in result["missing"].items()]
