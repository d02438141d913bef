import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import BaseRequest
from multidict import CIMultiDict

from deskwire.model.problems import TokenRefused
from deskwire.model.units import Seconds
from deskwire.server.http.cookie import LoginCookie

DESK = "6b1c2d3e-0000-4000-8000-000000000000"
SECURE = LoginCookie(desk=DESK, secure=True)
PLAIN = LoginCookie(desk=DESK, secure=False)


def request(*headers: tuple[str, str]) -> BaseRequest:
    return make_mocked_request("GET", "/", CIMultiDict(headers))


def attributes(header: str) -> set[str]:
    return {part.strip() for part in header.split(";")[1:]}


def test_no_script_other_site_or_plain_connection_gets_it() -> None:
    answer = SECURE.keep("token", Seconds(604800.9))

    header = answer.headers["Set-Cookie"]
    assert answer.status == 204
    assert header.startswith("__Host-deskwire-6b1c2d3e=token;")
    assert attributes(header) == {
        *("HttpOnly", "SameSite=Strict", "Secure", "Path=/", "Max-Age=604800"),
    }


def test_without_tls_it_is_not_marked_for_tls_only() -> None:
    header = PLAIN.keep("token", Seconds(60)).headers["Set-Cookie"]

    assert header.startswith("deskwire-6b1c2d3e=token;")
    assert "Secure" not in attributes(header)


def test_it_comes_back_as_it_went_among_others() -> None:
    asked = request(("Cookie", f"theme=dark; {SECURE.name}=eyJ.a-b_c.d; other=1"))

    assert SECURE.read(asked) == "eyJ.a-b_c.d"


def test_another_desks_cookie_is_not_this_ones() -> None:
    other = LoginCookie(desk="ffffffff-0000-4000-8000-000000000000", secure=True)

    with pytest.raises(TokenRefused):
        SECURE.read(request(("Cookie", f"{other.name}=token")))


@pytest.mark.parametrize(
    "cookie", ["", "=", ";;;", "\x00", 'a="', "deskwire-6b1c2d3e", f"{SECURE.name}="]
)
def test_what_is_no_cookie_of_ours_is_refused(cookie: str) -> None:
    with pytest.raises(TokenRefused):
        SECURE.read(request(("Cookie", cookie)))


@pytest.mark.parametrize("site", ["cross-site", "same-site", "SAME-ORIGIN", ""])
def test_a_neighbour_on_another_port_is_not_the_page(site: str) -> None:
    asked = request(("Cookie", f"{SECURE.name}=token"), ("Sec-Fetch-Site", site))

    with pytest.raises(TokenRefused):
        SECURE.read(asked)


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_page_itself_is(site: str) -> None:
    asked = request(("Cookie", f"{SECURE.name}=token"), ("Sec-Fetch-Site", site))

    assert SECURE.read(asked) == "token"


def test_it_is_forgotten_at_once() -> None:
    header = SECURE.forget().headers["Set-Cookie"]

    assert header.startswith(f"{SECURE.name}=;")
    assert "Max-Age=0" in attributes(header)
