import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from deskwire.daemon.systemd import SystemdNotifier, inherited_sockets, watchdog_interval


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    """Yield the socket on which systemd listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(2)
        yield systemd


def test_each_step_is_reported_to_systemd(listener: socket.socket) -> None:
    notifier = SystemdNotifier({"NOTIFY_SOCKET": listener.getsockname()})

    notifier.ready()
    notifier.reloading()
    notifier.stopping()

    assert listener.recv(100) == b"READY=1"
    first, second = listener.recv(100).split(b"\n")
    assert first == b"RELOADING=1"
    assert second.startswith(b"MONOTONIC_USEC=")
    assert listener.recv(100) == b"STOPPING=1"


def test_abstract_socket_is_supported() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        name = f"deskwire-test-{os.getpid()}"
        systemd.bind("\0" + name)

        SystemdNotifier({"NOTIFY_SOCKET": f"@{name}"}).ready()

        assert systemd.recv(100) == b"READY=1"


def test_without_notify_socket_nothing_is_sent() -> None:
    SystemdNotifier({}).ready()


def test_missing_systemd_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    notifier = SystemdNotifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})

    notifier.ready()
    notifier.stopping()

    assert [record.message for record in caplog.records] == [
        "systemd cannot be notified: No such file or directory"
    ]


@pytest.mark.virtual_time
async def test_watchdog_message_is_sent_twice_in_each_period(listener: socket.socket) -> None:
    notifier = SystemdNotifier({"NOTIFY_SOCKET": listener.getsockname(), "WATCHDOG_USEC": "100000"})

    with suppress(TimeoutError):
        async with asyncio.timeout(0.22):
            await notifier.keep_alive()
    listener.setblocking(False)
    messages = []
    with suppress(BlockingIOError):
        while True:
            messages.append(listener.recv(100))

    assert notifier.watchdog == 0.05
    assert set(messages) == {b"WATCHDOG=1"}
    assert len(messages) == 5


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "often"},
        {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
    ],
)
async def test_without_a_watchdog_keep_alive_ends(environ: dict[str, str]) -> None:
    assert watchdog_interval(environ) is None
    await SystemdNotifier(environ).keep_alive()


@pytest.mark.parametrize(
    "environ",
    [{}, {"LISTEN_FDS": "1"}, {"LISTEN_FDS": "1", "LISTEN_PID": "1"}, {"LISTEN_PID": str(0)}],
)
def test_socket_for_another_process_is_ignored(environ: dict[str, str]) -> None:
    assert inherited_sockets(environ) == []
