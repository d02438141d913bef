"""The desk's page in Debian's Chromium, driven by Playwright, as a person has it before them.

Every page keeps what a person does not see and a test must: addresses that were asked for, what the
console and the content policy complained of, each state the connection was said to be in.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import Signals
from types import TracebackType
from typing import Any, Self

from playwright.async_api import Browser as PlaywrightBrowser
from playwright.async_api import ConsoleMessage, Locator, Page, Playwright, async_playwright

from tests.support.desk import Desk
from tests.support.time_scaling import patiently
from tests.support.usage import cpu_milliseconds
from tests.support.waiting import until_async

PHONE = (360, 800)
TABLET = (820, 1180)
WIDE = (1440, 900)
AXE = Path(__file__).parents[2] / "dashboard/node_modules/axe-core/axe.min.js"
REMEMBER = """
window.states = [];
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => violations.push(e.violatedDirective));
new MutationObserver(() => {
  const state = document.querySelector("[data-state]")?.dataset.state ?? "none";
  if (states.at(-1)?.state !== state) states.push({ state, at: performance.now() });
}).observe(document, { subtree: true, childList: true, attributes: true });
"""
EXPECTED = "the server responded with a status of 401"
"""What the console says of a first visit: nobody is logged in yet."""


class Screen:
    """One page of one desk."""

    def __init__(self, page: Page, desk: Desk) -> None:
        self.page = page
        self.desk = desk
        self.asked: list[str] = []
        """Every address that was asked for."""
        self.complaints: list[str] = []
        """What went wrong on the page by its own word."""
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def go(self, *, state: str = "") -> None:
        """Open the desk's address; with `state`, wait until the connection is said to be so."""
        await self.page.goto(self.desk.address)
        if state:
            await self.is_state(state)

    async def log_in(self, user: str = "owner", password: str = "") -> None:
        """Type name and password and press Enter."""
        await self.page.get_by_label("Name").fill(user)
        field = self.page.get_by_label("Password", exact=True)
        await field.fill(password or self.desk.owner_password)
        await field.press("Enter")

    async def enter(self) -> None:
        """Open the page, log in and wait until it is live."""
        await self.go()
        await self.log_in()
        await self.is_state("live")

    async def is_state(self, state: str, *, within: float = 5.0) -> None:
        """Wait until the connection is said to be in this state."""
        await self.page.wait_for_selector(
            f'[data-state="{state}"]', timeout=patiently(within) * 1000
        )

    def button(self, name: str) -> Locator:
        """One of the player's buttons."""
        return self.page.get_by_role("button", name=name, exact=True)

    async def see(self, text: str, *, within: float = 5.0) -> None:
        """Wait until a text is on the page."""
        found = self.page.get_by_text(text, exact=True).first
        await found.wait_for(timeout=patiently(within) * 1000)

    async def until(self, condition: str, *, within: float = 5.0) -> None:
        """Wait until a JavaScript condition holds.

        Asked from outside: the page's policy lets nothing inside it evaluate a text.
        """
        await until_async(
            lambda: self.page.evaluate(f"Boolean({condition})"), within=within, what=condition
        )

    async def states(self) -> list[str]:
        """Every state the connection was said to be in, in turn, since the page was opened."""
        told: list[str] = await self.page.evaluate("states.map((each) => each.state)")
        return told

    async def hide(self, hidden: bool) -> None:
        """Have the browser say that nobody looks at the page, or somebody does again."""
        await self.page.evaluate(
            """(hidden) => {
              Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
              document.dispatchEvent(new Event("visibilitychange"));
            }""",
            hidden,
        )

    async def faults_for_axe(self) -> list[str]:
        """What axe-core finds fault with, as rule and place."""
        await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = await self.page.evaluate(
            "async () => (await axe.run(document)).violations"
        )
        return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]

    async def violations(self) -> list[str]:
        """What the content policy stopped."""
        told: list[str] = await self.page.evaluate("violations")
        return told

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and EXPECTED not in message.text:
            self.complaints.append(message.text)


class Browser:
    """One Chromium; each screen in it knows nothing of the others."""

    def __init__(self, *flags: str) -> None:
        self._flags = flags
        self._playwright: Playwright | None = None
        self._browser: PlaywrightBrowser | None = None

    @asynccontextmanager
    async def screen(
        self, desk: Desk, size: tuple[int, int] = PHONE, **more: Any
    ) -> AsyncIterator[Screen]:
        """Lend a screen that has no complaint at its end; `more` is for Playwright's context."""
        assert self._browser is not None
        context = await self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            ignore_https_errors=True,
            **{"locale": "en-GB", "color_scheme": "dark", **more},
        )
        await context.add_init_script(REMEMBER)
        try:
            screen = Screen(await context.new_page(), desk)
            yield screen
            assert screen.complaints == [], screen.complaints
        finally:
            await context.close()

    async def processes(self) -> "Processes":
        """Ask which processes it has now."""
        assert self._browser is not None
        session = await self._browser.new_browser_cdp_session()
        told = await session.send("SystemInfo.getProcessInfo")
        await session.detach()
        return Processes({int(each["id"]): each["type"] for each in told["processInfo"]})

    @asynccontextmanager
    async def traced(self, *categories: str) -> AsyncIterator[list[dict[str, Any]]]:
        """Have it note what it does; the list is filled when the block has ended."""
        assert self._browser is not None
        session = await self._browser.new_browser_cdp_session()
        events: list[dict[str, Any]] = []
        over = asyncio.Event()
        session.on("Tracing.dataCollected", lambda told: events.extend(told["value"]))
        session.on("Tracing.tracingComplete", lambda _: over.set())
        config = {"includedCategories": list(categories), "excludedCategories": ["*"]}
        await session.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": config})
        yield events
        await session.send("Tracing.end")
        await over.wait()
        await session.detach()

    async def __aenter__(self) -> Self:
        self._playwright = await async_playwright().start()
        self._browser = await self._playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", *self._flags],  # root has none
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._browser is not None
        assert self._playwright is not None
        await self._browser.close()
        await self._playwright.stop()


class Processes:
    """All processes of one browser, as they were when it was asked; each with its kind."""

    def __init__(self, kinds: dict[int, str]) -> None:
        self._kinds = kinds

    def cpu_milliseconds(self) -> float:
        """Processor time they have used so far."""
        return sum(map(cpu_milliseconds, self._kinds))

    def signal_pages(self, signal: Signals) -> None:
        """Send a signal to those that run pages."""
        for pid, kind in self._kinds.items():
            if kind == "renderer":
                os.kill(pid, signal)
