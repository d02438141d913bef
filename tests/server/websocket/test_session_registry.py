import asyncio

import pytest

from deskwire.model.access import ALL_SCOPES, Grant, LoginId
from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import CloseCode
from deskwire.server.websocket import session_registry as module
from deskwire.server.websocket.session_registry import SessionRegistry
from tests.support.time_scaling import patiently


class Socket:
    """A socket that notes how it was ended, and leaves when it is."""

    def __init__(self, sockets: SessionRegistry, *, stays: bool = False) -> None:
        self._sockets = sockets
        self._stays = stays
        self.ended: CloseCode | None = None
        self.dropped = False
        sockets.add(self)

    def close(self, code: CloseCode, reason: str) -> None:  # noqa: ARG002 - a socket's signature
        self.ended = code
        if not self._stays:
            self._sockets.remove(self)

    def abort(self) -> None:
        self.dropped = True
        self._sockets.remove(self)


def grant(token: str, user: str = "ann", login: str = "one") -> Grant:
    return Grant(user, LoginId(login), token, ALL_SCOPES, Seconds(0))


def sockets(most: int = 4, a_user: int = 3, waiting: int = 2) -> SessionRegistry:
    return SessionRegistry(most=most, most_a_user=a_user, most_waiting=waiting)


async def test_the_newest_socket_of_a_token_wins() -> None:
    room = sockets()
    older, newer = Socket(room), Socket(room)
    room.authenticate(older, grant("t"))

    seated = room.authenticate(newer, grant("t"))

    assert seated
    assert older.ended is CloseCode.AUTH_FAILED
    assert newer.ended is None


async def test_a_user_has_only_so_many() -> None:
    room = sockets(a_user=2)

    seated = [room.authenticate(Socket(room), grant(f"t{n}")) for n in range(3)]
    another = room.authenticate(Socket(room), grant("t9", user="bob"))

    assert seated == [True, True, False]
    assert another


async def test_there_are_only_so_many_in_all() -> None:
    room = sockets(most=2)

    seated = [room.authenticate(Socket(room), grant(f"t{n}", user=f"u{n}")) for n in range(3)]

    assert seated == [True, True, False]


async def test_a_full_room_still_lets_a_token_replace_its_own_socket() -> None:
    room = sockets(most=1)
    room.authenticate(Socket(room), grant("t"))

    assert room.authenticate(Socket(room), grant("t"))


async def test_who_comes_and_goes_or_comes_anew_takes_no_place_for_ever() -> None:
    room = sockets(most=2, a_user=1)

    for token in ("a", "b", "c"):
        gone = Socket(room)
        assert room.authenticate(gone, grant(token))
        room.remove(gone)
    for _ in range(3):
        assert room.authenticate(Socket(room), grant("d"))


async def test_an_ended_login_gives_its_place_back_before_its_socket_is_gone() -> None:
    room = sockets(a_user=1)
    slow = Socket(room, stays=True)
    room.authenticate(slow, grant("a", login="one"))

    room.close_logins(frozenset({LoginId("one")}))

    assert room.authenticate(Socket(room), grant("b", login="two"))


async def test_who_waited_longest_makes_room() -> None:
    room = sockets(waiting=2)

    arrived = [Socket(room) for _ in range(4)]

    assert [each.dropped for each in arrived] == [True, True, False, False]


async def test_a_login_that_ends_takes_its_sockets_with_it_and_no_others() -> None:
    room = sockets()
    mine, too, other = Socket(room), Socket(room), Socket(room)
    room.authenticate(mine, grant("a", login="one"))
    room.authenticate(too, grant("b", login="one"))
    room.authenticate(other, grant("c", login="two"))

    room.close_logins(frozenset({LoginId("one")}))

    assert [each.ended for each in (mine, too, other)] == [
        CloseCode.AUTH_FAILED,
        CloseCode.AUTH_FAILED,
        None,
    ]


async def test_all_are_told_when_the_daemon_stops_and_those_who_come_then() -> None:
    room = sockets()
    waiting, seated = Socket(room), Socket(room)
    room.authenticate(seated, grant("t"))

    await room.close_all()
    late = Socket(room)

    assert [s.ended for s in (waiting, seated, late)] == [CloseCode.GOING_AWAY] * 3
    assert len(room) == 0


async def test_one_that_does_not_go_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSE_TIMEOUT", 0.0)
    room = sockets()
    stubborn = Socket(room, stays=True)

    async with asyncio.timeout(patiently(2)):
        await room.close_all()

    assert stubborn.dropped
