from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.dbus.objects import Tree
from deskwire.devices.wireless.adapters import Adapter
from deskwire.devices.wireless.iwd import DEVICE, NETWORK, STATION, parse_adapters

DEVICE_PATH = "/net/connman/iwd/0/4"
NETWORK_PATH = f"{DEVICE_PATH}/436166c3a9_psk"


def tree(**station: Any) -> Tree:
    return {
        DEVICE_PATH: {DEVICE: {"Name": "wlan0", "Mode": "station"}, STATION: station},
        NETWORK_PATH: {NETWORK: {"Name": "Café ☕"}},
    }


@pytest.mark.parametrize("state", ["connected", "roaming"])
def test_roaming_station_is_connected(state: str) -> None:
    found = parse_adapters(tree(State=state, ConnectedNetwork=NETWORK_PATH))

    assert found == [Adapter("wlan0", connected=True, ssid="Café ☕")]


@pytest.mark.parametrize("state", ["connecting", "disconnecting", "disconnected", "", None, 1])
def test_a_network_named_while_still_connecting_is_no_connection(state: Any) -> None:
    found = parse_adapters(tree(State=state, ConnectedNetwork=NETWORK_PATH))

    assert found == [Adapter("wlan0", connected=False)]


def test_a_network_that_is_gone_is_no_connection() -> None:
    assert parse_adapters(tree(State="connected")) == [Adapter("wlan0", connected=False)]


def test_a_device_that_is_off_has_no_station_and_is_not_connected() -> None:
    off: Tree = {DEVICE_PATH: {DEVICE: {"Name": "wlan0"}}}

    assert parse_adapters(off) == [Adapter("wlan0", connected=False)]


VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.binary()
PATHS = st.sampled_from(["/", DEVICE_PATH, NETWORK_PATH, "connected"])


@given(
    st.dictionaries(
        PATHS,
        st.dictionaries(
            st.sampled_from([DEVICE, STATION, NETWORK]),
            st.dictionaries(st.sampled_from(["Name", "State", "ConnectedNetwork"]), VALUES | PATHS),
        ),
    )
)
def test_properties_of_any_type_are_survived(junk: Tree) -> None:
    for adapter in parse_adapters(junk):
        assert adapter.connected or not adapter.ssid
