import asyncio
import time

import pytest

from deskwire.auth.passwords import Passwords
from deskwire.auth.state_directory import StateDirectory
from deskwire.auth.users import (
    BadName,
    UnknownUser,
    UserExists,
    Users,
    WeakPassword,
    new_password,
    normalise,
    require_name,
)
from deskwire.model.access import ALL_SCOPES, Scope
from deskwire.model.problems import StateUnavailable, WrongCredentials


@pytest.mark.parametrize("name", ["a", "Ann", "ann.lee", "ann_lee-2", "ann@home", "7", "a" * 32])
def test_valid_name_is_accepted(name: str) -> None:
    require_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ann",
        "ann ",
        "ann\n",
        "-ann",
        ".ann",
        "a b",
        "a/b",
        "a" * 33,
        "zoë",
        "a\x1b[2J",
        "\u0430",
    ],
)
def test_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(BadName, match=r"letters \(a-z\), digits and \. _ - @"):
        require_name(name)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "shorter than 8 characters"),
        ("seven77", "shorter than 8 characters"),
        ("üüüü", "shorter than 8 characters"),
        ("x" * 1025, "longer than 1024 bytes"),
        ("ü" * 513, "longer than 1024 bytes"),
        ("Ann.Leeson", "is the name"),
        ("half a pair \ud800", "not text"),
    ],
)
def test_weak_password_is_refused(password: str, reason: str) -> None:
    with pytest.raises(WeakPassword, match=reason):
        new_password("ann.leeson", password)


@pytest.mark.parametrize("password", ["eight888", "x" * 1024, "ü" * 512, "  spaces  ", "nul\0nul!"])
def test_any_other_text_is_a_password(password: str) -> None:
    assert new_password("ann", password) == password.encode()


def test_composed_and_decomposed_letters_are_one_password() -> None:
    assert normalise("café-chaise") == normalise("cafe\u0301-chaise")


PASSWORD = "correct horse"


@pytest.fixture
def users(state: StateDirectory) -> Users:
    """Return the users of an empty desk, with fast hashing."""
    return Users(state, Passwords(memory_kib=1024))


async def test_added_user_can_log_in(users: Users) -> None:
    before = time.time()
    await users.add("Ann", PASSWORD, {Scope.MONITOR})
    user = await users.verify("Ann", PASSWORD)

    assert (user.name, user.scopes) == ("Ann", frozenset({Scope.MONITOR}))
    assert before <= user.created <= time.time()
    assert await users.count() == 1


async def test_users_are_listed_by_name(users: Users) -> None:
    for name in ("carl", "Ann", "bob"):
        await users.add(name, PASSWORD, ALL_SCOPES)

    assert [user.name for user in await users.list()] == ["Ann", "bob", "carl"]


async def test_name_is_the_same_in_capital_letters(users: Users) -> None:
    await users.add("ann", PASSWORD, ALL_SCOPES)

    assert (await users.verify("Ann", PASSWORD)).name == "ann"
    with pytest.raises(UserExists, match="there is a user ANN already"):
        await users.add("ANN", PASSWORD, ALL_SCOPES)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ann", "wrong horse"),
        ("ann", "Correct horse"),
        ("ann", PASSWORD + "\n"),
        ("ann", ""),
        ("ann", "x" * 100_000),
        ("ann", "\ud800"),
        ("bob", PASSWORD),
        ("", PASSWORD),
        ("ann' OR 1=1 --", PASSWORD),
        ("\ud800", PASSWORD),
        ("ann\0", PASSWORD),
        ("a" * 100_000, PASSWORD),
    ],
)
async def test_wrong_name_and_wrong_password_get_one_answer(
    users: Users, name: str, password: str
) -> None:
    await users.add("ann", PASSWORD, ALL_SCOPES)

    with pytest.raises(WrongCredentials) as refused:
        await users.verify(name, password)

    assert refused.value.message == "the name or the password is wrong"


async def test_unknown_user_takes_as_long_as_a_wrong_password(state: StateDirectory) -> None:
    users = Users(state, Passwords())
    await users.add("ann", PASSWORD, ALL_SCOPES)

    async def took(name: str) -> float:
        start = time.process_time()  # excludes the other work of a busy machine
        with pytest.raises(WrongCredentials):
            await users.verify(name, "wrong horse")
        return time.process_time() - start

    times = [(await took("ann"), await took("bob")) for _ in range(7)]
    known, unknown = (min(each) for each in zip(*times, strict=True))

    assert 0.6 < unknown / known < 1.7


async def test_new_password_replaces_the_old(users: Users) -> None:
    await users.add("ann", PASSWORD, ALL_SCOPES)
    await users.set_password("ANN", "staple battery")

    assert (await users.verify("ann", "staple battery")).name == "ann"
    with pytest.raises(WrongCredentials):
        await users.verify("ann", PASSWORD)


async def test_removed_user_cannot_log_in(users: Users) -> None:
    await users.add("ann", PASSWORD, ALL_SCOPES)
    await users.remove("ann")

    assert await users.list() == []
    with pytest.raises(WrongCredentials):
        await users.verify("ann", PASSWORD)


async def test_impossible_change_is_refused_with_its_reason(users: Users) -> None:
    with pytest.raises(UnknownUser, match="there is no user bob"):
        await users.remove("bob")
    with pytest.raises(UnknownUser, match="there is no user bob"):
        await users.set_password("bob", PASSWORD)
    with pytest.raises(UnknownUser, match="there is no such user"):
        await users.remove("\x1b[2J\ud800")
    with pytest.raises(BadName):
        await users.add("", PASSWORD, ALL_SCOPES)
    with pytest.raises(WeakPassword):
        await users.add("ann", "short", ALL_SCOPES)

    assert await users.count() == 0


async def test_password_is_not_on_disk(users: Users, state: StateDirectory) -> None:
    await users.add("ann", PASSWORD, ALL_SCOPES)

    stored = b"".join(file.read_bytes() for file in state.folder.iterdir())

    assert b"$argon2id$" in stored
    assert PASSWORD.encode() not in stored


async def test_login_rehashes_a_password_with_old_parameters(state: StateDirectory) -> None:
    await Users(state, Passwords(memory_kib=1024)).add("ann", PASSWORD, ALL_SCOPES)
    users = Users(state, Passwords(memory_kib=2048))

    with pytest.raises(WrongCredentials):
        await users.verify("ann", "wrong horse")
    first = await users.verify("ann", PASSWORD)
    (encoded,) = await state.read(
        lambda connection: connection.execute("SELECT password FROM users").fetchone()
    )

    assert encoded.startswith("$argon2id$v=19$m=2048,")
    assert await users.verify("ann", PASSWORD) == first


async def test_login_works_while_the_disk_is_read_only(state: StateDirectory) -> None:
    await Users(state, Passwords(memory_kib=1024)).add("ann", PASSWORD, ALL_SCOPES)
    await state.read(lambda connection: connection.execute("PRAGMA query_only = ON"))
    users = Users(state, Passwords(memory_kib=2048))

    assert (await users.verify("ann", PASSWORD)).name == "ann"
    with pytest.raises(StateUnavailable):
        await users.remove("ann")


async def test_users_survive_a_restart(users: Users, state: StateDirectory) -> None:
    await users.add("ann", PASSWORD, {Scope.CONTROL, Scope.MONITOR, Scope.POWER})
    state.close()
    again = await asyncio.to_thread(StateDirectory.open, state.folder)

    assert (await Users(again, Passwords()).list())[0].scopes == ALL_SCOPES
    again.close()
