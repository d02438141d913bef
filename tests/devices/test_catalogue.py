from pathlib import Path

from deskwire.art.artwork import Artwork
from deskwire.devices.catalogue import PERIODIC, catalogue
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.device import Device
from deskwire.devices.sound.address import SoundServers
from deskwire.model.readings import Snapshot
from deskwire.model.units import Seconds
from tests.support.captured import captured


def of(tmp_path: Path, *disabled: str) -> dict[str, Device[object]]:
    return catalogue(
        roots=captured("laptop"),
        every=Seconds(1.0),
        disk=Path("/"),
        buses=Buses(session=None, system=None),
        sound=SoundServers(""),
        artwork=Artwork(tmp_path),
        disabled=disabled,
    )


def test_there_is_a_device_for_every_field_of_a_snapshot(tmp_path: Path) -> None:
    assert tuple(of(tmp_path)) == Snapshot.__struct_fields__


def test_a_disabled_device_is_left_out(tmp_path: Path) -> None:
    left = of(tmp_path, "wifi", "players")

    assert set(Snapshot.__struct_fields__) - set(left) == {"wifi", "players"}


def test_every_device_names_its_source_and_its_absence(tmp_path: Path) -> None:
    for device in of(tmp_path).values():
        assert device.via
        assert device.absent


def test_periodic_names_are_devices(tmp_path: Path) -> None:
    assert of(tmp_path).keys() > PERIODIC
