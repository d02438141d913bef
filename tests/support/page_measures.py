"""What can be measured of a page in a real browser: time, bytes, memory, work.

Used by tests, which allow plenty because they run beside others, and by `bench/page.py`, which is
run on a quiet machine and holds the page to what is promised.
"""

import asyncio
import time
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from tests.support.page import Browser, Screen
from tests.support.time_scaling import patiently

FOLLOW = """async (name) => {
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
BEGUN = 2
"""Readings until the browser is over it that it is watched: it draws everything anew for that."""
COUNTED = {
    "frames": "ProxyMain::BeginMainFrame",
    "draws": "ProxyImpl::ScheduledActionDraw",
    "layouts": "Layout",
    "rasters": "RasterTask",
}
"""What the trace calls each kind of `Work`."""


class Visit(NamedTuple):
    """A first visit, from nothing to a live page."""

    transferred: float
    """Bytes over the wire, as the server compressed them for this browser; without the cover."""
    ready: float
    """Milliseconds until the form could be typed into."""


class Work(NamedTuple):
    """How often the browser does a thing between one reading and the next: the usual number."""

    frames: float
    """The page is looked through for what changed."""
    draws: float
    """The screen is put together anew; a running animation does so sixty times a second."""
    layouts: float
    rasters: float
    """Squares of the page are painted anew; a wide page has some 25."""


async def follow_a_tap(screen: Screen, name: str) -> float:
    """Click Pause or Play; return the milliseconds until the page shows that the player obeyed."""
    took: float = await screen.page.evaluate(FOLLOW, name)
    return took


async def first_visit(screen: Screen) -> Visit:
    """Visit for the first time, log in, and wait until the page is live and its lines are drawn."""
    session = await screen.page.context.new_cdp_session(screen.page)
    await session.send("Network.enable")
    covers: set[str] = set()
    sizes: dict[str, float] = {}
    session.on(
        "Network.requestWillBeSent",
        lambda told: covers.add(told["requestId"] if COVER in told["request"]["url"] else ""),
    )
    session.on(
        "Network.loadingFinished",
        lambda told: sizes.update({told["requestId"]: told["encodedDataLength"]}),
    )
    await screen.go()
    await screen.page.get_by_label("Name").wait_for()
    ready: float = await screen.page.evaluate("performance.now()")
    await screen.log_in()
    await screen.is_state("live")
    await screen.until("document.querySelector('.uplot canvas')")
    await session.detach()
    return Visit(sum(size for each, size in sizes.items() if each not in covers), ready)


async def grown(screen: Screen, readings: int) -> float:
    """Return by how many bytes so many readings make the heap grow; they come all at once."""
    await screen.page.add_init_script(REPLAY)
    await screen.enter()
    await screen.until("document.querySelectorAll('.uplot canvas').length === 7")
    await screen.page.evaluate(f"replay(1, {MINUTE})")
    before = await heap(screen)
    await screen.page.evaluate(f"replay({MINUTE}, {MINUTE + readings})")
    return await heap(screen) - before


async def heap(screen: Screen) -> float:
    """Return the bytes that the page's scripts hold on to."""
    session = await screen.page.context.new_cdp_session(screen.page)
    for _ in range(3):
        await session.send("HeapProfiler.collectGarbage")
    used: float = (await session.send("Runtime.getHeapUsage"))["usedSize"]
    await session.detach()
    return used


async def shares_of_a_core(browser: Browser, windows: int, span: float) -> list[float]:
    """Return what the whole browser uses of one core, in percent, for windows of `span` seconds.

    It is asked once and before them which processes it has: to be asked makes it draw everything
    anew, which costs as much as seconds of readings.
    """
    processes = await browser.processes()
    shares = []
    for _ in range(windows):
        began, used = time.monotonic(), processes.cpu_milliseconds()
        await asyncio.sleep(span)
        spent = processes.cpu_milliseconds() - used
        shares.append(spent / (time.monotonic() - began) / 10)
    return shares


async def work_for_a_reading(browser: Browser, screen: Screen, readings: int) -> Work:
    """Watch so many readings come and tell by the browser's own trace what it does for each."""
    session = await screen.page.context.new_cdp_session(screen.page)
    await session.send("Network.enable")
    came = asyncio.Semaphore(0)
    session.on("Network.webSocketFrameReceived", lambda _: came.release())
    async with browser.traced("devtools.timeline", "cc") as trace:
        async with asyncio.timeout(patiently(readings + 5)):
            for _ in range(readings):
                await came.acquire()
    await session.detach()
    (page,) = {event["pid"] for event in trace if event["name"] == READING}
    done = sorted((e["ts"], e["name"]) for e in trace if e["pid"] == page and e["ph"] in "XI")
    beats = [at for at, name in done if name == READING][BEGUN:]
    usual = {
        field: median(
            sum(after > at >= before and each == name for at, each in done)
            for before, after in pairwise(beats)
        )
        for field, name in COUNTED.items()
    }
    return Work(**usual)
