"""Access tokens with the installed program: created, used, listed and ended."""

import json

import pytest

from tests.support.client import Client, bearer
from tests.support.programs import Daemon
from tests.support.waiting import until_async


async def test_token_is_used_at_once_and_ended_at_once() -> None:
    with Daemon() as daemon:
        made = daemon.run("tokens", "create", "deck", "--scope", "monitor,control")
        token = made.stdout.strip()
        daemon.secrets.add(token)
        async with Client(daemon) as client:
            desk = await client.request("GET", "/v1/desk?topics=cpu", headers=bearer(token))
            socket = await client.request("GET", "/v1/websocket", headers=bearer(token))
            listed = json.loads(daemon.run("tokens", "list", "--json").stdout)
            ended = daemon.run("tokens", "end", "deck")
            after = await client.request("GET", "/v1/desk?topics=cpu", headers=bearer(token))

    assert made.returncode == 0
    assert token.startswith("dwt_")
    assert (desk.status, socket.status, after.status) == (200, 200, 401)
    assert [(each["name"], each["scopes"], each["expires"]) for each in listed] == [
        ("deck", ["monitor", "control"], None)
    ]
    assert ended.stdout == "ended access token deck\n"


async def test_end_of_a_token_closes_its_sockets() -> None:
    with Daemon() as daemon:
        token = daemon.run("tokens", "create", "deck").stdout.strip()
        daemon.secrets.add(token)
        async with Client(daemon) as client:
            client.login_token = token
            async with client.authenticated() as socket:
                daemon.run("tokens", "end", "deck")
                await until_async(lambda: socket.websocket.close_code == 4001, within=1.0)


async def test_token_has_only_its_own_scopes() -> None:
    with Daemon() as daemon:
        token = daemon.run("tokens", "create", "display", "--days", "30").stdout.strip()
        daemon.secrets.add(token)
        async with Client(daemon) as client:
            commands = await client.request("GET", "/v1/commands", headers=bearer(token))
            path = "/v1/commands/volume.mute"
            mute = await client.request("POST", path, headers=bearer(token), json={"muted": True})
        logins = daemon.run("logins")

    assert json.loads(commands.body)["data"] == []
    assert mute.status == 403
    assert "access token display" in logins.stdout


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("end", "none"), 1, "no access token 'none'"),
        (("create", "x", "--scope", "all"), 2, "--scope: expected"),
        (("create", "x", "--user", "none"), 1, "there is no user none"),
        (("create", "x", "--days", "0"), 2, ""),
        (("create", " "), 1, "a token's name has 1 to 64"),
    ],
)
def test_wrong_use_is_one_line(words: tuple[str, ...], code: int, why: str) -> None:
    with Daemon() as daemon:
        done = daemon.run("tokens", *words)

    assert done.returncode == code
    assert done.stdout == ""
    assert why in done.stderr
