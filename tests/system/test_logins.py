"""Who is let in stays in until a login ends; then every token and socket it gave ends with it."""

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
def desk() -> Iterator[Daemon]:
    with Daemon() as desk:
        yield desk


@pytest.fixture(scope="module")
def people(desk: Daemon) -> Daemon:
    """Let some more people in."""
    desk.secrets.add(PASSWORD)
    for name in ("ann", "ben", "cid", "dot"):
        added = desk.run("users", "add", name, "--password-stdin", given=PASSWORD + "\n")
        assert added.returncode == 0, added.stderr
    return desk


async def test_log_out_ends_this_login_and_no_other(desk: Daemon) -> None:
    async with Client(desk) as here, Client(desk) as there:
        async with here.watch() as ended, there.watch() as other:
            ticket = await here.websocket_token()
            left = time.monotonic()
            answer = await here.request("POST", "/v1/logout", headers=bearer(here.login_token))

            assert (answer.status, answer.body) == (204, b"")
            assert await ended.closed(within=2) == 4001
            assert ended.closed_at - left < patiently(1)
            await goes_on(other)
        again = await here.request("GET", "/v1/websocket", headers=bearer(here.login_token))
        async with here.connect(ticket.socket) as late:
            await late.send("auth", ticket.token)

            assert await late.closed() == 4001
        assert again.status == 401


async def test_new_password_ends_the_sockets_of_that_user_only(people: Daemon) -> None:
    async with Client(people, "ann", PASSWORD) as ann, Client(people, "ben", PASSWORD) as ben:
        async with ann.watch() as ended, ben.watch() as other:
            changed = people.run("users", "passwd", "ann", "--password-stdin", given=OTHER + "\n")
            done = time.monotonic()

            assert changed.returncode == 0, changed.stderr
            assert await ended.closed(within=2) == 4001
            assert ended.closed_at - done < patiently(1)
            await goes_on(other)
        assert (await ann.login()).status == 401
        ann.password = OTHER
        assert (await ann.login()).status == 200


async def test_removed_user_loses_access_and_no_other_user_does(people: Daemon) -> None:
    async with Client(people, "cid", PASSWORD) as cid, Client(people, "dot", PASSWORD) as dot:
        async with cid.watch() as ended, dot.watch() as other:
            removed = people.run("users", "remove", "cid")
            done = time.monotonic()

            assert removed.returncode == 0, removed.stderr
            assert await ended.closed(within=2) == 4001
            assert ended.closed_at - done < patiently(1)
            await goes_on(other)
        token = await cid.request("GET", "/v1/websocket", headers=bearer(cid.login_token))
        assert token.status == 401
        assert (await cid.login()).status == 401


@pytest.mark.parametrize("how", [SIGTERM, SIGKILL])
async def test_login_and_log_out_survive_a_restart(tmp_path: Path, how: Signals) -> None:
    with Daemon(state_dir=tmp_path / "state") as desk:
        async with Client(desk) as stays, Client(desk) as leaves:
            await stays.login()
            await leaves.login()
            await leaves.request("POST", "/v1/logout", headers=bearer(leaves.login_token))
            before = await stays.websocket_token()
        desk.stop(how)
        desk.start()
        async with Client(desk) as later:
            stayed, left = [
                await later.request("GET", "/v1/websocket", headers=bearer(token))
                for token in (stays.login_token, leaves.login_token)
            ]

    assert (stayed.status, left.status) == (200, 401)
    assert stayed.json["data"]["socket"].split("/")[5] == before.socket.split("/")[5]


async def goes_on(screen: Socket) -> None:
    """Wait for two more readings."""
    await screen.frame(lambda _: True, since=screen.count + 1)
    assert screen.open


async def test_login_list_names_the_connected_clients(desk: Daemon) -> None:
    def watching(client_id: str = "") -> list[str]:
        rows = json.loads(desk.run("logins", "--json").stdout)
        return [row["id"] for row in rows if row["watching"] and client_id in row["id"]]

    async with Client(desk) as idle, Client(desk) as client:
        await idle.login()
        async with client.watch():
            (here,) = await asyncio.to_thread(watching)
        await until_async(lambda: watching() == [])
        async with client.watch() as screen:
            ended = await asyncio.to_thread(desk.run, "logins", "--end", here)
            done = time.monotonic()

            assert ended.returncode == 0
            assert await screen.closed(within=2) == 4001
            assert screen.closed_at - done < patiently(1)


async def test_session_refusal_and_end_are_one_log_line_without_a_secret() -> None:
    with Daemon() as desk:
        guess = "a guess of some length"
        desk.secrets.add(guess)
        async with Client(desk) as client, Client(desk, "owner", guess) as guesser:
            async with client.watch():
                pass
            for _ in range(40):
                await guesser.login()
            guesser.user = "no\nname"
            await guesser.login()
            await client.request("POST", "/v1/logout", headers=bearer(client.login_token))
        desk.stop()
        lines = [line.split(maxsplit=2)[2] for line in desk.log.splitlines()]

    def told(beginning: str) -> list[str]:
        return [line for line in lines if line.startswith(beginning)]

    (session,) = told("session ended")
    assert re.match(
        r"session ended  user=owner from=127.0.0.1 lasted=\d+\.\ds skipped=0 commands=0", session
    )
    (began,) = told("login began")
    (ended,) = told("login ended")
    login = r"user=owner from=127\.0\.0\.1 id=[0-9a-f]{16}"
    assert re.fullmatch(rf"login began  {login}", began)
    assert re.fullmatch(rf"login ended  {login} why=logged out", ended)
    refused = told("login refused")
    assert refused[0] == "login refused  user=owner from=127.0.0.1 why=wrong_credentials"
    assert len(refused) == 32
    (more,) = [line for line in lines if "more within" in line]
    assert more.startswith("9 more within 60 s, the last: login refused  user=- from=127.0.0.1")
