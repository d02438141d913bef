import logging

import pytest

from deskwire.server import rate_limited_logger as module
from deskwire.server.rate_limited_logger import BURST, RateLimitedLogger
from tests.support.waiting import until_async

LOG = logging.getLogger("deskwire.test")


async def test_lines_above_the_burst_become_one_summary(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger = RateLimitedLogger(LOG, logging.WARNING)

    for number in range(BURST + 500):
        logger.write(f"line {number}")
    at_once = [record.message for record in caplog.records]
    logger.flush()
    logger.write("line again")
    logger.flush()

    assert at_once == [f"line {number}" for number in range(BURST)]
    assert [record.message for record in caplog.records][BURST:] == [
        f"500 more within 60 s, the last: line {BURST + 499}",
        "line again",
    ]


async def test_summary_is_written_when_the_interval_ends(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTERVAL", 0.05)
    logger = RateLimitedLogger(LOG, logging.WARNING)

    for _ in range(BURST + 1):
        logger.write("line")

    await until_async(lambda: caplog.messages[-1] == "1 more within 0.05 s, the last: line")
