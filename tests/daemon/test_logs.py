import logging
import os
from collections.abc import Iterator
from typing import TextIO

import pytest

from deskwire.daemon.logs import JournalFormatter, NonBlockingStreamHandler, line


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    reads, writes = os.pipe()
    with os.fdopen(writes, "w", encoding="utf-8") as stream:
        yield reads, stream
    os.close(reads)


def test_a_log_that_nobody_reads_stops_nothing_and_what_is_lost_is_told(
    pipe: tuple[int, TextIO],
) -> None:
    reads, stream = pipe
    handler = NonBlockingStreamHandler(stream)

    for number in range(20_000):  # more than any pipe holds
        handler.handle(line(logging.INFO, f"line {number} {'x' * 100}"))
    taken = os.read(reads, 1 << 22).decode().splitlines()
    handler.handle(line(logging.INFO, "again"))
    after = os.read(reads, 1 << 22).decode().splitlines()

    assert taken[0].startswith("line 0 ")
    assert after == [f"{20_000 - len(taken)} lines are lost: nobody took them", "again"]


def test_a_line_goes_out_whole_and_at_once(pipe: tuple[int, TextIO]) -> None:
    reads, stream = pipe

    NonBlockingStreamHandler(stream).handle(line(logging.WARNING, "first\nsecond"))

    assert os.read(reads, 1000) == b"first\nsecond\n"


def test_the_journal_is_told_of_each_line_how_grave_it_is() -> None:
    said = JournalFormatter("%(message)s").format(line(logging.ERROR, "first\nsecond"))

    assert said == "<3>first\n<3>  second"
