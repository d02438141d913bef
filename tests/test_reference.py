import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from deskwire.protocol.base.codec import COMMANDS, Authenticate, decode_client_message
from scripts.reference import FOLDER, WRITTEN
from tests.protocol.example import CONTRACT_STATS
from tests.schemas import validator


def asyncapi() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text())
    return document


@pytest.mark.parametrize("file", list(WRITTEN))
def test_reference_page_matches_the_output_of_the_generator(file: str) -> None:
    written = (FOLDER / file).read_text(encoding="utf-8")

    assert written == WRITTEN[file](), "run: make reference"


def test_asyncapi_reference_points_to_a_definition() -> None:
    document = asyncapi()

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


@pytest.mark.parametrize("name", ["stats", "error"])
def test_schema_file_is_valid_and_has_no_missing_property(name: str) -> None:
    schema = json.loads((FOLDER / "schemas" / f"{name}.schema.json").read_text())

    Draft202012Validator.check_schema(schema)
    for definition in [schema, *schema.get("$defs", {}).values()]:
        assert set(definition["required"]) <= set(definition["properties"])


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
