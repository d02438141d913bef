import pytest

from deskwire.client.address import host_and_port, parse_address, socket_fits


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("desk.local", "https://desk.local:8765"),
        ("desk.local:9000", "https://desk.local:9000"),
        (" 192.168.1.7 ", "https://192.168.1.7:8765"),
        ("::1", "https://[::1]:8765"),
        ("fe80::1ff:fe23:4567:890a", "https://[fe80::1ff:fe23:4567:890a]:8765"),
        ("[::1]:9000", "https://[::1]:9000"),
        ("https://desk.example", "https://desk.example"),
        ("https://desk.example/desk/", "https://desk.example/desk"),
        ("http://127.0.0.1:8765/", "http://127.0.0.1:8765"),
    ],
)
def test_typed_address_is_parsed(typed: str, address: str) -> None:
    assert parse_address(typed) == address


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ftp://desk",
        "desk:port",
        "desk:99999",
        "https://",
        "a b",
        "https://me:pw@desk",
        "desk?x=1",
    ],
)
def test_malformed_address_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"address|port"):
        parse_address(typed)


@pytest.mark.parametrize(
    ("address", "there"),
    [
        ("https://desk.example", ("desk.example", 443)),
        ("http://desk.example", ("desk.example", 80)),
        ("https://[::1]:8765", ("::1", 8765)),
    ],
)
def test_an_address_says_where_to_connect(address: str, there: tuple[str, int]) -> None:
    assert host_and_port(address) == there


@pytest.mark.parametrize(
    ("address", "socket", "fits"),
    [
        ("https://desk:8765", "wss://desk:8765/v1/monitor/x/ws", True),
        ("https://desk:8765", "wss://other.example/v1/monitor/x/ws", True),
        ("http://127.0.0.1:1", "ws://127.0.0.1:1/v1/monitor/x/ws", True),
        ("http://127.0.0.1:1", "wss://127.0.0.1:1/v1/monitor/x/ws", True),
        ("https://desk:8765", "ws://desk:8765/v1/monitor/x/ws", False),
        ("https://desk:8765", "https://desk:8765/v1/monitor/x/ws", False),
        ("https://desk:8765", "wss://", False),
        ("https://desk:8765", "wss://desk:port/", False),
        ("https://desk:8765", "", False),
    ],
)
def test_socket_address_less_secure_than_the_desk_is_refused(
    address: str, socket: str, fits: bool
) -> None:
    assert socket_fits(address, socket) is fits
