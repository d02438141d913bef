"""The library against a real daemon that is killed, restarted, re-keyed, and cut off."""

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
PACE = Timeouts(
    first=Seconds(0.3),
    longest=Seconds(1),
    restart=Seconds(0.2),
    silence=Seconds(0.8),
    pong=Seconds(0.5),
    opening=Seconds(2),
)


@pytest.fixture(scope="module")
def desk() -> Iterator[Daemon]:
    with Daemon(settings=SETTINGS) as desk:
        yield desk


@pytest.fixture
def own_desk() -> Iterator[Daemon]:
    """Lend a desk that may be stopped and changed."""
    with Daemon(settings=SETTINGS) as desk:
        yield desk


class Screen:
    """A client behind a network that can fail, and everything its connection was."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.states: list[ConnectionState] = []
        self.times: list[float] = []
        """When each state began, time.monotonic()."""
        self.client: Client

    def take(self, state: ConnectionState) -> None:
        """Take the connection's new state."""
        self.states.append(state)
        self.times.append(time.monotonic())

    async def is_live(self) -> None:
        """Wait until it is live and sees the desk."""
        await until_async(
            lambda: self.client.state.phase is Phase.LIVE, within=10, what="live again"
        )
        snapshots = aiter(self.client)
        await anext(snapshots)
        async with asyncio.timeout(patiently(2)):
            await anext(snapshots)

    async def is_not_live(self) -> tuple[ConnectionState, float]:
        """Wait until it has lost the desk; return what it said then, and when."""
        await until_async(self._losses, within=10, what="not live")
        return self._losses()[0]

    def _losses(self) -> list[tuple[ConnectionState, float]]:
        pairs = zip(self.states, self.times, strict=True)
        return [(state, at) for state, at in pairs if state.phase is Phase.WAITING]


@asynccontextmanager
async def screen(desk: Daemon, **more: Any) -> AsyncIterator[Screen]:
    async with Proxy(desk.address) as proxy:
        screen = Screen(proxy)
        screen.client = connect(
            proxy.address,
            "owner",
            more.pop("password", desk.owner_password),
            trust=Pinned(desk.fingerprint),
            timeouts=PACE,
            on_state=screen.take,
            **more,
        )
        async with screen.client:
            yield screen


async def watch(client: Client) -> None:
    """Watch until it ends."""
    async with asyncio.timeout(patiently(10)):
        async for _ in client:
            pass


def sockets() -> set[str]:
    """Return the sockets this process has open."""
    folder = Path("/proc/self/fd")
    links = (str(each.readlink()) for each in folder.iterdir() if each.is_symlink())
    return {link for link in links if link.startswith("socket:")}


@pytest.mark.parametrize(("how", "code"), [(SIGKILL, 1006), (SIGTERM, 1001)])
async def test_client_reconnects_to_a_restarted_daemon(
    own_desk: Daemon, how: Signals, code: int
) -> None:
    async with screen(own_desk) as seen:
        await asyncio.to_thread(own_desk.stop, how)
        lost, _ = await seen.is_not_live()
        with pytest.raises(NotConnected):
            await seen.client.play_pause("player1")
        await asyncio.to_thread(own_desk.start)
        seen.proxy.target = own_desk.address
        await seen.is_live()

    assert lost.close_code == code
    assert lost.next is NextStep.RECONNECT
    assert all(state.next is not NextStep.LOG_IN for state in seen.states)


async def test_client_waits_five_seconds_after_an_abnormal_close(desk: Daemon) -> None:
    async with (
        Proxy(desk.address) as proxy,
        connect(
            proxy.address, "owner", desk.owner_password, trust=Pinned(desk.fingerprint)
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


async def test_client_with_an_old_password_tries_it_once_and_ends(own_desk: Daemon) -> None:
    async with screen(own_desk) as seen:
        change_password(own_desk, "another one")

        with pytest.raises(WrongCredentials):
            await watch(seen.client)
        before = seen.proxy.accepted
        await asyncio.sleep(1)

    assert seen.states[-1].phase is Phase.ENDED
    assert isinstance(seen.states[-1].problem, WrongCredentials)
    assert seen.proxy.accepted == before


async def test_client_asks_for_the_password_after_a_change(own_desk: Daemon) -> None:
    told: list[Problem | None] = []
    passwords = iter([own_desk.owner_password, own_desk.owner_password, "another one"])

    async def ask(why: Problem | None) -> str | None:
        told.append(why)
        return next(passwords)

    async with screen(own_desk, password=ask) as seen:
        change_password(own_desk, "another one")
        await until_async(lambda: len(told) == 3)
        await seen.is_live()

    assert [type(each) for each in told] == [type(None), type(None), WrongCredentials]


async def test_client_logs_in_again_after_its_login_was_ended(desk: Daemon) -> None:
    async with screen(desk) as seen:
        listed = desk.run("logins")
        (login,) = [line.split()[0] for line in listed.stdout.splitlines() if "owner" in line]
        assert desk.run("logins", "--end", login).returncode == 0
        await until_async(lambda: any(each.close_code == 4001 for each in seen.states))
        await seen.is_live()

    lost = next(each for each in seen.states if each.close_code == 4001)
    assert lost.next is NextStep.LOG_IN


async def test_client_reconnects_after_a_silent_network(desk: Daemon) -> None:
    async with screen(desk) as seen:
        seen.proxy.freeze()
        frozen = time.monotonic()
        lost, at = await seen.is_not_live()
        await asyncio.sleep(max(0.0, frozen + 3 - time.monotonic()))
        assert seen.client.state.phase is not Phase.LIVE
        seen.proxy.thaw()
        await seen.is_live()

    assert PACE.pong < at - frozen < patiently(PACE.silence + PACE.pong)
    assert lost.close_code == 1006
    assert all(state.next is not NextStep.LOG_IN for state in seen.states)


async def test_client_reconnects_after_a_reset_network(desk: Daemon) -> None:
    async with screen(desk) as seen:
        seen.proxy.cut()
        lost, _ = await seen.is_not_live()
        await until_async(lambda: len(seen.states) > 6, within=10)
        seen.proxy.restore()
        await seen.is_live()

    assert lost.close_code == 1006


async def test_client_with_default_timeouts_survives_thirty_silent_seconds(
    desk: Daemon,
) -> None:
    async with (
        Proxy(desk.address) as proxy,
        connect(
            proxy.address, "owner", desk.owner_password, trust=Pinned(desk.fingerprint)
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
    with Daemon(settings=short, state_dir=tmp_path / "state") as desk:
        async with Proxy(desk.address) as proxy:
            client = Client(
                proxy.address,
                Credentials("owner", desk.owner_password),
                trust=Pinned(desk.fingerprint),
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


async def test_client_refuses_another_certificate(own_desk: Daemon) -> None:
    async with screen(own_desk) as seen:
        await asyncio.to_thread(own_desk.stop)
        shutil.rmtree(own_desk.state_dir / "tls")
        await asyncio.to_thread(own_desk.start)
        seen.proxy.target = own_desk.address

        with pytest.raises(CertificateChanged, match="not the pinned one"):
            await watch(seen.client)


async def test_closed_client_leaves_no_socket_and_no_task(desk: Daemon) -> None:
    before = sockets()
    tasks = asyncio.all_tasks()
    async with screen(desk) as seen:
        seen.proxy.cut()
        await seen.is_not_live()
        seen.proxy.restore()
        await seen.is_live()
        seen.proxy.freeze()
    await until_async(lambda: asyncio.all_tasks() == tasks)

    await until_async(lambda: sockets() <= before, what="no socket is left")


def change_password(desk: Daemon, password: str) -> None:
    desk.secrets.add(password)
    changed = desk.run("users", "passwd", "owner", "--password-stdin", given=password + "\n")
    assert changed.returncode == 0, changed.stderr
