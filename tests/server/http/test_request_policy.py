import socket
from collections.abc import Callable

import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import BaseRequest
from multidict import CIMultiDict

from deskwire.model.problems import TokenRefused
from deskwire.server.http.problems import BadRequest, ForeignOrigin, Misdirected
from deskwire.server.http.request_policy import RequestPolicy, bearer

NAMES = RequestPolicy(
    allowed_hosts=["desk.example", "Side.example:8443"],
    allowed_origins=["https://panel.example"],
    public_url="https://public.example:9000/desk",
    trusted_proxies=["10.0.0.0/8"],
)


def request(*headers: tuple[str, str], path: str = "/", remote: str = "192.0.2.7") -> BaseRequest:
    asked = make_mocked_request("GET", path, CIMultiDict(headers))
    return asked.clone(remote=remote)


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8765", "127.0.0.1:8765", "192.168.1.5", "[::1]:8765", "[fe80::1]",
     "desk.example", "desk.example.:443", "public.example:9000", "side.example:8443"],
)  # fmt: skip
def test_a_host_of_ours_passes(host: str) -> None:
    assert NAMES.check(request(("Host", host))) == host


@pytest.mark.parametrize(
    "host",
    ["evil.example", "desk.example.evil.example", "127.0.0.1.nip.io", "side.example",
     "side.example:443", "side.example.:8444"],
)  # fmt: skip
def test_a_host_that_is_none_of_ours_is_misdirected(host: str) -> None:
    with pytest.raises(Misdirected):
        NAMES.check(request(("Host", host)))


@pytest.mark.parametrize("host", ["desk.lan", "desk", "desk.local", "DESK:8765"])
def test_the_machines_own_names_pass(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "desk.lan")
    names = RequestPolicy(allowed_hosts=[], allowed_origins=[], public_url="", trusted_proxies=[])

    assert names.check(request(("Host", host))) == host


@pytest.mark.parametrize(
    "headers",
    [(), (("Host", ""),), (("Host", "a"), ("Host", "localhost")), (("Host", "local host"),),
     (("Host", "localhost:99999999"),), (("Host", "user@localhost"),), (("Host", "[::1"),)],
)  # fmt: skip
def test_an_odd_host_is_a_bad_request(headers: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(BadRequest):
        NAMES.check(request(*headers))


def test_an_absolute_target_is_a_bad_request() -> None:
    with pytest.raises(BadRequest):
        NAMES.check(request(("Host", "localhost"), path="http://localhost/"))


@pytest.mark.parametrize(
    "origin",
    ["https://localhost:8765", "http://LOCALHOST:8765", "https://panel.example",
     "https://public.example:9000"],
)  # fmt: skip
def test_our_own_page_may_ask(origin: str) -> None:
    NAMES.check(request(("Host", "localhost:8765"), ("Origin", origin)))


@pytest.mark.parametrize(
    "origin",
    ["null", "", "https://evil.example", "https://localhost", "https://localhost:8765.evil.example",
     "file://", "https://panel.example:8443"],
)  # fmt: skip
def test_another_page_may_not(origin: str) -> None:
    with pytest.raises(ForeignOrigin):
        NAMES.check(request(("Host", "localhost:8765"), ("Origin", origin)))


def test_two_origins_may_not() -> None:
    ours = ("Origin", "https://localhost")

    with pytest.raises(ForeignOrigin):
        NAMES.check(request(("Host", "localhost"), ours, ours))


def test_nobody_names_another_client() -> None:
    asked = request(("X-Forwarded-For", "203.0.113.9"))

    assert NAMES.address(asked) == "192.0.2.7"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [("203.0.113.9", "203.0.113.9"), ("1.1.1.1, 203.0.113.9, 10.0.0.3", "203.0.113.9"),
     ("junk", "10.0.0.2"), ("", "10.0.0.2"), ("2001:db8::9, ::ffff:10.0.0.3", "2001:db8::9")],
)  # fmt: skip
@pytest.mark.parametrize("proxy", ["10.0.0.2", "::ffff:10.0.0.2"])
def test_a_trusted_proxy_does(proxy: str, forwarded: str, address: str) -> None:
    asked = request(("X-Forwarded-For", forwarded), remote=proxy)

    assert NAMES.address(asked) == address
    assert NAMES.came_by_tls(request(("X-Forwarded-Proto", "https"), remote=proxy)) is True


def test_a_line_that_the_client_wrote_is_not_taken_for_the_proxys() -> None:
    lines = (("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "203.0.113.9"))

    assert NAMES.address(request(*lines, remote="10.0.0.2")) == "203.0.113.9"


@pytest.mark.parametrize(
    ("remote", "said", "by_tls"),
    [("10.0.0.2", ("https",), True), ("10.0.0.2", ("http",), False), ("10.0.0.2", (), None),
     ("10.0.0.2", ("http", "HTTPS"), True), ("10.0.0.2", ("gopher",), None),
     ("192.0.2.7", ("https",), None)],
)  # fmt: skip
def test_only_a_trusted_proxy_says_by_which_scheme_one_came(
    remote: str, said: tuple[str, ...], by_tls: bool | None
) -> None:
    asked = request(*(("X-Forwarded-Proto", scheme) for scheme in said), remote=remote)

    assert NAMES.came_by_tls(asked) is by_tls


@pytest.mark.parametrize("value", ["Bearer abc.d-e_f", "bearer abc.d-e_f", "BEARER   abc.d-e_f "])
def test_a_bearer_is_read(value: str) -> None:
    assert bearer(request(("Authorization", value))) == "abc.d-e_f"


@pytest.mark.parametrize(
    "values", [(), ("Basic abc",), ("Bearer",), ("Bearer a b",), ("Bearer a", "Bearer a")]
)
def test_anything_else_is_no_bearer(values: tuple[str, ...]) -> None:
    with pytest.raises(TokenRefused):
        bearer(request(*(("Authorization", value) for value in values)))


def test_a_token_in_the_url_is_not_seen() -> None:
    read: Callable[[BaseRequest], str] = bearer

    with pytest.raises(TokenRefused):
        read(request(path="/?access_token=abc&Authorization=Bearer%20abc"))
