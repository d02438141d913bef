"""Mock server: the real server with a simulated desk.

    async with Mock(scenario) as mock:
        mock.address, mock.password

Users, logins and the signing key are stored in a temporary directory.
"""

import asyncio
import shutil
import signal
import ssl
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Self

from deskwire.auth.passwords import Passwords
from deskwire.auth.state_directory import StateDirectory
from deskwire.model.access import ALL_SCOPES, Scope
from deskwire.model.instant import Clock, read_clock
from deskwire.model.readings import ArtKey
from deskwire.model.units import Seconds
from deskwire.server.http.content import read_pages
from deskwire.server.http.server import RunningServer, start_server
from deskwire.server.net.certificates import fingerprint, own_certificate, server_context
from deskwire.server.wiring import open_accounts
from deskwire.simulator.faults import Fault
from deskwire.simulator.scenario import Scenario
from deskwire.simulator.wiring import LIFETIME, LOGIN_LIFETIME, WARNING, MockDesk, MockPolicy, wire

USER = "owner"
WATCHER = "watcher"
"""Name of a user with the scope `monitor` only."""
PASSWORD = "only-a-rehearsal"  # noqa: S105 - a documented password of the mock


class Mock:
    """A server with a simulated desk, running inside `async with`."""

    def __init__(
        self,
        scenario: Scenario,
        pictures: Mapping[ArtKey, bytes] | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        user: str = USER,
        password: str = PASSWORD,
        tls: bool = False,
        lifetime: Seconds = LIFETIME,
        warning: Seconds = WARNING,
        faults: Iterable[Fault] = (),
        origins: Iterable[str] = (),
        clock: Clock = read_clock,
    ) -> None:
        self._scenario = scenario
        self._pictures = pictures or {}
        self._host = host
        self._port = port
        self.user = user
        self.password = password
        self._tls = tls
        self._lifetime = lifetime
        self._warning = warning
        self._faults = tuple(faults)
        self._origins = tuple(origins)
        self._clock = clock
        self._folder = Path()
        self.address = ""
        """`https://127.0.0.1:8765`, set when running."""
        self.fingerprint = ""
        """SHA-256 of the certificate, as `AB:CD:…`; empty without TLS."""

    async def __aenter__(self) -> Self:
        """Raises `OSError` if the address is in use, and `Problem` for an invalid user."""
        self._folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="deskwire-mock-"))
        self._state = await asyncio.to_thread(StateDirectory.open, self._folder / "state")
        try:
            await self._open()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._desk.server.registry.close_all()
        self._desk.simulated_desk.stop()
        self._fault_task.cancel()
        await asyncio.gather(self._fault_task, return_exceptions=True)
        await self._server.wait_closed()
        await self._close()

    async def _open(self) -> None:
        accounts = await open_accounts(self._state, Passwords(), LOGIN_LIFETIME)
        await accounts.users.add(self.user, self.password, ALL_SCOPES)
        if self.user != WATCHER:
            await accounts.users.add(WATCHER, self.password, {Scope.MONITOR})
        self._desk: MockDesk = wire(
            self._scenario,
            self._pictures,
            self._faults,
            accounts,
            MockPolicy(self._tls, self._lifetime, self._warning, self._origins),
            pages=await asyncio.to_thread(read_pages),
            clock=self._clock,
        )
        context = await asyncio.to_thread(self._context) if self._tls else None
        self._server: RunningServer = await start_server(
            self._desk.server.app.answer, host=self._host, port=self._port, context=context
        )
        host = f"[{self._host}]" if ":" in self._host else self._host
        self.address = f"http{'s' if self._tls else ''}://{host}:{self._server.port}"
        self._fault_task = asyncio.create_task(self._desk.fault_scheduler.run(), name="rehearsal")

    def _context(self) -> ssl.SSLContext:
        certificate, key = own_certificate(self._folder / "tls")
        self.fingerprint = fingerprint(certificate)
        return server_context(certificate, key)

    async def _close(self) -> None:
        self._state.close()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)


PrintLine = Callable[[str], None]
"""Prints one line for the user."""


def run(mock: Mock, print_line: PrintLine) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises `OSError` if the address is in use, and `Problem` for an invalid user.
    """
    asyncio.run(_serve(mock, print_line))


async def _serve(mock: Mock, print_line: PrintLine) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with mock:
        if mock.fingerprint:
            print_line(f"certificate SHA-256 {mock.fingerprint}")
        password = mock.password if mock.password == PASSWORD else "(as given)"
        print_line(f"mock server: the user is {mock.user}, the password: {password}")
        print_line(f"  {WATCHER}, with the same password, has the scope monitor only")
        print_line(f"deskwire is ready at {mock.address}")
        await stop.wait()
