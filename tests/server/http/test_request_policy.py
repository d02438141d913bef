import socket

import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import BaseRequest
from multidict import CIMultiDict

from deskwire.server.http.problems import BadRequest, ForeignOrigin, Misdirected
from deskwire.server.http.request_policy import RequestPolicy

POLICY = RequestPolicy.create(
    allowed_hosts=["desk.example", "Side.example:8443"],
    allowed_origins=["https://panel.example", "app://panel"],
    public_url="https://public.example:9000/desk",
    trusted_proxies=["10.0.0.0/8"],
)


def request(*headers: tuple[str, str], path: str = "/", remote: str = "192.0.2.7") -> BaseRequest:
    mocked = make_mocked_request("GET", path, CIMultiDict(headers))
    return mocked.clone(remote=remote)


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8765", "127.0.0.1:8765", "192.168.1.5", "[::1]:8765", "[fe80::1]",
     "desk.example", "desk.example.:443", "public.example:9000", "side.example:8443"],
)  # fmt: skip
def test_known_host_is_accepted(host: str) -> None:
    assert POLICY.check(request(("Host", host))) == host


@pytest.mark.parametrize(
    "host",
    ["evil.example", "desk.example.evil.example", "127.0.0.1.nip.io", "side.example",
     "side.example:443", "side.example.:8444"],
)  # fmt: skip
def test_unknown_host_is_misdirected(host: str) -> None:
    with pytest.raises(Misdirected):
        POLICY.check(request(("Host", host)))


@pytest.mark.parametrize("host", ["desk.lan", "desk", "desk.local", "DESK:8765"])
def test_host_names_of_the_machine_are_accepted(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "desk.lan")
    policy = RequestPolicy.create()

    assert policy.check(request(("Host", host))) == host


def test_host_name_that_changes_is_accepted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = RequestPolicy.create()
    monkeypatch.setattr(socket, "gethostname", lambda: "New-Desk.lan")

    for host in ("new-desk.lan:8765", "new-desk", "New-Desk.local."):
        assert policy.check(request(("Host", host))) == host
    monkeypatch.setattr(socket, "gethostname", lambda: "newest-desk")
    assert policy.check(request(("Host", "newest-desk.local")))
    with pytest.raises(Misdirected):
        policy.check(request(("Host", "new-desk.lan")))


@pytest.mark.parametrize(
    "headers",
    [(), (("Host", ""),), (("Host", "a"), ("Host", "localhost")), (("Host", "local host"),),
     (("Host", "localhost:99999999"),), (("Host", "user@localhost"),), (("Host", "[::1"),)],
)  # fmt: skip
def test_invalid_host_is_a_bad_request(headers: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(BadRequest):
        POLICY.check(request(*headers))


def test_absolute_request_target_is_a_bad_request() -> None:
    with pytest.raises(BadRequest):
        POLICY.check(request(("Host", "localhost"), path="http://localhost/"))


@pytest.mark.parametrize(
    "origin",
    ["https://localhost:8765", "https://LOCALHOST:8765", "https://panel.example",
     "https://Panel.Example:443", "https://public.example:9000", "app://panel"],
)  # fmt: skip
def test_allowed_origin_is_accepted(origin: str) -> None:
    POLICY.check(request(("Host", "localhost:8765"), ("Origin", origin)))


@pytest.mark.parametrize(
    ("tls", "host", "origin"),
    [(True, "desk.example:443", "https://desk.example"),
     (True, "desk.example", "https://desk.example:443"),
     (True, "desk.example.", "https://desk.example"),
     (True, "[::1]:443", "https://[::1]"),
     (False, "localhost:80", "http://localhost"),
     (False, "localhost", "http://localhost:80")],
)  # fmt: skip
def test_default_port_of_the_scheme_may_be_left_out(tls: bool, host: str, origin: str) -> None:
    policy = RequestPolicy.create(tls=tls, allowed_hosts=["desk.example"])

    assert policy.check(request(("Host", host), ("Origin", origin))) == host


@pytest.mark.parametrize(
    ("tls", "host", "origin"),
    [(True, "localhost:8765", "http://localhost:8765"), (True, "localhost", "http://localhost"),
     (True, "localhost:443", "http://localhost:443"), (True, "localhost:80", "http://localhost"),
     (False, "localhost:8765", "https://localhost:8765"), (False, "localhost", "https://localhost"),
     (False, "localhost:443", "https://localhost"), (True, "localhost", "wss://localhost")],
)  # fmt: skip
def test_page_with_another_scheme_is_foreign(tls: bool, host: str, origin: str) -> None:
    policy = RequestPolicy.create(tls=tls)

    with pytest.raises(ForeignOrigin):
        policy.check(request(("Host", host), ("Origin", origin)))


@pytest.mark.parametrize(
    ("forwarded", "allowed", "refused"),
    [("https", ["https"], ["http"]), ("http", ["http"], ["https"]), (None, ["https", "http"], [])],
)
def test_scheme_behind_a_proxy_is_the_clients(
    forwarded: str | None, allowed: list[str], refused: list[str]
) -> None:
    policy = RequestPolicy.create(tls=False, trusted_proxies=["10.0.0.2"])
    proto = [("X-Forwarded-Proto", forwarded)] if forwarded else []

    def check(scheme: str) -> None:
        origin = ("Origin", f"{scheme}://localhost")
        policy.check(request(("Host", "localhost"), origin, *proto, remote="10.0.0.2"))

    for scheme in allowed:
        check(scheme)
    for scheme in refused:
        with pytest.raises(ForeignOrigin):
            check(scheme)


@pytest.mark.parametrize(
    "origin",
    ["null", "", "https://evil.example", "https://localhost", "https://localhost:8765.evil.example",
     "file://", "https://panel.example:8443"],
)  # fmt: skip
def test_foreign_origin_is_refused(origin: str) -> None:
    with pytest.raises(ForeignOrigin):
        POLICY.check(request(("Host", "localhost:8765"), ("Origin", origin)))


def test_two_origin_headers_are_refused() -> None:
    ours = ("Origin", "https://localhost")

    with pytest.raises(ForeignOrigin):
        POLICY.check(request(("Host", "localhost"), ours, ours))


def test_forwarded_for_from_an_untrusted_client_is_ignored() -> None:
    forwarded_request = request(("X-Forwarded-For", "203.0.113.9"))

    assert POLICY.client_address(forwarded_request) == "192.0.2.7"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [("203.0.113.9", "203.0.113.9"), ("1.1.1.1, 203.0.113.9, 10.0.0.3", "203.0.113.9"),
     ("junk", "10.0.0.2"), ("", "10.0.0.2"), ("2001:db8::9, ::ffff:10.0.0.3", "2001:db8::9")],
)  # fmt: skip
@pytest.mark.parametrize("proxy", ["10.0.0.2", "::ffff:10.0.0.2"])
def test_trusted_proxy_names_the_client(proxy: str, forwarded: str, address: str) -> None:
    forwarded_request = request(("X-Forwarded-For", forwarded), remote=proxy)

    assert POLICY.client_address(forwarded_request) == address
    assert POLICY.client_uses_tls(request(("X-Forwarded-Proto", "https"), remote=proxy)) is True


def test_forwarded_for_of_the_client_does_not_replace_the_proxys() -> None:
    lines = (("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "203.0.113.9"))

    assert POLICY.client_address(request(*lines, remote="10.0.0.2")) == "203.0.113.9"


@pytest.mark.parametrize(
    ("remote", "said", "uses_tls"),
    [("10.0.0.2", ("https",), True), ("10.0.0.2", ("http",), False), ("10.0.0.2", (), None),
     ("10.0.0.2", ("http", "HTTPS"), True), ("10.0.0.2", ("gopher",), None),
     ("192.0.2.7", ("https",), None)],
)  # fmt: skip
def test_forwarded_proto_counts_only_from_a_trusted_proxy(
    remote: str, said: tuple[str, ...], uses_tls: bool | None
) -> None:
    forwarded_request = request(*(("X-Forwarded-Proto", scheme) for scheme in said), remote=remote)

    assert POLICY.client_uses_tls(forwarded_request) is uses_tls
