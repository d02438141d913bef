import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.client.problems import (
    CertificateChanged,
    ClosedByDesk,
    LoginEnded,
    NotADesk,
    Unreachable,
)
from deskwire.client.reconnect import ConnectWith, GiveUp, Reconnect, Retry
from deskwire.client.timeouts import Timeouts
from deskwire.model.problems import (
    Problem,
    Throttled,
    TokenRefused,
    WrongCredentials,
)
from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import NextStep

PACE = Timeouts()
NOW = Seconds(1000)
UNREACHABLE = Unreachable("nothing there")


def middle() -> float:
    return 0.5


def after_an_hour() -> Reconnect:
    """Return what a client knows that has been live for an hour at `NOW`."""
    reconnect = Reconnect(PACE, middle)
    reconnect.live(Seconds(NOW - 3600))
    return reconnect


def again(decision: Retry | GiveUp) -> Retry:
    assert isinstance(decision, Retry), decision
    return decision


def wait(decision: Retry | GiveUp) -> float:
    return again(decision).after


@pytest.mark.parametrize(
    ("code", "after", "by", "next_"),
    [
        (1001, 1, ConnectWith.SAME, NextStep.RECONNECT),
        (1006, 5, ConnectWith.SAME, NextStep.RECONNECT),
        (4001, 0, ConnectWith.LOGIN, NextStep.LOG_IN),
        (4004, 0, ConnectWith.NEW, NextStep.REFRESH),
        (1013, 30, ConnectWith.SAME, NextStep.RECONNECT),
        (1008, 5, ConnectWith.SAME, NextStep.RECONNECT),
        (1011, 5, ConnectWith.SAME, NextStep.RECONNECT),
        (3000, 5, ConnectWith.SAME, NextStep.RECONNECT),
    ],
)
def test_the_contracts_table(code: int, after: float, by: ConnectWith, next_: NextStep) -> None:
    decision = again(after_an_hour().closed(code, NOW))

    assert (float(decision.after), decision.connect_with, decision.next) == (after, by, next_)
    assert isinstance(decision.reason, ClosedByDesk)
    assert decision.reason.close_code == code


def test_a_normal_close_was_meant() -> None:
    assert after_an_hour().closed(1000, NOW) == GiveUp(None)


def test_the_waits_grow_to_a_minute() -> None:
    reconnect = after_an_hour()
    waits = [wait(reconnect.closed(1006, NOW))]
    waits += [wait(reconnect.failed(UNREACHABLE, ConnectWith.SAME, NOW)) for _ in range(6)]

    assert waits == [5, 10, 20, 40, 60, 60, 60]


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 100))
def test_no_two_screens_wait_alike_and_none_waits_long(dice: float, failures: int) -> None:
    reconnect = Reconnect(PACE, lambda: dice)
    waits = [wait(reconnect.closed(1006, NOW))]
    waits += [wait(reconnect.failed(UNREACHABLE, ConnectWith.SAME, NOW)) for _ in range(failures)]

    assert waits[0] == 5
    assert all(5 < wait <= 75 for wait in waits[1:])
    assert waits[1] == pytest.approx(10 * (0.75 + dice / 2))


def test_stable_connection_resets_the_delays() -> None:
    reconnect = after_an_hour()
    for _ in range(4):
        reconnect.failed(UNREACHABLE, ConnectWith.SAME, NOW)
    reconnect.live(NOW)

    assert wait(reconnect.closed(1006, Seconds(NOW + 5))) == 5


def test_a_connection_that_never_lasts_does_not() -> None:
    reconnect = after_an_hour()
    waits = []
    for turn in range(3):
        now = Seconds(NOW + turn)
        reconnect.live(now)
        waits.append(wait(reconnect.closed(1006, Seconds(now + 1))))

    assert waits == [5, 10, 20]


def test_a_login_that_is_refused_again_within_a_minute_is_given_up() -> None:
    reconnect = after_an_hour()
    assert again(reconnect.closed(4001, NOW)).connect_with is ConnectWith.LOGIN
    reconnect.live(NOW)

    decision = reconnect.closed(4001, Seconds(NOW + 59))

    assert isinstance(decision, GiveUp)
    assert isinstance(decision.problem, LoginEnded)


def test_a_login_that_was_believed_for_a_minute_may_be_replaced_again() -> None:
    reconnect = after_an_hour()
    reconnect.closed(4001, NOW)
    reconnect.live(NOW)

    decision = again(reconnect.closed(4001, Seconds(NOW + 60)))

    assert (float(decision.after), decision.connect_with) == (0, ConnectWith.LOGIN)


def test_a_login_the_desk_ended_over_http_is_the_same() -> None:
    reconnect = after_an_hour()
    reconnect.closed(4004, NOW)
    refused = TokenRefused("this login has ended")

    first = again(reconnect.failed(refused, ConnectWith.NEW, NOW))
    second = reconnect.failed(refused, ConnectWith.LOGIN, NOW)

    assert (float(first.after), first.connect_with, first.next) == (
        0,
        ConnectWith.LOGIN,
        NextStep.LOG_IN,
    )
    assert second == GiveUp(refused)


def test_a_token_that_is_always_expired_does_not_make_a_hammer() -> None:
    reconnect = after_an_hour()
    waits = [wait(reconnect.closed(4004, NOW)) for _ in range(4)]

    assert waits == [0, 5, 10, 20]


@pytest.mark.parametrize(
    "problem",
    [
        WrongCredentials("wrong"),
        CertificateChanged("https://desk", pinned="AA", seen="BB"),
    ],
)
def test_problem_for_the_user_ends_the_attempts(problem: Problem) -> None:
    assert after_an_hour().failed(problem, ConnectWith.LOGIN, NOW) == GiveUp(problem)


def test_retry_after_is_respected() -> None:
    reconnect = after_an_hour()

    assert wait(reconnect.failed(Throttled("slow", Seconds(90)), ConnectWith.LOGIN, NOW)) == 90
    assert wait(reconnect.failed(Throttled("slow", Seconds(1)), ConnectWith.LOGIN, NOW)) == 10


def test_something_else_that_answers_is_waited_out() -> None:
    decision = again(after_an_hour().failed(NotADesk("HTTP 502"), ConnectWith.NEW, NOW))

    assert (float(decision.after), decision.connect_with) == (5, ConnectWith.NEW)


def test_a_desk_that_fell_silent_has_been_gone_for_long_enough() -> None:
    reconnect = after_an_hour()

    assert wait(reconnect.closed(1006, NOW, silent=True)) == 0
    assert wait(reconnect.failed(UNREACHABLE, ConnectWith.SAME, NOW)) == 5


def test_a_laptop_that_wakes_gets_in_without_a_wait() -> None:
    reconnect = after_an_hour()

    decisions = [
        again(reconnect.closed(1006, NOW, silent=True)),
        again(reconnect.closed(4004, NOW)),
        again(reconnect.failed(TokenRefused("ended"), ConnectWith.NEW, NOW)),
    ]

    assert [(float(each.after), each.connect_with) for each in decisions] == [
        (0, ConnectWith.SAME),
        (0, ConnectWith.NEW),
        (0, ConnectWith.LOGIN),
    ]


CLOSES = st.sampled_from([1001, 1006, 1008, 1013, 4001, 4004])
FAILURES = st.sampled_from(
    [UNREACHABLE, NotADesk("?"), TokenRefused("ended"), Throttled("slow", Seconds(1))]
)


@given(
    st.lists(st.tuples(CLOSES | FAILURES, st.floats(0, 4.9), st.booleans()), max_size=60),
    st.floats(0, 1, exclude_max=True),
)
def test_nothing_a_desk_does_makes_a_hammer(
    events: list[tuple[int | Problem, float, bool]], dice: float
) -> None:
    reconnect = Reconnect(PACE, lambda: dice)
    now = 0.0
    tries: list[float] = []
    by = ConnectWith.NEW
    for event, lasted, live in events:
        if live:
            reconnect.live(Seconds(now))
        now += lasted
        if isinstance(event, int):
            decision = reconnect.closed(event, Seconds(now))
        else:
            decision = reconnect.failed(event, by, Seconds(now))
        if isinstance(decision, GiveUp):
            break
        now += decision.after
        by = decision.connect_with
        tries.append(now)

    for start in tries:
        assert sum(start <= each < start + 60 for each in tries) <= 10
