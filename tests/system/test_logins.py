"""Who is let in stays in until a login ends; then every token and socket it gave ends with it."""

import time
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

import pytest

from tests.parts.client import Client, Screen, bearer
from tests.parts.desk import Desk

PASSWORD = "correct horse battery staple"
OTHER = "another one of some length"


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with Desk() as desk:
        yield desk


@pytest.fixture(scope="module")
def people(desk: Desk) -> Desk:
    """Let some more people in."""
    desk.secrets.add(PASSWORD)
    for name in ("ann", "ben", "cid", "dot"):
        added = desk.run("users", "add", name, "--password-stdin", given=PASSWORD + "\n")
        assert added.returncode == 0, added.stderr
    return desk


async def test_logging_out_ends_this_login_everywhere_and_no_other(desk: Desk) -> None:
    async with Client(desk) as here, Client(desk) as there:
        async with here.watch() as ended, there.watch() as other:
            ticket = await here.ticket()
            left = time.monotonic()
            answer = await here.request("POST", "/v1/logout", headers=bearer(here.login_token))

            assert (answer.status, answer.body) == (204, b"")
            assert await ended.closed(within=2) == 4001
            assert ended.closed_at - left < 1
            await goes_on(other)
        again = await here.request("GET", "/v1/websocket", headers=bearer(here.login_token))
        async with here.connect(ticket.socket) as late:
            await late.send("auth", ticket.token)

            assert await late.closed() == 4001
        assert again.status == 401


async def test_a_new_password_ends_that_persons_sockets_and_nobody_elses(people: Desk) -> None:
    async with Client(people, "ann", PASSWORD) as ann, Client(people, "ben", PASSWORD) as ben:
        async with ann.watch() as ended, ben.watch() as other:
            changed = people.run("users", "passwd", "ann", "--password-stdin", given=OTHER + "\n")
            done = time.monotonic()

            assert changed.returncode == 0, changed.stderr
            assert await ended.closed(within=2) == 4001
            assert ended.closed_at - done < 1
            await goes_on(other)
        assert (await ann.login()).status == 401
        ann.password = OTHER
        assert (await ann.login()).status == 200


async def test_a_person_who_is_removed_is_out_and_nobody_else(people: Desk) -> None:
    async with Client(people, "cid", PASSWORD) as cid, Client(people, "dot", PASSWORD) as dot:
        async with cid.watch() as ended, dot.watch() as other:
            removed = people.run("users", "remove", "cid")
            done = time.monotonic()

            assert removed.returncode == 0, removed.stderr
            assert await ended.closed(within=2) == 4001
            assert ended.closed_at - done < 1
            await goes_on(other)
        token = await cid.request("GET", "/v1/websocket", headers=bearer(cid.login_token))
        assert token.status == 401
        assert (await cid.login()).status == 401


@pytest.mark.parametrize("how", [SIGTERM, SIGKILL])
async def test_a_login_outlives_a_restart_and_its_end_does_too(
    tmp_path: Path, how: Signals
) -> None:
    with Desk(state_dir=tmp_path / "state") as desk:
        async with Client(desk) as stays, Client(desk) as leaves:
            await stays.login()
            await leaves.login()
            await leaves.request("POST", "/v1/logout", headers=bearer(leaves.login_token))
            before = await stays.ticket()
        desk.stop(how)
        desk.start()
        async with Client(desk) as later:
            stayed, left = [
                await later.request("GET", "/v1/websocket", headers=bearer(token))
                for token in (stays.login_token, leaves.login_token)
            ]

    assert (stayed.status, left.status) == (200, 401)
    assert stayed.json["data"]["socket"].split("/")[5] == before.socket.split("/")[5]


async def goes_on(screen: Screen) -> None:
    """Wait for two more readings."""
    await screen.see(lambda _: True, since=screen.count + 1)
    assert screen.open
