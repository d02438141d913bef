from deskwire.model.readings import Cpu, Network, Snapshot, Uptime
from deskwire.model.units import Bytes, Percent, Seconds
from deskwire.tui.readings import TrendRecorder


def reading(received: int, busy: float = 10.0, up: float | None = None) -> Snapshot:
    return Snapshot(
        cpu=Cpu(Percent(busy)),
        network=Network(Bytes(received), Bytes(0)),
        uptime=None if up is None else Uptime(Seconds(up)),
    )


def test_rate_is_the_traffic_divided_by_the_time() -> None:
    recorder = TrendRecorder()
    for received, now in ((1000, 0.0), (3000, 2.0), (3000, 3.0)):
        recorder.record(reading(received), Seconds(now))

    assert recorder.trends.received == (1000.0, 0.0)
    assert recorder.trends.sent == (0.0, 0.0)


def test_burst_of_changes_is_one_sample() -> None:
    recorder = TrendRecorder()
    for busy, now in ((1.0, 0.0), (2.0, 0.1), (3.0, 0.2), (4.0, 1.0)):
        recorder.record(reading(0, busy), Seconds(now))

    assert recorder.trends.cpu == (1.0, 4.0)


def test_change_between_two_intervals_is_no_sample() -> None:
    recorder = TrendRecorder()
    for received, up, now in ((1000, 60, 0.0), (3000, 61, 1.0), (3000, 61, 1.7), (3500, 62, 2.0)):
        recorder.record(reading(received, up=up), Seconds(now))

    assert recorder.trends.received == (2000.0, 500.0)


def test_counter_reset_after_a_restart_is_a_rate_of_0() -> None:
    recorder = TrendRecorder()
    recorder.record(reading(5000), Seconds(0))
    recorder.record(reading(10), Seconds(1))

    assert recorder.trends.received == (0.0,)
