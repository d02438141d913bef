import ast
from pathlib import Path

import pytest

from deskwire.devices.catalogue import DEVICES, create_devices, device_class
from deskwire.model.readings import Snapshot
from deskwire.model.topics import fields, meaning, schema, struct_of
from tests.support.devices import resources

FOLDER = Path(__file__).parents[2] / "src/deskwire/devices"
FRAMEWORK = {"__init__", "catalogue", "device", "ticker"}
"""Modules of `devices/` that are no device."""


def test_catalogue_has_every_topic_of_a_snapshot_in_its_order() -> None:
    base = [name for name in DEVICES if name in Snapshot.__struct_fields__]

    assert tuple(base) == Snapshot.__struct_fields__


def test_catalogue_has_every_device_file() -> None:
    files = {file.stem for file in FOLDER.glob("*.py")}

    assert files - FRAMEWORK == DEVICES.keys()


def test_no_module_imports_a_device() -> None:
    devices = {f"deskwire.devices.{name}" for name in DEVICES}

    for file in FOLDER.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not imported & devices, file


def test_disabled_device_is_not_created() -> None:
    created = create_devices(resources(), ["wifi", "players"])

    assert created.keys() == DEVICES.keys() - {"wifi", "players"}


@pytest.mark.parametrize("name", DEVICES)
def test_device_declares_its_topic(name: str) -> None:
    device = device_class(name)

    assert device.topic.name == name
    assert device.topic.absent
    assert device(resources()).via


@pytest.mark.parametrize("name", DEVICES)
def test_device_documents_its_readings_and_commands(name: str) -> None:
    device = device_class(name)

    for declared in (struct_of(device.topic.reading), *device.commands):
        assert meaning(declared)
        assert all(field.meaning for field in fields(declared))
    assert schema(device.topic.reading)["$defs"]


def test_commands_have_names_of_their_own_topic() -> None:
    names = [(name, command.name) for name in DEVICES for command in device_class(name).commands]

    assert all(command.startswith(f"{name}.") for name, command in names)
    assert len({command for _, command in names}) == len(names)
