from hypothesis import given
from hypothesis import strategies as st

from deskwire.model.units import Seconds
from deskwire.protocol.token_bucket import TokenBucket


def test_burst_is_followed_by_the_rate() -> None:
    allowance = TokenBucket(rate=10, burst=20)

    taken = [allowance.take(Seconds(0)) for _ in range(30)]
    later = [allowance.take(Seconds(1)) for _ in range(30)]

    assert sum(taken) == 20
    assert sum(later) == 10


def test_long_pause_refills_the_burst_and_no_more() -> None:
    allowance = TokenBucket(rate=10, burst=20)
    allowance.take(Seconds(0))

    taken = [allowance.take(Seconds(3600)) for _ in range(30)]

    assert sum(taken) == 20


@given(st.lists(st.floats(0, 2), max_size=200))
def test_bucket_never_gives_more_than_burst_and_rate(pauses: list[float]) -> None:
    allowance = TokenBucket(rate=10, burst=20)
    now = 0.0
    taken = 0

    for pause in pauses:
        now += pause
        taken += allowance.take(Seconds(now))

    assert taken <= 20 + 10 * now + 1e-6
