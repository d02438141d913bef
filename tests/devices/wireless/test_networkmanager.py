from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.dbus.objects import Tree
from deskwire.devices.wireless.adapters import Adapter
from deskwire.devices.wireless.networkmanager import ACCESS_POINT, DEVICE, WIRELESS, parse_adapters

ACCESS_POINT_PATH = "/org/freedesktop/NetworkManager/AccessPoint/1"


def tree(*, active: Any = ACCESS_POINT_PATH, **device: Any) -> Tree:
    wireless = {"ActiveAccessPoint": active, "Mode": device.pop("Mode", 2)}
    return {
        "/org/freedesktop/NetworkManager/Devices/3": {
            DEVICE: {"Interface": "wlp1s0", "DeviceType": 2, "State": 100, **device},
            WIRELESS: wireless,
        },
        ACCESS_POINT_PATH: {ACCESS_POINT: {"Ssid": "Café ☕".encode()}},
    }


def test_an_activated_device_with_an_access_point_is_connected() -> None:
    assert parse_adapters(tree()) == [Adapter("wlp1s0", connected=True, ssid="Café ☕")]


@pytest.mark.parametrize("state", [20, 30, 40, 50, 60, 70, 80, 90, 110, 120])
def test_device_before_activation_is_not_connected(
    state: int,
) -> None:
    assert parse_adapters(tree(State=state)) == [Adapter("wlp1s0", connected=False)]


@pytest.mark.parametrize("active", ["/", "/nowhere", None, 7])
def test_without_a_living_access_point_nothing_is_connected(active: Any) -> None:
    assert parse_adapters(tree(active=active)) == [Adapter("wlp1s0", connected=False)]


def test_a_hotspot_of_the_desk_is_no_connection() -> None:
    assert parse_adapters(tree(Mode=3)) == [Adapter("wlp1s0", connected=False)]


def test_a_hidden_network_is_connected_without_a_name() -> None:
    hidden = tree()
    hidden[ACCESS_POINT_PATH][ACCESS_POINT]["Ssid"] = b""

    assert parse_adapters(hidden) == [Adapter("wlp1s0", connected=True)]


@pytest.mark.parametrize("state", [0, 10, None, "100"])
def test_unmanaged_device_is_left_out(state: Any) -> None:
    assert parse_adapters(tree(State=state)) == []


def test_a_cable_is_no_wireless_adapter() -> None:
    assert parse_adapters(tree(DeviceType=1)) == []


KEYS = [DEVICE, WIRELESS, ACCESS_POINT]
NAMES = ["Interface", "DeviceType", "State", "ActiveAccessPoint", "Mode", "Ssid"]
VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.lists(st.text())
PATHS = st.sampled_from(["/", "/a", ACCESS_POINT_PATH])


@given(
    st.dictionaries(
        PATHS,
        st.dictionaries(
            st.sampled_from(KEYS), st.dictionaries(st.sampled_from(NAMES), VALUES | PATHS)
        ),
    )
)
def test_properties_of_any_type_are_survived(junk: Tree) -> None:
    for adapter in parse_adapters(junk):
        assert adapter.connected or not adapter.ssid
