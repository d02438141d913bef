"""Writes `bench/report.md` and its pictures out of what was measured; measures nothing.

.venv/bin/python -m bench.report
"""

from collections.abc import Callable
from pathlib import Path

from bench import results
from bench.goals import Results, reached
from bench.markdown import Lines, short, table
from bench.results import Result
from bench.sections.fanout import fanout
from bench.sections.latency import latency
from bench.sections.page import page
from bench.sections.watching import watching

REPORT = results.ROOT / "bench" / "report.md"

SECTIONS: dict[str, Callable[[Result], Lines]] = {
    "fanout": fanout,
    "watching": watching,
    "latency": latency,
    "page": page,
}


def write() -> Path:
    """Write the report; return where it is."""
    found: Results = {name: results.read(name) for name in ("machine", *SECTIONS)}
    lines: Lines = ["# What was measured", "", *about(found), *goals(found)]
    for name, section in SECTIONS.items():
        if (result := found[name]) is not None:
            lines += section(result)
        else:
            lines += ["", f"*{name}: not measured.*"]
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
        "`make bench` writes this; it can be run anywhere and takes a quarter of an hour.",
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


def goals(found: Results) -> Lines:
    """Hold the goals against the figures."""
    rows = [
        (
            each.goal.name,
            each.goal.bound,
            "–" if each.figure is None else f"{short(each.figure)} {each.goal.unit}",
            each.word,
        )
        for each in reached(found)
    ]
    page = found["page"] or {"figures": []}
    rows += [
        (
            f"the page: {each['name']}",
            f"≤ {each['goal']:g} {each['unit']}",
            f"{short(each['value'])} {each['unit']}",
            "yes" if each["kept"] else "**missed**",
        )
        for each in page["figures"]
    ]
    return ["## Goals", "", *table(("goal", "", "measured", "reached"), rows)]


if __name__ == "__main__":
    print(write())
