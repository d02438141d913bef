import asyncio

import pytest

from deskwire.model.access import ALL_SCOPES, Grant, LoginId
from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import CloseCode
from deskwire.server.websocket import session_registry as module
from deskwire.server.websocket.session_registry import Sockets
from tests.support.time_scaling import patiently


class Socket:
    """A socket that notes how it was ended, and leaves when it is."""

    def __init__(self, sockets: Sockets, *, stays: bool = False) -> None:
        self._sockets = sockets
        self._stays = stays
        self.ended: CloseCode | None = None
        self.dropped = False
        sockets.arrive(self)

    def end(self, code: CloseCode, reason: str) -> None:  # noqa: ARG002 - a socket's signature
        self.ended = code
        if not self._stays:
            self._sockets.leave(self)

    def drop(self) -> None:
        self.dropped = True
        self._sockets.leave(self)


def grant(token: str, user: str = "ann", login: str = "one") -> Grant:
    return Grant(user, LoginId(login), token, ALL_SCOPES, Seconds(0))


def sockets(most: int = 4, a_user: int = 3, waiting: int = 2) -> Sockets:
    return Sockets(most=most, most_a_user=a_user, most_waiting=waiting)


async def test_the_newest_socket_of_a_token_wins() -> None:
    room = sockets()
    older, newer = Socket(room), Socket(room)
    room.seat(older, grant("t"))

    seated = room.seat(newer, grant("t"))

    assert seated
    assert older.ended is CloseCode.AUTH_FAILED
    assert newer.ended is None


async def test_a_user_has_only_so_many() -> None:
    room = sockets(a_user=2)

    seated = [room.seat(Socket(room), grant(f"t{n}")) for n in range(3)]
    another = room.seat(Socket(room), grant("t9", user="bob"))

    assert seated == [True, True, False]
    assert another


async def test_there_are_only_so_many_in_all() -> None:
    room = sockets(most=2)

    seated = [room.seat(Socket(room), grant(f"t{n}", user=f"u{n}")) for n in range(3)]

    assert seated == [True, True, False]


async def test_a_full_room_still_lets_a_token_replace_its_own_socket() -> None:
    room = sockets(most=1)
    room.seat(Socket(room), grant("t"))

    assert room.seat(Socket(room), grant("t"))


async def test_who_comes_and_goes_or_comes_anew_takes_no_place_for_ever() -> None:
    room = sockets(most=2, a_user=1)

    for token in ("a", "b", "c"):
        gone = Socket(room)
        assert room.seat(gone, grant(token))
        room.leave(gone)
    for _ in range(3):
        assert room.seat(Socket(room), grant("d"))


async def test_an_ended_login_gives_its_place_back_before_its_socket_is_gone() -> None:
    room = sockets(a_user=1)
    slow = Socket(room, stays=True)
    room.seat(slow, grant("a", login="one"))

    room.end_logins(frozenset({LoginId("one")}))

    assert room.seat(Socket(room), grant("b", login="two"))


async def test_who_waited_longest_makes_room() -> None:
    room = sockets(waiting=2)

    arrived = [Socket(room) for _ in range(4)]

    assert [each.dropped for each in arrived] == [True, True, False, False]


async def test_a_login_that_ends_takes_its_sockets_with_it_and_no_others() -> None:
    room = sockets()
    mine, too, other = Socket(room), Socket(room), Socket(room)
    room.seat(mine, grant("a", login="one"))
    room.seat(too, grant("b", login="one"))
    room.seat(other, grant("c", login="two"))

    room.end_logins(frozenset({LoginId("one")}))

    assert [each.ended for each in (mine, too, other)] == [
        CloseCode.AUTH_FAILED,
        CloseCode.AUTH_FAILED,
        None,
    ]


async def test_all_are_told_when_the_daemon_stops_and_those_who_come_then() -> None:
    room = sockets()
    waiting, seated = Socket(room), Socket(room)
    room.seat(seated, grant("t"))

    await room.end_all()
    late = Socket(room)

    assert [s.ended for s in (waiting, seated, late)] == [CloseCode.GOING_AWAY] * 3
    assert len(room) == 0


async def test_one_that_does_not_go_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSE_TIMEOUT", 0.0)
    room = sockets()
    stubborn = Socket(room, stays=True)

    async with asyncio.timeout(patiently(2)):
        await room.end_all()

    assert stubborn.dropped
