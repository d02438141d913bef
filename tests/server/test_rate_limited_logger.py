import logging

import pytest

from deskwire.server import rate_limited_logger as module
from deskwire.server.rate_limited_logger import AT_ONCE, RateLimitedLogger
from tests.support.waiting import until_async

LOG = logging.getLogger("deskwire.test")


async def test_a_few_are_written_at_once_and_a_flood_is_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sparing = RateLimitedLogger(LOG, logging.WARNING)

    for number in range(AT_ONCE + 500):
        sparing.write(f"knock {number}")
    at_once = [record.message for record in caplog.records]
    sparing.flush()
    sparing.write("knock again")
    sparing.flush()

    assert at_once == [f"knock {number}" for number in range(AT_ONCE)]
    assert [record.message for record in caplog.records][AT_ONCE:] == [
        f"500 more within 60 s, the last: knock {AT_ONCE + 499}",
        "knock again",
    ]


async def test_the_minute_ends_by_itself(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WITHIN", 0.05)
    sparing = RateLimitedLogger(LOG, logging.WARNING)

    for _ in range(AT_ONCE + 1):
        sparing.write("knock")

    await until_async(lambda: caplog.messages[-1] == "1 more within 0.05 s, the last: knock")
