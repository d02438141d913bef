"""Logins, and the tokens and sockets that end with them."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

import pytest

from tests.support.client import Client, Socket, bearer
from tests.support.programs import Daemon
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

PASSWORD = "correct horse battery staple"
OTHER = "another one of some length"


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with Daemon() as daemon:
        yield daemon


@pytest.fixture(scope="module")
def users(daemon: Daemon) -> Daemon:
    """Lend a daemon with four more users."""
    daemon.secrets.add(PASSWORD)
    for name in ("ann", "ben", "cid", "dot"):
        added = daemon.run("users", "add", name, "--password-stdin", given=PASSWORD + "\n")
        assert added.returncode == 0, added.stderr
    return daemon


async def test_log_out_ends_this_login_and_no_other(daemon: Daemon) -> None:
    async with Client(daemon) as here, Client(daemon) as there:
        async with here.watch() as ended, there.watch() as other:
            token = await here.websocket_token()
            left = time.monotonic()
            answer = await here.logout()

            assert (answer.status, answer.body) == (204, b"")
            assert await ended.closed(within=2) == 4001
            assert ended.closed_at - left < patiently(1)
            await stays_open(other)
        again = await here.request("GET", "/v1/websocket", headers=bearer(here.login_token))
        async with here.connect(token.socket) as late:
            await late.send("auth", token.token)

            assert await late.closed() == 4001
        assert again.status == 401


async def test_new_password_ends_the_sockets_of_that_user_only(users: Daemon) -> None:
    async with Client(users, "ann", PASSWORD) as ann, Client(users, "ben", PASSWORD) as ben:
        async with ann.watch() as ended, ben.watch() as other:
            changed = users.run("users", "passwd", "ann", "--password-stdin", given=OTHER + "\n")
            done = time.monotonic()

            assert changed.returncode == 0, changed.stderr
            assert await ended.closed(within=2) == 4001
            assert ended.closed_at - done < patiently(1)
            await stays_open(other)
        assert (await ann.login()).status == 401
        ann.password = OTHER
        assert (await ann.login()).status == 200


async def test_removed_user_loses_access_and_no_other_user_does(users: Daemon) -> None:
    async with Client(users, "cid", PASSWORD) as cid, Client(users, "dot", PASSWORD) as dot:
        async with cid.watch() as ended, dot.watch() as other:
            removed = users.run("users", "remove", "cid")
            done = time.monotonic()

            assert removed.returncode == 0, removed.stderr
            assert await ended.closed(within=2) == 4001
            assert ended.closed_at - done < patiently(1)
            await stays_open(other)
        token = await cid.request("GET", "/v1/websocket", headers=bearer(cid.login_token))
        assert token.status == 401
        assert (await cid.login()).status == 401


@pytest.mark.parametrize("how", [SIGTERM, SIGKILL])
async def test_login_and_log_out_survive_a_restart(tmp_path: Path, how: Signals) -> None:
    with Daemon(state_dir=tmp_path / "state") as daemon:
        async with Client(daemon) as stays, Client(daemon) as leaves:
            await stays.login()
            await leaves.login()
            await leaves.logout()
            before = await stays.websocket_token()
        daemon.stop(how)
        daemon.start()
        async with Client(daemon) as later:
            stayed, left = [
                await later.request("GET", "/v1/websocket", headers=bearer(token))
                for token in (stays.login_token, leaves.login_token)
            ]

    assert (stayed.status, left.status) == (200, 401)
    assert stayed.json["data"]["socket"].split("/")[5] == before.socket.split("/")[5]


async def stays_open(socket: Socket) -> None:
    """Wait for two more frames of an open socket."""
    await socket.more_frames(2)
    assert socket.open


async def test_login_list_names_the_connected_clients(daemon: Daemon) -> None:
    def watching(client_id: str = "") -> list[str]:
        rows = json.loads(daemon.run("logins", "--json").stdout)
        return [row["id"] for row in rows if row["watching"] and client_id in row["id"]]

    async with Client(daemon) as idle, Client(daemon) as client:
        await idle.login()
        async with client.watch():
            (here,) = await asyncio.to_thread(watching)
        await until_async(lambda: watching() == [])
        async with client.watch() as socket:
            ended = await asyncio.to_thread(daemon.run, "logins", "--end", here)
            done = time.monotonic()

            assert ended.returncode == 0
            assert await socket.closed(within=2) == 4001
            assert socket.closed_at - done < patiently(1)


async def test_session_refusal_and_end_are_one_log_line_without_a_secret() -> None:
    with Daemon() as daemon:
        guess = "a guess of some length"
        daemon.secrets.add(guess)
        async with Client(daemon) as client, Client(daemon, "owner", guess) as guesser:
            async with client.watch():
                pass
            for _ in range(40):
                await guesser.login()
            guesser.user = "no\nname"
            await guesser.login()
            await client.logout()
        daemon.stop()
        lines = [line.split(maxsplit=2)[2] for line in daemon.log.splitlines()]

    def starting_with(beginning: str) -> list[str]:
        return [line for line in lines if line.startswith(beginning)]

    (session,) = starting_with("session ended")
    assert re.match(
        r"session ended  user=owner from=127.0.0.1 lasted=\d+\.\ds skipped=0 commands=0", session
    )
    (began,) = starting_with("login began")
    (ended,) = starting_with("login ended")
    login = r"user=owner from=127\.0\.0\.1 id=[0-9a-f]{16}"
    assert re.fullmatch(rf"login began  {login}", began)
    assert re.fullmatch(rf"login ended  {login} why=logged out", ended)
    refused = starting_with("login refused")
    assert refused[0] == "login refused  user=owner from=127.0.0.1 why=wrong_credentials"
    assert len(refused) == 32
    (more,) = [line for line in lines if "more within" in line]
    assert more.startswith("9 more within 60 s, the last: login refused  user=- from=127.0.0.1")
