from collections import defaultdict
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.auth.throttle import ATTEMPT_INTERVAL, MAX_ATTEMPTS, Known, LoginThrottle
from deskwire.model.instant import Instant
from deskwire.model.problems import Throttled
from deskwire.model.units import Seconds

HOME, AWAY = "192.0.2.1", "203.0.113.9"


def at(boot: float) -> Instant:
    return Instant(wall=Seconds(0.0), boot=Seconds(boot))


def make_throttle() -> LoginThrottle:
    """Return a throttle in which the names and addresses of the tests have buckets of their own."""
    return LoginThrottle(salt=b"salt of the tests")


def passes(throttle: LoginThrottle, user: str, address: str, *, known: Known, now: float) -> bool:
    """Return whether a wrong password is verified at all."""
    try:
        throttle.check(user, address, known, at(now))
    except Throttled:
        return False
    return True


@pytest.mark.parametrize("known", Known)
def test_twentieth_wrong_password_is_throttled_with_a_waiting_time(known: Known) -> None:
    throttle = make_throttle()
    passed = [passes(throttle, "ann", HOME, known=known, now=0.1 * n) for n in range(25)]

    assert passed == [True] * 16 + [False] * 9
    with pytest.raises(Throttled) as refused:
        throttle.check("ann", HOME, known, at(2.5))
    assert refused.value.retry_after == pytest.approx(28.0)


def test_client_that_waits_may_try_once() -> None:
    throttle = make_throttle()
    for _ in range(25):
        passes(throttle, "ann", AWAY, known=Known.NO, now=0.0)
    with pytest.raises(Throttled) as refused:
        throttle.check("ann", AWAY, Known.NO, at(7.0))

    again = 7.0 + refused.value.retry_after
    assert passes(throttle, "ann", AWAY, known=Known.NO, now=again)
    assert not passes(throttle, "ann", AWAY, known=Known.NO, now=again + 0.1)


def test_owner_can_log_in_while_a_stranger_guesses() -> None:
    throttle = make_throttle()
    for number in range(1000):
        passes(throttle, "ann", f"203.0.113.{number % 250}", known=Known.NO, now=number * 0.1)

    throttle.check("ann", HOME, Known.ADDRESS, at(100.0))
    throttle.succeeded("ann", HOME, Known.ADDRESS, at(100.0))
    with pytest.raises(Throttled):
        throttle.check("ann", HOME, Known.NO, at(100.0))


def test_two_users_at_one_known_address_are_counted_separately() -> None:
    throttle = make_throttle()
    for _ in range(25):
        passes(throttle, "ann", HOME, known=Known.ADDRESS, now=0.0)

    assert not passes(throttle, "ann", HOME, known=Known.ADDRESS, now=1.0)
    assert passes(throttle, "bob", HOME, known=Known.ADDRESS, now=1.0)


def test_many_addresses_share_the_attempts_of_one_account() -> None:
    throttle = make_throttle()
    passed = [passes(throttle, "ann", f"203.0.113.{n}", known=Known.NO, now=0.0) for n in range(25)]

    assert sum(passed) == 16


def test_many_accounts_share_the_attempts_of_one_address() -> None:
    throttle = make_throttle()
    passed = [passes(throttle, f"user{n}", AWAY, known=Known.NO, now=0.0) for n in range(25)]

    assert sum(passed) == 16


def test_ipv6_network_counts_as_one_address() -> None:
    throttle = make_throttle()
    passed = [
        passes(throttle, f"user{n}", f"2001:db8:0:1::{n:x}", known=Known.NO, now=0.0)
        for n in range(25)
    ]

    assert sum(passed) == 16
    assert passes(throttle, "ann", "2001:db8:0:2::1", known=Known.NO, now=0.0)


def test_neighbour_in_the_network_of_a_known_address_does_not_throttle_it() -> None:
    throttle = make_throttle()
    passed = [
        passes(throttle, "ann", f"2001:db8::{n:x}", known=Known.NETWORK, now=0.0)
        for n in range(2, 40)
    ]

    assert sum(passed) == 16
    assert passes(throttle, "ann", "2001:db8::1", known=Known.ADDRESS, now=0.0)
    assert passes(throttle, "bob", "2001:db8::2", known=Known.NETWORK, now=0.0)


def test_each_known_ipv6_address_has_its_own_attempts() -> None:
    throttle = make_throttle()
    for _ in range(25):
        passes(throttle, "ann", "2001:db8::1", known=Known.ADDRESS, now=0.0)

    assert not passes(throttle, "ann", "2001:db8::1", known=Known.ADDRESS, now=0.0)
    assert passes(throttle, "ann", "2001:db8::2", known=Known.ADDRESS, now=0.0)


def test_name_is_the_same_in_capital_letters_for_the_throttle() -> None:
    throttle = make_throttle()
    passed = [
        passes(throttle, name, f"203.0.113.{n}", known=Known.NO, now=0.0)
        for n, name in enumerate(["ann", "Ann", "ANN"] * 8)
    ]

    assert sum(passed) == 16


def test_right_password_costs_no_attempt() -> None:
    throttle = make_throttle()
    for number in range(200):
        throttle.check("ann", AWAY, Known.NO, at(number * 0.01))
        throttle.succeeded("ann", AWAY, Known.NO, at(number * 0.01))


def test_success_at_a_known_address_forgives_wrong_passwords() -> None:
    throttle = make_throttle()
    for _ in range(10):
        for _ in range(15):
            assert passes(throttle, "ann", HOME, known=Known.ADDRESS, now=0.0)
        throttle.check("ann", HOME, Known.ADDRESS, at(0.0))
        throttle.succeeded("ann", HOME, Known.ADDRESS, at(0.0))


def test_success_gives_a_stranger_no_attempts_at_other_accounts() -> None:
    throttle = make_throttle()
    passed = []
    for number in range(40):
        passed.append(passes(throttle, f"user{number}", AWAY, known=Known.NO, now=0.0))
        try:
            throttle.check("mallory", AWAY, Known.NO, at(0.0))
        except Throttled:
            continue
        throttle.succeeded("mallory", AWAY, Known.NO, at(0.0))

    assert sum(passed) == 16


def test_concurrent_attempts_do_not_exceed_the_limit() -> None:
    throttle = make_throttle()
    let_through = 0
    for _ in range(60):
        try:
            throttle.check("ann", AWAY, Known.NO, at(0.0))
            let_through += 1
        except Throttled:
            pass

    assert let_through == 16


def test_flood_of_names_and_addresses_is_bounded_and_forgets_no_bucket() -> None:
    throttle = LoginThrottle(table_size=256)
    for _ in range(16):
        passes(throttle, "ann", AWAY, known=Known.NO, now=0.0)
    for number in range(5000):
        passes(throttle, f"user{number}", f"2001:db8:{number:x}::1", known=Known.NO, now=0.0)

    assert len(throttle._accounts) <= 256
    assert len(throttle._addresses) <= 256
    assert not passes(throttle, "ann", AWAY, known=Known.NO, now=0.0)
    assert passes(throttle, "ann", HOME, known=Known.ADDRESS, now=0.0)


def test_full_bucket_takes_no_memory() -> None:
    throttle = make_throttle()
    passes(throttle, "ann", HOME, known=Known.ADDRESS, now=0.0)
    throttle.check("ann", HOME, Known.ADDRESS, at(1.0))
    throttle.succeeded("ann", HOME, Known.ADDRESS, at(1.0))

    assert len(throttle._known) == 0


@pytest.mark.parametrize("name", ["", "\ud800", "a\0b", "x" * 100_000])
def test_any_name_is_counted(name: str) -> None:
    throttle = make_throttle()
    passed = [passes(throttle, name, name, known=Known.NO, now=0.0) for _ in range(25)]

    assert sum(passed) == 16


class Try(NamedTuple):
    after: float
    user: str
    address: str
    known: Known
    right: bool


TRYING = st.builds(
    Try,
    after=st.sampled_from([0.0, 0.0, 0.0, 0.5, 29.9, 30.0, 300.0]) | st.floats(0.0, 100.0),
    user=st.sampled_from(["ann", "bob"]),
    address=st.sampled_from([HOME, AWAY]),
    known=st.sampled_from(Known),
    right=st.sampled_from([False, False, False, True]),
)


@given(st.lists(TRYING, max_size=120))
def test_wrong_passwords_never_exceed_the_limit_in_any_period(tries: list[Try]) -> None:
    throttle = make_throttle()
    now = 1000.0
    wrong: dict[object, list[float]] = defaultdict(list)
    waits: list[float] = []
    for one in tries:
        now += one.after
        keys: list[object] = [(one.user, one.address, one.known)]
        if one.known is Known.NO:
            keys = [one.user, one.address]
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
        if one.known is not Known.NO:
            wrong[keys[0]].clear()  # the success forgives them

    assert all(0 < wait <= ATTEMPT_INTERVAL + 1 for wait in waits)
    for counted, times in wrong.items():
        for first, begin in enumerate(times):
            for last in range(first, len(times)):
                span = times[last] - begin
                assert last - first + 1 <= MAX_ATTEMPTS + span / ATTEMPT_INTERVAL + 1e-6, counted


@given(st.lists(TRYING.filter(lambda one: (one.user, one.address) != ("ann", HOME)), max_size=80))
def test_attempts_of_others_never_throttle_the_owner(tries: list[Try]) -> None:
    throttle = make_throttle()
    now = 0.0
    for one in tries:
        now += one.after
        passes(throttle, one.user, one.address, known=one.known, now=now)

    throttle.check("ann", HOME, Known.ADDRESS, at(now))
