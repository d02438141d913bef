import random
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, cast

import pytest

from bench.chart import MOST_POINTS, thinned
from bench.sections.soak import Run, Sample, checked, drawn, values
from tests.support.client_load import ClientLoad

if TYPE_CHECKING:
    from tests.support.programs import Daemon

BEFORE = Sample(0, 13, 4, 5, 48.0)
FLAT = [Sample(float(at), 70, 20, 5, 51.0) for at in range(600)]


async def run_of(samples: list[Sample], after: Sample = BEFORE, log: str = "") -> Run:
    crowd = ClientLoad(cast("Daemon", None), 0, random.Random(1))  # no desk
    crowd.frames = 9
    return Run(7, 50, samples, BEFORE, after, Counter(), crowd, log)


async def test_flat_usage_passes_the_soak() -> None:
    run = await run_of(FLAT)

    assert all(each.fine for each in checked(run))
    assert "**Every limit was kept.** 599 seconds, 50 clients, seed 7" in values(run)


@pytest.mark.parametrize("what", ["descriptors", "tasks", "threads", "mib"])
async def test_slow_constant_growth_fails_the_soak(what: str) -> None:
    growing = [
        each._replace(**{what: getattr(each, what) + number // 20})
        for number, each in zip(count(), FLAT, strict=False)
    ]
    run = await run_of(growing)
    (wrong,) = [each for each in checked(run) if not each.fine and "at the end" in each.asked]

    assert wrong.asked in values(run)
    assert "**Exceeded: " in values(run)


@pytest.mark.parametrize("what", ["descriptors", "tasks"])
async def test_memory_of_closed_connections_is_measured(what: str) -> None:
    run = await run_of(FLAT, after=BEFORE._replace(**{what: 20}))

    assert [each.asked for each in checked(run) if not each.fine] == [
        "when all have left, descriptors and tasks are back"
    ]


async def test_log_with_a_secret_fails_the_soak() -> None:
    run = await run_of(FLAT, log="in the log: Traceback")

    assert [each.found for each in checked(run) if not each.fine] == ["there is"]


async def test_the_picture_is_small_and_has_a_curve_for_each() -> None:
    picture = drawn(await run_of(FLAT))

    assert picture.count("<polyline") == 4
    assert len(picture) < 25_000


def test_a_peak_is_drawn_however_many_points_there_are() -> None:
    values = [1.0] * 1000
    values[777] = 9.0

    points = thinned(list(map(float, range(1000))), values)

    assert len(points) <= MOST_POINTS
    assert max(value for _, value in points) == 9.0
    assert points[0][0] == 0.0
