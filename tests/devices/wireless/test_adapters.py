import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.wireless.adapters import Adapter, readable, reading
from deskwire.model.readings import Wifi


@pytest.mark.parametrize(
    ("ssid", "shown"),
    [
        (b"Bazinga! 5G", "Bazinga! 5G"),
        ("Café ☕".encode(), "Café ☕"),
        (b"caf\xe9", "caf\N{REPLACEMENT CHARACTER}"),
        (b"a\x00b\x1b[0m\r\n", "ab[0m"),
        ("right\u202eleft".encode(), "rightleft"),
        ("👩\u200d💻".encode(), "👩\u200d💻"),
        (bytes(32), ""),
        ("as text\u2028", "as text"),
    ],
)
def test_an_ssid_is_made_fit_to_be_shown(ssid: bytes | str, shown: str) -> None:
    assert readable(ssid) == shown


@given(st.binary(max_size=64) | st.text())
def test_any_ssid_can_be_shown_and_sent(ssid: bytes | str) -> None:
    shown = readable(ssid)

    assert shown.encode().decode() == shown
    assert not [letter for letter in shown if unicodedata.category(letter) == "Cc"]


def test_the_connected_adapter_is_shown_before_the_first() -> None:
    adapters = [Adapter("wlan0", connected=False), Adapter("wlan1", connected=True, ssid="Café")]

    assert reading(adapters) == Wifi(ssid="Café", connected=True)


def test_first_connected_adapter_by_name_is_reported() -> None:
    adapters = [
        Adapter("wlp2s0", connected=True, ssid="two"),
        Adapter("wlp1s0", connected=True, ssid="one"),
    ]

    assert reading(adapters) == reading(adapters[::-1]) == Wifi(ssid="one", connected=True)


def test_an_adapter_that_is_not_connected_has_no_name() -> None:
    assert reading([Adapter("wlan0", connected=False, ssid="left")]) == Wifi("", connected=False)


def test_without_an_adapter_there_is_no_wifi() -> None:
    assert reading([]) is None
