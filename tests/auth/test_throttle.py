from collections import defaultdict
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.auth.throttle import EVERY, TRIES, LoginThrottle
from deskwire.model.instant import Instant
from deskwire.model.problems import Throttled
from deskwire.model.units import Seconds

HOME, AWAY = "192.0.2.1", "203.0.113.9"


def at(boot: float) -> Instant:
    return Instant(wall=Seconds(0.0), boot=Seconds(boot))


def make_throttle() -> LoginThrottle:
    """Make one in whose table the tests' names and addresses do not meet."""
    return LoginThrottle(salt=b"salt of the tests")


def passes(throttle: LoginThrottle, user: str, address: str, *, known: bool, now: float) -> bool:
    """Tell whether a wrong password got as far as being judged."""
    try:
        throttle.check(user, address, known, at(now))
    except Throttled:
        return False
    return True


@pytest.mark.parametrize("known", [True, False])
def test_the_twentieth_wrong_password_is_told_when_to_come_again(known: bool) -> None:
    throttle = make_throttle()
    judged = [passes(throttle, "ann", HOME, known=known, now=0.1 * n) for n in range(25)]

    assert judged == [True] * 16 + [False] * 9
    with pytest.raises(Throttled) as told:
        throttle.check("ann", HOME, known, at(2.5))
    assert told.value.retry_after == pytest.approx(28.0)


def test_who_comes_again_when_told_may_try_once() -> None:
    throttle = make_throttle()
    for _ in range(25):
        passes(throttle, "ann", AWAY, known=False, now=0.0)
    with pytest.raises(Throttled) as told:
        throttle.check("ann", AWAY, False, at(7.0))

    again = 7.0 + told.value.retry_after
    assert passes(throttle, "ann", AWAY, known=False, now=again)
    assert not passes(throttle, "ann", AWAY, known=False, now=again + 0.1)


def test_the_owner_gets_in_while_a_stranger_hammers_the_account() -> None:
    throttle = make_throttle()
    for number in range(1000):
        passes(throttle, "ann", f"203.0.113.{number % 250}", known=False, now=number * 0.1)

    throttle.check("ann", HOME, True, at(100.0))
    throttle.succeeded("ann", HOME, True, at(100.0))
    with pytest.raises(Throttled):
        throttle.check("ann", HOME, False, at(100.0))


def test_one_home_where_two_live_counts_each_of_them_alone() -> None:
    throttle = make_throttle()
    for _ in range(25):
        passes(throttle, "ann", HOME, known=True, now=0.0)

    assert not passes(throttle, "ann", HOME, known=True, now=1.0)
    assert passes(throttle, "bob", HOME, known=True, now=1.0)


def test_many_addresses_share_what_one_account_has() -> None:
    throttle = make_throttle()
    judged = [passes(throttle, "ann", f"203.0.113.{n}", known=False, now=0.0) for n in range(25)]

    assert sum(judged) == 16


def test_many_accounts_share_what_one_address_has() -> None:
    throttle = make_throttle()
    judged = [passes(throttle, f"user{n}", AWAY, known=False, now=0.0) for n in range(25)]

    assert sum(judged) == 16


def test_an_ipv6_household_is_one_address() -> None:
    throttle = make_throttle()
    judged = [
        passes(throttle, f"user{n}", f"2001:db8:0:1::{n:x}", known=False, now=0.0)
        for n in range(25)
    ]

    assert sum(judged) == 16
    assert passes(throttle, "ann", "2001:db8:0:2::1", known=False, now=0.0)


def test_a_name_is_the_same_in_large_letters() -> None:
    throttle = make_throttle()
    judged = [
        passes(throttle, name, f"203.0.113.{n}", known=False, now=0.0)
        for n, name in enumerate(["ann", "Ann", "ANN"] * 8)
    ]

    assert sum(judged) == 16


def test_who_is_right_uses_nothing_up() -> None:
    throttle = make_throttle()
    for number in range(200):
        throttle.check("ann", AWAY, False, at(number * 0.01))
        throttle.succeeded("ann", AWAY, False, at(number * 0.01))


def test_being_right_at_a_known_address_forgives_mistakes_there() -> None:
    throttle = make_throttle()
    for _ in range(10):
        for _ in range(15):
            assert passes(throttle, "ann", HOME, known=True, now=0.0)
        throttle.check("ann", HOME, True, at(0.0))
        throttle.succeeded("ann", HOME, True, at(0.0))


def test_being_right_does_not_buy_a_stranger_tries_at_other_accounts() -> None:
    throttle = make_throttle()
    judged = []
    for number in range(40):
        judged.append(passes(throttle, f"user{number}", AWAY, known=False, now=0.0))
        try:
            throttle.check("mallory", AWAY, False, at(0.0))
        except Throttled:
            continue
        throttle.succeeded("mallory", AWAY, False, at(0.0))

    assert sum(judged) == 16


def test_many_at_once_are_no_way_around() -> None:
    throttle = make_throttle()
    let_through = 0
    for _ in range(60):
        try:
            throttle.check("ann", AWAY, False, at(0.0))
            let_through += 1
        except Throttled:
            pass

    assert let_through == 16


def test_a_flood_of_names_and_addresses_takes_no_more_memory_and_forgets_nobody() -> None:
    throttle = LoginThrottle(cells=256)
    for _ in range(16):
        passes(throttle, "ann", AWAY, known=False, now=0.0)
    for number in range(5000):
        passes(throttle, f"user{number}", f"2001:db8:{number:x}::1", known=False, now=0.0)

    assert len(throttle._accounts._used) <= 256
    assert len(throttle._addresses._used) <= 256
    assert not passes(throttle, "ann", AWAY, known=False, now=0.0)
    assert passes(throttle, "ann", HOME, known=True, now=0.0)


def test_what_is_forgiven_takes_no_memory() -> None:
    throttle = make_throttle()
    passes(throttle, "ann", HOME, known=True, now=0.0)
    throttle.check("ann", HOME, True, at(1.0))
    throttle.succeeded("ann", HOME, True, at(1.0))

    assert throttle._trusted._used == {}


@pytest.mark.parametrize("name", ["", "\ud800", "a\0b", "x" * 100_000])
def test_any_text_is_counted(name: str) -> None:
    throttle = make_throttle()
    judged = [passes(throttle, name, name, known=False, now=0.0) for _ in range(25)]

    assert sum(judged) == 16


class Try(NamedTuple):
    after: float
    user: str
    address: str
    known: bool
    right: bool


TRYING = st.builds(
    Try,
    after=st.sampled_from([0.0, 0.0, 0.0, 0.5, 29.9, 30.0, 300.0]) | st.floats(0.0, 100.0),
    user=st.sampled_from(["ann", "bob"]),
    address=st.sampled_from([HOME, AWAY]),
    known=st.booleans(),
    right=st.sampled_from([False, False, False, True]),
)


@given(st.lists(TRYING, max_size=120))
def test_in_no_span_are_there_more_wrong_passwords_than_promised(tries: list[Try]) -> None:
    throttle = make_throttle()
    now = 1000.0
    wrong: dict[object, list[float]] = defaultdict(list)
    waits: list[float] = []
    for one in tries:
        now += one.after
        keys = [(one.user, one.address)] if one.known else [one.user, one.address]
        try:
            throttle.check(one.user, one.address, one.known, at(now))
        except Throttled as refusal:
            waits.append(refusal.retry_after)
            continue
        if not one.right:
            for key in keys:
                wrong[key].append(now)
            continue
        throttle.succeeded(one.user, one.address, one.known, at(now))
        if one.known:
            wrong[keys[0]].clear()  # forgiven

    assert all(0 < wait <= EVERY + 1 for wait in waits)
    for counted, times in wrong.items():
        for first, begin in enumerate(times):
            for last in range(first, len(times)):
                span = times[last] - begin
                assert last - first + 1 <= TRIES + span / EVERY + 1e-6, counted


@given(st.lists(TRYING.filter(lambda one: (one.user, one.address) != ("ann", HOME)), max_size=80))
def test_nothing_that_others_do_keeps_an_owner_out(tries: list[Try]) -> None:
    throttle = make_throttle()
    now = 0.0
    for one in tries:
        now += one.after
        passes(throttle, one.user, one.address, known=one.known, now=now)

    throttle.check("ann", HOME, True, at(now))
