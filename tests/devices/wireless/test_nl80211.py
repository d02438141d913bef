import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.kernel.netlink import encode_attribute, open_socket
from deskwire.devices.wireless.adapters import Adapter
from deskwire.devices.wireless.nl80211 import (
    AD_HOC,
    STATION,
    Interface,
    make_adapter,
    parse_interfaces,
    parse_network,
    parse_ssid,
    read_adapters,
)

ACCESS_POINT, P2P_DEVICE = 3, 10
REPLIES = Path(__file__).parents[2] / "captured/nl80211/answers.json"
"""Replies of Linux 6.1 about three emulated radios: wlan1 idle, having scanned, connected, and
connected to a network whose beacons hide its name. Little-endian, hexadecimal."""


def captured(moment: str, answers_to: str) -> list[bytes]:
    recorded = json.loads(REPLIES.read_text(encoding="ascii"))[moment][answers_to]
    return [bytes.fromhex(answer) for answer in recorded]


@pytest.mark.parametrize("moment", ["idle", "scanned", "connected", "hidden"])
def test_interfaces_are_decoded_from_recorded_replies(moment: str) -> None:
    own = [(i.name, i.kind) for i in parse_interfaces(captured(moment, "interfaces"))]

    assert ("wlan1", STATION) in own
    assert sorted(name for name, _ in own) == ["wlan0", "wlan1", "wlan2"]
    assert {kind for name, kind in own if name != "wlan1"} <= {STATION, ACCESS_POINT}


@pytest.mark.parametrize(
    ("moment", "network"),
    [
        ("idle", None),
        ("scanned", None),
        ("connected", "Café ☕".encode()),
        ("hidden", b"Hidden"),
    ],
)
def test_of_the_networks_on_the_air_only_the_joined_one_counts(
    moment: str, network: bytes | None
) -> None:
    assert parse_network(captured(moment, "scan")) == network


def received(*, status: int | None = 1, answered: bytes = b"", beacon: bytes = b"") -> bytes:
    """Lay out one answer to GET_SCAN."""
    network = (
        encode_attribute(1, b"\2\0\0\0\0\0")
        + (encode_attribute(6, answered) if answered else b"")
        + (encode_attribute(9, struct.pack("=I", status)) if status is not None else b"")
        + (encode_attribute(11, beacon) if beacon else b"")
    )
    return b"\42\1\0\0" + encode_attribute(46, b"\0\0\0\0") + encode_attribute(47, network)


SSID = b"\0\4Cafe"
HIDDEN = b"\0\4\0\0\0\0"
RATES = b"\1\2\x82\x84"


@pytest.mark.parametrize(
    ("answer", "network"),
    [
        (received(answered=RATES + SSID), b"Cafe"),
        (received(answered=HIDDEN, beacon=SSID), b"Cafe"),
        (received(answered=SSID, beacon=HIDDEN), b"Cafe"),
        (received(beacon=b"\0\0" + RATES), b""),
        (received(), b""),
        (received(status=2, answered=SSID), b"Cafe"),
        (received(status=0, answered=SSID), None),
        (received(status=None, answered=SSID), None),
    ],
)
def test_network_marked_by_the_kernel_is_joined(answer: bytes, network: bytes | None) -> None:
    assert parse_network([received(status=None, answered=b"\0\5Other"), answer]) == network


def test_p2p_device_is_left_out() -> None:
    p2p_device = b"\7\1\0\0" + encode_attribute(5, struct.pack("=I", P2P_DEVICE))

    assert parse_interfaces([p2p_device]) == []


def test_an_adapter_in_a_network_is_connected_also_when_its_name_is_hidden() -> None:
    interface = Interface(b"", "wlan0", AD_HOC)

    assert make_adapter(interface, "Café".encode()) == Adapter("wlan0", True, "Café")
    assert make_adapter(interface, b"") == Adapter("wlan0", True)
    assert make_adapter(interface, None) == Adapter("wlan0", False)


@given(st.binary(max_size=32).filter(bytes.strip), st.binary(max_size=20))
def test_an_ssid_is_found_among_other_elements(ssid: bytes, after: bytes) -> None:
    elements = RATES + bytes([0, len(ssid)]) + ssid + after

    assert parse_ssid(elements) == ssid.strip(b"\0")


@given(st.lists(st.binary(max_size=80)))
def test_answers_of_any_kind_are_survived(junk: list[bytes]) -> None:
    network = parse_network(junk)
    for interface in parse_interfaces(junk):
        assert make_adapter(interface, network).connected is (network is not None)
    for elements in junk:
        assert len(parse_ssid(elements)) < 256


def test_a_kernel_without_wireless_networking_has_no_adapter() -> None:
    """The machine that runs this has none; one that has is emulated in tests/system."""
    with open_socket() as events:
        assert read_adapters(events) == []
