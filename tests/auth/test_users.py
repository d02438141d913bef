import asyncio
import time

import pytest

from deskwire.auth.passwords import Passwords
from deskwire.auth.state_directory import StateDirectory
from deskwire.auth.users import BadName, UnknownUser, UserExists, Users, WeakPassword
from deskwire.model.access import ALL_SCOPES, Scope
from deskwire.model.problems import StateUnavailable, WrongCredentials

PASSWORD = "correct horse"


@pytest.fixture
def users(state: StateDirectory) -> Users:
    """Lend an empty desk's users, hashed fast."""
    return Users(state, Passwords(memory_kib=1024))


async def test_who_was_added_may_come_in(users: Users) -> None:
    before = time.time()
    await users.add("Ann", PASSWORD, {Scope.MONITOR})
    user = await users.verify("Ann", PASSWORD)

    assert (user.name, user.scopes) == ("Ann", frozenset({Scope.MONITOR}))
    assert before <= user.created <= time.time()
    assert await users.count() == 1


async def test_everybody_is_listed_by_name(users: Users) -> None:
    for name in ("carl", "Ann", "bob"):
        await users.add(name, PASSWORD, ALL_SCOPES)

    assert [user.name for user in await users.list()] == ["Ann", "bob", "carl"]


async def test_a_phone_writes_the_first_letter_large(users: Users) -> None:
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
async def test_all_else_gets_one_answer(users: Users, name: str, password: str) -> None:
    await users.add("ann", PASSWORD, ALL_SCOPES)

    with pytest.raises(WrongCredentials) as told:
        await users.verify(name, password)

    assert told.value.message == "the name or the password is wrong"


async def test_an_unknown_user_takes_as_long_as_a_wrong_password(state: StateDirectory) -> None:
    users = Users(state, Passwords())
    await users.add("ann", PASSWORD, ALL_SCOPES)

    async def took(name: str) -> float:
        start = time.process_time()  # a busy machine's other work is none of ours
        with pytest.raises(WrongCredentials):
            await users.verify(name, "wrong horse")
        return time.process_time() - start

    times = [(await took("ann"), await took("bob")) for _ in range(7)]
    known, unknown = (min(each) for each in zip(*times, strict=True))

    assert 0.6 < unknown / known < 1.7


async def test_a_new_password_replaces_the_old(users: Users) -> None:
    await users.add("ann", PASSWORD, ALL_SCOPES)
    await users.set_password("ANN", "staple battery")

    assert (await users.verify("ann", "staple battery")).name == "ann"
    with pytest.raises(WrongCredentials):
        await users.verify("ann", PASSWORD)


async def test_who_was_removed_is_gone(users: Users) -> None:
    await users.add("ann", PASSWORD, ALL_SCOPES)
    await users.remove("ann")

    assert await users.list() == []
    with pytest.raises(WrongCredentials):
        await users.verify("ann", PASSWORD)


async def test_what_cannot_be_done_is_told(users: Users) -> None:
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


async def test_no_password_is_on_disk(users: Users, state: StateDirectory) -> None:
    await users.add("ann", PASSWORD, ALL_SCOPES)

    kept = b"".join(file.read_bytes() for file in state.folder.iterdir())

    assert b"$argon2id$" in kept
    assert PASSWORD.encode() not in kept


async def test_parameters_of_today_are_used_from_the_next_log_in_on(state: StateDirectory) -> None:
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


async def test_a_disk_that_cannot_be_written_keeps_nobody_out(state: StateDirectory) -> None:
    await Users(state, Passwords(memory_kib=1024)).add("ann", PASSWORD, ALL_SCOPES)
    await state.read(lambda connection: connection.execute("PRAGMA query_only = ON"))
    users = Users(state, Passwords(memory_kib=2048))

    assert (await users.verify("ann", PASSWORD)).name == "ann"
    with pytest.raises(StateUnavailable):
        await users.remove("ann")


async def test_users_are_there_after_the_next_start(users: Users, state: StateDirectory) -> None:
    await users.add("ann", PASSWORD, {Scope.CONTROL, Scope.MONITOR})
    state.close()
    again = await asyncio.to_thread(StateDirectory.open, state.folder)

    assert (await Users(again, Passwords()).list())[0].scopes == ALL_SCOPES
    again.close()
