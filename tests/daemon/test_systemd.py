import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from deskwire.daemon.systemd import SystemdNotifier, inherited_sockets, watchdog_interval


@pytest.fixture
def told(tmp_path: Path) -> Iterator[socket.socket]:
    """Lend what systemd listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(2)
        yield systemd


def test_systemd_is_told_of_each_step(told: socket.socket) -> None:
    notify = SystemdNotifier({"NOTIFY_SOCKET": told.getsockname()})

    notify.ready()
    notify.reloading()
    notify.stopping()

    assert told.recv(100) == b"READY=1"
    first, second = told.recv(100).split(b"\n")
    assert first == b"RELOADING=1"
    assert second.startswith(b"MONOTONIC_USEC=")
    assert told.recv(100) == b"STOPPING=1"


def test_a_name_without_a_file_works_too() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        name = f"deskwire-test-{os.getpid()}"
        systemd.bind("\0" + name)

        SystemdNotifier({"NOTIFY_SOCKET": f"@{name}"}).ready()

        assert systemd.recv(100) == b"READY=1"


def test_nobody_is_told_where_nobody_asks() -> None:
    SystemdNotifier({}).ready()


def test_a_systemd_that_is_gone_is_one_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notify = SystemdNotifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})

    notify.ready()
    notify.stopping()

    assert [record.message for record in caplog.records] == [
        "systemd cannot be told: No such file or directory"
    ]


@pytest.mark.warped
async def test_the_watchdog_is_told_twice_as_often_as_it_asks(told: socket.socket) -> None:
    notify = SystemdNotifier({"NOTIFY_SOCKET": told.getsockname(), "WATCHDOG_USEC": "100000"})

    with suppress(TimeoutError):
        async with asyncio.timeout(0.22):
            await notify.keep_alive()
    told.setblocking(False)
    said = []
    with suppress(BlockingIOError):
        while True:
            said.append(told.recv(100))

    assert notify.watchdog == 0.05
    assert set(said) == {b"WATCHDOG=1"}
    assert len(said) == 5


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "often"},
        {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
    ],
)
async def test_without_a_watchdog_nothing_wakes(environ: dict[str, str]) -> None:
    assert watchdog_interval(environ) is None
    await SystemdNotifier(environ).keep_alive()


@pytest.mark.parametrize(
    "environ",
    [{}, {"LISTEN_FDS": "1"}, {"LISTEN_FDS": "1", "LISTEN_PID": "1"}, {"LISTEN_PID": str(0)}],
)
def test_what_is_handed_to_another_is_not_taken(environ: dict[str, str]) -> None:
    assert inherited_sockets(environ) == []
