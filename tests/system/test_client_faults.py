"""The Python client and a real daemon that is killed, restarted, re-keyed or unreachable."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import Any

import pytest

from deskwire.client import (
    CertificateChanged,
    ConnectionState,
    NotConnected,
    Phase,
    Pinned,
    Problem,
    Timeouts,
    WrongCredentials,
    connect,
    read_clock,
)
from deskwire.client import Desk as Client
from deskwire.client.credentials import Credentials
from deskwire.model.instant import Instant
from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import NextStep
from tests.support.programs import Daemon
from tests.support.proxy import Proxy
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

SETTINGS = {"stats_interval": 0.2}
TIMEOUTS = Timeouts(
    first=Seconds(0.3),
    longest=Seconds(1),
    restart=Seconds(0.2),
    silence=Seconds(0.8),
    pong=Seconds(0.5),
    opening=Seconds(2),
)


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with Daemon(settings=SETTINGS) as daemon:
        yield daemon


@pytest.fixture
def own_daemon() -> Iterator[Daemon]:
    """Lend a daemon that the test may stop and change."""
    with Daemon(settings=SETTINGS) as daemon:
        yield daemon


class ProxiedClient:
    """A client behind a proxy, with all states of its connection."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.states: list[ConnectionState] = []
        self.times: list[float] = []
        """Start of each state, time.monotonic()."""
        self.client: Client

    def record(self, state: ConnectionState) -> None:
        self.states.append(state)
        self.times.append(time.monotonic())

    async def wait_until_live(self) -> None:
        """Wait until the client is live and gets snapshots."""
        await until_async(
            lambda: self.client.state.phase is Phase.LIVE, within=10, what="live again"
        )
        snapshots = aiter(self.client)
        await anext(snapshots)
        async with asyncio.timeout(patiently(2)):
            await anext(snapshots)

    async def wait_until_lost(self) -> tuple[ConnectionState, float]:
        """Wait until the client has lost the connection; return that state and its time."""
        await until_async(self._losses, within=10, what="not live")
        return self._losses()[0]

    def _losses(self) -> list[tuple[ConnectionState, float]]:
        pairs = zip(self.states, self.times, strict=True)
        return [(state, at) for state, at in pairs if state.phase is Phase.WAITING]


@asynccontextmanager
async def proxied_client(daemon: Daemon, **more: Any) -> AsyncIterator[ProxiedClient]:
    async with Proxy(daemon.address) as proxy:
        proxied = ProxiedClient(proxy)
        proxied.client = connect(
            proxy.address,
            "owner",
            more.pop("password", daemon.owner_password),
            trust=Pinned(daemon.fingerprint),
            timeouts=TIMEOUTS,
            on_state=proxied.record,
            **more,
        )
        async with proxied.client:
            yield proxied


async def watch(client: Client) -> None:
    """Read snapshots until the client ends."""
    async with asyncio.timeout(patiently(10)):
        async for _ in client:
            pass


def sockets() -> set[str]:
    """Return the open sockets of this process."""
    folder = Path("/proc/self/fd")
    links = (str(each.readlink()) for each in folder.iterdir() if each.is_symlink())
    return {link for link in links if link.startswith("socket:")}


@pytest.mark.parametrize(("how", "code"), [(SIGKILL, 1006), (SIGTERM, 1001)])
async def test_client_reconnects_to_a_restarted_daemon(
    own_daemon: Daemon, how: Signals, code: int
) -> None:
    async with proxied_client(own_daemon) as proxied:
        await asyncio.to_thread(own_daemon.stop, how)
        lost, _ = await proxied.wait_until_lost()
        with pytest.raises(NotConnected):
            await proxied.client.play_pause("player1")
        await asyncio.to_thread(own_daemon.start)
        proxied.proxy.target = own_daemon.address
        await proxied.wait_until_live()

    assert lost.close_code == code
    assert lost.next is NextStep.RECONNECT
    assert all(state.next is not NextStep.LOG_IN for state in proxied.states)


async def test_client_waits_five_seconds_after_an_abnormal_close(daemon: Daemon) -> None:
    async with (
        Proxy(daemon.address) as proxy,
        connect(
            proxy.address, "owner", daemon.owner_password, trust=Pinned(daemon.fingerprint)
        ) as client,
    ):
        before = proxy.accepted
        proxy.cut()
        proxy.restore()
        cut = time.monotonic()
        await until_async(lambda: proxy.accepted > before, within=7)
        waited = time.monotonic() - cut
        await until_async(lambda: client.state.phase is Phase.LIVE)

    assert 4.9 < waited < 5 + patiently(0.5)


async def test_old_password_is_tried_once_and_ends_the_client(own_daemon: Daemon) -> None:
    async with proxied_client(own_daemon) as proxied:
        change_password(own_daemon, "another one")

        with pytest.raises(WrongCredentials):
            await watch(proxied.client)
        before = proxied.proxy.accepted
        await asyncio.sleep(1)

    assert proxied.states[-1].phase is Phase.ENDED
    assert isinstance(proxied.states[-1].problem, WrongCredentials)
    assert proxied.proxy.accepted == before


async def test_client_asks_for_the_password_after_a_change(own_daemon: Daemon) -> None:
    reasons: list[Problem | None] = []
    passwords = iter([own_daemon.owner_password, own_daemon.owner_password, "another one"])

    async def ask(why: Problem | None) -> str | None:
        reasons.append(why)
        return next(passwords)

    async with proxied_client(own_daemon, password=ask) as proxied:
        change_password(own_daemon, "another one")
        await until_async(lambda: len(reasons) == 3)
        await proxied.wait_until_live()

    assert [type(each) for each in reasons] == [type(None), type(None), WrongCredentials]


async def test_client_logs_in_again_after_its_login_was_ended(daemon: Daemon) -> None:
    async with proxied_client(daemon) as proxied:
        listed = daemon.run("logins")
        (login,) = [line.split()[0] for line in listed.stdout.splitlines() if "owner" in line]
        assert daemon.run("logins", "--end", login).returncode == 0
        await until_async(lambda: any(each.close_code == 4001 for each in proxied.states))
        await proxied.wait_until_live()

    lost = next(each for each in proxied.states if each.close_code == 4001)
    assert lost.next is NextStep.LOG_IN


async def test_client_reconnects_after_a_silent_network(daemon: Daemon) -> None:
    async with proxied_client(daemon) as proxied:
        proxied.proxy.freeze()
        frozen = time.monotonic()
        lost, at = await proxied.wait_until_lost()
        await asyncio.sleep(max(0.0, frozen + 3 - time.monotonic()))
        assert proxied.client.state.phase is not Phase.LIVE
        proxied.proxy.thaw()
        await proxied.wait_until_live()

    assert TIMEOUTS.pong < at - frozen < patiently(TIMEOUTS.silence + TIMEOUTS.pong)
    assert lost.close_code == 1006
    assert all(state.next is not NextStep.LOG_IN for state in proxied.states)


async def test_client_reconnects_after_a_reset_network(daemon: Daemon) -> None:
    async with proxied_client(daemon) as proxied:
        proxied.proxy.cut()
        lost, _ = await proxied.wait_until_lost()
        await until_async(lambda: len(proxied.states) > 6, within=10)
        proxied.proxy.restore()
        await proxied.wait_until_live()

    assert lost.close_code == 1006


async def test_client_with_default_timeouts_survives_thirty_silent_seconds(
    daemon: Daemon,
) -> None:
    async with (
        Proxy(daemon.address) as proxy,
        connect(
            proxy.address, "owner", daemon.owner_password, trust=Pinned(daemon.fingerprint)
        ) as client,
    ):
        proxy.freeze()
        frozen = time.monotonic()
        await until_async(lambda: client.state.phase is not Phase.LIVE, within=29)
        await until_async(lambda: time.monotonic() - frozen >= 30, within=31)
        proxy.thaw()
        await until_async(lambda: client.state.phase is Phase.LIVE, within=30)
        fresh = client.snapshot
        await until_async(lambda: client.snapshot is not fresh)


async def test_client_opens_a_new_session_after_an_hour_of_sleep(
    tmp_path: Path,
) -> None:
    ahead = 0.0

    def clock() -> Instant:
        now = read_clock()
        return Instant(wall=Seconds(now.wall + ahead), boot=Seconds(now.boot + ahead))

    states: list[ConnectionState] = []
    short = {"session_lifetime": 2, "session_warning": 0}
    with Daemon(settings=short, state_dir=tmp_path / "state") as daemon:
        async with Proxy(daemon.address) as proxy:
            client = Client(
                proxy.address,
                Credentials("owner", daemon.owner_password),
                trust=Pinned(daemon.fingerprint),
                timeouts=Timeouts(),
                on_state=states.append,
                clock=clock,
            )
            async with client:
                began = time.monotonic()
                proxy.freeze()
                await asyncio.sleep(max(0.0, 3.5 - (time.monotonic() - began)))
                proxy.thaw()
                ahead = 3600
                await until_async(lambda: len(states) > 4, within=4)
                await until_async(lambda: client.state.phase is Phase.LIVE, within=4)

    codes = [state.close_code for state in states if state.phase is Phase.WAITING]
    assert codes in ([1006, 4004], [4004])


async def test_client_refuses_another_certificate(own_daemon: Daemon) -> None:
    async with proxied_client(own_daemon) as proxied:
        await asyncio.to_thread(own_daemon.stop)
        shutil.rmtree(own_daemon.state_dir / "tls")
        await asyncio.to_thread(own_daemon.start)
        proxied.proxy.target = own_daemon.address

        with pytest.raises(CertificateChanged, match="not the pinned one"):
            await watch(proxied.client)


async def test_closed_client_leaves_no_socket_and_no_task(daemon: Daemon) -> None:
    before = sockets()
    tasks = asyncio.all_tasks()
    async with proxied_client(daemon) as proxied:
        proxied.proxy.cut()
        await proxied.wait_until_lost()
        proxied.proxy.restore()
        await proxied.wait_until_live()
        proxied.proxy.freeze()
    await until_async(lambda: asyncio.all_tasks() == tasks)

    await until_async(lambda: sockets() <= before, what="no socket is left")


def change_password(daemon: Daemon, password: str) -> None:
    daemon.secrets.add(password)
    changed = daemon.run("users", "passwd", "owner", "--password-stdin", given=password + "\n")
    assert changed.returncode == 0, changed.stderr
