"""Other programs that monitor a machine, run as a user would run them beside a desk.

Each as it comes out of its Debian package, but that it listens on this machine only and keeps its
files in a separate folder . The report lists what each program collects, because they differ.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

import aiohttp

NETDATA = """\
[global]
    run as user = root
[directories]
    cache = {folder}
    lib = {folder}
    log = {folder}
[web]
    bind to = 127.0.0.1:{port}
[registry]
    enabled = no
[cloud]
    enabled = no
"""


class Monitor(NamedTuple):
    """A program, and where it is asked how the machine is."""

    name: str
    need: str
    port: int
    path: str
    command: Callable[[Path], list[str]]
    collects: str

    @property
    def address(self) -> str:
        """Address that is fetched each second."""
        return f"http://127.0.0.1:{self.port}{self.path}"


def netdata(folder: Path) -> list[str]:
    """Write its configuration and return its command."""
    configuration = folder / "netdata.conf"
    configuration.write_text(NETDATA.format(folder=folder, port=19998), encoding="ascii")
    return ["netdata", "-D", "-P", str(folder / "pid"), "-c", str(configuration)]


MONITORS = (
    Monitor(
        "Glances, web",
        "glances",
        61299,
        "/api/3/all",
        lambda _: ["glances", "-w", "-B", "127.0.0.1", "-p", "61299", "--disable-check-update"],
        "cpu, load, memory, every process, disks, file systems, network, sensors; no media, no "
        "volume; it reads when asked",
    ),
    Monitor(
        "netdata",
        "netdata",
        19998,
        "/api/v1/allmetrics?format=json",
        netdata,
        "some hundred charts a second, each kept in a database with its history; alarms; it "
        "collects all the time",
    ),
    Monitor(
        "node-exporter",
        "node-exporter",
        9199,
        "/metrics",
        lambda _: ["prometheus-node-exporter", "--web.listen-address=127.0.0.1:9199"],
        "some five hundred kernel counters; it reads when scraped, and keeps nothing",
    ),
)


class Poller:
    """Fetches an address each second while it is entered, as a client of it would."""

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor
        self.answers = 0
        self.bytes = 0
        """Size of the last answer in bytes."""
        self._polling: asyncio.Task[None] | None = None

    async def _poll(self) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(self.monitor.address) as answer:
                        body = await answer.read()
                        if answer.status == 200:
                            self.answers, self.bytes = self.answers + 1, len(body)
                await asyncio.sleep(1.0 - time.monotonic() % 1.0)

    async def __aenter__(self) -> Self:
        self._polling = asyncio.create_task(self._poll())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._polling is not None
        self._polling.cancel()
        with suppress(asyncio.CancelledError):
            await self._polling
