import random
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, cast

import pytest

from bench.soak_report import MEASURED, Run, Sample, checked, drawn, values
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


async def test_each_resource_is_drawn_with_every_sample() -> None:
    picture = drawn(await run_of([*FLAT[:-1], FLAT[-1]._replace(mib=99.0)]))

    curves = dict(picture.curves)
    assert list(curves) == list(MEASURED)
    assert {len(values) for values in curves.values()} == {len(picture.times)} == {600}
    assert max(curves["resident memory, MiB"]) == 99.0
