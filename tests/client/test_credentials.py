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
def test_login_is_due_with_a_tenth_of_its_lifetime_left(after: float, due: bool) -> None:
    login = Login("t", since=Seconds(5000), until=Seconds(6000))

    assert login.is_due(Seconds(5000 + after)) is due


def test_socket_token_gives_the_session_lifetime() -> None:
    socket_token = SocketToken(jwt({"iat": 1_700_000_000, "exp": 1_700_001_200}), "wss://desk/")

    assert socket_token.lasts == Seconds(1200)


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
def test_token_without_a_lifetime_is_accepted(token: str) -> None:
    assert lifetime(token) is None


@given(st.text())
def test_no_token_is_too_strange(token: str) -> None:
    assert lifetime(f"x.{token}.y") is None or token


def test_no_secret_shows_in_a_trace() -> None:
    socket_token = SocketToken("secret1", "wss://desk/")
    login = Login("secret2", Seconds(0), Seconds(1))
    credentials = Credentials("ann", "secret3")

    assert "secret" not in f"{socket_token!r} {login!r} {credentials!r}"


async def test_password_prompt_gets_the_previous_problem() -> None:
    shown: list[Problem | None] = []

    async def ask(why: Problem | None) -> str | None:
        shown.append(why)
        return "second" if why else "first"

    credentials = Credentials("ann", ask)
    wrong = WrongCredentials("wrong")

    assert await credentials.password(None) == "first"
    assert await credentials.password(wrong) == "second"
    assert shown == [None, wrong]
    assert (credentials.known, credentials.tries) == (False, 3)


async def test_missing_password_ends_the_login() -> None:
    async def ask(_: Problem | None) -> str | None:
        return None

    with pytest.raises(WrongCredentials):
        await Credentials("ann", ask).password(None)
