"""Page object for the dashboard in Debian's Chromium, driven by Playwright.

It records the requests of the page, the console errors, the violations of the content security
policy and each connection state that the page showed.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import Signals
from typing import Any, Self

from playwright.async_api import Browser as PlaywrightBrowser
from playwright.async_api import ConsoleMessage, Locator, Page, Playwright, async_playwright

from tests.support.processes import cpu_milliseconds
from tests.support.programs import Daemon
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

PHONE = (360, 800)
TABLET = (820, 1180)
WIDE = (1440, 900)
Reading = dict[str, object]
AXE = Path(__file__).parents[2] / "dashboard/node_modules/axe-core/axe.min.js"
RECORDER = """
window.states = [];
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => violations.push(e.violatedDirective));
new MutationObserver(() => {
  const state = document.querySelector("[data-state]")?.dataset.state ?? "none";
  if (states.at(-1)?.state !== state) states.push({ state, at: performance.now() });
}).observe(document, { subtree: true, childList: true, attributes: true });
"""
SCRIPTED_SOCKET = """
window.sockets = [];
window.sent = [];
window.WebSocket = class {
  static OPEN = 1;
  readyState = 1;
  constructor() {
    sockets.push(this);
    setTimeout(() => this.onopen?.());
  }
  send(text) {
    const { event, args } = JSON.parse(text);
    if (event === "auth") this.deliver();
    else sent.push(`${event} ${args[0]}`);
  }
  deliver() {
    if (!window.reading) return;
    this.onmessage?.({ data: JSON.stringify({ event: "stats", args: [JSON.stringify(reading)] }) });
  }
  close() {}
};
window.show = (next) => {
  window.reading = next;
  sockets.at(-1)?.deliver();
};
setInterval(() => show({ ...window.reading, uptime: Math.floor(performance.now() / 1000) }), 1000);
"""
"""Replacement of the page's WebSocket: `show(reading)` delivers a reading, each second again."""
EXPECTED_ERROR = "the server responded with a status of 401"
"""Console message of a first visit, before the log-in."""


class Dashboard:
    """One browser tab with the page of one desk."""

    def __init__(self, page: Page, daemon: Daemon) -> None:
        self.page = page
        self.daemon = daemon
        self.requests: list[str] = []
        """Address of each request that the page made."""
        self.errors: list[str] = []
        """Console errors, console warnings and uncaught exceptions."""
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    async def open(self, *, state: str = "") -> None:
        """Open the desk's address; with `state`, wait until the page shows that state."""
        await self.page.goto(self.daemon.address)
        if state:
            await self.wait_for_state(state)

    async def log_in(self, user: str = "owner", password: str = "") -> None:
        """Type name and password and press Enter."""
        await self.page.get_by_label("Name").fill(user)
        field = self.page.get_by_label("Password", exact=True)
        await field.fill(password or self.daemon.owner_password)
        await field.press("Enter")

    async def open_and_log_in(self) -> None:
        """Open the page, log in and wait until it is live."""
        await self.open()
        await self.log_in()
        await self.wait_for_state("live")

    async def wait_for_state(self, state: str, *, within: float = 5.0) -> None:
        """Wait until the page shows this connection state."""
        await self.page.wait_for_selector(
            f'[data-state="{state}"]', timeout=patiently(within) * 1000
        )

    def button(self, name: str) -> Locator:
        """Find a button by its accessible name."""
        return self.page.get_by_role("button", name=name, exact=True)

    async def wait_for_text(self, text: str, *, within: float = 5.0) -> None:
        """Wait until a text is on the page."""
        found = self.page.get_by_text(text, exact=True).first
        await found.wait_for(timeout=patiently(within) * 1000)

    async def wait_for(self, condition: str, *, within: float = 5.0) -> None:
        """Wait until a JavaScript condition holds.

        Playwright evaluates it from outside: the page's content security policy forbids `eval`.
        """
        await until_async(
            lambda: self.page.evaluate(f"Boolean({condition})"), within=within, what=condition
        )

    async def states(self) -> list[str]:
        """Return each connection state that the page showed, in order, since it was opened."""
        states: list[str] = await self.page.evaluate("states.map((each) => each.state)")
        return states

    async def hide(self, hidden: bool) -> None:
        """Make the browser report the page as hidden, or as visible again."""
        await self.page.evaluate(
            """(hidden) => {
              Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
              document.dispatchEvent(new Event("visibilitychange"));
            }""",
            hidden,
        )

    async def script_readings(self, reading: Reading) -> None:
        """Replace the socket by a scripted one, log in and wait for this reading."""
        await self.page.add_init_script(
            f"{SCRIPTED_SOCKET}\nwindow.reading = {json.dumps(reading)};"
        )
        await self.open_and_log_in()

    async def show(self, reading: Reading) -> None:
        """Deliver a reading on the scripted socket, and each second again."""
        await self.page.evaluate("(reading) => show(reading)", reading)

    async def axe_violations(self) -> list[str]:
        """Return the violations that axe-core finds, as rule and element."""
        await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = await self.page.evaluate(
            "async () => (await axe.run(document)).violations"
        )
        return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]

    async def csp_violations(self) -> list[str]:
        """Return the directives of the content security policy that the page violated."""
        directives: list[str] = await self.page.evaluate("violations")
        return directives

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and EXPECTED_ERROR not in message.text:
            self.errors.append(message.text)


class Browser:
    """One Chromium process; each dashboard in it has its own cookies and storage."""

    def __init__(self, *flags: str) -> None:
        self._flags = flags
        self._playwright: Playwright | None = None
        self._browser: PlaywrightBrowser | None = None

    @asynccontextmanager
    async def open(
        self, daemon: Daemon, size: tuple[int, int] = PHONE, **more: Any
    ) -> AsyncIterator[Dashboard]:
        """Lend a dashboard that must end without errors; `more` goes to Playwright's context."""
        assert self._browser is not None
        context = await self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            ignore_https_errors=True,
            **{"locale": "en-GB", "color_scheme": "dark", **more},
        )
        await context.add_init_script(RECORDER)
        try:
            dashboard = Dashboard(await context.new_page(), daemon)
            yield dashboard
            assert dashboard.errors == [], dashboard.errors
        finally:
            await context.close()

    async def processes(self) -> "Processes":
        """Ask the browser which processes it has now."""
        assert self._browser is not None
        session = await self._browser.new_browser_cdp_session()
        answer = await session.send("SystemInfo.getProcessInfo")
        await session.detach()
        return Processes({int(each["id"]): each["type"] for each in answer["processInfo"]})

    @asynccontextmanager
    async def traced(self, *categories: str) -> AsyncIterator[list[dict[str, Any]]]:
        """Record a trace of these categories; the list is filled when the block has ended."""
        assert self._browser is not None
        session = await self._browser.new_browser_cdp_session()
        events: list[dict[str, Any]] = []
        complete = asyncio.Event()
        session.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
        session.on("Tracing.tracingComplete", lambda _: complete.set())
        config = {"includedCategories": list(categories), "excludedCategories": ["*"]}
        await session.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": config})
        yield events
        await session.send("Tracing.end")
        await complete.wait()
        await session.detach()

    async def __aenter__(self) -> Self:
        self._playwright = await async_playwright().start()
        self._browser = await self._playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", *self._flags],  # root has none
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._browser is not None
        assert self._playwright is not None
        await self._browser.close()
        await self._playwright.stop()


class Processes:
    """All processes of one browser at one moment, each with its kind."""

    def __init__(self, kinds: dict[int, str]) -> None:
        self._kinds = kinds

    def cpu_milliseconds(self) -> float:
        """Return the CPU time that all processes have used so far."""
        return sum(map(cpu_milliseconds, self._kinds))

    def signal_pages(self, signal: Signals) -> None:
        """Send a signal to the processes that run pages."""
        for pid, kind in self._kinds.items():
            if kind == "renderer":
                os.kill(pid, signal)
