import sqlite3
from functools import partial

import pytest

from deskwire.auth.logins import MAX_ADDRESSES_PER_USER, Login, insert, new_login
from deskwire.auth.passwords import Passwords
from deskwire.auth.state_directory import StateDirectory
from deskwire.auth.users import User, Users
from deskwire.model.access import ALL_SCOPES, LoginId
from deskwire.model.instant import Instant
from deskwire.model.units import Seconds

ANN = User("ann", ALL_SCOPES, Seconds(0.0), "g")
WEEK = 7 * 86400.0


def at(wall: float, boot: float) -> Instant:
    return Instant(wall=Seconds(wall), boot=Seconds(boot))


def begin(now: Instant, *, boot: str = "b1", agent: str = "phone") -> Login:
    return new_login(
        ANN, address="192.0.2.1", agent=agent, now=now, lifetime=Seconds(WEEK), boot=boot
    )


def test_a_login_lasts_its_lifetime_by_the_clock_nobody_can_set() -> None:
    login = begin(at(1000.0, 50.0))

    assert (login.created, login.expires) == (1000.0, 1000.0 + WEEK)
    assert login.left(at(5e9, 60.0), "b1") == WEEK - 10.0
    assert login.left(at(2000.0, 1.0), "b2") == WEEK - 1000.0


def test_no_two_logins_have_one_id() -> None:
    assert len({begin(at(0.0, 0.0)).id for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("Mozilla/5.0 (X11; Linux)", "Mozilla/5.0 (X11; Linux)"),
        ("x" * 5000, "x" * 200),
        ("\x1b]0;owned\x07\r\n", "�]0;owned���"),
        ("half \ud800", "half �"),
    ],
)
def test_what_a_screen_calls_itself_can_be_shown_on_a_terminal(told: str, kept: str) -> None:
    assert begin(at(0.0, 0.0), agent=told).agent == kept
    assert begin(at(0.0, 0.0), agent=told.ljust(300)).agent == kept.ljust(200)


async def test_old_logins_and_addresses_are_let_go(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deskwire.auth.logins.MAX_LOGINS_PER_USER", 5)
    await Users(state, Passwords(memory_kib=1024)).add("ann", "correct horse", ALL_SCOPES)
    await state.change(lambda connection: connection.execute("UPDATE users SET generation = 'g'"))
    days = [0.0, 6.0, 7.5, 8.5]
    for day in days:
        login = begin(at(day * 86400.0, 5.0), boot=f"b{day}", agent=str(day))
        await state.change(partial(write, login))
    after_days = await agents(state)
    for number in range(50):
        login = Login(
            LoginId(str(number)), "ann", ALL_SCOPES, f"192.0.2.{number}", "many",
            Seconds(8.5 * 86400.0), Seconds(9e9),
        )  # fmt: skip
        await state.change(partial(write, login))
    known = await state.read(
        lambda connection: connection.execute(
            "SELECT neighbourhood FROM known_addresses"
        ).fetchall()
    )

    assert after_days == ["6.0", "7.5", "8.5"]
    assert await agents(state) == ["many"] * 5
    assert known == [(f"192.0.2.{number}",) for number in range(50 - MAX_ADDRESSES_PER_USER, 50)]


def write(login: Login, connection: sqlite3.Connection) -> None:
    """Write it down at the moment it began."""
    insert(connection, login, "g", at(login.created, 5.0))


async def agents(state: StateDirectory) -> list[str]:
    rows = await state.read(
        lambda connection: connection.execute("SELECT agent FROM logins ORDER BY rowid").fetchall()
    )
    return [agent for (agent,) in rows]
