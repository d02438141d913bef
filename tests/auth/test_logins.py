import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from deskwire.auth.logins import Login, Logins
from deskwire.auth.passwords import Passwords
from deskwire.auth.state_directory import StateDirectory
from deskwire.auth.users import User, Users
from deskwire.model.access import ALL_SCOPES, LoginId
from deskwire.model.instant import Instant, read_clock
from deskwire.model.problems import StateUnavailable, WrongCredentials
from deskwire.model.units import Seconds
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

PASSWORD = "correct horse"
WEEK = Seconds(7 * 86400.0)

# What the `deskwire users` and `logins` commands do: another process, the same file.
OTHER = """
import asyncio, os, signal, sys
from pathlib import Path
from deskwire.auth.logins import Logins
from deskwire.auth.passwords import Passwords
from deskwire.auth.state_directory import StateDirectory
from deskwire.auth.users import Users

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

async def main(folder, what, whom):
    if sys.argv[4:] == ["die"]:
        os.utime = die  # what follows a commit
    state = StateDirectory.open(Path(folder))
    users = Users(state, Passwords(memory_kib=1024))
    if what == "passwd":
        await users.set_password(whom, "staple battery")
    elif what == "remove":
        await users.remove(whom)
    else:
        await Logins(state, 1.0).end(whom)
    if sys.argv[4:] == ["stay"]:
        print("done", flush=True)
        await asyncio.sleep(60)
    state.close()

asyncio.run(main(*sys.argv[1:4]))
"""


def now() -> Instant:
    return read_clock()


@pytest.fixture
def users(state: StateDirectory) -> Users:
    """Lend an empty desk's users, hashed fast."""
    return Users(state, Passwords(memory_kib=1024))


@pytest.fixture
async def ann(users: Users) -> User:
    """Lend somebody who may come in."""
    await users.add("ann", PASSWORD, ALL_SCOPES)
    return await users.verify("ann", PASSWORD)


@pytest.fixture
async def logins(state: StateDirectory) -> Logins:
    """Lend the daemon's logins."""
    logins = Logins(state, WEEK)
    await logins.load()
    return logins


@pytest.fixture
def ended(logins: Logins) -> list[frozenset[LoginId]]:
    """Lend what was told of logins that ended."""
    told: list[frozenset[LoginId]] = []
    logins.on_ended(told.append)
    return told


@pytest.fixture
async def following(logins: Logins) -> AsyncIterator[None]:
    """Have changes by other processes followed, from now on."""
    ready = asyncio.Event()
    load = logins.load

    async def and_tell() -> bool:
        try:
            return await load()
        finally:
            ready.set()

    logins.load = and_tell  # type: ignore[method-assign]
    task = asyncio.create_task(logins.follow())
    await ready.wait()
    logins.load = load  # type: ignore[method-assign]
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def begin(logins: Logins, user: User, address: str = "192.0.2.1") -> Login:
    return await logins.begin(user, address=address, agent="phone", now=now())


async def another_process(folder: Path, what: str, whom: str, *how: str) -> float:
    """Do it in another process; return the moment it was done."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OTHER, folder, what, whom, *how
    )
    code = await process.wait()
    assert code == (-signal.SIGKILL if "die" in how else 0)
    return time.monotonic()


async def reopened(state: StateDirectory) -> tuple[StateDirectory, Logins]:
    """Start again after a kill: nothing of the first is closed."""
    again = await asyncio.to_thread(StateDirectory.open, state.folder)
    logins = Logins(again, WEEK)
    await logins.load()
    return again, logins


async def test_who_logged_in_is_logged_in_now_and_after_a_restart(
    state: StateDirectory, logins: Logins, ann: User
) -> None:
    login = await begin(logins, ann)
    again, later = await reopened(state)

    assert (login.user, login.address, login.agent) == ("ann", "192.0.2.1", "phone")
    assert login.expires - login.created == WEEK
    assert logins.get(login.id) == login
    assert later.get(login.id) == login
    assert await logins.list() == [login]
    again.close()


async def test_what_was_ended_stays_ended(
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


async def test_a_login_that_ran_out_is_none_but_has_not_been_ended(
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


async def test_a_password_that_changed_meanwhile_begins_nothing(
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


async def test_a_known_address_is_where_somebody_logged_in_before(
    state: StateDirectory, logins: Logins, users: Users, ann: User
) -> None:
    assert not logins.known("ann", "2001:db8:1:2::5")
    login = await begin(logins, ann, "2001:db8:1:2::5")
    await logins.end(login.id)
    again, later = await reopened(state)

    for each in (logins, later):
        assert each.known("Ann", "2001:db8:1:2:ffff::6")
        assert not each.known("ann", "2001:db8:1:3::5")
        assert not each.known("bob", "2001:db8:1:2::5")
    await users.remove("ann")
    await logins.load()
    assert not logins.known("ann", "2001:db8:1:2::5")
    again.close()


@pytest.mark.parametrize("what", ["passwd", "remove"])
@pytest.mark.usefixtures("following")
async def test_a_new_password_or_a_removed_user_ends_all_of_the_users_logins(
    logins: Logins, users: Users, ann: User, ended: list[frozenset[LoginId]], what: str
) -> None:
    await users.add("bob", PASSWORD, ALL_SCOPES)
    others = await begin(logins, await users.verify("bob", PASSWORD))
    mine = {(await begin(logins, ann)).id for _ in range(2)}

    if what == "passwd":
        await users.set_password("Ann", "staple battery")
    else:
        await users.remove("Ann")
    await until_async(lambda: ended, within=1.0)

    assert ended == [mine]
    assert logins.get(others.id) == others


@pytest.mark.parametrize("what", ["passwd", "remove", "end"])
@pytest.mark.usefixtures("following")
async def test_another_process_ends_logins_within_a_second(
    state: StateDirectory, logins: Logins, ann: User, ended: list[frozenset[LoginId]], what: str
) -> None:
    login = await begin(logins, ann)
    done = await another_process(state.folder, what, login.id if what == "end" else "ann")
    await until_async(lambda: ended, within=1.0)

    assert time.monotonic() - done < patiently(1.0)
    assert ended == [frozenset({login.id})]
    assert logins.get(login.id) is None


@pytest.mark.usefixtures("following")
async def test_a_process_killed_right_after_its_commit_is_noticed_too(
    state: StateDirectory, logins: Logins, ann: User, ended: list[frozenset[LoginId]]
) -> None:
    login = await begin(logins, ann)
    await another_process(state.folder, "end", login.id, "die")
    await until_async(lambda: ended, within=1.0)

    assert logins.get(login.id) is None


@pytest.mark.usefixtures("following")
async def test_a_process_that_stays_is_noticed_too(
    state: StateDirectory, logins: Logins, ann: User, ended: list[frozenset[LoginId]]
) -> None:
    login = await begin(logins, ann)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OTHER, state.folder, "end", login.id, "stay",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert await process.stdout.readline() == b"done\n"
    await until_async(lambda: ended, within=1.0)
    process.kill()
    await process.wait()

    assert logins.get(login.id) is None


@pytest.mark.usefixtures("following")
async def test_nothing_is_read_while_nothing_changes(
    state: StateDirectory, logins: Logins, ann: User
) -> None:
    await begin(logins, ann)
    reads = 0
    read = state.read

    async def counted(work: object) -> object:
        nonlocal reads
        reads += 1
        return await read(work)  # type: ignore[arg-type]

    state.read = counted  # type: ignore[method-assign, assignment]

    await until_async(lambda: reads >= 1, what="our own change was seen")
    before = 0
    async with asyncio.timeout(patiently(5)):  # a slow disk's change may come in pieces
        while reads != before:
            before = reads
            await asyncio.sleep(0.25)


@pytest.mark.usefixtures("following")
async def test_a_lost_folder_is_said_once_and_stops_nothing(
    state: StateDirectory, logins: Logins, ann: User, caplog: pytest.LogCaptureFixture
) -> None:
    login = await begin(logins, ann)
    elsewhere = state.folder.with_name("elsewhere")
    state.folder.rename(elsewhere)
    await until_async(lambda: caplog.messages)

    assert "the desk's state was taken away" in caplog.messages[0]
    assert logins.get(login.id) == login
    await another_process(elsewhere, "end", login.id)
    await until_async(lambda: logins.get(login.id) is None, within=1.0)
    assert len(caplog.messages) == 1


async def test_a_disk_that_cannot_be_written_ends_and_begins_nothing(
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


async def test_more_logins_than_are_kept_end_the_oldest_and_tell_it(
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
    assert [logins.known("ann", login.address) for login in begun] == [False, False, True, True]


async def test_what_others_changed_is_seen_at_the_next_change_of_ours(
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
    assert logins.known("ann", "192.0.2.9")
    elsewhere.close()


async def test_what_users_changed_here_is_seen_at_the_next_change_of_ours(
    logins: Logins, users: Users, ann: User, ended: list[frozenset[LoginId]]
) -> None:
    login = await begin(logins, ann)
    await users.set_password("ann", "staple battery")

    await begin(logins, await users.verify("ann", "staple battery"))

    assert ended == [frozenset({login.id})]


async def test_a_log_in_reads_no_other_logins(
    logins: Logins, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begin(logins, ann)
    monkeypatch.setattr("deskwire.auth.logins.read_login_table", None)  # who calls it, fails

    login = await begin(logins, ann)

    assert logins.get(login.id) == login
    assert await logins.load() is False


async def test_many_log_in_and_out_at_once(logins: Logins, ann: User) -> None:
    begun = await asyncio.gather(*(begin(logins, ann) for _ in range(40)))
    ends = await asyncio.gather(*(logins.end(login.id) for login in begun[:20]))

    assert ends == [True] * 20
    assert [logins.get(login.id) for login in begun] == [None] * 20 + begun[20:]
    assert await logins.list() == begun[20:]
