"""Cost of the page in a browser: each figure with its goal.

    .venv/bin/python -m bench.page [--json FILE]

Debian's Chromium, headless, so every picture is put together by the processor; a desk that has
everything, real players. It means something on a quiet machine only. Of the processor time the
least window counts, for whatever else the machine does can only add to one; the usual window is
printed beside it.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import urlsplit

from bench.results import ROOT
from tests.support.full_desktop import full_desktop
from tests.support.media import make_media
from tests.support.page import PHONE, WIDE, Browser
from tests.support.page_measures import cpu_shares, first_visit, heap_growth, measure_command
from tests.support.programs import Daemon

PAGE = ROOT / "src/deskwire/server/page"
LARGEST = (3840, 2160)
SIZES = {"phone": PHONE, "wide": WIDE, "largest": LARGEST}
SETTLES = 5.0
"""Seconds until what a log-in and a first reading cost is over."""
WINDOWS, SPAN = 8, 2.0
COMMANDS = 5
VISITS = 3
RETURNS = 3
HOUR = 3600
KIB, MIB = 1024, 1024 * 1024
CORE_AT_MOST, COMMAND_GOAL, LOAD_AT_MOST, READY_AT_MOST, GROWN_AT_MOST = 2.0, 150.0, 90.0, 1.0, 5.0


class Figure(NamedTuple):
    """One promise: what was measured, in its unit, and the most it may be."""

    name: str
    value: float
    unit: str
    goal: float
    usual: float | None = None
    """The median, where `value` is the least."""

    @property
    def done(self) -> bool:
        """Whether the promise is kept."""
        return self.value <= self.goal

    def __str__(self) -> str:
        """Return it as a line for a person."""
        usual = "" if self.usual is None else f", usually {self.usual:.2f}"
        return f"{self.name:<46} {self.value:7.2f} {self.unit:<4} (at most {self.goal:g}{usual})"


async def costs(browser: Browser, desk: Daemon) -> list[Figure]:
    """Measure the CPU share of an untouched page at each size."""
    figures = []
    for name, size in SIZES.items():
        async with browser.open(desk, size) as dashboard:
            await dashboard.open_and_log_in()
            await dashboard.wait_for("document.querySelector('main img')?.naturalWidth")
            await dashboard.wait_for("document.querySelectorAll('.uplot canvas').length === 7")
            await asyncio.sleep(SETTLES)
            shares = await cpu_shares(browser, WINDOWS, SPAN)
        label = f"processor, a reading a second, {size[0]} x {size[1]} ({name})"
        figures.append(Figure(label, min(shares), "%", CORE_AT_MOST, median(shares)))
    return figures


async def commands(browser: Browser, desk: Daemon) -> Figure:
    """Measure from a click on pause until the page shows that the player obeyed."""
    async with browser.open(desk) as dashboard:
        await dashboard.open_and_log_in()
        await dashboard.button("Pause").wait_for()
        took = [await measure_command(dashboard, name) for name in ("Pause", "Play") * COMMANDS]
    return Figure("pause command to its effect (median)", median(took), "ms", COMMAND_GOAL)


async def visits(browser: Browser, desk: Daemon) -> list[Figure]:
    """Measure a first visit: what is fetched, and when one can type."""
    ready, fetched, asked = [], 0.0, set[str]()
    for _ in range(VISITS):
        async with browser.open(desk) as dashboard:
            visit = await first_visit(dashboard)
            ready.append(visit.ready / 1000)
            fetched = max(fetched, visit.transferred)
            asked |= {urlsplit(address).path[1:] for address in dashboard.requests}
    gzipped = sum(map(gzipped_size, asked))
    return [
        Figure("a first visit, over the wire", fetched / KIB, "KiB", LOAD_AT_MOST),
        Figure("a first visit, its files gzipped", gzipped / KIB, "KiB", LOAD_AT_MOST),
        Figure("a first visit, until one can type (median)", median(ready), "s", READY_AT_MOST),
    ]


def gzipped_size(path: str) -> int:
    """Return the size of one of the page's files as a client gets it that knows gzip only."""
    file = PAGE / (path or "index.html")
    small = file.with_name(file.name + ".gz")
    found = small if small.is_file() else file
    return found.stat().st_size if found.is_file() else 0


async def returns(browser: Browser, desk: Daemon) -> Figure:
    """Measure from looking at a page again, which was paused while hidden, until it is live."""
    took = []
    async with browser.open(desk) as dashboard:
        await dashboard.open_and_log_in()
        for _ in range(RETURNS):
            await dashboard.hide(True)
            await dashboard.wait_for_state("paused")
            began: float = await dashboard.page.evaluate("performance.now()")
            await dashboard.hide(False)
            await dashboard.wait_for_state("live")
            took.append(await dashboard.page.evaluate("states.at(-1).at") - began)
    return Figure("looked at again, until it is live (median)", median(took) / 1000, "s", 1.0)


async def hour(browser: Browser, desk: Daemon) -> Figure:
    """Measure what an hour of readings leaves behind."""
    async with browser.open(desk) as dashboard:
        more = await heap_growth(dashboard, HOUR)
    return Figure("heap, grown by an hour of readings", more / MIB, "MiB", GROWN_AT_MOST)


async def measure() -> list[Figure]:
    """Measure everything, one thing after the other."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        media = make_media(Path(folder) / "media")
        async with AsyncExitStack() as stack:
            there = await stack.enter_async_context(full_desktop(media, Path(folder)))
            desk = stack.enter_context(there.daemon())
            browser = await stack.enter_async_context(Browser())
            figures.extend(await visits(browser, desk))
            figures.append(await commands(browser, desk))
            figures.append(await returns(browser, desk))
            figures.extend(await costs(browser, desk))
            figures.append(await hour(browser, desk))
    return figures


def main() -> bool:
    """Measure, print, and say whether every promise is kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, help="also write the figures into this file")
    report: Path | None = parser.parse_args().json
    figures = asyncio.run(measure())
    for figure in figures:
        print(figure)
    if report:
        rows = [{**figure._asdict(), "kept": figure.done} for figure in figures]
        report.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return all(figure.done for figure in figures)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
