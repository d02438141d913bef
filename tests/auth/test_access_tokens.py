import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.auth import access_tokens
from deskwire.auth.access_tokens import (
    NEVER,
    BadTokenName,
    NewToken,
    TokenExists,
    create,
    find,
    is_token_of,
    login_of,
)
from deskwire.auth.logins import MAX_LOGINS_PER_USER, insert_login, new_login, read_logins
from deskwire.auth.state_directory import open_database
from deskwire.auth.users import UnknownUser, User, insert_user, replace_password
from deskwire.model.access import ALL_SCOPES, Scope
from deskwire.model.instant import Instant
from deskwire.model.problems import OutOfScope
from deskwire.model.units import Seconds

NOW = Instant(Seconds(1_700_000_000.0), Seconds(5_000.0))
ANN = User("ann", ALL_SCOPES, Seconds(0.0), "g")
WATCHER = User("bob", frozenset({Scope.MONITOR}), Seconds(0.0), "g")
MONITOR = frozenset({Scope.MONITOR})


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_database(tmp_path / "state.db")) as connection:
        insert_user(connection, ANN, "x")
        insert_user(connection, WATCHER, "x")
        yield connection


def add(connection: sqlite3.Connection, label: str = "deck", user: str = "ann") -> str:
    return create(connection, NewToken(user, label, MONITOR), NOW, "boot")


def test_token_is_a_login_with_a_name_and_its_own_scopes(connection: sqlite3.Connection) -> None:
    token = add(connection)
    (login,) = read_logins(connection)

    assert login_of(token) == login.id == find(connection, "deck")
    assert is_token_of(login, token)
    assert (login.user, login.kind, login.label, login.scopes) == ("ann", "token", "deck", MONITOR)
    assert login.expires == NOW.wall + NEVER


@given(st.floats(1e9, 4e9))
def test_token_without_an_end_is_endless_at_any_time(wall: float) -> None:
    now = Instant(Seconds(wall), Seconds(5.0))
    endless = new_login(ANN, address="", agent="", now=now, lifetime=NEVER, boot="b")
    long = new_login(
        ANN, address="", agent="", now=now, lifetime=Seconds(36_499 * 86400.0), boot="b"
    )

    assert access_tokens.is_endless(endless)
    assert not access_tokens.is_endless(long)


def test_database_does_not_hold_the_token(connection: sqlite3.Connection) -> None:
    token = add(connection)
    rows = connection.execute("SELECT * FROM logins").fetchall()
    secret = token.removeprefix("dwt_").partition("_")[2]

    assert len(secret) == 43
    assert secret not in repr(rows)


def test_token_of_another_login_is_refused(connection: sqlite3.Connection) -> None:
    first, second = add(connection, "one"), add(connection, "two")
    logins = {login.id: login for login in read_logins(connection)}
    one, two = logins[login_of(first) or ""], logins[login_of(second) or ""]  # type: ignore[index]

    assert not is_token_of(one, second)
    assert not is_token_of(one, first[:-1] + ("A" if first[-1] != "A" else "B"))
    assert not is_token_of(two, first.replace(one.id, two.id))


def test_login_with_a_password_has_no_access_token(connection: sqlite3.Connection) -> None:
    login = new_login(ANN, address="", agent="", now=NOW, lifetime=Seconds(1.0), boot="boot")

    assert not is_token_of(login, f"dwt_{login.id}_")
    assert not is_token_of(login, "")


@given(st.text() | st.from_regex(r"dwt_.*"))
def test_any_other_text_names_no_login(text: str) -> None:
    found = login_of(text)

    assert found is None or text.startswith(f"dwt_{found}_")


@pytest.mark.parametrize("label", ["", " ", " x", "x\n", "\x1b[2J", "\ud800", "x" * 65])
def test_name_of_a_token_is_printable_and_short(connection: sqlite3.Connection, label: str) -> None:
    with pytest.raises(BadTokenName):
        add(connection, label)

    assert find(connection, label) is None


def test_name_is_used_once(connection: sqlite3.Connection) -> None:
    add(connection)
    with pytest.raises(TokenExists):
        add(connection, user="bob")


def test_token_has_no_scope_that_its_user_lacks(connection: sqlite3.Connection) -> None:
    with pytest.raises(OutOfScope, match="bob lacks the scope control"):
        create(connection, NewToken("bob", "deck", ALL_SCOPES), NOW, "boot")


def test_token_of_an_unknown_user_is_refused(connection: sqlite3.Connection) -> None:
    for user in ("nobody", "\x1b[2J"):
        with pytest.raises(UnknownUser):
            add(connection, user=user)


def test_new_password_ends_the_tokens_of_the_user(connection: sqlite3.Connection) -> None:
    add(connection)
    add(connection, "other", user="bob")
    replace_password(connection, "ann", "y")

    assert [login.user for login in read_logins(connection)] == ["bob"]


def test_many_logins_do_not_displace_a_token(connection: sqlite3.Connection) -> None:
    add(connection)
    connection.execute("BEGIN")
    for number in range(MAX_LOGINS_PER_USER + 5):
        login = new_login(
            ANN, address=f"{number}", agent="", now=NOW, lifetime=Seconds(9e5), boot="boot"
        )
        insert_login(connection, login, "g", NOW)
    connection.execute("COMMIT")
    kinds = [login.kind for login in read_logins(connection)]

    assert kinds.count(access_tokens.KIND) == 1
    assert kinds.count("login") == MAX_LOGINS_PER_USER


def test_database_of_the_first_version_is_migrated(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(open_database(path)) as connection:
        for column in ("kind", "label", "granted", "secret"):
            connection.execute(f"ALTER TABLE logins DROP COLUMN {column}")
        connection.execute("PRAGMA user_version = 1")
        insert_user(connection, ANN, "x")
        connection.execute(
            "INSERT INTO logins VALUES ('a1', 'ann', '192.0.2.1', 'curl', 1.0, 2e9, 'b', 3.0)"
        )

    with closing(open_database(path)) as connection:
        (login,) = read_logins(connection)

    assert (login.id, login.kind, login.scopes) == ("a1", "login", ALL_SCOPES)
