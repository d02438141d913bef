from typing import Any

import pytest

from bench.candidates import DESKWIRE, FLOOR
from bench.figures import deliveries, doorways, percentile


def measured(cpu_ms: float, *, size: int = 100, got: int = 100, extra: int = 0) -> dict[str, Any]:
    """One pass of two rounds, as the load generator tells of it."""
    one = {"cpu_ms": cpu_ms, "got": got, "extra": extra}
    one |= {"first_ms": 1.0, "median_ms": 2.0, "last_ms": 3.0}
    return {
        "opened": {"clients": 100, "seconds": 0.5, "cpu_ms": 10.0, "resident_before_kib": 1024},
        "sizes": [{"size": size, "rounds": [one, one], "resident_kib": 2024}],
    }


def fanout(**passes: list[dict[str, Any]]) -> dict[str, Any]:
    return {"modes": {"plain": {"passes": {FLOOR: passes["c"], DESKWIRE: passes["ours"]}}}}


def test_the_ratio_is_taken_pass_by_pass() -> None:
    slow_machine_later = fanout(
        c=[measured(1.0), measured(2.0), measured(4.0)],
        ours=[measured(1.1), measured(2.2), measured(4.4)],
    )

    _, ours = deliveries(slow_machine_later, "plain", 100)

    assert ours.name == DESKWIRE
    assert ours.ratio == pytest.approx(1.1)
    assert ours.cpu_us == pytest.approx(22.0)


def test_cpu_time_is_divided_by_delivered_frames() -> None:
    found = deliveries(fanout(c=[measured(1.0)], ours=[measured(1.0, got=50)]), "plain", 100)

    ours = next(each for each in found if each.name == DESKWIRE)
    assert ours.cpu_us == pytest.approx(20.0)
    assert not ours.complete


def test_a_pass_that_failed_leaves_the_others_standing() -> None:
    found = deliveries(
        fanout(c=[measured(1.0), measured(1.0)], ours=[{"failed": "lost"}, measured(1.5)]),
        "plain",
        100,
    )

    assert [round(each.ratio, 6) for each in found] == [1.0, 1.5]


def test_a_size_that_was_not_measured_has_no_figures() -> None:
    assert deliveries(fanout(c=[measured(1.0)], ours=[measured(1.0)]), "plain", 5000) == []


def test_each_connection_adds_the_same_amount() -> None:
    floor, ours = doorways(fanout(c=[measured(1.0)], ours=[measured(1.0)]), "plain")

    assert floor.kib == ours.kib == 10.0
    assert ours.a_second == 200.0
    assert ours.cpu_us == 100.0


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50.0), (0.95, 95.0), (0.99, 99.0)])
def test_a_percentile_is_a_sample_that_so_many_are_not_above(share: float, expected: float) -> None:
    assert percentile([float(number) for number in range(100, 0, -1)], share) == expected


def test_a_percentile_of_one_sample_is_that_sample() -> None:
    assert percentile([7.0], 0.99) == 7.0
