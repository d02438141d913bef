import json
from typing import Any

import aiohttp
import pytest
import yaml
from jsonschema import Draft202012Validator

from deskwire.devices.catalogue import DEVICES, device_class
from deskwire.model.problems import Problem
from deskwire.protocol.base.codec import COMMANDS, Authenticate, decode_client_message
from deskwire.protocol.extended.codec import decode_client_message as decode_extended
from deskwire.protocol.extended.codec import decode_request
from deskwire.simulator.mock import PASSWORD, Mock
from deskwire.simulator.scenario import SCENARIOS, load
from scripts.reference import FOLDER, WRITTEN
from tests.protocol.example import CONTRACT_STATS
from tests.schemas import validator
from tests.support.time_scaling import patiently

EXTENDED_COMMANDS = {
    command.name: command for name in DEVICES for command in device_class(name).commands
}
LOADED = {name: load(name) for name in SCENARIOS}
PAYLOAD = "components/messages/{}/payload"


def asyncapi(file: str = "asyncapi.yaml") -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((FOLDER / file).read_text())
    return document


@pytest.fixture(scope="module")
def extended() -> dict[str, Any]:
    return asyncapi("deskwire-v1.asyncapi.yaml")


@pytest.mark.parametrize("file", list(WRITTEN))
def test_reference_page_matches_the_output_of_the_generator(file: str) -> None:
    written = (FOLDER / file).read_text(encoding="utf-8")

    assert written == WRITTEN[file](), "run: make reference"


@pytest.mark.parametrize("file", ["asyncapi.yaml", "deskwire-v1.asyncapi.yaml"])
def test_asyncapi_reference_points_to_a_definition(file: str) -> None:
    document = asyncapi(file)

    for reference in references(document):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            assert step in found, reference
            found = found[step]


def test_required_property_of_a_schema_is_defined() -> None:
    for name, schema in asyncapi()["components"]["schemas"].items():
        assert set(schema["required"]) <= set(schema["properties"]), name


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [each for inner in value.values() for each in references(inner)]
    if isinstance(value, list):
        return [each for inner in value for each in references(inner)]
    return []


def test_example_stats_match_the_asyncapi_schema() -> None:
    validator(asyncapi(), "stats").validate(json.loads(CONTRACT_STATS))


@pytest.mark.parametrize("broken", [{}, {"audio": None}, {"audio": [], "volume": "88"}])
def test_malformed_stats_fail_the_asyncapi_schema(broken: dict[str, Any]) -> None:
    assert list(validator(asyncapi(), "stats").iter_errors(broken))


@pytest.mark.parametrize("name", ["stats", "error", *(f"topics/{topic}" for topic in DEVICES)])
def test_schema_file_is_valid_and_has_no_missing_property(name: str) -> None:
    schema = json.loads((FOLDER / "schemas" / f"{name}.schema.json").read_text())

    Draft202012Validator.check_schema(schema)
    for definition in [schema, *schema.get("$defs", {}).values()]:
        assert set(definition.get("required", ())) <= set(definition.get("properties", ()))


def test_schema_file_of_stats_accepts_real_stats_and_refuses_malformed_ones() -> None:
    schema = json.loads((FOLDER / "schemas" / "stats.schema.json").read_text())
    stats = json.loads(CONTRACT_STATS)
    checker = Draft202012Validator(schema)
    checker.validate(stats)

    del stats["audio"][0]["title"]
    assert list(checker.iter_errors(stats))


def test_client_message_in_asyncapi_is_understood_by_the_codec() -> None:
    document = asyncapi()
    sent = document["operations"]["receiveFromClient"]["messages"]
    names = [each["$ref"].rsplit("/", 1)[1] for each in sent]
    events = [document["components"]["messages"][name]["name"] for name in names]

    read = [decode_client_message(json.dumps({"event": event, "args": ["x"]})) for event in events]

    assert events == ["auth", *COMMANDS]
    assert isinstance(read[0], Authenticate)


def test_extended_asyncapi_lists_every_command_and_topic(extended: dict[str, Any]) -> None:
    sent = extended["operations"]["receiveFromClient"]["messages"]
    events = {
        extended["components"]["messages"][each["$ref"].rsplit("/", 1)[1]]["name"] for each in sent
    }
    readings = extended["components"]["messages"]["readings"]["payload"]["properties"]["args"]

    assert events == {"auth", "subscribe", *COMMANDS, *EXTENDED_COMMANDS}
    assert readings["prefixItems"][0]["properties"].keys() == DEVICES.keys()


@pytest.mark.parametrize("name", EXTENDED_COMMANDS)
def test_schema_and_codec_agree_on_the_arguments_of_a_command(
    extended: dict[str, Any], name: str
) -> None:
    checker = validator(extended, name, PAYLOAD)
    numbers = [-101, 0, 5, 101, 1e9]
    for arguments in [
        {}, {"player": 1}, {"player": "player1"}, {"player": "p", "on": True, "mode": "none"},
        {"player": "p", "mode": "all"}, {"muted": "yes"}, {"muted": True},
        *({"player": "p", key: value} for key in ("rate", "level", "by") for value in numbers),
    ]:  # fmt: skip
        message = {"event": name, "args": [arguments]}
        try:
            decode_extended(decode_request(json.dumps(message)), EXTENDED_COMMANDS)
        except Problem:
            assert list(checker.iter_errors(message)), message
        else:
            checker.validate(message)


@pytest.mark.parametrize("scenario", LOADED)
async def test_messages_of_a_server_match_the_extended_asyncapi(
    extended: dict[str, Any], scenario: str
) -> None:
    names = {message["name"]: name for name, message in extended["components"]["messages"].items()}
    seen = set[str]()
    async with Mock(*LOADED[scenario]) as mock, aiohttp.ClientSession() as http:
        socket = await open_socket(mock, http)
        for event, argument in [
            ("subscribe", {"topics": [*DEVICES]}),
            ("players.stop", {"player": "player1"}),
            ("players.stop", {"player": "player99"}),
            ("subscribe", {"topics": ["moon"]}),
        ]:
            await socket.send_json({"event": event, "args": [argument], "id": 7})
        while seen != {"welcome", "readings", "result", "error"}:
            message = await socket.receive_json(timeout=patiently(5))
            seen.add(message["event"])
            validator(extended, names[message["event"]], PAYLOAD).validate(message)


async def open_socket(mock: Mock, http: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
    """Open an authenticated socket of deskwire.v1."""
    credentials = {"username": "owner", "password": PASSWORD}
    async with http.post(f"{mock.address}/v1/login", json=credentials) as response:
        login = (await response.json())["data"]["token"]
    headers = {"Authorization": f"Bearer {login}"}
    async with http.get(f"{mock.address}/v1/websocket", headers=headers) as response:
        data = (await response.json())["data"]
    socket = await http.ws_connect(data["socket"], protocols=["deskwire.v1"])
    await socket.send_json({"event": "auth", "args": [data["token"]]})
    return socket
