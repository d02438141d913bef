import time
from collections.abc import Iterator

import pytest

from deskwire.model.instant import Instant, local_time, time_until
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


@pytest.fixture
def _own_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_own_zone")
def test_time_zone_that_changes_counts_from_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    hours = []
    for zone in ("UTC", "JST-9", "EST5", "UTC"):
        monkeypatch.setenv("TZ", zone)
        hours.append(local_time(12 * HOUR).tm_hour)

    assert hours == [12, 21, 7, 12]
