import asyncio

import pytest

from deskwire.model.access import ALL_SCOPES, Grant, LoginId
from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import CloseCode
from deskwire.server.websocket import session_registry as module
from deskwire.server.websocket.session_registry import SessionRegistry, SocketLimits
from tests.support.time_scaling import patiently


class Socket:
    """Socket that records its close and then leaves the registry."""

    def __init__(
        self, registry: SessionRegistry, *, stays: bool = False, address: str = ""
    ) -> None:
        self._registry = registry
        self._stays = stays
        self.close_code: CloseCode | None = None
        self.aborted = False
        registry.add(self, address)

    def close(self, code: CloseCode, reason: str) -> None:  # noqa: ARG002 - a socket's signature
        self.close_code = code
        if not self._stays:
            self._registry.remove(self)

    def abort(self) -> None:
        self.aborted = True
        self._registry.remove(self)


def grant(token: str, user: str = "ann", login: str = "one") -> Grant:
    return Grant(user, LoginId(login), token, ALL_SCOPES, Seconds(0))


def registry_of(total: int = 4, per_user: int = 3, unauthenticated: int = 2) -> SessionRegistry:
    return SessionRegistry(SocketLimits(total, per_user, unauthenticated))


async def test_newest_socket_of_a_token_replaces_the_older_one() -> None:
    registry = registry_of()
    older, newer = Socket(registry), Socket(registry)
    registry.authenticate(older, grant("t"))

    accepted = registry.authenticate(newer, grant("t"))

    assert accepted
    assert older.close_code is CloseCode.AUTH_FAILED
    assert newer.close_code is None


async def test_sockets_of_a_user_are_limited() -> None:
    registry = registry_of(per_user=2)

    accepted = [registry.authenticate(Socket(registry), grant(f"t{n}")) for n in range(3)]
    another = registry.authenticate(Socket(registry), grant("t9", user="bob"))

    assert accepted == [True, True, False]
    assert another


async def test_sockets_are_limited_in_total() -> None:
    registry = registry_of(total=2)

    accepted = [
        registry.authenticate(Socket(registry), grant(f"t{n}", user=f"u{n}")) for n in range(3)
    ]

    assert accepted == [True, True, False]


async def test_full_registry_still_replaces_the_socket_of_a_token() -> None:
    registry = registry_of(total=1)
    registry.authenticate(Socket(registry), grant("t"))

    assert registry.authenticate(Socket(registry), grant("t"))


async def test_flood_from_one_network_does_not_close_a_socket_of_another() -> None:
    registry = registry_of(unauthenticated=4)
    owner = Socket(registry, address="10.0.0.1")

    flood = [Socket(registry, address="10.0.0.2") for _ in range(100)]

    assert not owner.aborted
    assert [each.aborted for each in flood] == [True] * 97 + [False] * 3
    assert registry.authenticate(owner, grant("t"))


async def test_sockets_of_as_many_networks_make_way_by_age() -> None:
    registry = registry_of(unauthenticated=2)

    oldest, *others = [Socket(registry, address=f"10.0.0.{n}") for n in range(3)]

    assert oldest.aborted
    assert not any(each.aborted for each in others)


async def test_removed_and_replaced_sockets_free_their_places() -> None:
    registry = registry_of(total=2, per_user=1)

    for token in ("a", "b", "c"):
        gone = Socket(registry)
        assert registry.authenticate(gone, grant(token))
        registry.remove(gone)
    for _ in range(3):
        assert registry.authenticate(Socket(registry), grant("d"))


async def test_ended_login_frees_its_place_before_its_socket_is_closed() -> None:
    registry = registry_of(per_user=1)
    slow = Socket(registry, stays=True)
    registry.authenticate(slow, grant("a", login="one"))

    registry.close_logins(frozenset({LoginId("one")}))

    assert registry.authenticate(Socket(registry), grant("b", login="two"))


async def test_oldest_unauthenticated_socket_is_aborted_above_the_limit() -> None:
    registry = registry_of(unauthenticated=2)

    opened = [Socket(registry) for _ in range(4)]

    assert [each.aborted for each in opened] == [True, True, False, False]


async def test_ended_login_closes_only_its_own_sockets() -> None:
    registry = registry_of()
    mine, too, other = Socket(registry), Socket(registry), Socket(registry)
    registry.authenticate(mine, grant("a", login="one"))
    registry.authenticate(too, grant("b", login="one"))
    registry.authenticate(other, grant("c", login="two"))

    registry.close_logins(frozenset({LoginId("one")}))

    assert [each.close_code for each in (mine, too, other)] == [
        CloseCode.AUTH_FAILED,
        CloseCode.AUTH_FAILED,
        None,
    ]


async def test_close_all_closes_open_and_later_sockets() -> None:
    registry = registry_of()
    waiting, accepted = Socket(registry), Socket(registry)
    registry.authenticate(accepted, grant("t"))

    await registry.close_all()
    late = Socket(registry)

    assert [s.close_code for s in (waiting, accepted, late)] == [CloseCode.GOING_AWAY] * 3
    assert len(registry) == 0


async def test_close_all_aborts_a_socket_that_does_not_close(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CLOSE_TIMEOUT", 0.0)
    registry = registry_of()
    stuck = Socket(registry, stays=True)

    async with asyncio.timeout(patiently(2)):
        await registry.close_all()

    assert stuck.aborted


async def test_other_limits_apply_to_new_sockets() -> None:
    registry = registry_of(total=1)
    registry.authenticate(Socket(registry), grant("a"))

    registry.reconfigure(SocketLimits(total=2, per_user=2, unauthenticated=2))

    assert registry.authenticate(Socket(registry), grant("b"))
    assert not registry.authenticate(Socket(registry), grant("c"))
