"""Measurements of the page in a real browser: time, bytes, memory, work.

The tests use them with generous limits, because they run beside others. `bench/page.py` runs on a
quiet machine and checks the documented limits.
"""

import asyncio
import time
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from tests.support.page import Browser, Dashboard
from tests.support.time_scaling import patiently

TIME_COMMAND = """async (name) => {
  const button = (name) => document.querySelector(`button[aria-label="${name}"]`);
  const other = name === "Pause" ? "Play" : "Pause";
  const began = performance.now();
  button(name).click();
  while (!button(other) || button(other).ariaDisabled === "true") {
    await new Promise(requestAnimationFrame);
  }
  return performance.now() - began;
}"""
REPLAY = """
const real = { performance: performance.now.bind(performance), date: Date.now };
let ahead = 0;
performance.now = () => real.performance() + ahead;
Date.now = () => real.date() + ahead;
const frame = (i) => JSON.stringify({ event: "stats", args: [JSON.stringify({
  memory_bytes: 8e9 + (i * 7919 % 1e9), cpu_absolute: i * 7 % 100,
  uptime: Math.floor(performance.now() / 1000), disk_bytes: 2e11,
  network: { rx_bytes: 1e9 + i * i * 100, tx_bytes: 1e8 + i * 5000 },
  audio: Array.from({ length: 1 + Math.floor(i / 400) % 3 }, (_, n) => ({
    id: `player${n + 1}`, name: "mpv", playing: n === Math.floor(i / 100) % 2,
    title: `Track ${Math.floor(i / 200)}`, artist: `Artist ${n}`, album: "Album",
    timestamp: i % 200, duration: 200,
  })),
  wifi: { ssid: "Bazinga! 5G", connected: i % 50 > 3 },
  battery: { percentage: 99, plugged_in: true },
  volume: 88 - i % 20, backlight: 64,
})] });
window.WebSocket = class {
  readyState = 1;
  constructor() { window.socket = this; setTimeout(() => this.onopen()); }
  send() { this.onmessage({ data: frame(0) }); }
  close() {}
};
window.replay = async (from, to) => {
  for (let i = from; i < to; i += 1) {
    ahead += 1000;
    socket.onmessage({ data: frame(i) });
    if (i % 3 === 0) await new Promise((done) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = done;
      port2.postMessage(0);
    });
    if (i % 30 === 0) await new Promise(requestAnimationFrame);
  }
};
"""
MINUTE = 60
COVER = "/v1/img/"
READING = "WebSocketReceive"
WARM_UP = 2
"""Readings to skip at the start: the browser repaints everything when a trace begins."""
COUNTED = {
    "frames": "ProxyMain::BeginMainFrame",
    "draws": "ProxyImpl::ScheduledActionDraw",
    "layouts": "Layout",
    "rasters": "RasterTask",
}
"""Name of the trace event for each field of `Work`."""


class Visit(NamedTuple):
    """A first visit, from an empty cache to a live page."""

    transferred: float
    """Bytes on the wire, compressed, without the cover."""
    ready: float
    """Milliseconds until the log-in form accepts input."""


class Work(NamedTuple):
    """Number of browser operations between two readings: the median."""

    frames: float
    """The browser checks the page for changes."""
    draws: float
    """The browser composes a frame; a running animation does so 60 times a second."""
    layouts: float
    rasters: float
    """The browser repaints a tile of the page; a wide page has about 25."""


async def measure_command(dashboard: Dashboard, name: str) -> float:
    """Click Pause or Play; return the milliseconds until the page shows the new state."""
    took: float = await dashboard.page.evaluate(TIME_COMMAND, name)
    return took


async def first_visit(dashboard: Dashboard) -> Visit:
    """Open the page, log in, and wait until it is live and a sparkline is drawn."""
    session = await dashboard.page.context.new_cdp_session(dashboard.page)
    await session.send("Network.enable")
    covers: set[str] = set()
    sizes: dict[str, float] = {}
    session.on(
        "Network.requestWillBeSent",
        lambda sent: covers.add(sent["requestId"] if COVER in sent["request"]["url"] else ""),
    )
    session.on(
        "Network.loadingFinished",
        lambda done: sizes.update({done["requestId"]: done["encodedDataLength"]}),
    )
    await dashboard.open()
    await dashboard.page.get_by_label("Name").wait_for()
    ready: float = await dashboard.page.evaluate("performance.now()")
    await dashboard.log_in()
    await dashboard.wait_for_state("live")
    await dashboard.wait_for("document.querySelector('.uplot canvas')")
    await session.detach()
    return Visit(sum(size for each, size in sizes.items() if each not in covers), ready)


async def heap_growth(dashboard: Dashboard, readings: int) -> float:
    """Return the bytes by which the heap grows while the page receives `readings` at once."""
    await dashboard.page.add_init_script(REPLAY)
    await dashboard.open_and_log_in()
    await dashboard.wait_for("document.querySelectorAll('.uplot canvas').length === 7")
    await dashboard.page.evaluate(f"replay(1, {MINUTE})")
    before = await heap(dashboard)
    await dashboard.page.evaluate(f"replay({MINUTE}, {MINUTE + readings})")
    return await heap(dashboard) - before


async def heap(dashboard: Dashboard) -> float:
    """Return the size of the JavaScript heap in bytes, after a garbage collection."""
    session = await dashboard.page.context.new_cdp_session(dashboard.page)
    for _ in range(3):
        await session.send("HeapProfiler.collectGarbage")
    used: float = (await session.send("Runtime.getHeapUsage"))["usedSize"]
    await session.detach()
    return used


async def cpu_shares(browser: Browser, windows: int, span: float) -> list[float]:
    """Return the CPU use of the whole browser in percent of a core, per window of `span` seconds.

    The list of processes is read once, before the windows: that request makes the browser repaint
    everything, which costs as much as seconds of readings.
    """
    processes = await browser.processes()
    shares = []
    for _ in range(windows):
        began, used = time.monotonic(), processes.cpu_milliseconds()
        await asyncio.sleep(span)
        spent = processes.cpu_milliseconds() - used
        shares.append(spent / (time.monotonic() - began) / 10)
    return shares


async def work_per_reading(browser: Browser, dashboard: Dashboard, readings: int) -> Work:
    """Wait for this many readings and count in the browser's trace the work for each."""
    session = await dashboard.page.context.new_cdp_session(dashboard.page)
    await session.send("Network.enable")
    arrived = asyncio.Semaphore(0)
    session.on("Network.webSocketFrameReceived", lambda _: arrived.release())
    async with browser.traced("devtools.timeline", "cc") as trace:
        async with asyncio.timeout(patiently(readings + 5)):
            for _ in range(readings):
                await arrived.acquire()
    await session.detach()
    (page,) = {event["pid"] for event in trace if event["name"] == READING}
    done = sorted((e["ts"], e["name"]) for e in trace if e["pid"] == page and e["ph"] in "XI")
    arrivals = [at for at, name in done if name == READING][WARM_UP:]
    usual = {
        field: median(
            sum(after > at >= before and each == name for at, each in done)
            for before, after in pairwise(arrivals)
        )
        for field, name in COUNTED.items()
    }
    return Work(**usual)
