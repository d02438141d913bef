import struct

from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.adapters import Adapter
from deskwire.devices.netlink import encode_attribute, open_socket
from deskwire.devices.nl80211 import (
    Interface,
    adapter_of,
    parse_interfaces,
    read_adapters,
)

STATION, ACCESS_POINT, P2P_DEVICE = 2, 3, 10


def interface_message(name: str, kind: int, ssid: bytes = b"") -> bytes:
    """Lay out one answer to GET_INTERFACE, with attributes of others' around ours."""
    return (
        b"\7\1\0\0"
        + encode_attribute(3, struct.pack("=I", 4))
        + encode_attribute(4, name.encode() + b"\0")
        + encode_attribute(1, struct.pack("=I", 0))
        + encode_attribute(5, struct.pack("=I", kind))
        + encode_attribute(6, b"\2\0\0\0\1\0")
        + (encode_attribute(52, ssid) if ssid else b"")
    )


def test_an_interface_is_read_from_the_kernels_answer() -> None:
    answers = [interface_message("wlan0", STATION, "Café ☕".encode())]

    assert parse_interfaces(answers) == [
        Interface(struct.pack("=I", 4), "wlan0", STATION, "Café ☕".encode())
    ]


def test_what_is_no_network_interface_is_left_out() -> None:
    p2p_device = b"\7\1\0\0" + encode_attribute(5, struct.pack("=I", P2P_DEVICE))

    assert parse_interfaces([p2p_device]) == []


def test_an_ssid_is_no_connection_while_the_station_table_is_empty() -> None:
    interface = Interface(b"", "wlan0", STATION, b"Bazinga! 5G")

    assert adapter_of(interface, station=False) == Adapter("wlan0", connected=False)
    assert adapter_of(interface, station=True) == Adapter("wlan0", True, "Bazinga! 5G")


def test_a_driver_without_a_station_table_is_believed_by_its_ssid() -> None:
    connected = Interface(b"", "wlan0", STATION, b"Bazinga! 5G")

    assert adapter_of(connected, station=None) == Adapter("wlan0", True, "Bazinga! 5G")
    assert adapter_of(connected._replace(ssid=b""), station=None) == Adapter("wlan0", False)


def test_an_interface_that_is_an_access_point_is_not_connected() -> None:
    interface = Interface(b"", "wlan0", ACCESS_POINT, b"mine")

    assert adapter_of(interface, station=True) == Adapter("wlan0", connected=False)


@given(st.lists(st.binary(max_size=80)))
def test_answers_of_any_kind_are_survived(junk: list[bytes]) -> None:
    for interface in parse_interfaces(junk):
        assert adapter_of(interface, station=True).name == interface.name


def test_a_kernel_without_wireless_networking_has_no_adapter() -> None:
    """The machine that runs this has none; one that has is emulated in tests/system."""
    with open_socket() as events:
        assert read_adapters(events) == []
