from typing import Annotated

import jsonschema
import msgspec
import pytest
from msgspec import Meta, Struct

from deskwire.model.commands import PlayPause
from deskwire.model.readings import Memory, Network, Player, PlayerId, Position
from deskwire.model.topics import Field, Topic, fields, meaning, schema, struct_of
from deskwire.model.units import Bytes, Seconds


class Mount(Struct, frozen=True):
    """One mounted file system."""

    path: Annotated[str, Meta(description="Mount point")]
    used: Annotated[Bytes, Meta(description="Space in use")]


class Mounts(Struct, frozen=True):
    """The mounted file systems.

    A second paragraph.
    """

    mounts: Annotated[tuple[Mount, ...], Meta(description="Each of them")]
    hottest: float | None = None


@pytest.mark.parametrize(
    ("reading", "empty"), [(Memory, None), (tuple[Player, ...], ())], ids=["struct", "list"]
)
def test_empty_reading_of_a_topic_follows_from_its_type(reading: object, empty: object) -> None:
    assert Topic("x", reading).empty == empty


def test_struct_of_a_list_is_that_of_its_items() -> None:
    assert struct_of(tuple[Player, ...]) is Player
    assert struct_of(Memory) is Memory


def test_field_has_its_unit_kind_and_meaning() -> None:
    assert list(fields(Network)) == [
        Field("received", int, "bytes", "counter", "Received since boot", optional=False),
        Field("sent", int, "bytes", "counter", "Sent since boot", optional=False),
    ]
    assert list(fields(Mounts)) == [
        Field("mounts", tuple[Mount, ...], "", "", "Each of them", optional=False),
        Field("hottest", float, "", "gauge", "", optional=True),
    ]


def test_meaning_is_the_first_line_of_the_docstring() -> None:
    assert meaning(Mounts) == "The mounted file systems"
    assert meaning(PlayPause) == "Toggle play and pause"


def test_schema_names_the_unit_of_each_field() -> None:
    found = schema(Mounts)

    assert found["$ref"] == "#/$defs/Mounts"
    assert found["$defs"]["Mount"]["properties"]["used"] == {
        "type": "integer",
        "description": "Space in use",
        "unit": "bytes",
    }
    assert "unit" not in found["$defs"]["Mount"]["properties"]["path"]


def test_schema_of_nested_structs_names_their_units_too() -> None:
    position = schema(tuple[Player, ...])["$defs"]["Position"]["properties"]

    assert position["at"]["unit"] == position["read"]["unit"] == "seconds"
    assert "unit" not in position["rate"]


def test_reading_matches_the_schema_of_its_topic() -> None:
    player = Player(
        id=PlayerId("player1"),
        name="mpv",
        playing=True,
        title="One",
        position=Position(Seconds(1), Seconds(2), 1.0),
    )
    validator = jsonschema.Draft202012Validator(schema(tuple[Player, ...]))

    validator.validate([msgspec.to_builtins(player)])
    assert list(validator.iter_errors([{"id": 7}]))


def test_schema_of_a_command_has_its_arguments() -> None:
    found = schema(PlayPause)["$defs"]["PlayPause"]

    assert found["properties"] == {"player": {"type": "string", "description": "Id of the player"}}
    assert found["required"] == ["player"]
