import errno
import os
import socket
from collections.abc import Iterator

import pytest

from deskwire.daemon import port as module
from deskwire.daemon.config.settings import Server
from deskwire.daemon.port import PortTaken, describe_failure, inherited_socket, server_url


@pytest.fixture
def passed_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[socket.socket]]:
    """Return a list whose sockets systemd passes on."""
    sockets: list[socket.socket] = []
    monkeypatch.setattr(module, "inherited_sockets", lambda _: sockets)
    yield sockets
    for each in sockets:
        each.close()


def test_usually_no_socket_is_inherited() -> None:
    assert inherited_socket(Server(), {}) is None


def test_listening_socket_is_inherited(passed_on: list[socket.socket]) -> None:
    passed_on.append(socket.create_server(("127.0.0.1", 0)))

    assert inherited_socket(Server(tls=False), {}) is passed_on[0]


def test_two_inherited_sockets_are_refused(passed_on: list[socket.socket]) -> None:
    passed_on += [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]

    with pytest.raises(PortTaken, match="2 sockets, expected one"):
        inherited_socket(Server(), {})
    assert [each.fileno() for each in passed_on] == [-1, -1]


def test_inherited_socket_that_is_not_tcp_is_refused(passed_on: list[socket.socket]) -> None:
    passed_on.append(socket.socket(socket.AF_UNIX))

    with pytest.raises(PortTaken, match="not TCP"):
        inherited_socket(Server(), {})


def test_inherited_socket_without_tls_must_be_on_loopback(passed_on: list[socket.socket]) -> None:
    passed_on.append(socket.create_server(("0.0.0.0", 0)))
    server = Server(host="127.0.0.1", tls=False)

    with pytest.raises(PortTaken, match=r"0\.0\.0\.0, but server\.tls is off"):
        inherited_socket(server, {})


@pytest.mark.parametrize(
    ("server", "host", "expected"),
    [
        (Server(), "192.0.2.7", "https://192.0.2.7:8765"),
        (Server(tls=False), "::1", "http://[::1]:8765"),
        (Server(public_url="https://desk.example"), "192.0.2.7", "https://192.0.2.7:8765"),
    ],
)
def test_server_url_is_valid_in_a_browser(server: Server, host: str, expected: str) -> None:
    assert server_url(server, host, 8765) == expected


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EADDRINUSE, "Address already in use; choose another port with --port"),
        (errno.EADDRNOTAVAIL, "Cannot assign requested address; choose an address of this"),
    ],
)
def test_failure_names_the_option_to_change(number: int, advice: str) -> None:
    message = describe_failure("192.0.2.7", 8765, OSError(number, os.strerror(number)))

    assert message.startswith(f"cannot listen on 192.0.2.7 port 8765: {advice}")
