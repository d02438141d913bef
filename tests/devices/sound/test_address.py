import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.sound.address import PORT, Tcp, Unix, parse_servers


@pytest.mark.parametrize(
    ("address", "places"),
    [
        ("", []),
        ("unix:/run/user/7/pulse/native", [Unix("/run/user/7/pulse/native")]),
        ("/run/pulse/native", [Unix("/run/pulse/native")]),
        ("{0123abcd}unix:/run/pulse/native", [Unix("/run/pulse/native")]),
        ("tcp:media.lan", [Tcp("media.lan", PORT)]),
        ("tcp4:10.0.0.2:4000", [Tcp("10.0.0.2", 4000)]),
        ("tcp6:[fe80::1]:4000", [Tcp("fe80::1", 4000)]),
        ("[::1]", [Tcp("::1", PORT)]),
        ("media.lan", [Tcp("media.lan", PORT)]),
        ("media.lan:4000", [Tcp("media.lan", 4000)]),
        ("unix:/a tcp:b /c", [Unix("/a"), Tcp("b", PORT), Unix("/c")]),
        ("tcp: : unix:/a", [Unix("/a")]),
    ],
)
def test_address_list_is_parsed_in_order(address: str, places: list[Unix | Tcp]) -> None:
    assert parse_servers(address) == places


@given(st.text())
def test_any_text_is_parsed_without_an_error(address: str) -> None:
    parse_servers(address)
