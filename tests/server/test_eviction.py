from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.server.eviction import PROTECTED_CONNECTIONS, EvictionQueue

OWNER, NEIGHBOUR = "2001:db8::1", "2001:db8::2"


def queue_of(addresses: Iterable[str], known: Iterable[str] = ()) -> EvictionQueue[int]:
    """Return a queue with a connection for each address, named by its number."""
    queue: EvictionQueue[int] = EvictionQueue(frozenset(known).__contains__)
    for number, address in enumerate(addresses):
        queue.add(number, address)
    return queue


@pytest.mark.parametrize(
    ("addresses", "evicted"),
    [
        (["10.0.0.1", "10.0.0.2", "10.0.0.3"], 0),
        (["10.0.0.1", "10.0.0.2", "10.0.0.2"], 1),
        (["10.0.0.2", "10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.2"], 0),
        (["10.0.0.1", "2001:db8::1", "2001:db8::2"], 1),
        (["2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:1::2"], 1),
        (["10.0.0.9", "10.0.0.1", "::ffff:10.0.0.1"], 1),
        (["fe80::1%eth0", "10.0.0.1", "10.0.0.1"], 1),
        (["", "10.0.0.1", "10.0.0.1"], 1),
    ],
)
def test_oldest_connection_of_the_busiest_network_is_evicted(
    addresses: list[str], evicted: int
) -> None:
    queue = queue_of(addresses)

    assert queue.evict() == evicted
    assert len(queue) == len(addresses) - 1


@pytest.mark.parametrize(
    ("owner", "strangers"),
    [
        ("10.0.0.1", [f"10.0.0.{n}" for n in range(2, 200)]),
        ("10.0.0.1", ["10.0.0.2"] * 3),
        (OWNER, [NEIGHBOUR] * 3),
        (OWNER, [f"2001:db8:{n:x}::1" for n in range(1, 200)]),
        ("::ffff:10.0.0.1", ["10.0.0.2", "10.0.0.3"]),
        ("fe80::1%eth0", ["fe80::2%eth0", "fe80::3%eth0"]),
    ],
)
def test_known_address_never_makes_way_for_strangers(owner: str, strangers: list[str]) -> None:
    owners = [owner] * PROTECTED_CONNECTIONS
    queue = queue_of([*owners, *strangers], known=["10.0.0.1", OWNER, "fe80::1"])

    evicted = [queue.evict() for _ in strangers]

    assert sorted(evicted) == list(range(len(owners), len(owners) + len(strangers)))


def test_known_address_with_too_many_connections_makes_way() -> None:
    queue = queue_of([OWNER] * (PROTECTED_CONNECTIONS + 1) + [NEIGHBOUR] * 2, known=[OWNER])

    assert queue.evict() == 0
    assert queue.evict() == PROTECTED_CONNECTIONS + 1


def test_known_addresses_make_way_for_each_other() -> None:
    queue = queue_of(["10.0.0.1", "10.0.0.2", "10.0.0.2"], known=["10.0.0.1", "10.0.0.2"])

    assert queue.evict() == 1


def test_clients_behind_one_proxy_are_counted_by_their_own_addresses() -> None:
    queue = queue_of(["127.0.0.1"] * 40)
    queue.move(0, OWNER)
    for number in range(1, 30):
        queue.move(number, NEIGHBOUR if number < 5 else "10.0.0.2")

    evicted = [queue.evict() for _ in range(15)]

    assert set(evicted) <= set(range(5, 30))


def test_connection_that_has_left_is_not_moved_back() -> None:
    queue = queue_of(["10.0.0.1"])
    queue.discard(0)

    queue.discard(0)
    queue.move(0, "10.0.0.2")

    assert len(queue) == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "move", "discard", "evict"]),
            st.integers(0, 9),
            st.sampled_from(["10.0.0.1", "10.0.0.2", OWNER, NEIGHBOUR]),
        )
    )
)
def test_every_connection_is_evicted_once(steps: list[tuple[str, int, str]]) -> None:
    queue, held = queue_of([], known=[OWNER, "10.0.0.1"]), set()
    for step, number, address in steps:
        if step == "add" and number not in held:
            queue.add(number, address)
            held.add(number)
        elif step == "move":
            queue.move(number, address)
        elif step == "discard":
            queue.discard(number)
            held.discard(number)
        elif step == "evict" and held:
            held.remove(queue.evict())
        assert len(queue) == len(held)

    assert {queue.evict() for _ in range(len(queue))} == held
