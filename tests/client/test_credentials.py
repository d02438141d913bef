import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.client.credentials import Credentials, Login, SocketToken, lifetime
from deskwire.model.problems import Problem, WrongCredentials
from deskwire.model.units import Seconds


def jwt(claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{body}.c2ln"


@pytest.mark.parametrize(("after", "due"), [(0, False), (899, False), (900, True), (2000, True)])
def test_a_login_is_renewed_when_a_tenth_of_it_is_left(after: float, due: bool) -> None:
    login = Login("t", since=Seconds(5000), until=Seconds(6000))

    assert login.is_due(Seconds(5000 + after)) is due


def test_a_ticket_says_how_long_its_session_lasts() -> None:
    ticket = SocketToken(jwt({"iat": 1_700_000_000, "exp": 1_700_001_200}), "wss://desk/")

    assert ticket.lasts == Seconds(1200)


@pytest.mark.parametrize(
    "token",
    [
        "opaque",
        "a.b.c",
        "a.é.c",
        jwt({"exp": 5}),
        jwt({"iat": 5, "exp": 5}),
        jwt({"iat": 5, "exp": "later"}),
        jwt([]),
    ],
)
def test_a_token_that_does_not_say_how_long_it_lives_is_fine(token: str) -> None:
    assert lifetime(token) is None


@given(st.text())
def test_no_token_is_too_strange(token: str) -> None:
    assert lifetime(f"x.{token}.y") is None or token


def test_no_secret_shows_in_a_trace() -> None:
    ticket = SocketToken("secret1", "wss://desk/")
    login = Login("secret2", Seconds(0), Seconds(1))
    credentials = Credentials("ann", "secret3")

    assert "secret" not in f"{ticket!r} {login!r} {credentials!r}"


async def test_who_is_asked_for_a_password_is_told_what_was_wrong() -> None:
    told: list[Problem | None] = []

    async def ask(why: Problem | None) -> str | None:
        told.append(why)
        return "second" if why else "first"

    credentials = Credentials("ann", ask)
    wrong = WrongCredentials("wrong")

    assert await credentials.password(None) == "first"
    assert await credentials.password(wrong) == "second"
    assert told == [None, wrong]
    assert (credentials.known, credentials.tries) == (False, 3)


async def test_who_gives_no_password_gives_up() -> None:
    async def ask(_: Problem | None) -> str | None:
        return None

    with pytest.raises(WrongCredentials):
        await Credentials("ann", ask).password(None)
