import errno
import os
import socket
from collections.abc import Iterator

import pytest

from deskwire.daemon import port as module
from deskwire.daemon.config.settings import Server
from deskwire.daemon.port import PortTaken, address, inherited, why_taken


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[socket.socket]]:
    """Be handed over what a test puts in here."""
    sockets: list[socket.socket] = []
    monkeypatch.setattr(module, "inherited_sockets", lambda _: sockets)
    yield sockets
    for each in sockets:
        each.close()


def test_usually_nothing_is_handed_over() -> None:
    assert inherited(Server(), {}) is None


def test_a_listening_socket_is_served_on(handed: list[socket.socket]) -> None:
    handed.append(socket.create_server(("127.0.0.1", 0)))

    assert inherited(Server(tls=False), {}) is handed[0]


def test_two_are_too_many(handed: list[socket.socket]) -> None:
    handed += [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]

    with pytest.raises(PortTaken, match="2 sockets; one is expected"):
        inherited(Server(), {})
    assert [each.fileno() for each in handed] == [-1, -1]


def test_what_is_not_tcp_is_refused(handed: list[socket.socket]) -> None:
    handed.append(socket.socket(socket.AF_UNIX))

    with pytest.raises(PortTaken, match="not TCP"):
        inherited(Server(), {})


def test_without_tls_systemds_socket_has_to_be_loopback_too(handed: list[socket.socket]) -> None:
    handed.append(socket.create_server(("0.0.0.0", 0)))
    server = Server(host="127.0.0.1", tls=False)

    with pytest.raises(PortTaken, match=r"0\.0\.0\.0, and server\.tls is off"):
        inherited(server, {})


@pytest.mark.parametrize(
    ("server", "host", "expected"),
    [
        (Server(), "192.0.2.7", "https://192.0.2.7:8765"),
        (Server(tls=False), "::1", "http://[::1]:8765"),
        (Server(public_url="https://desk.example"), "192.0.2.7", "https://192.0.2.7:8765"),
    ],
)
def test_an_address_is_written_as_a_browser_takes_it(
    server: Server, host: str, expected: str
) -> None:
    assert address(server, host, 8765) == expected


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EADDRINUSE, "Address already in use; --port picks another"),
        (errno.EADDRNOTAVAIL, "Cannot assign requested address; --host takes an address"),
    ],
)
def test_the_word_that_is_wrong_is_named(number: int, advice: str) -> None:
    said = why_taken("192.0.2.7", 8765, OSError(number, os.strerror(number)))

    assert said.startswith(f"192.0.2.7 port 8765: {advice}")
