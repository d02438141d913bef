from deskwire.model.readings import Cpu, Network, Snapshot, Uptime
from deskwire.model.units import Bytes, Percent, Seconds
from deskwire.tui.trends import History


def at(received: int, busy: float = 10.0, up: float | None = None) -> Snapshot:
    return Snapshot(
        cpu=Cpu(Percent(busy)),
        network=Network(Bytes(received), Bytes(0)),
        uptime=None if up is None else Uptime(Seconds(up)),
    )


def test_a_rate_is_what_came_over_the_time_it_took() -> None:
    history = History()
    for received, now in ((1000, 0.0), (3000, 2.0), (3000, 3.0)):
        history.take(at(received), Seconds(now))

    assert history.trends().received == (1000.0, 0.0)
    assert history.trends().sent == (0.0, 0.0)


def test_a_burst_of_changes_counts_once() -> None:
    history = History()
    for busy, now in ((1.0, 0.0), (2.0, 0.1), (3.0, 0.2), (4.0, 1.0)):
        history.take(at(0, busy), Seconds(now))

    assert history.trends().cpu == (1.0, 4.0)


def test_what_changes_between_two_beats_makes_no_rate() -> None:
    history = History()
    for received, up, now in ((1000, 60, 0.0), (3000, 61, 1.0), (3000, 61, 1.7), (3500, 62, 2.0)):
        history.take(at(received, up=up), Seconds(now))

    assert history.trends().received == (2000.0, 500.0)


def test_a_desk_that_started_anew_sent_nothing_negative() -> None:
    history = History()
    history.take(at(5000), Seconds(0))
    history.take(at(10), Seconds(1))

    assert history.trends().received == (0.0,)
