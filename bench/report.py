"""Writes `bench/report.md` and its pictures out of what was measured; measures nothing.

.venv/bin/python -m bench.report
"""

from pathlib import Path

from bench import results
from bench.candidates import DESKWIRE
from bench.figures import deliveries, failures, spent
from bench.goals import Results
from bench.markdown import Lines, picture, short, table
from bench.plots import Bar, Bars
from bench.results import Result
from bench.rows import SOURCES, Row, all_rows

REPORT = results.ROOT / "bench" / "report.md"


def write() -> Path:
    """Write the report; return its path."""
    found: Results = {name: results.read(name) for name in ("machine", *SOURCES)}
    lines: Lines = ["# Measurements", "", *about(found)]
    if (fanout := found["fanout"]) is not None:
        lines += [*fanout_plot(fanout, "plain", 5000), *fanout_plot(fanout, "tls", 1000)]
    if (watching := found["watching"]) is not None:
        lines += watching_plot(watching)
    heads = ("figure", "value", "beside", "ratio", "goal, reached")
    lines += table(heads, [cells(row) for row in all_rows(found)])
    lines += missing(found)
    REPORT.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return REPORT


def about(found: Results) -> Lines:
    """Say where and when, and how to do it again."""
    machine = found["machine"] or {}
    where = (
        f"{machine.get('processor', 'an unknown processor')}, {machine.get('cores', '?')} cores, "
        f"{machine.get('memory_gib', '?')} GiB, Linux {machine.get('kernel', '?')}, "
        f"Python {machine.get('python', '?')}"
    )
    commits = sorted({result["commit"] for result in found.values() if result})
    busy = machine.get("busy_before")
    quiet = "" if busy is None else f" Before it began the machine was {busy:.0%} busy."
    took = f" It took {machine['minutes']} minutes." if "minutes" in machine else ""
    unfinished = machine.get("unfinished")
    cut = f" **Not measured to the end: {', '.join(unfinished)}.**" if unfinished else ""
    return [
        "`make bench` writes this.",
        f"Here: {where}, {machine.get('at', '')}, commit {', '.join(commits)}.{quiet}{took}{cut}",
        "",
        (
            "Server and load have a core each; candidates are interleaved; figures are medians. "
            "Processor time is that of the whole process tree, the kernel's share for it "
            "included. A "
            "figure in microseconds holds only beside the others of its table: the ratios are the "
            "point. The [README](README.md) says how each is measured."
        ),
        "",
    ]


def missing(found: Results) -> Lines:
    """Name what was not measured, with the reason."""
    lines: Lines = []
    for name in SOURCES:
        result = found[name]
        reasons = {"all of it": "no result"} if result is None else dict(result.get("missing", {}))
        for mode in (result or {}).get("modes", {}):
            reasons |= failures(result or {}, mode)
        lines += [f"* {name}, {what}: not measured ({why})." for what, why in reasons.items()]
    return ["", "## Not measured", "", *lines] if lines else []


def cells(row: Row) -> tuple[str, ...]:
    """Return a row of the table as text."""
    value = "–" if row.value is None else f"{short(row.value)} {row.unit}"
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    return row.figure, value, row.beside if ratio else "", ratio, row.goal


def fanout_plot(result: Result, mode: str, size: int) -> Lines:
    """Draw processor time for each frame, relative to the C loop."""
    rows = [
        Bar(each.name, each.ratio, f"{each.ratio:.2f} ×", each.name == DESKWIRE)
        for each in deliveries(result, mode, size)
        if each.ratios
    ]
    if not rows:
        return []
    title = f"A frame to {size:,} clients, {mode}"
    label = "processor time, × the C loop"
    goal = 1.20 if mode == "plain" else 1.25
    return picture(f"fanout-{mode}", title, Bars(title, label, rows, goal))


def watching_plot(result: Result) -> Lines:
    """Draw processor time of each monitor."""
    used = {name: spent(each, "watched") for name, each in result["programs"].items()}
    rows = [
        Bar(name, used[name], f"{used[name]:.3f} s", name == DESKWIRE)
        for name in sorted(used, key=lambda name: used[name])
    ]
    title = "Read once a second"
    return picture("watching", title, Bars(title, "seconds of CPU each minute", rows))


if __name__ == "__main__":
    print(write())
