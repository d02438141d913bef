import datetime as dt
import http.server
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from deskwire.art import remote
from deskwire.art.picture import LARGEST, NotAPicture
from deskwire.art.remote import fetch, is_public
from deskwire.server.net.self_signed import make_certificate
from tests.support.media import PNG
from tests.support.time_scaling import patiently
from tests.support.web_server import WebServer, content, redirection


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer({"/a.png?size=3": content(PNG)}) as web:
        yield web


@pytest.fixture
def _at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take this machine's own address for a public one."""
    monkeypatch.setattr(remote, "is_public", lambda address: address == "127.0.0.1")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    make_certificate(tmp_path, ["127.0.0.1"], dt.datetime.now(dt.UTC))
    return tmp_path / "certificate.pem"


@pytest.fixture
def secure_web(certificate: Path) -> Iterator[WebServer]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with WebServer({"/a.png": content(PNG)}, tls) as web:
        yield web


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_the_public_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.251",
        "239.255.255.250",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::fb",
        "ff0e::1",
        "::ffff:127.0.0.1",
        "::ffff:192.168.1.1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2001:db8::1",
    ],
)
def test_everything_else_is_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "2130706433"])
def test_the_desks_own_network_is_never_asked(web: WebServer, host: str) -> None:
    with pytest.raises((NotAPicture, OSError)):
        fetch(web.url("/a.png?size=3", host))

    assert web.requests == []


@pytest.mark.usefixtures("_at_home")
def test_a_name_with_one_address_that_is_not_public_is_not_asked(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(2, 1, 6, "", (address, 80)) for address in ("127.0.0.1", "192.168.1.1")]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)

    with pytest.raises(NotAPicture, match="public"):
        fetch(web.url("/a.png?size=3", "mixed.example"))
    assert web.requests == []


@pytest.mark.usefixtures("_at_home")
def test_a_picture_is_fetched(web: WebServer) -> None:
    assert fetch(web.url("/a.png?size=3")) == PNG


@pytest.mark.usefixtures("_at_home")
def test_picture_is_fetched_over_tls_from_a_trusted_server(
    secure_web: WebServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotAPicture, match="self-signed"):
        fetch(secure_web.url("/a.png"))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    assert fetch(secure_web.url("/a.png")) == PNG
    assert secure_web.requests == ["/a.png"]


@pytest.mark.usefixtures("_at_home")
def test_a_redirection_is_followed(web: WebServer) -> None:
    web.answers["/old"] = redirection("/a.png?size=3")

    assert fetch(web.url("/old")) == PNG


@pytest.mark.usefixtures("_at_home")
@pytest.mark.parametrize(
    "to", ["http://127.0.0.2/a.png", "file:///etc/passwd", "ftp://127.0.0.1/", "http://[", "/loop"]
)
def test_a_redirection_leads_to_public_addresses_only_and_not_on_for_ever(
    web: WebServer, to: str
) -> None:
    web.answers["/loop"] = redirection(to)

    with pytest.raises(NotAPicture):
        fetch(web.url("/loop"))

    assert len(web.requests) <= 4


@pytest.mark.usefixtures("_at_home")
@pytest.mark.parametrize("status", [204, 206, 403, 404, 500])
def test_an_answer_without_a_picture_is_none(web: WebServer, status: int) -> None:
    web.answers["/a"] = content(PNG, status=status)

    with pytest.raises(NotAPicture):
        fetch(web.url("/a"))


@pytest.mark.usefixtures("_at_home")
def test_no_more_is_read_than_a_picture_may_have(web: WebServer) -> None:
    sent = 0

    def endless(request: http.server.BaseHTTPRequestHandler) -> None:
        nonlocal sent
        request.send_response(200)
        request.end_headers()
        try:
            while sent < 10 * LARGEST:
                sent += request.wfile.write(bytes(65536))
        except OSError:
            pass

    web.answers["/endless"] = endless

    with pytest.raises(NotAPicture, match="large"):
        fetch(web.url("/endless"))

    assert sent < 10 * LARGEST


@pytest.mark.usefixtures("_at_home")
@pytest.mark.parametrize("trickles", ["nothing", "a head", "a picture"])
def test_a_server_that_takes_too_long_is_given_up(
    web: WebServer, monkeypatch: pytest.MonkeyPatch, trickles: str
) -> None:
    monkeypatch.setattr(remote, "WITHIN", 0.1)
    done = threading.Event()

    def trickle(request: http.server.BaseHTTPRequestHandler) -> None:
        if trickles == "a head":
            request.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        if trickles == "a picture":
            request.send_response(200)
            request.end_headers()
        with suppress(OSError):
            while trickles != "nothing" and not done.wait(0.02) and time.monotonic() < begun + 3:
                request.wfile.write(b"\x89")
        done.wait(5)

    web.answers["/slow"] = trickle
    begun = time.monotonic()

    with pytest.raises((NotAPicture, OSError)):
        fetch(web.url("/slow"))

    took = time.monotonic() - begun
    done.set()
    assert took < patiently(0.5)


@pytest.mark.usefixtures("_at_home")
def test_half_a_picture_is_none(web: WebServer) -> None:
    def half(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(PNG)

    web.answers["/half"] = half

    with pytest.raises(NotAPicture, match="early"):
        fetch(web.url("/half"))


@pytest.mark.usefixtures("_at_home")
def test_a_server_that_speaks_no_http_is_given_up(web: WebServer) -> None:
    def garbage(request: http.server.BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"\0\0garbage\r\n\r\n")

    web.answers["/odd"] = garbage

    with pytest.raises(NotAPicture):
        fetch(web.url("/odd"))
