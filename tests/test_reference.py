import json
from typing import Any

import pytest
import yaml

from deskwire.protocol.base.codec import ACTIONS, decode_request
from deskwire.protocol.base.messages import Authenticate
from scripts.reference import FOLDER, WRITTEN
from tests.protocol.example import CONTRACT_STATS
from tests.schemas import validator


def asyncapi() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text())
    return document


@pytest.mark.parametrize("file", list(WRITTEN))
def test_the_reference_says_what_the_code_does(file: str) -> None:
    written = (FOLDER / file).read_text(encoding="utf-8")

    assert written == WRITTEN[file](), "run: make reference"


def test_every_reference_inside_leads_somewhere() -> None:
    document = asyncapi()

    for reference in references(document):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            assert step in found, reference
            found = found[step]


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [each for inner in value.values() for each in references(inner)]
    if isinstance(value, list):
        return [each for inner in value for each in references(inner)]
    return []


def test_the_contracts_stats_are_valid() -> None:
    validator(asyncapi(), "stats").validate(json.loads(CONTRACT_STATS))


@pytest.mark.parametrize("broken", [{}, {"audio": None}, {"audio": [], "volume": "88"}])
def test_other_stats_are_not(broken: dict[str, Any]) -> None:
    assert list(validator(asyncapi(), "stats").iter_errors(broken))


def test_every_message_a_screen_may_say_is_read_as_described() -> None:
    document = asyncapi()
    said = document["operations"]["say"]["messages"]
    names = [each["$ref"].rsplit("/", 1)[1] for each in said]
    events = [document["components"]["messages"][name]["name"] for name in names]

    read = [decode_request(json.dumps({"event": event, "args": ["x"]})) for event in events]

    assert events == ["auth", *ACTIONS]
    assert isinstance(read[0], Authenticate)
