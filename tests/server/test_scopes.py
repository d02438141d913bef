"""Scopes on every route: a user who may only watch changes nothing, with any command."""

import typing
from collections.abc import AsyncIterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import aiohttp
import msgspec
import pytest
from msgspec import Meta

from deskwire.devices.catalogue import DEVICES, device_class
from deskwire.model.access import Scope
from deskwire.model.commands import Command
from deskwire.protocol.base.codec import COMMANDS as BASE_COMMANDS
from tests.server.local_server import LocalServer, local_server
from tests.support.time_scaling import patiently

COMMANDS = {command.name: command for name in DEVICES for command in device_class(name).commands}


def example(command: type[Command]) -> dict[str, Any]:
    """Return good arguments of a command."""
    hints = typing.get_type_hints(command, include_extras=True)
    return {field.name: value_of(hints[field.name]) for field in msgspec.structs.fields(command)}


def value_of(hint: Any) -> Any:
    """Return a good value of a type."""
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *metas = get_args(hint)
        low = next((meta.ge for meta in metas if isinstance(meta, Meta) and meta.ge), None)
        return value_of(inner) if low is None else low
    if origin is Literal:
        return get_args(hint)[0]
    if origin in {Union, UnionType}:
        return value_of(get_args(hint)[0])
    while hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    return {str: "player1", bool: True, int: 1, float: 1.0}[hint]


@pytest.fixture
async def watcher(tmp_path: Path) -> AsyncIterator[LocalServer]:
    """Serve all devices to ann, who has the scope `monitor` only."""
    scopes, none = frozenset({Scope.MONITOR}), frozenset[str]()
    async with local_server(tmp_path, scopes=scopes, disabled=none) as server:
        yield server


@pytest.fixture(autouse=True)
def performed(monkeypatch: pytest.MonkeyPatch) -> list[Command]:
    """Record the commands that reach a device."""
    performed: list[Command] = []

    async def perform(_: object, command: Command) -> None:
        performed.append(command)

    for name in DEVICES:
        if device_class(name).commands:
            monkeypatch.setattr(device_class(name), "perform", perform)
    return performed


async def talk(server: LocalServer, *subprotocols: str) -> aiohttp.ClientWebSocketResponse:
    """Open an authenticated socket."""
    token, address = await server.websocket_token()
    socket = await server.http.ws_connect(address, protocols=subprotocols)
    await socket.send_json({"event": "auth", "args": [token]})
    return socket


async def next_error(socket: aiohttp.ClientWebSocketResponse) -> Any:
    """Return the argument of the next `error`."""
    while True:
        message = await socket.receive_json(timeout=patiently(5))
        if message["event"] == "error":
            return message["args"][0]


def test_every_command_has_a_valid_example() -> None:
    assert len(COMMANDS) >= 15
    for command in COMMANDS.values():
        arguments = msgspec.json.encode(example(command))
        assert isinstance(msgspec.json.decode(arguments, type=command), command)


async def test_owner_reaches_the_device_with_every_command(
    tmp_path: Path, performed: list[Command]
) -> None:
    async with local_server(tmp_path, disabled=frozenset()) as server:
        headers = {"Authorization": f"Bearer {await server.login()}"}
        socket = await talk(server, "deskwire.v1")
        for name in [*COMMANDS][:15]:  # the rate allows 20 commands at once
            url = f"{server.url}/v1/commands/{name}"
            arguments = example(COMMANDS[name])
            async with server.http.post(url, headers=headers, json=arguments) as response:
                assert response.status == 200, await response.text()
            await socket.send_json({"event": name, "args": [arguments], "id": 1})
            while (answer := await socket.receive_json(timeout=patiently(5)))["event"] != "result":
                assert answer["event"] == "welcome", answer

    assert [type(each).name for each in performed[::2]] == [*COMMANDS][:15]


async def test_watcher_changes_nothing_over_http(
    watcher: LocalServer, performed: list[Command]
) -> None:
    headers = {"Authorization": f"Bearer {await watcher.login()}"}
    for name, command in COMMANDS.items():
        url = f"{watcher.url}/v1/commands/{name}"
        async with watcher.http.post(url, headers=headers, json=example(command)) as response:
            assert (response.status, (await response.json())["data"]["code"]) == (403, "forbidden")

    assert performed == []


async def test_watcher_changes_nothing_over_deskwire_v1(
    watcher: LocalServer, performed: list[Command]
) -> None:
    for event, arguments in [
        *((name, example(command)) for name, command in COMMANDS.items()),
        *((event, "player1") for event in BASE_COMMANDS),
    ]:
        socket = await talk(watcher, "deskwire.v1")
        await socket.send_json({"event": event, "args": [arguments], "id": 1})
        assert (await next_error(socket))["code"] == "forbidden", event
        await socket.close()

    assert performed == []


async def test_watcher_changes_nothing_over_the_base_protocol(
    watcher: LocalServer, performed: list[Command]
) -> None:
    socket = await talk(watcher)
    for event in BASE_COMMANDS:
        await socket.send_json({"event": event, "args": ["player1"]})
        assert msgspec.json.decode(await next_error(socket))["code"] == "forbidden"
    for name, command in [*COMMANDS.items()][:8]:
        await socket.send_json({"event": name, "args": [example(command)]})
        answer = msgspec.json.decode(await next_error(socket))
        assert answer["code"] in {"malformed", "unknown_event"}
    await socket.close()

    assert performed == []


def wrong_arguments(command: type[Command]) -> list[Any]:
    """Return arguments that a command refuses: of a wrong form, or with one wrong field."""
    good = example(command)
    wrong_values: tuple[Any, ...] = ({}, [])
    fields = [{**good, field: wrong} for field in good for wrong in wrong_values]
    missing = [
        {name: good[name] for name in good if name != field.name}
        for field in msgspec.structs.fields(command)
        if field.required
    ]
    return ["text", 7, [], None, *fields, *missing]


@pytest.mark.parametrize("name", COMMANDS)
async def test_wrong_arguments_reach_no_device(
    tmp_path: Path, performed: list[Command], name: str
) -> None:
    async with local_server(tmp_path, disabled=frozenset()) as server:
        headers = {
            "Authorization": f"Bearer {await server.login()}",
            "Content-Type": "application/json",
        }
        url = f"{server.url}/v1/commands/{name}"
        for arguments in wrong_arguments(COMMANDS[name]):
            data = msgspec.json.encode(arguments)
            async with server.http.post(url, headers=headers, data=data) as response:
                body = await response.json()
                assert (response.status, body["data"]["code"]) == (400, "malformed"), arguments
        socket = await talk(server, "deskwire.v1")
        for arguments in wrong_arguments(COMMANDS[name])[:9]:  # ten of them end the session
            await socket.send_json({"event": name, "args": [arguments], "id": 1})
            assert (await next_error(socket))["code"] == "malformed", arguments

    assert performed == []
