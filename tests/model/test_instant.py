from deskwire.model.instant import Instant, time_until
from deskwire.model.units import Seconds

HOUR = 3600.0


def at(wall: float, boot: float) -> Instant:
    return Instant(wall=Seconds(wall), boot=Seconds(boot))


def test_end_within_a_boot_ignores_the_wall_clock() -> None:
    end = at(1000.0 + HOUR, 50.0 + HOUR)

    for wall in (1000.0, 1000.0 - HOUR, 1000.0 + 2 * HOUR):
        assert time_until(end, "b1", now=at(wall, 60.0), this_boot="b1") == HOUR - 10.0


def test_end_after_another_boot_uses_the_wall_clock() -> None:
    end = at(1000.0 + HOUR, 50.0 + HOUR)

    assert time_until(end, "b1", now=at(1000.0 + HOUR + 5.0, 1.0), this_boot="b2") == -5.0
