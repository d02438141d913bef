import logging
import os
from collections.abc import Iterator
from typing import TextIO

import pytest

from deskwire.daemon.logs import JournalFormatter, NonBlockingStreamHandler, make_record


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    reads, writes = os.pipe()
    with os.fdopen(writes, "w", encoding="utf-8") as stream:
        yield reads, stream
    os.close(reads)


def test_blocked_stream_drops_lines_and_reports_their_number(
    pipe: tuple[int, TextIO],
) -> None:
    reads, stream = pipe
    handler = NonBlockingStreamHandler(stream)

    for number in range(20_000):  # more than any pipe holds
        handler.handle(make_record(logging.INFO, f"line {number} {'x' * 100}"))
    written = os.read(reads, 1 << 22).decode().splitlines()
    handler.handle(make_record(logging.INFO, "again"))
    after = os.read(reads, 1 << 22).decode().splitlines()

    assert written[0].startswith("line 0 ")
    assert after == [
        f"{20_000 - len(written)} log lines were dropped, because stderr was blocked",
        "again",
    ]


def test_record_is_written_completely_and_at_once(pipe: tuple[int, TextIO]) -> None:
    reads, stream = pipe

    NonBlockingStreamHandler(stream).handle(make_record(logging.WARNING, "first\nsecond"))

    assert os.read(reads, 1000) == b"first\nsecond\n"


def test_each_journal_line_has_its_priority() -> None:
    formatted = JournalFormatter("%(message)s").format(make_record(logging.ERROR, "first\nsecond"))

    assert formatted == "<3>first\n<3>  second"
