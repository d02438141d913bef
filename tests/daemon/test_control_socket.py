import asyncio
import signal
import stat
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deskwire.auth.logins import Login, Logins
from deskwire.auth.passwords import Passwords
from deskwire.auth.state_directory import StateDirectory
from deskwire.auth.users import Users
from deskwire.daemon import control_socket
from deskwire.daemon.control_socket import (
    NAME,
    DaemonUnresponsive,
    list_clients,
    refresh_after,
    serve_control_socket,
)
from deskwire.model.access import ALL_SCOPES, ConnectedClient, LoginId
from deskwire.model.instant import read_clock
from deskwire.model.problems import StateUnavailable
from deskwire.model.units import Seconds
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

PHONE = ConnectedClient(LoginId("a1"), "192.0.2.7", Seconds(1_700_000_000.0))
PASSWORD = "correct horse"

# Acts like `deskwire users` and `deskwire logins`.
COMMAND = """
import asyncio, os, signal, sys, time
from pathlib import Path
from deskwire.auth.logins import Logins
from deskwire.auth.passwords import Passwords
from deskwire.auth.state_directory import StateDirectory
from deskwire.auth.users import Users
from deskwire.daemon.control_socket import refresh_after

folder, action, name, *how = sys.argv[1:]
state = StateDirectory.open(Path(folder))
users = Users(state, Passwords(memory_kib=1024))
with refresh_after(state.folder):
    if action == "passwd":
        asyncio.run(users.set_password(name, "staple battery"))
    elif action == "remove":
        asyncio.run(users.remove(name))
    else:
        asyncio.run(Logins(state, 1.0).end(name))
    if how == ["die"]:
        os.kill(os.getpid(), signal.SIGKILL)
print("done", flush=True)
if how == ["stay"]:
    time.sleep(60)
state.close()
"""


class Daemon:
    """A control socket, and the logins behind it."""

    def __init__(self, state: StateDirectory) -> None:
        self.state = state
        self.logins = Logins(state, Seconds(3600.0))
        self.clients: list[ConnectedClient] = []
        self.ended: list[frozenset[LoginId]] = []
        self.refreshes = 0
        self.failure: StateUnavailable | None = None
        self.logins.on_ended(self.ended.append)

    async def refresh(self) -> bool:
        self.refreshes += 1
        if self.failure is not None:
            raise self.failure
        return await self.logins.refresh()

    async def log_in(self) -> Login:
        users = Users(self.state, Passwords(memory_kib=1024))
        await users.add("ann", PASSWORD, ALL_SCOPES)
        ann = await users.verify("ann", PASSWORD)
        return await self.logins.begin(ann, address="192.0.2.1", agent="phone", now=read_clock())


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    state = await asyncio.to_thread(StateDirectory.open, tmp_path / "state")
    daemon = Daemon(state)
    async with serve_control_socket(state.folder, lambda: daemon.clients, daemon.refresh):
        await until_async(lambda: daemon.refreshes == 1)
        yield daemon
    state.close()


async def run_command(folder: Path, *words: str) -> float:
    """Run a command in another process, and return the time at which it ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", COMMAND, folder, *words, stdout=asyncio.subprocess.DEVNULL
    )
    code = await process.wait()
    assert code == (-signal.SIGKILL if "die" in words else 0)
    return time.monotonic()


@pytest.mark.parametrize("long", [False, True], ids=["short", "long"])
async def test_clients_are_listed_while_the_daemon_runs(tmp_path: Path, long: bool) -> None:
    folder = tmp_path / ("x" * 150 if long else "s")
    folder.mkdir()
    clients = [PHONE]

    async with serve_control_socket(folder, lambda: clients, no_refresh):
        one = await asyncio.to_thread(list_clients, folder)
        clients.clear()
        none = await asyncio.to_thread(list_clients, folder)
        mode = (folder / NAME).lstat().st_mode
    after = await asyncio.to_thread(list_clients, folder)

    assert (one, none, after) == ([PHONE], [], [])
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    assert not (folder / NAME).exists()


async def no_refresh() -> bool:
    return False


async def test_socket_of_a_killed_daemon_is_replaced(tmp_path: Path) -> None:
    (tmp_path / NAME).touch()

    assert await asyncio.to_thread(list_clients, tmp_path) == []
    async with serve_control_socket(tmp_path, lambda: [PHONE], no_refresh):
        assert await asyncio.to_thread(list_clients, tmp_path) == [PHONE]


@pytest.mark.parametrize("action", ["passwd", "remove", "end"])
async def test_another_process_ends_logins_within_a_second(daemon: Daemon, action: str) -> None:
    login = await daemon.log_in()
    name = login.id if action == "end" else "ann"
    done = await run_command(daemon.state.folder, action, name)
    await until_async(lambda: daemon.ended, within=1.0)

    assert time.monotonic() - done < patiently(1.0)
    assert daemon.ended == [frozenset({login.id})]
    assert daemon.logins.get(login.id) is None


async def test_login_has_ended_when_the_command_returns(daemon: Daemon) -> None:
    login = await daemon.log_in()

    await run_command(daemon.state.folder, "end", login.id)

    assert daemon.logins.get(login.id) is None


async def test_commit_of_a_killed_command_is_noticed(daemon: Daemon) -> None:
    login = await daemon.log_in()

    await run_command(daemon.state.folder, "end", login.id, "die")
    await until_async(lambda: daemon.ended, within=1.0)

    assert daemon.logins.get(login.id) is None


async def test_commit_of_a_command_that_keeps_running_is_noticed(daemon: Daemon) -> None:
    login = await daemon.log_in()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", COMMAND, daemon.state.folder, "end", login.id, "stay",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert await process.stdout.readline() == b"done\n"
    await until_async(lambda: daemon.ended, within=1.0)
    process.kill()
    await process.wait()

    assert daemon.logins.get(login.id) is None


async def test_commit_before_the_socket_was_open_is_noticed(tmp_path: Path) -> None:
    state = await asyncio.to_thread(StateDirectory.open, tmp_path / "state")
    daemon = Daemon(state)
    login = await daemon.log_in()
    await run_command(state.folder, "end", login.id)

    async with serve_control_socket(state.folder, list, daemon.refresh):
        await until_async(lambda: daemon.ended, within=1.0)
    state.close()

    assert daemon.logins.get(login.id) is None


async def test_moved_state_directory_keeps_its_socket(daemon: Daemon) -> None:
    login = await daemon.log_in()
    elsewhere = daemon.state.folder.with_name("elsewhere")
    daemon.state.folder.rename(elsewhere)

    await run_command(elsewhere, "end", login.id)
    await until_async(lambda: daemon.logins.get(login.id) is None, within=1.0)


@pytest.mark.virtual_time
async def test_database_is_not_read_without_a_command(daemon: Daemon) -> None:
    await daemon.log_in()
    await asyncio.sleep(60)

    assert daemon.refreshes == 1


async def test_failed_refresh_is_tried_again_and_logged_once(
    daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    login = await daemon.log_in()
    daemon.failure = StateUnavailable("the database: the disk reports an error")
    command = asyncio.create_task(run_command(daemon.state.folder, "end", login.id))
    await until_async(lambda: daemon.refreshes > 4)
    before = daemon.logins.get(login.id)
    daemon.failure = None
    await command

    assert before == login
    assert daemon.logins.get(login.id) is None
    assert set(caplog.messages) == {
        "the logins cannot be read again yet: the database: the disk reports an error"
    }
    assert len(caplog.messages) <= 2  # the two connections of the command


def test_daemon_that_does_not_answer_is_reported_after_the_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_socket, "REPLY_TIMEOUT", 0.2)
    changed = False

    with control_socket.listen(tmp_path) as listening:
        listening.listen()
        with (
            pytest.raises(DaemonUnresponsive, match="the change is saved, but the daemon did not"),
            refresh_after(tmp_path),
        ):
            changed = True

    assert changed


def test_change_without_a_daemon_needs_no_refresh(tmp_path: Path) -> None:
    with refresh_after(tmp_path):
        pass


async def test_daemon_polls_if_the_socket_cannot_be_opened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = await asyncio.to_thread(StateDirectory.open, tmp_path / "state")
    (state.folder / NAME).mkdir()
    daemon = Daemon(state)
    login = await daemon.log_in()

    async with serve_control_socket(state.folder, list, daemon.refresh):
        await run_command(state.folder, "end", login.id)
        await until_async(lambda: daemon.ended, within=1.0)
    state.close()

    assert daemon.logins.get(login.id) is None
    path = state.folder / NAME
    instead = "the database is read every 0.5 s instead"
    assert caplog.messages == [f"{path} cannot be opened: Is a directory; {instead}"]
