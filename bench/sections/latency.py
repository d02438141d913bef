"""Latency as a table."""

from bench.figures import percentile
from bench.markdown import Lines, table
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
    return [
        "",
        "## How long it takes",
        "",
        (
            "Milliseconds. The signal is seen by a listener on the same bus, the frame by a client "
            "over TLS, both in one process with one clock. Below a command stands the same call "
            "made without a desk, below a log-in the least cost of a log-in: "
            "aiohttp, the same hash, one row on disk, and nothing judged."
        ),
        "",
        *table(("", "p50", "p95", "p99", "samples"), rows),
    ]
