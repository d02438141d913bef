from hypothesis import given
from hypothesis import strategies as st

from deskwire.client.timeouts import Liveness, LivenessCheck, Timeouts
from deskwire.model.units import Seconds

PACE = Timeouts()


def test_a_desk_that_talks_is_not_asked() -> None:
    liveness = Liveness(PACE, Seconds(0))

    looks = []
    for second in range(100):
        liveness.received(Seconds(second))
        looks.append(liveness.check(Seconds(second + 0.5)))

    assert set(looks) == {LivenessCheck.FINE}


def test_silence_is_asked_about_once_and_then_given_five_seconds() -> None:
    liveness = Liveness(PACE, Seconds(0))

    looks = {second: liveness.check(Seconds(second)) for second in range(1, 16)}

    assert [second for second, look in looks.items() if look is LivenessCheck.ASK] == [10]
    assert [second for second, look in looks.items() if look is LivenessCheck.DEAD] == [15]


def test_an_answer_is_enough() -> None:
    liveness = Liveness(PACE, Seconds(0))
    assert liveness.check(Seconds(10)) is LivenessCheck.ASK
    liveness.received(Seconds(14))

    assert liveness.check(Seconds(16)) is LivenessCheck.FINE
    assert liveness.check(Seconds(24)) is LivenessCheck.ASK


def test_no_ping_is_sent_after_an_hour_of_suspend() -> None:
    liveness = Liveness(PACE, Seconds(0))
    liveness.received(Seconds(100))

    assert liveness.check(Seconds(100 + 3600)) is LivenessCheck.DEAD
    assert liveness.silent(Seconds(100 + 3600)) == Seconds(3600)


@given(st.lists(st.floats(1, 5), min_size=21, max_size=30))
def test_a_desk_that_stays_silent_is_always_given_up_in_time(steps: list[float]) -> None:
    liveness = Liveness(PACE, Seconds(0))
    now = 0.0
    for step in steps:
        now += step
        if liveness.check(Seconds(now)) is LivenessCheck.DEAD:
            break

    assert now <= PACE.silence + PACE.pong + 2 * 5
