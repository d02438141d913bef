import asyncio
import sqlite3
from functools import partial

import pytest

from deskwire.auth.logins import MAX_ADDRESSES_PER_USER, Login, Logins, insert_login, new_login
from deskwire.auth.passwords import Passwords
from deskwire.auth.state_directory import StateDirectory
from deskwire.auth.throttle import Known
from deskwire.auth.users import User, Users
from deskwire.model.access import ALL_SCOPES, LoginId
from deskwire.model.instant import Instant, read_clock
from deskwire.model.problems import StateUnavailable, WrongCredentials
from deskwire.model.units import Seconds

ANN = User("ann", ALL_SCOPES, Seconds(0.0), "g")
PASSWORD = "correct horse"
WEEK = Seconds(7 * 86400.0)


def at(wall: float, boot: float) -> Instant:
    return Instant(wall=Seconds(wall), boot=Seconds(boot))


def start(now: Instant, *, boot: str = "b1", agent: str = "phone") -> Login:
    return new_login(ANN, address="192.0.2.1", agent=agent, now=now, lifetime=WEEK, boot=boot)


def test_login_lasts_its_lifetime_on_the_boot_clock() -> None:
    login = start(at(1000.0, 50.0))

    assert (login.created, login.expires) == (1000.0, 1000.0 + WEEK)
    assert login.remaining(at(5e9, 60.0), "b1") == WEEK - 10.0
    assert login.remaining(at(2000.0, 1.0), "b2") == WEEK - 1000.0


def test_ids_of_logins_differ() -> None:
    assert len({start(at(0.0, 0.0)).id for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("agent", "stored"),
    [
        ("Mozilla/5.0 (X11; Linux)", "Mozilla/5.0 (X11; Linux)"),
        ("x" * 5000, "x" * 200),
        ("\x1b]0;owned\x07\r\n", "�]0;owned���"),
        ("half \ud800", "half �"),
    ],
)
def test_user_agent_is_safe_on_a_terminal(agent: str, stored: str) -> None:
    assert start(at(0.0, 0.0), agent=agent).agent == stored
    assert start(at(0.0, 0.0), agent=agent.ljust(300)).agent == stored.ljust(200)


async def test_old_logins_and_networks_are_pruned(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deskwire.auth.logins.MAX_LOGINS_PER_USER", 5)
    await Users(state, Passwords(memory_kib=1024)).add("ann", "correct horse", ALL_SCOPES)
    await state.change(lambda connection: connection.execute("UPDATE users SET generation = 'g'"))
    days = [0.0, 6.0, 7.5, 8.5]
    for day in days:
        login = start(at(day * 86400.0, 5.0), boot=f"b{day}", agent=str(day))
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
    """Insert a login at the time it started."""
    insert_login(connection, login, "g", at(login.created, 5.0))


async def agents(state: StateDirectory) -> list[str]:
    rows = await state.read(
        lambda connection: connection.execute("SELECT agent FROM logins ORDER BY rowid").fetchall()
    )
    return [agent for (agent,) in rows]


def now() -> Instant:
    return read_clock()


@pytest.fixture
def users(state: StateDirectory) -> Users:
    """Return the users of an empty desk, with fast hashing."""
    return Users(state, Passwords(memory_kib=1024))


@pytest.fixture
async def ann(users: Users) -> User:
    """Return a user who can log in."""
    await users.add("ann", PASSWORD, ALL_SCOPES)
    return await users.verify("ann", PASSWORD)


@pytest.fixture
async def logins(state: StateDirectory) -> Logins:
    """Return the logins of the daemon."""
    logins = Logins(state, WEEK)
    await logins.refresh()
    return logins


@pytest.fixture
def ended(logins: Logins) -> list[frozenset[LoginId]]:
    """Return the ended logins that were reported."""
    reported: list[frozenset[LoginId]] = []
    logins.on_ended(reported.append)
    return reported


async def begin(logins: Logins, user: User, address: str = "192.0.2.1") -> Login:
    return await logins.begin(user, address=address, agent="phone", now=now())


async def reopened(state: StateDirectory) -> tuple[StateDirectory, Logins]:
    """Open the directory again, as after a kill."""
    again = await asyncio.to_thread(StateDirectory.open, state.folder)
    logins = Logins(again, WEEK)
    await logins.refresh()
    return again, logins


async def test_login_survives_a_restart(state: StateDirectory, logins: Logins, ann: User) -> None:
    login = await begin(logins, ann)
    again, later = await reopened(state)

    assert (login.user, login.address, login.agent) == ("ann", "192.0.2.1", "phone")
    assert login.expires - login.created == WEEK
    assert logins.get(login.id) == login
    assert later.get(login.id) == login
    assert await logins.list() == [login]
    again.close()


async def test_ended_login_stays_ended_after_a_restart(
    state: StateDirectory, logins: Logins, ann: User, ended: list[frozenset[LoginId]]
) -> None:
    one, other = await begin(logins, ann), await begin(logins, ann)

    assert await logins.end(one.id)
    assert not await logins.end(one.id)
    again, later = await reopened(state)

    assert ended == [frozenset({one.id})]
    for each in (logins, later):
        assert each.get(one.id) is None
        assert each.get(other.id) == other
    again.close()


async def test_expired_login_is_not_found_but_not_reported_as_ended(
    logins: Logins, ann: User, ended: list[frozenset[LoginId]]
) -> None:
    login = await begin(logins, ann)
    moment = now()
    later = Instant(moment.wall, Seconds(moment.boot + WEEK + 1.0))
    clock_set_ahead = Instant(Seconds(moment.wall + 2 * WEEK), moment.boot)

    assert logins.get(login.id, later) is None
    assert await logins.list(later) == []
    assert logins.get(login.id, clock_set_ahead) == login
    assert logins.get(login.id) == login
    assert ended == []


async def test_login_with_a_replaced_password_is_refused(
    logins: Logins, users: Users, ann: User
) -> None:
    await users.set_password("ann", "staple battery")

    with pytest.raises(WrongCredentials):
        await begin(logins, ann)
    await users.remove("ann")
    await users.add("ann", PASSWORD, ALL_SCOPES)
    with pytest.raises(WrongCredentials):
        await begin(logins, ann)

    assert await logins.list() == []


async def test_address_is_known_after_a_login_from_it_and_its_network_as_such(
    state: StateDirectory, logins: Logins, users: Users, ann: User
) -> None:
    assert logins.known("ann", "2001:db8:1:2::5") is Known.NO
    login = await begin(logins, ann, "2001:0db8:1:2:0::5")
    await logins.end(login.id)
    again, later = await reopened(state)

    for each in (logins, later):
        assert each.known("Ann", "2001:db8:1:2::5") is Known.ADDRESS
        assert each.known("Ann", "2001:db8:1:2:ffff::6") is Known.NETWORK
        assert each.known("ann", "2001:db8:1:3::5") is Known.NO
        assert each.known("bob", "2001:db8:1:2::5") is Known.NO
        assert each.is_known_address("2001:db8:1:2::5")
        assert not each.is_known_address("2001:db8:1:2::6")
    await users.remove("ann")
    await logins.refresh()
    assert logins.known("ann", "2001:db8:1:2::5") is Known.NO
    assert not logins.is_known_address("2001:db8:1:2::5")
    again.close()


async def test_network_that_an_older_version_stored_is_known(
    state: StateDirectory, logins: Logins, ann: User
) -> None:
    row = ann.name, "2001:db8:1:2::/64"
    await state.change(
        lambda connection: connection.execute("INSERT INTO known_addresses VALUES (?, ?)", row)
    )
    await logins.refresh()

    assert logins.known("ann", "2001:db8:1:2::5") is Known.NETWORK
    assert not logins.is_known_address("2001:db8:1:2::5")


@pytest.mark.parametrize("change", ["passwd", "remove"])
async def test_new_password_or_removed_user_ends_all_logins_of_the_user(
    logins: Logins, users: Users, ann: User, ended: list[frozenset[LoginId]], change: str
) -> None:
    await users.add("bob", PASSWORD, ALL_SCOPES)
    others = await begin(logins, await users.verify("bob", PASSWORD))
    mine = {(await begin(logins, ann)).id for _ in range(2)}

    if change == "passwd":
        await users.set_password("Ann", "staple battery")
    else:
        await users.remove("Ann")
    await logins.refresh()

    assert ended == [mine]
    assert logins.get(others.id) == others


async def test_read_only_disk_neither_starts_nor_ends_a_login(
    state: StateDirectory, logins: Logins, ann: User, ended: list[frozenset[LoginId]]
) -> None:
    login = await begin(logins, ann)
    await state.read(lambda connection: connection.execute("PRAGMA query_only = ON"))

    with pytest.raises(StateUnavailable):
        await logins.end(login.id)
    with pytest.raises(StateUnavailable):
        await begin(logins, ann)

    assert logins.get(login.id) == login
    assert await logins.list() == [login]
    assert ended == []


async def test_login_above_the_limit_ends_the_oldest(
    logins: Logins,
    ann: User,
    ended: list[frozenset[LoginId]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("deskwire.auth.logins.MAX_LOGINS_PER_USER", 2)
    monkeypatch.setattr("deskwire.auth.logins.MAX_ADDRESSES_PER_USER", 2)

    begun = [await begin(logins, ann, f"192.0.2.{number}") for number in range(4)]

    assert ended == [frozenset({begun[0].id}), frozenset({begun[1].id})]
    assert [logins.get(login.id) for login in begun] == [None, None, *begun[2:]]
    assert [logins.known("ann", login.address) for login in begun] == [
        Known.NO,
        Known.NO,
        Known.ADDRESS,
        Known.ADDRESS,
    ]


async def test_change_by_another_process_is_noticed_at_the_next_change(
    state: StateDirectory, logins: Logins, ann: User, ended: list[frozenset[LoginId]]
) -> None:
    mine = [await begin(logins, ann) for _ in range(3)]
    elsewhere, others = await reopened(state)
    theirs = await begin(others, ann, "192.0.2.9")
    await others.end(mine[0].id)

    last = await begin(logins, ann)

    assert ended == [frozenset({mine[0].id})]
    assert [logins.get(login.id) for login in (*mine, theirs, last)] == [
        None,
        *mine[1:],
        theirs,
        last,
    ]
    assert logins.known("ann", "192.0.2.9") is Known.ADDRESS
    elsewhere.close()


async def test_new_password_is_noticed_at_the_next_login(
    logins: Logins, users: Users, ann: User, ended: list[frozenset[LoginId]]
) -> None:
    login = await begin(logins, ann)
    await users.set_password("ann", "staple battery")

    await begin(logins, await users.verify("ann", "staple battery"))

    assert ended == [frozenset({login.id})]


async def test_login_does_not_read_the_other_logins(
    logins: Logins, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begin(logins, ann)
    monkeypatch.setattr("deskwire.auth.logins.read_login_table", None)  # a call fails

    login = await begin(logins, ann)

    assert logins.get(login.id) == login
    assert await logins.refresh() is False


async def test_concurrent_logins_and_logouts_all_succeed(logins: Logins, ann: User) -> None:
    begun = await asyncio.gather(*(begin(logins, ann) for _ in range(40)))
    ends = await asyncio.gather(*(logins.end(login.id) for login in begun[:20]))

    assert ends == [True] * 20
    assert [logins.get(login.id) for login in begun] == [None] * 20 + begun[20:]
    assert await logins.list() == begun[20:]
