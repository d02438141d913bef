import asyncio
from pathlib import Path

import pytest

from deskwire.auth.throttle import TRIES
from deskwire.auth.users import User, Users
from tests.server.room import room
from tests.support.time_scaling import patiently


async def test_who_was_here_before_does_not_queue_behind_strangers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify, begun, goes_on = Users.verify, asyncio.Event(), asyncio.Event()

    async def slow_with_strangers(users: Users, name: str, password: str) -> User:
        if name != "ann":
            begun.set()
            await goes_on.wait()
        return await verify(users, name, password)

    monkeypatch.setattr(Users, "verify", slow_with_strangers)
    async with room(tmp_path) as there:
        await there.login()  # from now on ann is known here

        wrong = {"username": "mallory", "password": "let me in please"}
        stranger = asyncio.create_task(there.http.post(f"{there.url}/v1/login", json=wrong))
        await begun.wait()
        async with asyncio.timeout(patiently(5)):
            await there.login()
        waits = not stranger.done()
        goes_on.set()

        assert waits
        assert (await stranger).status == 401


async def test_who_is_right_may_log_in_as_often_as_it_pleases(tmp_path: Path) -> None:
    async with room(tmp_path) as there:
        tokens = {await there.login() for _ in range(TRIES + 4)}

        assert len(tokens) == TRIES + 4
