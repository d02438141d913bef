"""A desk from a program, against a desk that does what the test says."""

import asyncio
import gc
import itertools
import time
import warnings
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from deskwire.client import (
    ClosedByDesk,
    ConnectionState,
    Login,
    LoginEnded,
    NotADesk,
    NotConnected,
    NotSupported,
    Phase,
    Problem,
    RefusedByDesk,
    Snapshot,
    Throttled,
    Timeouts,
    UnknownPlayer,
    Unreachable,
    WrongCredentials,
    connect,
)
from deskwire.client.credentials import Credentials
from deskwire.client.desk import Desk
from deskwire.client.trust import SystemTrust
from deskwire.model.instant import Instant
from deskwire.model.units import Seconds
from tests.support.scripted_desk import PASSWORD, ScriptedDesk
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

QUICK = Timeouts(
    first=Seconds(0.04),
    restart=Seconds(0.02),
    later=Seconds(0.08),
    stable=Seconds(30),
    opening=Seconds(5),
    effect=Seconds(5),
    closing=Seconds(0.5),
)
MPV = {"id": "player1", "name": "mpv", "playing": True, "artist": "A", "title": "One"}


@pytest.fixture
async def there() -> AsyncIterator[ScriptedDesk]:
    async with ScriptedDesk() as there:
        yield there


def connected(there: ScriptedDesk, **more: Any) -> Desk:
    return connect(there.address, "owner", PASSWORD, **{"timeouts": QUICK, **more})


class Clock:
    """Clocks that can be put on: the one that counts from the machine's start, and the wall's."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.wall_ahead = 0.0

    def __call__(self) -> Instant:
        boot = asyncio.get_running_loop().time() + self.ahead
        return Instant(wall=Seconds(time.time() + self.wall_ahead), boot=Seconds(boot))


def with_clock(there: ScriptedDesk, clock: Clock, timeouts: Timeouts = QUICK) -> Desk:
    return Desk(
        there.address,
        Credentials("owner", PASSWORD),
        trust=SystemTrust(),
        timeouts=timeouts,
        clock=clock,
        random_number=lambda: 0.5,
    )


def up(desk: Desk) -> float:
    uptime = desk.snapshot.uptime
    assert uptime is not None
    return uptime.up


async def test_a_desk_is_entered_with_its_first_reading(there: ScriptedDesk) -> None:
    there.snapshot = {"uptime": 7, "audio": [MPV], "volume": 88}

    async with connected(there) as desk:
        assert desk.snapshot.volume is not None
        assert float(desk.snapshot.volume.level) == 88
        assert [player.title for player in desk.snapshot.players] == ["One"]
        assert desk.state.phase is Phase.LIVE


async def test_exit_closes_with_1000_and_ends_its_own_login(there: ScriptedDesk) -> None:
    async with connected(there):
        socket = there.socket

    await until_async(lambda: socket.closed)
    assert socket.close_code == 1000
    assert there.ended_logins == {"login1"}


async def test_stored_login_is_used_again_and_not_ended(there: ScriptedDesk) -> None:
    stored: list[Login] = []
    async with connected(there, keep_login=stored.append):
        pass
    async with connected(there, login=stored[0], keep_login=stored.append):
        pass

    assert there.count("/v1/login") == len(stored) == 1
    assert there.ended_logins == set()


async def test_ended_stored_login_is_replaced(there: ScriptedDesk) -> None:
    stored: list[Login] = []
    async with connected(there, keep_login=stored.append):
        pass
    there.ended_logins.add("login1")
    async with connected(there, login=stored[0], keep_login=stored.append):
        pass

    assert [login.token for login in stored] == ["login1", "login2"]


async def test_iterating_gives_each_reading_in_turn(there: ScriptedDesk) -> None:
    seen = []
    async with connected(there) as desk:
        async for _ in desk:
            seen.append(up(desk))
            if len(seen) == 5:
                break
            await there.socket.stats(uptime=len(seen) + 1)

    assert seen == [1, 2, 3, 4, 5]


async def test_slow_consumer_gets_only_the_newest_snapshot(there: ScriptedDesk) -> None:
    async with connected(there) as desk:
        snapshots = aiter(desk)
        await anext(snapshots)
        for number in range(2, 50):
            await there.socket.stats(uptime=number)
        await until_async(lambda: up(desk) == 49)

        newest = await anext(snapshots)

        assert newest is desk.snapshot
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(snapshots)


async def test_two_may_iterate_at_once(there: ScriptedDesk) -> None:
    async with connected(there) as desk:
        one, other = aiter(desk), aiter(desk)
        await anext(one), await anext(other)
        await there.socket.stats(uptime=2)

        assert await anext(one) is await anext(other) is desk.snapshot


async def test_iterating_ends_when_the_desk_is_left(there: ScriptedDesk) -> None:
    async with connected(there) as desk:
        snapshots = aiter(desk)
        await anext(snapshots)
        waiting = asyncio.create_task(anext_or_none(snapshots))
        await asyncio.sleep(0)

    assert await waiting is None


async def test_iteration_ends_after_a_normal_close(there: ScriptedDesk) -> None:
    async with connected(there) as desk:
        await there.socket.close(1000)
        seen = [snapshot async for snapshot in desk]

        assert len(seen) == 1
        assert desk.state.phase is Phase.ENDED
        assert there.count("/v1/websocket") == 1


# ---- getting in ----------------------------------------------------------------------------------


async def test_wrong_password_is_reported_after_one_attempt(there: ScriptedDesk) -> None:
    there.password = "another"

    with pytest.raises(WrongCredentials):
        async with connected(there):
            pass

    assert there.count("/v1/login") == 1


async def test_password_prompt_is_repeated(there: ScriptedDesk) -> None:
    answers = iter(["guess", PASSWORD])
    shown: list[Problem | None] = []

    async def ask(why: Problem | None) -> str | None:
        shown.append(why)
        return next(answers)

    async with connect(there.address, "owner", ask, timeouts=QUICK):
        assert there.count("/v1/login") == 2

    assert shown[0] is None
    assert isinstance(shown[1], WrongCredentials)


async def test_throttled_error_has_a_retry_time(there: ScriptedDesk) -> None:
    there.errors["/v1/login"] = (429, "throttled", {"Retry-After": "17"})

    with pytest.raises(Throttled) as caught:
        async with connected(there):
            pass

    assert float(caught.value.retry_after) == 17
    assert there.count("/v1/login") == 1


async def test_unreachable_address_is_reported_at_once() -> None:
    async with ScriptedDesk() as gone:
        address = gone.address

    with pytest.raises(Unreachable):
        async with connect(address, "owner", PASSWORD, timeouts=QUICK):
            pass


@pytest.mark.parametrize(("status", "code"), [(404, "not_found"), (502, "x"), (421, "misdirected")])
async def test_something_else_is_no_desk(there: ScriptedDesk, status: int, code: str) -> None:
    there.errors["/v1/login"] = (status, code, {})

    with pytest.raises(NotADesk, match=str(status)):
        async with connected(there):
            pass


@pytest.mark.virtual_time
async def test_a_desk_that_shows_nothing_is_given_up(there: ScriptedDesk) -> None:
    there.first_stats = lambda: None

    with pytest.raises(Unreachable, match="sends no stats"):
        async with connected(there):
            pass


async def test_a_desk_that_is_full_says_so(there: ScriptedDesk) -> None:
    there.close_after_auth = 1013

    with pytest.raises(ClosedByDesk) as caught:
        async with connected(there):
            pass

    assert caught.value.close_code == 1013


async def test_a_desk_that_closes_at_once_is_left(there: ScriptedDesk) -> None:
    there.close_after_auth = 1000

    with pytest.raises(ClosedByDesk):
        async with connected(there):
            pass


async def test_a_login_that_opens_no_socket_is_given_up_after_one_more(
    there: ScriptedDesk,
) -> None:
    there.close_after_auth = 4001

    with pytest.raises(LoginEnded):
        async with connected(there):
            pass

    assert there.count("/v1/login") == 2


async def test_keep_trying_waits_for_an_absent_desk(
    there: ScriptedDesk,
) -> None:
    there.errors["/v1/login"] = (502, "bad_gateway", {})
    states: list[ConnectionState] = []

    def repair(state: ConnectionState) -> None:
        states.append(state)
        if len([each for each in states if each.phase is Phase.WAITING]) == 2:
            there.errors.clear()

    async with connected(there, keep_trying=True, on_state=repair):
        pass

    assert [state.phase for state in states] == [
        Phase.CONNECTING,
        *(Phase.WAITING, Phase.CONNECTING) * 2,
        Phase.LIVE,
        Phase.ENDED,
    ]


# ---- the table of close codes --------------------------------------------------------------------


async def lose(there: ScriptedDesk, code: int) -> None:
    if code == 1006:
        there.socket.drop()
    else:
        await there.socket.close(code)


@pytest.mark.parametrize(
    ("code", "logins", "socket_tokens"),
    [(1001, 1, 1), (1006, 1, 1), (1011, 1, 1), (1013, 1, 1), (4001, 2, 2), (4004, 1, 2)],
)
async def test_a_lost_connection_comes_back_as_the_table_says(
    there: ScriptedDesk, code: int, logins: int, socket_tokens: int
) -> None:
    async with connected(there) as desk:
        snapshots = aiter(desk)
        await anext(snapshots)
        there.snapshot["uptime"] = 2
        await lose(there, code)
        await anext(snapshots)

        assert up(desk) == 2
        assert there.count("/v1/login") == logins
        assert there.count("/v1/websocket") == socket_tokens
        tokens = [socket.token for socket in there.sockets]
        assert tokens == ["websocket1", f"websocket{socket_tokens}"]


async def test_action_after_a_close_is_in_the_state(there: ScriptedDesk) -> None:
    states: list[ConnectionState] = []
    async with connected(there, on_state=states.append):
        states.clear()
        await there.socket.close(4004)
        await there.wait_for_socket(2)
        await until_async(lambda: states[-1].phase is Phase.LIVE)

    waiting, connecting, live, ended = states
    assert (waiting.phase, waiting.close_code) == (Phase.WAITING, 4004)
    assert waiting.next is not None
    assert waiting.next.value == "refresh"
    assert (connecting.phase, connecting.close_code) == (Phase.CONNECTING, 4004)
    assert (live.phase, live.close_code) == (Phase.LIVE, None)
    assert ended.phase is Phase.ENDED


async def test_a_changed_password_is_asked_for_again_and_not_hammered(
    there: ScriptedDesk,
) -> None:
    async with connected(there) as desk:
        there.password = "another"
        there.ended_logins.add("login1")
        await there.socket.close(4001)

        with pytest.raises(WrongCredentials):
            async for _ in desk:
                pass
        assert isinstance(desk.state.problem, WrongCredentials)
        with pytest.raises(NotConnected):
            await desk.play_pause("player1")
        assert there.count("/v1/login") == 2


async def test_a_desk_that_is_gone_for_longer_is_waited_for(there: ScriptedDesk) -> None:
    async with connected(there) as desk:
        there.errors["/v1/monitor/desk/ws"] = (502, "bad_gateway", {})
        there.socket.drop()
        await until_async(lambda: there.count("/v1/monitor/desk/ws") == 3)
        there.errors.clear()
        await there.wait_for_socket(2)
        await until_async(lambda: desk.state.phase is Phase.LIVE)

    times = [at for at, _, path in there.requests if path == "/v1/monitor/desk/ws"]
    first, second, third = (later - earlier for earlier, later in itertools.pairwise(times))
    assert first >= QUICK.first
    assert second >= QUICK.first * 2 * 0.75
    assert third >= QUICK.first * 4 * 0.75
    assert there.count("/v1/login") == 1


# ---- rolling over --------------------------------------------------------------------------------


async def test_expiring_session_is_renewed_before_its_end(there: ScriptedDesk) -> None:
    async with connected(there) as desk:
        old = there.socket
        there.snapshot["uptime"] = 2
        await old.expire()
        await until_async(lambda: up(desk) == 2)

        await until_async(lambda: old.closed)
        assert old.close_code == 1000
        assert [socket.token for socket in there.sockets] == ["websocket1", "websocket2"]
        assert there.count("/v1/login") == 1
        assert not there.socket.closed


async def test_the_old_socket_is_shown_until_the_next_one_speaks(there: ScriptedDesk) -> None:
    there_first = dict(there.snapshot)
    async with connected(there) as desk:
        old = there.socket
        there.first_stats = lambda: None
        await old.expire()
        new = await there.wait_for_socket(2)
        await old.stats(uptime=2)
        await until_async(lambda: up(desk) == 2)
        assert desk.state.phase is Phase.EXPIRING
        assert not old.closed

        await new.stats(uptime=3)
        await until_async(lambda: up(desk) == 3)
        await until_async(lambda: old.closed)

    assert there_first == {"uptime": 1, "audio": []}


async def test_overlapping_sockets_show_each_snapshot_once_in_order(
    there: ScriptedDesk,
) -> None:
    shown: list[float] = []

    async with connected(there) as desk:
        old = there.socket
        watching = asyncio.create_task(keep(desk, shown))
        there.first_stats = lambda: None
        await old.expire()
        new = await there.wait_for_socket(2)
        await old.stats(uptime=5)
        await until_async(lambda: shown[-1:] == [5])
        await new.stats(uptime=4)
        await new.stats(uptime=5)
        await new.stats(uptime=6)
        await until_async(lambda: shown[-1:] == [6])
        with suppress(ConnectionResetError):
            await old.stats(uptime=7)
        await new.stats(uptime=8)
        await until_async(lambda: shown[-1:] == [8])
    await watching

    assert shown == [1, 5, 6, 8]


async def test_a_command_goes_to_the_newest_socket_and_none_is_cut_off(
    there: ScriptedDesk,
) -> None:
    there.snapshot["audio"] = [MPV]
    async with connected(there) as desk:
        old = there.socket
        waiting = asyncio.create_task(desk.next("player1"))
        await until_async(lambda: old.commands)
        there.snapshot["uptime"] = 2
        await old.expire()
        new = await there.wait_for_socket(2)
        await until_async(lambda: desk.state.phase is Phase.LIVE)
        assert not old.closed
        await old.stats(uptime=3)
        await old.error("not_supported")
        with pytest.raises(NotSupported):
            await waiting
        assert up(desk) == 2
        command = asyncio.create_task(desk.stop("player1"))
        await until_async(lambda: new.commands)
        await new.stats(audio=[{**MPV, "playing": False}])
        await command
        await until_async(lambda: old.closed)

    assert old.commands == [("audio-next", ["player1"])]
    assert new.commands == [("audio-stop", ["player1"])]


async def test_a_rollover_that_fails_is_tried_again(there: ScriptedDesk) -> None:
    async with connected(there) as desk:
        there.errors["/v1/websocket"] = (502, "bad_gateway", {})
        old = there.socket
        await old.expire()
        await until_async(lambda: there.count("/v1/websocket") == 3)
        assert not old.closed
        there.errors.clear()
        await there.wait_for_socket(2)
        await until_async(lambda: desk.state.phase is Phase.LIVE)


async def test_unused_socket_token_is_used_again(there: ScriptedDesk) -> None:
    async with connected(there) as desk:
        there.errors["/v1/monitor/desk/ws"] = (502, "bad_gateway", {})
        await there.socket.expire()
        await until_async(lambda: there.count("/v1/monitor/desk/ws") == 3)
        there.errors.clear()
        await there.wait_for_socket(2)
        await until_async(lambda: desk.state.phase is Phase.LIVE)

        assert there.socket_tokens == ["websocket1", "websocket2"]


async def test_a_session_that_ends_before_the_next_is_open_is_refreshed(
    there: ScriptedDesk,
) -> None:
    async with connected(there) as desk:
        there.first_stats = lambda: None
        await there.socket.expire()
        late = await there.wait_for_socket(2)
        there.first_stats = lambda: there.snapshot
        await there.sockets[0].close(4004)
        await there.wait_for_socket(3)
        await until_async(lambda: desk.state.phase is Phase.LIVE)
        await until_async(lambda: late.closed)

    assert [socket.token for socket in there.sockets] == ["websocket1", "websocket2", "websocket3"]


async def test_login_is_renewed_before_its_end(there: ScriptedDesk) -> None:
    clock = Clock()

    async with with_clock(there, clock):
        clock.wall_ahead = there.login_lifetime - 1
        await there.socket.expire()
        await there.wait_for_socket(2)

        assert there.logins == ["login1", "login2"]


async def test_a_login_that_cannot_be_renewed_serves_to_its_end(there: ScriptedDesk) -> None:
    clock = Clock()

    async with with_clock(there, clock):
        clock.wall_ahead = there.login_lifetime - 1
        there.errors["/v1/login"] = (429, "throttled", {"Retry-After": "60"})
        await there.socket.expire()
        await there.wait_for_socket(2)

        assert there.logins == ["login1"]


# ---- commands ------------------------------------------------------------------------------------


async def test_command_returns_when_its_effect_is_visible(there: ScriptedDesk) -> None:
    there.snapshot["audio"] = [MPV]
    async with connected(there) as desk:
        command = asyncio.create_task(desk.play_pause("player1"))
        await until_async(lambda: there.socket.commands)
        await there.socket.stats(uptime=2)
        await until_async(lambda: up(desk) == 2)
        assert not command.done()
        await there.socket.stats(audio=[{**MPV, "playing": False}])

        async with asyncio.timeout(patiently(2)):
            await command
        assert not desk.snapshot.players[0].playing


async def test_command_without_effect_returns_after_the_timeout(there: ScriptedDesk) -> None:
    there.snapshot["audio"] = [MPV]
    async with connected(there, timeouts=Timeouts(effect=Seconds(0.05))) as desk:
        await desk.previous(desk.snapshot.players[0])

        assert there.socket.commands == [("audio-previous", ["player1"])]


@pytest.mark.parametrize(
    ("code", "kind"),
    [("unknown_player", UnknownPlayer), ("not_supported", NotSupported), ("new", RefusedByDesk)],
)
async def test_command_raises_the_error_of_the_desk(
    there: ScriptedDesk, code: str, kind: type[Problem]
) -> None:
    async with connected(there) as desk:
        command = asyncio.create_task(desk.stop("player9"))
        await until_async(lambda: there.socket.commands)
        await there.socket.error(code, "why")

        with pytest.raises(kind, match="why"):
            await command


async def test_error_without_a_pending_command_calls_the_callback(there: ScriptedDesk) -> None:
    refusals: list[Problem] = []
    async with connected(there, on_refusal=refusals.append):
        await there.socket.error("throttled")
        await until_async(lambda: refusals)

    assert isinstance(refusals[0], Throttled)


async def test_command_fails_when_the_connection_is_lost(there: ScriptedDesk) -> None:
    async with connected(there, timeouts=Timeouts(first=Seconds(9), effect=Seconds(30))) as desk:
        command = asyncio.create_task(desk.stop("player1"))
        await until_async(lambda: there.socket.commands)
        there.socket.drop()

        with pytest.raises(NotConnected, match="may have been carried out"):
            await command
        with pytest.raises(NotConnected):
            await desk.stop("player1")


# ---- pictures ------------------------------------------------------------------------------------


async def test_a_picture_is_fetched_by_its_player(there: ScriptedDesk) -> None:
    art_url = "/v1/img/tmp/L3RtcC9jb3Zlci5qcGc="
    bare = {**MPV, "id": "player2"}
    there.snapshot["audio"] = [{**MPV, "art_url": art_url}, bare]
    async with connected(there) as desk:
        art = await desk.art("player1")

        assert art is not None
        assert (art.content, art.media_type) == (art_url.encode(), "image/png")
        assert await desk.art("player2") is None
        with pytest.raises(UnknownPlayer):
            await desk.art("player3")


async def test_a_picture_that_is_gone_is_none(there: ScriptedDesk) -> None:
    art_url = "/v1/img/tmp/L3RtcC9jb3Zlci5qcGc="
    there.snapshot["audio"] = [{**MPV, "art_url": art_url}]
    there.errors[art_url] = (404, "not_found", {})
    async with connected(there) as desk:
        assert await desk.art("player1") is None


# ---- silence and sleep ---------------------------------------------------------------------------


@pytest.mark.virtual_time
async def test_a_laptop_that_slept_for_an_hour_is_back_at_once(there: ScriptedDesk) -> None:
    clock = Clock()
    async with with_clock(there, clock, Timeouts(pong=Seconds(0.1))) as desk:
        clock.ahead = 3600
        began = clock().boot
        await there.wait_for_socket(2)
        took = clock().boot - began
        await until_async(lambda: desk.state.phase is Phase.LIVE)

        assert there.socket_tokens == ["websocket1"]
        assert took < Timeouts().first


async def test_a_wait_is_over_when_a_laptop_wakes_from_sleep(
    there: ScriptedDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deskwire.client.connection_manager.CHECK_INTERVAL", 0.05)
    clock = Clock()
    timeouts = Timeouts(first=Seconds(600), longest=Seconds(600))
    async with with_clock(there, clock, timeouts) as desk:
        there.socket.drop()
        await until_async(lambda: desk.state.phase is Phase.WAITING)
        clock.ahead = 3600
        await there.wait_for_socket(2)


@pytest.mark.virtual_time
async def test_silent_desk_that_answers_pings_stays_connected(there: ScriptedDesk) -> None:
    timeouts = Timeouts(silence=Seconds(0.02), pong=Seconds(0.2))
    async with with_clock(there, Clock(), timeouts):
        await asyncio.sleep(4.5)

        assert len(there.sockets) == 1


async def test_ping_of_the_desk_is_answered(there: ScriptedDesk) -> None:
    async with connected(there):
        await there.socket.ping(b"there?")
        await until_async(lambda: there.socket.pongs)

        assert there.socket.pongs == [b"there?"]


# ---- what is left --------------------------------------------------------------------------------


async def test_a_body_that_fails_leaves_nothing_behind(there: ScriptedDesk) -> None:
    with pytest.raises(ZeroDivisionError):
        async with connected(there):
            raise ZeroDivisionError

    await until_async(lambda: there.socket.closed)
    assert there.ended_logins == {"login1"}


async def test_a_cancelled_entrance_leaves_nothing_behind(there: ScriptedDesk) -> None:
    there.first_stats = lambda: None
    timeouts = Timeouts()
    entering = asyncio.create_task(connected(there, timeouts=timeouts).__aenter__())
    socket = await there.wait_for_socket(1)
    entering.cancel()
    with suppress(asyncio.CancelledError):
        await entering

    await until_async(lambda: socket.closed)
    assert there.ended_logins == {"login1"}


async def test_a_lost_connection_is_not_left_to_the_garbage_collector(
    there: ScriptedDesk,
) -> None:
    async with connected(there):
        there.socket.drop()
        await there.wait_for_socket(2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gc.collect()

    assert [str(each.message) for each in caught] == []


async def test_a_desk_can_be_entered_again(there: ScriptedDesk) -> None:
    desk = connected(there)
    async with desk:
        pass
    there.snapshot["uptime"] = 5
    async with desk:
        assert up(desk) == 5
    with pytest.raises(NotConnected):
        await desk.play_pause("player1")


def test_snapshot_before_connecting_raises_not_connected() -> None:
    desk = connect("desk.local", "owner", PASSWORD)

    with pytest.raises(NotConnected):
        _ = desk.snapshot


async def anext_or_none(snapshots: AsyncIterator[Snapshot]) -> Snapshot | None:
    return await anext(snapshots, None)


async def keep(desk: Desk, shown: list[float]) -> None:
    async for snapshot in desk:
        assert snapshot.uptime is not None
        shown.append(snapshot.uptime.up)
